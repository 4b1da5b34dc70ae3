"""Topics and places: one live session holds a topic, and what is past its deadline holds nothing."""

import pytest
from pytest_django import Settings

from sessions_app.errors import LeaseLost, TooManySessions, TopicInUse
from sessions_app.models import JournalBatch
from sessions_app.services.tiers import Plan
from sessions_app.tiers import Tier
from tests.flows import EVENTS, PAID, add, age, begin, fresh

pytestmark = pytest.mark.django_db


def test_same_topic_of_the_same_user_is_the_same_session() -> None:
    first = begin(topic="call-1")
    again = begin(first.session.owner, topic="call-1")
    assert (again.resumed, again.session.pk, again.session.epoch) == (True, first.session.pk, 2)
    with pytest.raises(LeaseLost):
        add(first)
    assert begin(first.session.owner).session.pk != begin(first.session.owner).session.pk  # no topic: never the same


def test_topic_is_shared_within_a_tenant_only() -> None:
    acme, other = Plan(Tier.PAID, tenant="acme"), Plan(Tier.PAID, tenant="other")
    holder = begin(plan=acme, topic="call-1")
    with pytest.raises(TopicInUse):
        begin(plan=acme, topic="call-1")
    for plan in (other, PAID, PAID):
        begin(plan=plan, topic="call-1")
    age(holder.session)
    assert not begin(plan=acme, topic="call-1").resumed
    assert fresh(holder.session).close_reason == "idle"


def test_overdue_sessions_hold_neither_topic_nor_place(settings: Settings) -> None:
    settings.SESSION_MAX_LIVE = 1
    old = begin(topic="call-1")
    with pytest.raises(TooManySessions) as caught:
        begin(old.session.owner, topic="call-2")
    assert caught.value.extra["live"] == [str(old.session.pk)]
    age(old.session)
    new = begin(old.session.owner, topic="call-1")
    assert not new.resumed
    assert fresh(old.session).is_closed


def test_overdue_session_that_can_not_be_saved_holds_nothing_either(settings: Settings) -> None:
    settings.SESSION_MAX_LIVE = 1
    plan = Plan(Tier.PAID, tenant="acme")
    old = begin(plan=plan, topic="call-1")
    add(old, EVENTS)
    age(old.session)
    JournalBatch.objects.update(sealed=b"damaged")
    mine = begin(old.session.owner, plan=plan, topic="call-1")
    assert not mine.resumed
    age(mine.session)
    assert not begin(plan=plan, topic="call-1").resumed
    assert (fresh(old.session).state, fresh(old.session).close_error) == ("active", "ContentDamaged")
