"""What a bulk append does to the rows of many sessions: one statement for all of them (docs/adr/0020).

On PostgreSQL the values of a column go as one array, and rows come and go in binary form: the driver reads and writes
them without a line of Python. SQLite has neither arrays nor locks of rows; there it is what the ORM would send.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from django.db import connection

from sessions_app.lease import State
from sessions_app.models.journal import JournalBatch, NewBatch
from sessions_app.models.locked import LockedSession
from sessions_app.models.session import Session
from sessions_app.models.statements import update_each_live
from snapshots.models import WrappedKeys
from snapshots.statements import insert

_SESSIONS, _JOURNAL = Session._meta.db_table, JournalBatch._meta.db_table

#: The columns of a :class:`LockedSession`, then those of its keys.
_COLUMNS = (
    "pk",
    "owner_id",
    "state",
    "epoch",
    "started_at",
    "last_activity_at",
    "idle_timeout",
    "expires_at",
    "hard_expires_at",
    "last_seq",
    "content_bytes",
)
_KEYS = (
    "key__id",
    "key__session_id",
    "key__wrapped",
    "key__user_key__id",
    "key__user_key__owner_id",
    "key__user_key__wrapped",
)
#: What an append changes, with the types of the arrays.
_CHANGED = {
    "last_seq": "int4",
    "content_bytes": "int8",
    "last_activity_at": "timestamptz",
    "expires_at": "timestamptz",
}
_APPENDED = {
    "session_id": "uuid",
    "first_seq": "int4",
    "last_seq": "int4",
    "sealed": "bytea",
    "created_at": "timestamptz",
    "answered_expires_at": "timestamptz",
    "idempotency_mac": "bytea",
    "body_mac": "bytea",
}


def lock_all(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, LockedSession]:
    """These sessions with their keys, locked in one order until the transaction ends. Unknown ids are left out."""
    rows: Sequence[Sequence[Any]]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.cursor.format = 1
            cursor.execute(_lock_all(), [list(ids)])
            rows = cursor.fetchall()
    else:
        rows = list(Session.objects.filter(pk__in=ids).values_list(*_COLUMNS, *_KEYS))
    return {row[0]: _locked(row) for row in rows}


def update_all_live(sessions: Sequence[LockedSession]) -> bool:
    """The guarded write for rows that hold the new values. False: some were live no more; undo it all."""
    if connection.vendor != "postgresql":
        return update_each_live(sessions, tuple(_CHANGED))
    columns = [[getattr(session, name) for session in sessions] for name in ("pk", "epoch", *_CHANGED)]
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE_ALL, columns)
        return bool(cursor.rowcount == len(sessions))


def add_batches(batches: Sequence[NewBatch]) -> None:
    """Store new rows of the journal. The key that the database makes they don't learn."""
    if connection.vendor != "postgresql":
        insert(JournalBatch, batches)
        return
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(list(_APPENDED.values()))
        for batch in batches:
            copy.write_row([getattr(batch, name) for name in _APPENDED])


def _locked(row: Sequence[Any]) -> LockedSession:
    own, keys = row[: len(_COLUMNS)], row[len(_COLUMNS) :]
    return LockedSession(*own, key=None if None in keys else WrappedKeys(*keys))  # type: ignore[misc]


@cache
def _lock_all() -> str:
    selected, _ = Session.objects.order_by().values_list(*_COLUMNS, *_KEYS).query.sql_with_params()
    return f"{selected} WHERE {_SESSIONS}.id = ANY(%s) ORDER BY {_SESSIONS}.id FOR UPDATE OF {_SESSIONS}"


# The guard is that of one row (``statements.update_live``), by the same clock: Django's Now() is this one.
_UPDATE_ALL = f"""
    UPDATE {_SESSIONS} SET {", ".join(f"{name} = new.{name}" for name in _CHANGED)}
    FROM unnest(%b::uuid[], %b::int4[], {", ".join(f"%b::{kind}[]" for kind in _CHANGED.values())})
        AS new (id, epoch, {", ".join(_CHANGED)})
    WHERE {_SESSIONS}.id = new.id AND {_SESSIONS}.epoch = new.epoch
        AND {_SESSIONS}.state = '{State.ACTIVE}' AND {_SESSIONS}.expires_at > statement_timestamp()
"""  # noqa: S608  (names of our own columns)
_COPY = f"COPY {_JOURNAL} ({', '.join(_APPENDED)}) FROM STDIN (FORMAT BINARY)"
