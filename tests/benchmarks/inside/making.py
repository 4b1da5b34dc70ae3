"""Users, sessions and journals to measure with: sealed by the service's own code, inserted many at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, models, transaction
from django.utils import timezone
from knox.models import AuthToken
from psycopg import sql

from sessions_app.lease import Policy
from sessions_app.models import Entitlement, JournalBatch, Session
from sessions_app.services import sessions
from sessions_app.services.tiers import Plan
from sessions_app.tiers import Tier
from snapshots.content import Content, encode_events
from snapshots.services.keys import create_session_key
from tests.benchmarks import conversation

IDLE = timedelta(minutes=30)
LIFETIME = timedelta(hours=12)
LONG_AGO = timedelta(days=1)


def users(count: int) -> list[dict[str, Any]]:
    """Paid users, each with an API token."""
    made = []
    with transaction.atomic():
        for _ in range(count):
            user = User.objects.create(username=f"bench-{uuid.uuid4()}")
            Entitlement.objects.create(user=user, tier=Tier.PAID.value)
            made.append({"id": user.pk, "token": AuthToken.objects.create(user)[1]})
    return made


def leases(count: int, each: int) -> list[dict[str, Any]]:
    """``count`` users with ``each`` live pinned sessions: one entry a session."""
    now = timezone.now()
    made = []
    for user in users(count):
        for _ in range(each):
            lease = sessions.start(
                owner_id=user["id"], plan=Plan(Tier.PAID), request=sessions.StartRequest(policy="pinned"), now=now
            )
            made.append({**user, "session": str(lease.session.pk), "lease": lease.token})
    return made


def overdue(count: int, events: int, size: int, owners: int = 10) -> list[uuid.UUID]:
    """Pinned sessions whose deadline was long ago, with ``events`` events in batches of ``size``. Returns their ids."""
    now = timezone.now()
    sent = conversation.events(events)
    owner_ids = [user["id"] for user in users(min(owners, count))]
    made: list[Session] = []
    with transaction.atomic():
        for number in range(count):
            session = _overdue_session(owner_ids[number % len(owner_ids)], events, now=now)
            batches = list(_sealed(session, sent, size, now=now))
            session.content_bytes = sum(len(batch.sealed) for batch in batches)
            session.save(force_insert=True)
            JournalBatch.objects.bulk_create(batches)
            made.append(session)
    return [session.pk for session in made]


def _overdue_session(owner_id: int, events: int, *, now: datetime) -> Session:
    begun = now - LONG_AGO
    return Session(
        owner_id=owner_id,
        policy=Policy.PINNED.value,
        tier=Tier.PAID.value,
        started_at=begun,
        last_activity_at=begun,
        idle_timeout=IDLE,
        expires_at=begun + IDLE,
        hard_expires_at=begun + LIFETIME,
        sweep_after=begun + IDLE,
        token_mac=uuid.uuid4().bytes * 2,
        last_seq=events,
    )


def _sealed(session: Session, sent: list[dict[str, Any]], size: int, *, now: datetime) -> Iterator[JournalBatch]:
    cipher = create_session_key(owner_id=session.owner_id, session_id=session.pk, now=now)
    session.key_id = cipher.key.id
    for start in range(0, len(sent), size):
        part = sent[start : start + size]
        head = {"withheld": {}, "speakers": sorted({event["speaker_id"] for event in part})}
        yield JournalBatch(
            session=session,
            first_seq=start + 1,
            last_seq=start + len(part),
            sealed=cipher.seal_batch(start + 1, len(part), Content(head, encode_events(part)).pack()),
            created_at=now,
            answered_expires_at=session.expires_at,
        )


def insert_select(model: type[models.Model], values: dict[str, str], source: str) -> None:
    """``INSERT … SELECT`` into a model's table: SQL by column; columns not named get their field's default.

    An identity column is left to the database.
    """
    columns, expressions = [], []
    for field in model._meta.concrete_fields:
        if field.column in values:
            expression: Any = sql.SQL(values[field.column])
        elif isinstance(field, models.AutoField):
            continue
        else:
            default = None if field.null else field.get_default()
            expression = sql.Literal("{}" if default == {} else default)
        columns.append(sql.Identifier(str(field.column)))
        expressions.append(expression)
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM " + source).format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(columns), sql.SQL(", ").join(expressions)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(cursor.connection))


def vacuum(*tables: str) -> None:
    """``VACUUM ANALYZE`` these tables, so that no run pays for the filling, nor for the run before it."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")
