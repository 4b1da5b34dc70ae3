"""Real connections side by side: what must hold whoever comes first."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from sessions_app.errors import (
    InvalidSession,
    LeaseLost,
    SessionExpired,
    SnapshotNotFound,
    TooManySessions,
    TopicInUse,
)
from sessions_app.lease import State
from sessions_app.models import JournalBatch, Session
from sessions_app.services import importing, retention, sessions
from sessions_app.services.journal import Retry, read_history
from sessions_app.services.sweep import sweep
from sessions_app.services.tiers import Plan
from sessions_app.tiers import Tier
from snapshots.models import SessionKey, Snapshot, UserKey
from snapshots.services.keys import create_session_key, session_cipher
from snapshots.services.snapshots import stored_bytes
from tests.factories import UserFactory
from tests.flows import EVENTS, PAID, add, age, begin, ended, fresh, leave, overdue, whose

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run these at the same moment, each on a connection of its own: what each returned or raised."""
    ready = threading.Barrier(len(calls), timeout=20)

    def run(call: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            ready.wait()
            return call()
        except Exception as error:  # noqa: BLE001  (what was raised is the answer)
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def kinds(results: list[Any]) -> list[str]:
    return sorted(type(result).__name__ for result in results)


def test_two_sweeps_close_each_session_once() -> None:
    due = [overdue() for _ in range(10)]
    rounds = at_once(*[lambda: sweep(now=timezone.now())] * 3)
    assert kinds(rounds) == ["Round"] * 3
    assert sum(done.closed for done in rounds) == len(due)
    assert sum(done.put_off for done in rounds) == 0
    assert sorted(Snapshot.objects.values_list("session_id", flat=True)) == sorted(session.pk for session in due)
    assert not Session.objects.filter(state=State.ACTIVE).exists()


def test_append_that_meets_the_sweep_is_never_lost() -> None:
    for _ in range(4):
        lease = begin()
        # News of long ago: the deadline stays where it is, so that the sweep comes in between.
        started = leave(lease.session, timedelta(milliseconds=150)).started_at
        acknowledged: list[int] = []

        def append_until_refused(started: Any = started, lease: Any = lease, kept: list[int] = acknowledged) -> None:
            while True:
                kept.append(add(lease, EVENTS[:1], occurred_at=started).last_seq or 0)

        def sweep_until_closed(lease: Any = lease) -> None:
            while not fresh(lease.session).is_closed:
                sweep(now=timezone.now())

        appending, sweeping = at_once(append_until_refused, sweep_until_closed)
        assert isinstance(appending, SessionExpired), appending
        assert sweeping is None, sweeping
        snapshot = Snapshot.objects.get(session_id=lease.session.pk)
        assert acknowledged == list(range(1, snapshot.event_count + 1))


def test_no_old_token_writes_after_an_attach_was_answered() -> None:
    for _ in range(4):
        lease = begin()
        add(lease)
        enough = threading.Event()

        def append_until_refused(lease: Any = lease, enough: Any = enough) -> None:
            for _ in range(500):
                add(lease, EVENTS[:1])
                enough.set()
                time.sleep(0.002)  # SQLite gives the lock to whoever asks first, and would rarely to the other

        def take_over(lease: Any = lease, enough: Any = enough) -> sessions.Lease:
            assert enough.wait(10)
            return sessions.attach(owner_id=lease.session.owner_id, session_id=lease.session.pk, now=timezone.now())

        appending, taken = at_once(append_until_refused, take_over)
        assert isinstance(appending, LeaseLost), appending
        assert fresh(lease.session).last_seq == taken.session.last_seq
        assert fresh(lease.session).epoch == 2
        assert add(taken, EVENTS[:1]).first_seq == taken.session.last_seq + 1


@pytest.mark.parametrize("remaining_ms", [-1000, 30])
def test_end_and_sweep_make_one_snapshot(remaining_ms: int) -> None:
    for _ in range(4):
        lease = begin()
        add(lease)
        leave(lease.session, timedelta(milliseconds=remaining_ms))
        now = timezone.now()
        results = at_once(
            lambda lease=lease, now=now: sessions.end(**whose(lease), now=now),
            lambda: sweep(now=timezone.now()),
            lambda lease=lease, now=now: sessions.end(**whose(lease), now=now),
        )
        assert kinds(results) == ["Receipt", "Receipt", "Round"]
        snapshot = Snapshot.objects.get(session_id=lease.session.pk)
        for receipt in (results[0], results[2]):
            assert receipt.snapshot == snapshot
            assert receipt.session.close_reason == fresh(lease.session).close_reason
        assert stored_bytes(owner_id=lease.session.owner_id) == snapshot.size


def test_reads_and_sweep_close_an_overdue_session_once() -> None:
    session = overdue()
    now = timezone.now()

    def read() -> Any:
        return read_history(owner_id=session.owner_id, session_id=session.pk, after=0, limit=10, now=now)

    results = at_once(read, read, lambda: sweep(now=timezone.now()))
    assert kinds(results) == ["Round", "SessionExpired", "SessionExpired"]
    snapshot = Snapshot.objects.get(session_id=session.pk)
    assert {result.extra["snapshot"]["id"] for result in results[:2]} == {str(snapshot.pk)}
    assert fresh(session).close_attempts == 0


def test_lease_that_runs_out_in_the_queue_for_its_row_is_not_revived() -> None:
    lease = begin()
    leave(lease.session, timedelta(seconds=1.5))
    asked = timezone.now()
    locked = threading.Event()

    def hold_the_row() -> None:
        with transaction.atomic():
            Session.objects.lock(lease.session.pk)
            locked.set()
            threading.Event().wait(2)

    def touch() -> Session:
        assert locked.wait(10)
        return sessions.touch(**whose(lease), now=asked)

    held, touched = at_once(hold_the_row, touch)
    assert held is None
    assert isinstance(touched, SessionExpired), touched
    row = fresh(lease.session)
    assert (row.state, row.close_reason) == ("closed", "idle")
    assert row.closed_at is not None
    assert row.closed_at >= row.expires_at


def test_import_and_purge_take_the_snapshot_one_before_the_other() -> None:
    for _ in range(4):
        owner = UserFactory()
        snapshot = ended(owner)
        now = timezone.now()
        later = snapshot.expires_at + timedelta(seconds=1)
        imported, purged = at_once(
            lambda owner=owner, pk=snapshot.pk, now=now: importing.import_into_new(
                owner_id=owner.pk, plan=PAID, snapshot_id=pk, request=sessions.StartRequest(), now=now
            ),
            lambda later=later: sum(retention.purge(which=retention.PurgeFilter(), now=later)),
        )
        assert type(imported) in {importing.Imported, SnapshotNotFound}, imported
        assert purged in (0, 1)
        assert purged == 1 or isinstance(imported, importing.Imported)
        # Whoever was first, nothing is half there.
        assert Snapshot.objects.filter(pk=snapshot.pk).exists() == (purged == 0)
        assert SessionKey.objects.filter(session_id=snapshot.session_id).exists() == (purged == 0)
        Snapshot.objects.all().delete()


def test_deleting_session_and_snapshot_at_once_is_no_deadlock() -> None:
    for _ in range(6):
        owner = UserFactory()
        snapshot = ended(owner)
        now = timezone.now()
        results = at_once(
            lambda owner=owner, s=snapshot, now=now: retention.delete_session(
                owner_id=owner.pk, session_id=s.session_id, now=now
            ),
            lambda owner=owner, s=snapshot, now=now: retention.delete_snapshot(
                owner_id=owner.pk, snapshot_id=s.pk, now=now
            ),
        )
        assert results[0] is None, results
        assert results[1] is None or isinstance(results[1], SnapshotNotFound), results
        assert not Session.objects.filter(pk=snapshot.session_id).exists()
        assert not Snapshot.objects.filter(pk=snapshot.pk).exists()
        assert stored_bytes(owner_id=owner.pk) == 0


def test_deleting_a_session_while_it_is_read_is_not_found() -> None:
    for _ in range(4):
        session = overdue()
        now = timezone.now()
        who = {"owner_id": session.owner_id, "session_id": session.pk, "now": now}
        deleted, *read = at_once(
            lambda who=who: retention.delete_session(**who),
            lambda who=who: read_history(**who, after=0, limit=10),
            lambda who=who: read_history(**who, after=0, limit=10),
        )
        assert deleted is None
        assert {type(result) for result in read} <= {SessionExpired, InvalidSession}, read


def test_parallel_starts_never_exceed_the_limit() -> None:
    owner = UserFactory()
    results = at_once(*[lambda: begin(owner)] * 20)
    assert kinds(results) == ["Lease"] * 5 + ["TooManySessions"] * 15
    assert Session.objects.owned_by(owner.pk).live_at(timezone.now()).count() == 5
    refused = next(result for result in results if isinstance(result, TooManySessions))
    assert len(refused.extra["live"]) == 5
    assert UserKey.objects.filter(owner=owner).count() == 1
    assert SessionKey.objects.count() == 5


def test_parallel_starts_on_one_topic_give_one_session() -> None:
    owner = UserFactory()
    leases = at_once(*[lambda: begin(owner, topic="call-1")] * 4)
    assert kinds(leases) == ["Lease"] * 4
    session = Session.objects.get(owner=owner)
    assert {lease.session.pk for lease in leases} == {session.pk}
    assert sorted(lease.session.epoch for lease in leases) == [1, 2, 3, 4]
    for lease in leases:
        if lease.session.epoch == 4:
            add(lease)
        else:
            with pytest.raises(LeaseLost):
                add(lease)


def test_topic_goes_to_one_user_of_a_tenant() -> None:
    plan = Plan(Tier.PAID, tenant="acme")
    for round_ in range(5):
        users = [UserFactory(), UserFactory()]
        results = at_once(*[lambda user=user, r=round_: begin(user, plan=plan, topic=f"call-{r}") for user in users])
        assert kinds(results) == ["Lease", "TopicInUse"], results
        # Nothing of the start that came second is left.
        loser = users[0] if isinstance(results[0], TopicInUse) else users[1]
        assert not SessionKey.objects.filter(user_key__owner=loser).exists()


def test_topic_of_an_overdue_session_is_free_for_one_user_of_the_tenant() -> None:
    plan = Plan(Tier.PAID, tenant="acme")
    old = begin(plan=plan, topic="call-1").session
    age(old)
    results = at_once(*[lambda: begin(plan=plan, topic="call-1")] * 3)
    assert kinds(results) == ["Lease", "TopicInUse", "TopicInUse"], results
    assert fresh(old).is_closed


def test_same_idempotency_key_at_once_is_stored_once() -> None:
    lease = begin()
    answers = at_once(*[lambda: add(lease, retry=Retry("key-1", b"body"))] * 6)
    assert kinds(answers) == ["Appended"] * 6
    assert {(a.first_seq, a.last_seq, a.expires_at) for a in answers} == {(1, 3, fresh(lease.session).expires_at)}
    assert JournalBatch.objects.filter(session=lease.session).count() == 1
    assert fresh(lease.session).last_seq == 3


def test_user_key_is_made_once() -> None:
    for _ in range(4):
        owner = UserFactory()
        ids = [uuid.uuid4() for _ in range(3)]
        ciphers = at_once(
            *[lambda pk=pk, o=owner: create_session_key(owner_id=o.pk, session_id=pk, now=timezone.now()) for pk in ids]
        )
        assert kinds(ciphers) == ["SessionCipher"] * 3
        assert UserKey.objects.filter(owner=owner).count() == 1
        for pk, cipher in zip(ids, ciphers, strict=True):
            assert session_cipher(owner_id=owner.pk, session_id=pk) == cipher
