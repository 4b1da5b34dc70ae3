"""What every append and every close does to a session and its journal, put together once (docs/adr/0018)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from sessions_app.lease import State
from sessions_app.models.journal import JournalBatch
from sessions_app.models.locked import AnySession
from sessions_app.models.session import Session

_SESSIONS, _JOURNAL = Session._meta.db_table, JournalBatch._meta.db_table
_ACTIVE = f"state = '{State.ACTIVE}'"


def update_live(session: Session, changes: Mapping[str, Any]) -> bool:
    """The guarded write: only while the row is live, of this epoch, and before its deadline by the database's clock.

    Args:
        session: the row as it was read.

    Returns:
        Whether the row was still so, and is changed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_update_live(tuple(changes), connection.vendor), _live_parameters(session, changes))
        return bool(cursor.rowcount == 1)


def update_each_live(sessions: Sequence[AnySession], names: tuple[str, ...]) -> bool:
    """The same for many rows, which hold the new values of these columns. False: some were not so; undo it all."""
    parameters = [_live_parameters(session, {name: getattr(session, name) for name in names}) for session in sessions]
    with connection.cursor() as cursor:
        cursor.executemany(_update_live(names, connection.vendor), parameters)
        return bool(cursor.rowcount == len(sessions))


def update_active(session: Session, changes: Mapping[str, Any]) -> bool:
    """Change a row that is not closed, whatever its deadline. Returns whether it was so."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_update(tuple(changes))} WHERE id = %s AND {_ACTIVE}", [*_values(changes), _id(session.pk)])
        return bool(cursor.rowcount == 1)


def journal_page(session_id: uuid.UUID, *, after: int, limit: int) -> list[tuple[int, int, int, bytes | memoryview]]:
    """Some batches behind the row ``after``, in order: id, first and last number, sealed bytes."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # As bytes instead of as hexadecimal digits: measured, an hour's journal comes in half the time.
            cursor.cursor.format = 1
        cursor.execute(
            f"SELECT id, first_seq, last_seq, sealed FROM {_JOURNAL} "  # noqa: S608  (our own table)
            "WHERE session_id = %s AND id > %s ORDER BY id LIMIT %s",
            [_id(session_id), after, limit],
        )
        page: list[tuple[int, int, int, bytes | memoryview]] = cursor.fetchall()
        return page


def delete_journal(session_id: uuid.UUID) -> None:
    """Remove all batches of a session."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {_JOURNAL} WHERE session_id = %s", [_id(session_id)])  # noqa: S608  (our own table)


@cache
def _update_live(names: tuple[str, ...], _vendor: str) -> str:
    clock, _ = Session.objects.all().query.get_compiler(connection=connection).compile(Now())
    return f"{_update(names)} WHERE id = %s AND {_ACTIVE} AND epoch = %s AND expires_at > {clock}"


@cache
def _update(names: tuple[str, ...]) -> str:
    columns = ", ".join(f"{_field(name).column} = %s" for name in names)
    return f"UPDATE {_SESSIONS} SET {columns}"  # noqa: S608  (names of our own columns)


def _live_parameters(session: AnySession, changes: Mapping[str, Any]) -> list[Any]:
    return [*_values(changes), _id(session.pk), session.epoch]


def _values(changes: Mapping[str, Any]) -> list[Any]:
    return [_field(name).get_db_prep_save(value, connection) for name, value in changes.items()]


def _id(session_id: uuid.UUID) -> Any:
    return _field("id").get_db_prep_save(session_id, connection)


def _field(name: str) -> Any:
    return Session._meta.get_field(name)
