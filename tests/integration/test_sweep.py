"""The sweep: what is due is closed, what can't be is put off and never dropped, and nothing blocks the others."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from sessions_app import tasks
from sessions_app.errors import InvalidTransition, SessionExpired
from sessions_app.models import JournalBatch, Session
from sessions_app.services import sessions, staff
from sessions_app.services.closing import LONGEST_BACKOFF, MAX_CLOSE_ATTEMPTS
from sessions_app.services.holding import find_session
from sessions_app.services.journal import read_history
from sessions_app.services.reading import newest_sessions
from sessions_app.services.speakers import label_speakers
from sessions_app.services.sweep import ClocksDisagree, sweep, would_close
from snapshots.models import SessionKey, Snapshot
from tests.flows import add, age, begin, ended, everything, flip, fresh, overdue, run_sweep, whose

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_sweep_closes_what_is_due_and_nothing_else() -> None:
    due = [overdue(policy=policy) for policy in ("pinned", "private", "ephemeral")]
    live = begin().session
    assert run_sweep() == (3, 0, 0)
    assert [fresh(session).close_reason for session in due] == ["idle", "idle", "detached"]
    assert not fresh(live).is_closed
    assert run_sweep() == (0, 0, 0)
    assert Snapshot.objects.get().session_id == due[0].pk


def test_session_was_over_at_its_deadline_however_late_the_sweep_comes() -> None:
    session = overdue()
    run_sweep()
    assert fresh(session).closed_at == session.expires_at


def test_activity_never_touches_the_lazy_deadline_and_the_sweep_rearms_it() -> None:
    now = timezone.now()
    lease = begin(now=now)
    armed = lease.session.sweep_after
    add(lease, now=now + 10 * MINUTE)
    sessions.touch(**whose(lease), now=now + 11 * MINUTE)
    label_speakers(**whose(lease), changes={"Speaker A": {"name": "Zoë"}}, now=now + 12 * MINUTE)
    sessions.attach(owner_id=lease.session.owner_id, session_id=lease.session.pk, now=now + 13 * MINUTE)
    assert fresh(lease.session).sweep_after == armed

    session = age(lease.session, 35 * MINUTE)
    assert session.sweep_after < now < session.expires_at
    assert run_sweep() == (0, 0, 1)
    assert fresh(session).sweep_after == session.expires_at
    assert run_sweep() == (0, 0, 0)
    age(session, 10 * MINUTE)
    assert run_sweep() == (1, 0, 0)


def test_would_close_names_what_is_due_and_changes_nothing() -> None:
    due = overdue()
    begin()
    rearmed = age(begin().session, 29 * MINUTE)
    Session.objects.filter(pk=rearmed.pk).update(sweep_after=rearmed.started_at)
    poisoned = overdue()
    Session.objects.filter(pk=poisoned.pk).update(quarantined_at=timezone.now())
    before = everything()
    found = list(would_close(now=timezone.now()))
    assert [(session.pk, session.reason_at_deadline) for session in found] == [(due.pk, "idle")]
    assert everything() == before


def delete_key(session: Session) -> None:
    SessionKey.objects.filter(session_id=session.pk).delete()


def damage_batch(session: Session) -> None:
    batch = JournalBatch.objects.filter(session=session)[1]
    JournalBatch.objects.filter(pk=batch.pk).update(sealed=flip(batch.sealed))


def make_gap(session: Session) -> None:
    JournalBatch.objects.filter(session=session)[1].delete()


def cut_the_end(session: Session) -> None:
    JournalBatch.objects.filter(session=session).order_by("-id")[0].delete()


def change_the_order(session: Session) -> None:
    batch = JournalBatch.objects.filter(session=session).order_by("id")[0]
    JournalBatch.objects.filter(pk=batch.pk).delete()
    batch.pk = None
    batch.save(force_insert=True)


def damage_labels(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(labels=b"damaged", labels_revision=1)


POISONS = {
    delete_key: "KeyMissing",
    damage_batch: "ContentDamaged",
    make_gap: "ContentDamaged",
    cut_the_end: "ContentDamaged",
    change_the_order: "ContentDamaged",
    damage_labels: "ContentDamaged",
}


@pytest.mark.parametrize("poison", POISONS, ids=lambda poison: poison.__name__)
def test_poisoned_session_is_put_off_then_quarantined_and_blocks_nobody(poison: Callable[[Session], None]) -> None:
    poisoned = age(overdue(batches=3))  # due before all the others
    poison(poisoned)
    kept = everything()["JournalBatch"]
    waits = []
    for attempt in range(1, MAX_CLOSE_ATTEMPTS + 1):
        healthy = overdue()
        now = timezone.now()
        done = sweep(now=now)
        assert (done.closed, done.put_off) == (1, 1)
        assert fresh(healthy).is_closed
        row = fresh(poisoned)
        assert (row.state, row.close_attempts, row.close_error) == ("active", attempt, POISONS[poison])
        assert (row.quarantined_at is not None) is (attempt == MAX_CLOSE_ATTEMPTS)
        waits.append((row.sweep_after - now).total_seconds())
        assert run_sweep() == (0, 0, 0)  # not before its time
        Session.objects.filter(pk=row.pk).update(sweep_after=timezone.now())
    assert waits == [30, 60, 120, 240, 480, 960, 1920, LONGEST_BACKOFF.total_seconds()]
    assert row.close_failed_at is not None
    assert row.close_failed_at < now  # the first failure, not the last

    assert run_sweep() == (0, 0, 0)
    assert [batch for batch in everything()["JournalBatch"] if batch["session_id"] == poisoned.pk] == kept
    assert not Snapshot.objects.filter(session_id=poisoned.pk).exists()


def test_session_released_from_quarantine_closes_when_it_can() -> None:
    session = overdue(batches=2)
    batch = JournalBatch.objects.filter(session=session)[0]
    JournalBatch.objects.filter(pk=batch.pk).update(sealed=flip(batch.sealed))
    for _ in range(MAX_CLOSE_ATTEMPTS):
        Session.objects.update(sweep_after=timezone.now())
        run_sweep()
    assert fresh(session).quarantined_at is not None

    staff.release_from_quarantine(session_id=session.pk, now=timezone.now())
    assert fresh(session).close_attempts == 0
    assert run_sweep() == (0, 1, 0)  # still damaged: it has all its tries again
    assert fresh(session).quarantined_at is None

    JournalBatch.objects.filter(pk=batch.pk).update(sealed=batch.sealed)
    Session.objects.update(sweep_after=timezone.now())
    assert run_sweep() == (1, 0, 0)
    row = fresh(session)
    assert (row.state, row.close_reason, row.close_error, row.quarantined_at) == ("closed", "idle", "", None)
    assert Snapshot.objects.get().event_count == 6


def test_only_what_is_in_quarantine_is_released() -> None:
    for session in (begin().session, overdue()):
        with pytest.raises(InvalidTransition):
            staff.release_from_quarantine(session_id=session.pk, now=timezone.now())


def test_polling_client_uses_up_no_tries() -> None:
    lease = begin()
    add(lease)
    session = age(lease.session)
    delete_key(session)
    who = {"owner_id": session.owner_id, "session_id": session.pk}
    for _ in range(20):
        now = timezone.now()
        find_session(**who, now=now)
        list(newest_sessions(owner_id=session.owner_id, now=now))
        with pytest.raises(SessionExpired):
            read_history(**who, after=0, limit=10, now=now)
        with pytest.raises(SessionExpired):
            sessions.attach(**who, now=now)
        with pytest.raises(SessionExpired):
            add(lease)
        with pytest.raises(InvalidTransition):
            sessions.end(**whose(lease), now=now)
        begin(session.owner, policy="ephemeral")
        Session.objects.filter(policy="ephemeral").delete()
    row = fresh(session)
    assert (row.state, row.close_attempts, row.close_error) == ("active", 1, "KeyMissing")


def test_error_with_a_long_name_fits_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = type("E" * 60, (Exception,), {})

    def fail(**_kwargs: object) -> None:
        raise fault

    monkeypatch.setattr("sessions_app.services.closing.create_snapshot", fail)
    session = overdue()
    assert run_sweep() == (0, 1, 0)
    assert fresh(session).close_error == "E" * 40


def test_round_ends_when_its_time_is_over_and_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = [overdue() for _ in range(3)]
    monkeypatch.setattr("sessions_app.services.sweep.ROUND_S", 0)
    done = sweep(now=timezone.now())
    assert (done.closed, done.more) == (1, True)
    call_command("sweep")
    assert "There may be more: run it again" in capsys.readouterr().out
    monkeypatch.undo()
    call_command("sweep")
    assert capsys.readouterr().out == "Closed 1, put off 0, not due after all 0.\n"
    assert all(fresh(session).is_closed for session in sessions)


@pytest.mark.parametrize("seconds", [-7, 7, 3600])
def test_sweep_refuses_to_run_with_a_wrong_clock(seconds: int) -> None:
    overdue()
    before = everything()
    with pytest.raises(ClocksDisagree, match="set both by NTP"):
        sweep(now=timezone.now() + timedelta(seconds=seconds))
    assert everything() == before


@pytest.mark.parametrize("seconds", [-3, 3])
def test_sweep_bears_a_small_difference_of_clocks(seconds: int) -> None:
    overdue()
    assert sweep(now=timezone.now() + timedelta(seconds=seconds)).closed == 1


def test_running_the_tasks_twice_is_harmless() -> None:
    overdue()
    kept = ended()
    gone = ended()
    past = timezone.now() - MINUTE
    Snapshot.objects.filter(pk=gone.pk).update(created_at=past, expires_at=past)
    tasks.sweep()
    tasks.purge_snapshots()
    after = everything()
    assert not Session.objects.filter(state="active").exists()
    assert set(Snapshot.objects.values_list("pk", flat=True)) > {kept.pk}
    assert not Snapshot.objects.filter(pk=gone.pk).exists()
    tasks.sweep()
    tasks.purge_snapshots()
    assert everything() == after


@pytest.mark.django_db(transaction=True)  # beat closes connections of its own accord
def test_schedule_of_the_settings_lands_in_the_database() -> None:
    for _ in range(2):  # a second start of beat changes nothing
        DatabaseScheduler(app=current_app, lazy=True).setup_schedule()
    ours = {task.name: task for task in PeriodicTask.objects.filter(task__startswith="sessions_app.")}
    assert set(ours) == set(settings.CELERY_BEAT_SCHEDULE)
    found = {
        task.task: (task.interval.every, task.interval.period, task.expire_seconds, task.args, task.kwargs)
        for task in ours.values()
    }
    assert found == {
        "sessions_app.tasks.sweep": (30, "seconds", 30, "[]", "{}"),
        "sessions_app.tasks.purge_snapshots": (3600, "seconds", 3600, "[]", "{}"),
    }
    assert all(task.enabled for task in ours.values())
    assert {task.name for task in (tasks.sweep, tasks.purge_snapshots)} == set(found)
