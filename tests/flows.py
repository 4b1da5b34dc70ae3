"""Steps that many tests take, by way of the services: start, append, move into the past, close."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model
from django.utils import timezone

from sessions_app.events import read_events
from sessions_app.lease import CloseReason
from sessions_app.models import JournalBatch, Session
from sessions_app.services import journal, sessions
from sessions_app.services.closing import retention
from sessions_app.services.sweep import sweep
from sessions_app.services.tiers import Plan
from sessions_app.tiers import Tier
from snapshots.models import SessionKey, Snapshot, UserKey
from tests.factories import UserFactory

PAID = Plan(Tier.PAID)
EVENTS = [
    {"event_type": "tone", "label": "Calm", "confidence": 0.9, "speaker_id": "Speaker A", "timestamp": 0.5},
    {"event_type": "tone", "label": "Überrascht", "confidence": 1, "speaker_id": "Speaker B", "timestamp": 2.25},
    {"event_type": "queue", "label": "hold music", "confidence": 0.4, "timestamp": 3},
]
SPOKEN = {"event_type": "transcript", "text": "hello", "timestamp": 1}
LONG_AGO = timedelta(days=1)

_TIMES = ("started_at", "last_activity_at", "expires_at", "hard_expires_at", "sweep_after")


def begin(
    owner: User | None = None, *, plan: Plan = PAID, now: datetime | None = None, **request: Any
) -> sessions.Lease:
    """A new session of this user, or of a new one."""
    owner = owner or UserFactory()
    return sessions.start(
        owner_id=owner.pk, plan=plan, request=sessions.StartRequest(**request), now=now or timezone.now()
    )


def whose(lease: sessions.Lease) -> dict[str, Any]:
    """What every write into a live session names."""
    return {"owner_id": lease.session.owner_id, "session_id": lease.session.pk, "token": lease.token}


def add(lease: sessions.Lease, events: Any = None, *, now: datetime | None = None, **more: Any) -> journal.Appended:
    """One batch into the session's journal."""
    batch = read_events(events or EVENTS, max_timestamp_s=43_200)
    return journal.append(**whose(lease), batch=batch, now=now or timezone.now(), **more)


def fresh(session: Session) -> Session:
    """The row as it is now."""
    return Session.objects.get(pk=session.pk)


def age(session: Session, by: timedelta = LONG_AGO) -> Session:
    """Move a live session into the past, as if it had been started, used and left this much earlier."""
    row = fresh(session)
    moved = {name: getattr(row, name) - by for name in _TIMES}
    Session.objects.filter(pk=row.pk).update(**moved)
    return fresh(row)


def leave(session: Session, remaining: timedelta) -> Session:
    """Age a live session until this much of its lease remains; less than nothing: it ran out that long ago."""
    return age(session, by=fresh(session).expires_at - timezone.now() - remaining)


def overdue(owner: User | None = None, *, batches: int = 1, **request: Any) -> Session:
    """A session that is past its deadline, with batches of events, and not closed yet."""
    lease = begin(owner, **request)
    for _ in range(batches):
        add(lease)
    return age(lease.session)


def ended(owner: User | None = None, *, events: Any = None, **request: Any) -> Snapshot:
    """The snapshot of a session that its user ended just now."""
    lease = begin(owner, **request)
    add(lease, events)
    sessions.end(**whose(lease), now=timezone.now())
    return Snapshot.objects.get(session_id=lease.session.pk)


def run_sweep() -> tuple[int, int, int]:
    """One round now: how many were closed, put off and re-armed."""
    done = sweep(now=timezone.now())
    return done.closed, done.put_off, done.rearmed


def usual_end(session: Session, reason: CloseReason) -> datetime:
    """When the snapshot of a session that was closed for this reason should go: counted from when it was made."""
    snapshot = Snapshot.objects.get(session_id=session.pk)
    return snapshot.created_at + retention(snapshot.owner_id, reason)


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows that closing a session touches, to see that something changed nothing."""
    models: tuple[type[Model], ...] = (Session, JournalBatch, SessionKey, UserKey, Snapshot)
    return {
        model.__name__: [
            {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in models
    }


def flip(sealed: bytes | memoryview) -> bytes:
    """The record with one bit of its last byte changed."""
    data = bytearray(sealed)
    data[-1] ^= 1
    return bytes(data)
