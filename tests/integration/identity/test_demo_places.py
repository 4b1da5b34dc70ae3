"""The places of a demo, on real connections side by side."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from sessions_app.models import Session
from sessions_app.services.guests import new_guest, purge
from sessions_app.services.sessions import StartRequest, start
from sessions_app.services.tiers import Plan
from sessions_app.tiers import Tier
from tests.integration.test_concurrency import at_once, kinds

pytestmark = pytest.mark.django_db(transaction=True)
FREE = Plan(Tier.FREE)


def test_many_guests_at_once_get_no_more_places_than_there_are(settings: Settings) -> None:
    settings.DEMO_MODE, settings.DEMO_MAX_SESSIONS = True, 3
    now = timezone.now()
    guests = [new_guest(now=now) for _ in range(12)]
    results = at_once(
        *[lambda who=who: start(owner_id=who.pk, plan=FREE, request=StartRequest(), now=now) for who in guests]
    )
    assert kinds(results) == ["DemoFull"] * 9 + ["Lease"] * 3
    assert Session.objects.count() == 3


def test_guest_who_starts_while_being_removed_is_there_or_not() -> None:
    """Never half: either the session has its user, or the start finds nobody."""
    now = timezone.now()
    guests = [new_guest(now=now - timedelta(days=2)) for _ in range(6)]
    starts = [lambda who=who: start(owner_id=who.pk, plan=FREE, request=StartRequest(), now=now) for who in guests]
    results = at_once(*starts, lambda: purge(now=now), lambda: purge(now=now))
    started = [one for one in results if type(one).__name__ == "Lease"]
    others = {type(one).__name__ for one in results} - {"Lease", "int"}
    assert others <= {"DoesNotExist"}
    assert Session.objects.count() == len(started)
    assert sum(one for one in results if isinstance(one, int)) == len(guests) - len(started)
