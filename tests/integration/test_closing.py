"""Closing: what is kept equals what was acknowledged, or nothing of it is kept; and it happens as a whole."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from sessions_app.errors import InvalidTransition, SessionExpired, TooManySessions, VaultUnavailable
from sessions_app.lease import CloseReason
from sessions_app.models import JournalBatch, Preferences
from sessions_app.services import importing, reading, receipts, sessions, staff
from sessions_app.services.closing import try_to_close
from sessions_app.services.holding import find_session
from sessions_app.services.journal import read_history
from sessions_app.services.speakers import label_speakers
from snapshots.models import SessionKey, Snapshot, UserKey
from snapshots.services.snapshots import stored_bytes
from tests.flows import (
    EVENTS,
    PAID,
    SPOKEN,
    add,
    age,
    begin,
    ended,
    everything,
    flip,
    fresh,
    overdue,
    run_sweep,
    usual_end,
    whose,
)

pytestmark = pytest.mark.django_db


def end(lease: sessions.Lease) -> receipts.Receipt:
    return sessions.end(**whose(lease), now=timezone.now())


def test_snapshot_equals_the_journal() -> None:
    lease = begin(settings={"elcor": True})
    add(lease, [*EVENTS, SPOKEN])
    add(lease, [SPOKEN])  # a batch of which nothing is stored
    add(lease, [{**EVENTS[0], "new_field": 1}])
    now = timezone.now()
    label_speakers(**whose(lease), changes={"Speaker A": {"name": "Zoë", "colour": "#aabbcc"}}, now=now)
    journal = read_history(owner_id=lease.session.owner_id, session_id=lease.session.pk, after=0, limit=500, now=now)
    receipt = end(lease)

    assert receipt.snapshot is not None
    assert receipt.withheld == {"transcript": 2, "tone.new_field": 1}
    export = reading.export(owner_id=lease.session.owner_id, snapshot_id=receipt.snapshot.pk, now=now)
    assert export.events == journal.events == [{"seq": n, **e} for n, e in enumerate([*EVENTS, EVENTS[0]], 1)]
    assert export.speakers == {"Speaker A": {"name": "Zoë", "colour": "#aabbcc"}}
    assert export.settings == {"elcor": True}
    row = Snapshot.objects.get()
    assert (row.event_count, row.speaker_count) == (4, 2)
    assert (row.started_at, row.ended_at) == (lease.session.started_at, fresh(lease.session).closed_at)
    assert row.size == len(row.annotations) + len(row.labels) == stored_bytes(owner_id=row.owner_id)


def test_closing_removes_the_journal_the_token_and_the_labels() -> None:
    lease = begin(topic="call-1")
    add(lease)
    label_speakers(**whose(lease), changes={"Speaker A": {"name": "Zoë"}}, now=timezone.now())
    end(lease)
    session = fresh(lease.session)
    assert not JournalBatch.objects.exists()
    assert (session.state, session.close_reason, session.topic) == ("closed", "ended", "call-1")
    assert session.token_mac is None
    assert session.labels is None
    assert session.speaker_count == 2
    assert SessionKey.objects.filter(session_id=session.pk).exists()


@pytest.mark.parametrize("policy", ["ephemeral", "private"])
def test_what_keeps_nothing_leaves_neither_journal_nor_key_nor_topic(policy: str) -> None:
    lease = begin(policy=policy, topic="call-1")
    add(lease)
    receipt = end(lease)
    session = fresh(lease.session)
    assert (receipt.snapshot, receipt.withheld) == (None, {})
    assert receipt.kept_because.startswith("Nothing is kept: ")
    assert (session.state, session.topic, session.labels) == ("closed", "", None)
    assert not JournalBatch.objects.exists()
    assert not SessionKey.objects.exists()
    assert not Snapshot.objects.exists()


def test_session_without_events_closes_into_an_empty_snapshot() -> None:
    lease = begin()
    receipt = end(lease)
    assert receipt.snapshot is not None
    assert receipt.snapshot.event_count == 0
    export = reading.export(owner_id=lease.session.owner_id, snapshot_id=receipt.snapshot.pk, now=timezone.now())
    assert (export.events, export.speakers) == ([], {})


@pytest.mark.parametrize(("policy", "reason"), [("pinned", "idle"), ("private", "idle"), ("ephemeral", "detached")])
def test_reason_at_the_idle_deadline(policy: str, reason: str) -> None:
    session = overdue(policy=policy)
    assert run_sweep() == (1, 0, 0)
    assert fresh(session).close_reason == reason


@pytest.mark.parametrize("policy", ["pinned", "private", "ephemeral"])
def test_reason_at_the_hard_deadline(policy: str, settings: Settings) -> None:
    settings.SESSION_MAX_LIFETIME_S = 60
    session = overdue(policy=policy)
    run_sweep()
    assert fresh(session).close_reason == "max_lifetime"


def test_staff_close_a_live_session_and_save_it() -> None:
    lease = begin()
    add(lease)
    session = staff.end_as_staff(session_id=lease.session.pk, now=timezone.now())
    assert fresh(session).close_reason == "staff"
    assert Snapshot.objects.get().event_count == 3
    with pytest.raises(InvalidTransition):
        staff.end_as_staff(session_id=lease.session.pk, now=timezone.now())


@pytest.mark.parametrize(
    ("reason", "wished", "days"),
    [
        (CloseReason.ENDED, None, 14),
        (CloseReason.IDLE, None, 30),
        (CloseReason.MAX_LIFETIME, None, 30),
        (CloseReason.STAFF, None, 30),
        (CloseReason.ENDED, 7, 7),
        (CloseReason.ENDED, 20, 14),
        (CloseReason.IDLE, 20, 20),
        (CloseReason.IDLE, 365, 30),
    ],
)
def test_snapshot_carries_its_end_from_birth(reason: CloseReason, wished: int | None, days: int) -> None:
    session = overdue()
    Preferences.objects.create(user=session.owner, retention_days=wished)
    now = timezone.now()
    assert try_to_close(session, reason=reason, now=now)
    snapshot = Snapshot.objects.get()
    assert snapshot.expires_at == now + timedelta(days=days)
    assert usual_end(session, reason) == snapshot.expires_at
    assert snapshot.created_at == now
    # It was over at its deadline, however late it was closed; its retention counts from when it was saved.
    assert snapshot.ended_at == fresh(session).closed_at == session.expires_at


def test_end_answers_the_same_again() -> None:
    lease = begin()
    add(lease, [*EVENTS, SPOKEN])
    first = end(lease)
    assert first.session.close_reason == "ended"
    before = everything()
    for again in (
        sessions.end(**whose(lease), now=timezone.now()),
        # The token is gone with the session: the user's own identity is enough for the answer.
        sessions.end(**{**whose(lease), "token": "lns_other"}, now=timezone.now() + timedelta(days=1)),
        receipts.read_receipt(owner_id=lease.session.owner_id, session_id=lease.session.pk, now=timezone.now()),
    ):
        assert again == first
        assert again.kept_because == first.kept_because
    assert everything() == before


def test_end_past_the_deadline_closes_for_that_reason() -> None:
    lease = begin()
    add(lease)
    age(lease.session)
    receipt = end(lease)
    assert receipt.session.close_reason == "idle"
    assert receipt.snapshot is not None
    assert receipt.snapshot.expires_at == usual_end(lease.session, CloseReason.IDLE)


def test_live_session_has_no_receipt() -> None:
    lease = begin()
    with pytest.raises(InvalidTransition):
        receipts.read_receipt(owner_id=lease.session.owner_id, session_id=lease.session.pk, now=timezone.now())


def test_receipt_of_a_snapshot_that_does_not_open_says_so_by_none() -> None:
    snapshot = ended()
    Snapshot.objects.update(annotations=flip(snapshot.annotations))
    receipt = receipts.read_receipt(owner_id=snapshot.owner_id, session_id=snapshot.session_id, now=timezone.now())
    assert receipt.snapshot == snapshot
    assert receipt.withheld is None


def test_end_while_the_key_is_away_leaves_the_session_live() -> None:
    lease = begin()
    add(lease)
    row = UserKey.objects.get(owner=lease.session.owner)
    ring_without = flip(b"\0" * 32)
    wrapped = bytes(row.wrapped)
    UserKey.objects.update(wrapped=wrapped[:8] + ring_without[:16] + wrapped[24:])  # names a key nobody has
    before = everything()
    with pytest.raises(VaultUnavailable) as caught:
        end(lease)
    assert caught.value.status == 503
    assert everything() == before
    UserKey.objects.update(wrapped=wrapped)
    assert end(lease).session.close_reason == "ended"


def test_settling_stays_though_the_request_is_refused() -> None:
    lease = begin()
    add(lease)
    age(lease.session)
    JournalBatch.objects.update(sealed=b"damaged")
    with pytest.raises(SessionExpired) as caught:
        add(lease)
    assert caught.value.extra["snapshot"] is None
    assert "not saved yet" in caught.value.detail
    assert fresh(lease.session).close_attempts == 1
    with pytest.raises(InvalidTransition):
        end(lease)
    find_session(owner_id=lease.session.owner_id, session_id=lease.session.pk, now=timezone.now())
    assert fresh(lease.session).close_attempts == 1  # a client that polls uses up no tries


def test_what_an_import_closed_stays_closed_though_the_import_is_refused(settings: Settings) -> None:
    snapshot = ended()
    begin(snapshot.owner)
    late = overdue(snapshot.owner)
    settings.SESSION_MAX_LIVE = 1
    with pytest.raises(TooManySessions):
        importing.import_into_new(
            owner_id=snapshot.owner_id,
            plan=PAID,
            snapshot_id=snapshot.pk,
            request=sessions.StartRequest(),
            now=timezone.now(),
        )
    assert fresh(late).close_reason == "idle"
