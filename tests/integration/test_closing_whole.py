"""A close that fails at any step changes nothing, and nothing is closed twice."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from sessions_app.errors import InvalidTransition
from sessions_app.lease import CloseReason
from sessions_app.models import Session
from sessions_app.services import closing, sessions
from sessions_app.services.closing import try_to_close
from snapshots.models import Snapshot
from snapshots.services import snapshots as vault
from tests.flows import add, age, begin, ended, everything, fresh, overdue, run_sweep, whose

pytestmark = pytest.mark.django_db


class Fault(Exception):
    """Something that nobody foresaw."""


PINNED_STEPS = [
    (closing, "open_session_key"),
    (closing, "open_batch"),
    (closing, "open_labels"),
    (vault.SessionCipher, "seal_annotations"),
    (vault.SessionCipher, "open_annotations"),
    (vault.SessionCipher, "seal_labels"),
    (closing, "create_snapshot"),
    (closing, "_mark_closed"),
]
OTHER_STEPS = [(closing, "destroy_session_keys"), (closing, "_mark_closed")]
CASES = [("pinned", *step) for step in PINNED_STEPS] + [("private", *step) for step in OTHER_STEPS]


def fail(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, *, after: bool) -> None:
    """Make one step fail, before it did its work or after."""
    step: Callable[..., Any] = getattr(where, name)

    def failing(*args: Any, **kwargs: Any) -> None:
        if after:
            step(*args, **kwargs)
        raise Fault("with content in its words")

    monkeypatch.setattr(where, name, failing)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("policy", "where", "name"), CASES, ids=[f"{policy}-{name}" for policy, _, name in CASES])
def test_close_is_all_or_nothing(
    policy: str, where: Any, name: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = begin(policy=policy, topic="call-1")
    add(lease)
    add(lease)
    before = everything()
    with monkeypatch.context() as patched:
        fail(patched, where, name, after=after)
        with pytest.raises(Fault):
            sessions.end(**whose(lease), now=timezone.now())
        assert everything() == before

        # The sweep notes that it failed, and changes nothing else.
        session = age(lease.session)
        before = everything()
        assert run_sweep() == (0, 1, 0)
    failed, after_sweep = fresh(session), everything()
    assert (failed.state, failed.close_attempts, failed.close_error) == ("active", 1, "Fault")
    Session.objects.filter(pk=session.pk).update(
        close_attempts=0, close_failed_at=None, close_error="", sweep_after=session.sweep_after
    )
    assert everything() == before
    assert "content in its words" not in repr(after_sweep)

    # Nothing was lost: once the fault is gone it closes as ever.
    assert run_sweep() == (1, 0, 0)
    if policy == "pinned":
        assert Snapshot.objects.get().event_count == 6


def test_second_snapshot_of_a_session_is_impossible() -> None:
    other = ended()
    session = overdue()
    # As if another process had saved it already, against all rules.
    Snapshot.objects.filter(pk=other.pk).update(session_id=session.pk)
    before = everything()
    assert not try_to_close(session, reason=CloseReason.IDLE, now=timezone.now())
    after = everything()
    assert fresh(session).close_error == "IntegrityError"
    assert {name: rows for name, rows in after.items() if name != "Session"} == {
        name: rows for name, rows in before.items() if name != "Session"
    }


def test_closed_session_does_not_close_again() -> None:
    lease = begin()
    sessions.end(**whose(lease), now=timezone.now())
    before = everything()
    with transaction.atomic(), pytest.raises(InvalidTransition):
        closing._mark_closed(lease.session, reason=CloseReason.IDLE, now=timezone.now())
    assert everything() == before
