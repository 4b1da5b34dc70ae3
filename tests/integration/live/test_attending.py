"""An open stream keeps an ephemeral session, and no other; and never one that is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sessions_app.services.attending import extend_attended
from tests.flows import begin, fresh, leave

pytestmark = pytest.mark.django_db


def test_ephemeral_session_is_extended_from_now() -> None:
    session = leave(begin(policy="ephemeral").session, timedelta(seconds=20))
    now = timezone.now()
    extended = extend_attended([session.pk], now=now)
    assert extended == {session.pk: now + timedelta(seconds=90)}
    assert (fresh(session).expires_at, fresh(session).last_activity_at) == (extended[session.pk], now)


@pytest.mark.parametrize("policy", ["pinned", "private"])
def test_no_other_session_is_extended(policy: str) -> None:
    session = leave(begin(policy=policy).session, timedelta(seconds=20))
    assert extend_attended([session.pk], now=timezone.now()) == {}
    assert fresh(session).expires_at == session.expires_at


@pytest.mark.parametrize("late", [timedelta(), timedelta(milliseconds=1), timedelta(hours=1)])
def test_session_past_its_deadline_is_not_revived(late: timedelta) -> None:
    session = leave(begin(policy="ephemeral").session, timedelta(seconds=20))
    assert extend_attended([session.pk], now=session.expires_at + late) == {}
    session = leave(session, -late)
    assert extend_attended([session.pk], now=timezone.now() - timedelta(minutes=1)) == {}
    assert fresh(session).expires_at == session.expires_at


def test_extension_ends_at_the_hard_maximum() -> None:
    session = begin(policy="ephemeral").session
    session.hard_expires_at = session.expires_at + timedelta(seconds=5)
    session.save(update_fields=["hard_expires_at"])
    now = session.started_at + timedelta(seconds=60)
    assert extend_attended([session.pk], now=now) == {session.pk: session.hard_expires_at}


def test_many_are_extended_together(django_assert_max_num_queries: object) -> None:
    sessions = [begin(policy="ephemeral").session for _ in range(5)]
    now = timezone.now() + timedelta(seconds=1)
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        assert len(extend_attended([session.pk for session in sessions], now=now)) == 5
