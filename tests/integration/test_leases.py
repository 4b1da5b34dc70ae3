"""Deadlines, tokens and topics: what holds a session, until when, and what happens to who comes too late."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from sessions_app.errors import (
    InvalidSession,
    LeaseLost,
    OutsideWindow,
    ServiceUnavailable,
    SessionExpired,
    TierRequired,
)
from sessions_app.models import Preferences, Session
from sessions_app.services import sessions
from sessions_app.services.holding import find_session, token_mac
from sessions_app.services.journal import read_history
from sessions_app.services.reading import newest_sessions
from sessions_app.services.retention import delete_session
from sessions_app.services.speakers import label_speakers
from sessions_app.services.tiers import Plan
from sessions_app.tiers import Tier
from snapshots.models import SessionKey, Snapshot
from tests.factories import UserFactory
from tests.flows import EVENTS, PAID, SPOKEN, add, age, begin, everything, fresh, leave, whose

pytestmark = pytest.mark.django_db

FREE = Plan(Tier.FREE)
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("plan", "policy", "chosen", "idle"),
    [
        (FREE, "", "ephemeral", timedelta(seconds=90)),
        (PAID, "", "pinned", timedelta(minutes=30)),
        (FREE, "private", "private", timedelta(minutes=45)),
        (PAID, "ephemeral", "ephemeral", timedelta(seconds=90)),
    ],
)
def test_start_gives_both_clocks_of_its_policy(plan: Plan, policy: str, chosen: str, idle: timedelta) -> None:
    now = timezone.now()
    session = fresh(begin(plan=plan, policy=policy, now=now).session)
    assert (session.policy, session.tier, session.epoch) == (chosen, plan.tier.value, 1)
    assert session.started_at == session.last_activity_at == now
    assert session.expires_at == session.sweep_after == now + idle
    assert session.hard_expires_at == now + timedelta(hours=12)


def test_start_pinned_needs_paid() -> None:
    with pytest.raises(TierRequired):
        begin(plan=FREE, policy="pinned")
    assert not Session.objects.exists()
    assert not SessionKey.objects.exists()


def test_start_follows_the_preference_only_while_the_tier_gives_it() -> None:
    owner = UserFactory()
    Preferences.objects.create(user=owner, default_policy="pinned")
    assert begin(owner, plan=FREE).session.policy == "ephemeral"
    Preferences.objects.filter(user=owner).update(default_policy="private")
    assert begin(owner).session.policy == "private"


def test_token_is_stored_only_as_its_mac() -> None:
    lease = begin()
    assert lease.token is not None
    assert bytes(fresh(lease.session).token_mac or b"") == token_mac(lease.token)
    assert lease.token.encode() not in repr(everything()).encode()


def test_activity_moves_the_idle_clock_from_when_it_occurred() -> None:
    now = timezone.now()
    lease = begin(now=now)
    touched = sessions.touch(**whose(lease), occurred_at=now + 12 * MINUTE, now=now + 20 * MINUTE)
    assert touched.expires_at == fresh(lease.session).expires_at == now + 42 * MINUTE


@pytest.mark.parametrize(
    ("event", "counts"), [({"event_type": "service", "status": "loading"}, False), (SPOKEN, True), (EVENTS[0], True)]
)
def test_what_an_annotator_tells_of_itself_is_no_activity(event: dict[str, Any], counts: bool) -> None:
    lease = begin(policy="ephemeral")
    before = fresh(lease.session).expires_at
    later = add(lease, [event], now=timezone.now() + timedelta(seconds=30)).expires_at
    assert fresh(lease.session).expires_at == later
    assert (later > before) is counts


def test_activity_without_a_time_counts_as_now() -> None:
    now = timezone.now()
    lease = begin(now=now)
    assert add(lease, now=now + 29 * MINUTE).expires_at == now + 59 * MINUTE
    label_speakers(**whose(lease), changes={"Speaker A": {"name": "Zoë"}}, now=now + 40 * MINUTE)
    assert fresh(lease.session).expires_at == now + 70 * MINUTE


def test_clock_that_lags_behind_the_one_of_the_start_refuses_nothing() -> None:
    now = timezone.now()
    lease = begin(now=now)
    assert add(lease, now=now - timedelta(milliseconds=20)).expires_at == now + 30 * MINUTE


def test_news_of_earlier_activity_moves_nothing_back() -> None:
    now = timezone.now()
    lease = begin(now=now)
    sessions.touch(**whose(lease), now=now + 20 * MINUTE)
    assert add(lease, occurred_at=now + MINUTE, now=now + 21 * MINUTE).expires_at == now + 50 * MINUTE
    assert fresh(lease.session).last_activity_at == now + 20 * MINUTE


def test_nothing_moves_the_hard_clock(settings: Settings) -> None:
    settings.SESSION_MAX_LIFETIME_S = 3600
    now = timezone.now()
    lease = begin(now=now)
    for minutes in (25, 50, 59):
        sessions.touch(**whose(lease), now=now + minutes * MINUTE)
    session = fresh(lease.session)
    assert session.expires_at == session.hard_expires_at == now + 60 * MINUTE
    age(session, by=60 * MINUTE)
    with pytest.raises(SessionExpired) as caught:
        sessions.touch(**whose(lease), now=timezone.now())
    assert caught.value.extra["close_reason"] == "max_lifetime"


@pytest.mark.parametrize("early", [MOMENT, 5 * MINUTE])
def test_time_before_the_start_is_refused(early: timedelta) -> None:
    now = timezone.now()
    lease = begin(now=now)
    with pytest.raises(OutsideWindow) as caught:
        sessions.touch(**whose(lease), occurred_at=now - early, now=now)
    assert caught.value.problems[0].code == "before_start"


def test_time_in_the_future_is_refused_beyond_the_tolerance() -> None:
    now = timezone.now()
    lease = begin(now=now)
    before = everything()
    with pytest.raises(OutsideWindow) as caught:
        add(lease, occurred_at=now + timedelta(seconds=5) + MOMENT, now=now)
    assert caught.value.problems[0].code == "in_future"
    assert everything() == before
    # Within it, a client's clock that is ahead gains nothing: it counts as now.
    assert sessions.touch(**whose(lease), occurred_at=now + timedelta(seconds=5), now=now).expires_at == (
        now + 30 * MINUTE
    )


WRITES = {
    "touch": lambda lease, **more: sessions.touch(**{**whose(lease), **more}, now=timezone.now()),
    "append": lambda lease, **more: add(lease, **more),
    "label": lambda lease, **more: label_speakers(
        **{**whose(lease), **more}, changes={"Speaker A": {"name": "Zoë"}}, now=timezone.now()
    ),
}


@pytest.mark.parametrize("write", WRITES)
def test_past_its_deadline_a_write_closes_in_place_and_is_told_the_snapshot(write: str) -> None:
    lease = begin()
    add(lease)
    age(lease.session)
    with pytest.raises(SessionExpired) as caught:
        WRITES[write](lease)
    session, snapshot = fresh(lease.session), Snapshot.objects.get(session_id=lease.session.pk)
    assert (session.state, session.close_reason, session.last_seq) == ("closed", "idle", 3)
    assert caught.value.extra == {
        "session": str(session.pk),
        "close_reason": "idle",
        "snapshot": {"id": str(snapshot.pk), "expires_at": snapshot.expires_at},
    }


@pytest.mark.parametrize("write", WRITES)
def test_lease_that_ran_out_since_the_clock_was_read_is_not_revived(write: str) -> None:
    lease = begin()
    add(lease)
    # By the clock that the request read it is live; by the database's clock, when its turn came, it is not.
    leave(lease.session, timedelta(seconds=-1))
    stale = fresh(lease.session).expires_at - timedelta(milliseconds=1)
    calls: dict[str, Any] = {
        "touch": lambda: sessions.touch(**whose(lease), now=stale),
        "append": lambda: add(lease, now=stale),
        "label": lambda: label_speakers(**whose(lease), changes={"Speaker A": {"name": "Zoë"}}, now=stale),
    }
    with pytest.raises(SessionExpired):
        calls[write]()
    session = fresh(lease.session)
    assert (session.state, session.close_reason, session.last_seq) == ("closed", "idle", 3)
    assert session.closed_at is not None
    assert session.closed_at >= session.expires_at
    assert Snapshot.objects.get(session_id=session.pk).event_count == 3


def test_deadline_itself_is_too_late() -> None:
    lease = begin()
    deadline = age(lease.session).expires_at
    assert find_session(**_reader(lease), now=deadline - MOMENT).state == "active"
    assert find_session(**_reader(lease), now=deadline).state == "closed"


@pytest.mark.parametrize("policy", ["pinned", "private"])
def test_wrong_clock_closes_nothing(policy: str) -> None:
    """A machine whose clock is ahead must not close what is alive: of a private session nothing would be left."""
    lease = begin(policy=policy)
    add(lease)
    before = everything()
    ahead = timezone.now() + timedelta(hours=1)
    calls: list[Callable[[], Any]] = [
        lambda: find_session(**_reader(lease), now=ahead),
        lambda: sessions.touch(**whose(lease), now=ahead),
        lambda: add(lease, now=ahead),
        lambda: sessions.attach(**_reader(lease), now=ahead),
        lambda: sessions.end(**whose(lease), now=ahead),
        lambda: newest_sessions(owner_id=lease.session.owner_id, now=ahead),
        lambda: delete_session(**_reader(lease), now=ahead),
    ]
    for call in calls:
        with pytest.raises(ServiceUnavailable, match="clock of the machine"):
            call()
    assert everything() == before
    add(lease)


def test_reading_is_no_activity() -> None:
    now = timezone.now()
    lease = begin(now=now)
    before = everything()
    read_history(**_reader(lease), after=0, limit=10, now=now + 29 * MINUTE)
    find_session(**_reader(lease), now=now + 29 * MINUTE)
    assert everything() == before


def _reader(lease: sessions.Lease) -> dict[str, Any]:
    return {"owner_id": lease.session.owner_id, "session_id": lease.session.pk}


def test_attach_gives_the_next_epoch_and_ends_the_old_token() -> None:
    now = timezone.now()
    lease = begin(now=now)
    taken = sessions.attach(**_reader(lease), now=now + MINUTE)
    assert (taken.resumed, taken.session.epoch) == (True, 2)
    assert taken.token != lease.token
    assert fresh(lease.session).expires_at == lease.session.expires_at  # attaching is no activity
    for write in WRITES.values():
        with pytest.raises(LeaseLost):
            write(lease)
    assert add(taken).first_seq == 1
    assert sessions.attach(**_reader(lease), now=now + MINUTE).session.epoch == 3
    with pytest.raises(LeaseLost):
        sessions.end(**whose(taken), now=now)


@pytest.mark.parametrize("token", ["", "lns_", "lns_" + "A" * 43, "a-token-ö"])
def test_token_that_is_not_the_current_one_is_refused(token: str) -> None:
    lease = begin()
    before = everything()
    with pytest.raises(LeaseLost):
        sessions.touch(**{**whose(lease), "token": token}, now=timezone.now())
    with pytest.raises(LeaseLost):
        sessions.end(**{**whose(lease), "token": token}, now=timezone.now())
    assert everything() == before


@pytest.mark.parametrize(
    "ident", ["", "1", "not-a-uuid", None, 7, "00000000-0000-4000-8000-000000000000", "' OR 1=1 --"]
)
def test_unknown_malformed_and_foreign_sessions_are_told_apart_nowhere(ident: Any) -> None:
    lease, stranger = begin(), UserFactory()
    told, now = set(), timezone.now()
    for owner_id, session_id in ((stranger.pk, lease.session.pk), (lease.session.owner_id, ident)):
        who = {"owner_id": owner_id, "session_id": session_id}
        for call in (
            lambda who=who: sessions.touch(**who, token=lease.token, now=now),
            lambda who=who: sessions.attach(**who, now=now),
            lambda who=who: sessions.end(**who, token=lease.token, now=now),
            lambda who=who: find_session(**who, now=now),
        ):
            with pytest.raises(InvalidSession) as caught:
                call()
            told.add(str(caught.value))
    assert len(told) == 1
