"""The database's clock, beside ours. A sweep with a wrong clock would close what is alive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection

#: Above this difference the sweep refuses to run.
MAX_CLOCK_DIFFERENCE = timedelta(seconds=5)


def clock_difference(*, now: datetime) -> timedelta:
    """How far the application's clock is ahead of the database's; negative when it is behind. One query.

    SQLite tells its time in whole seconds, so there the answer is right to a second.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        told = cursor.fetchone()[0]
    database_now = told if isinstance(told, datetime) else datetime.fromisoformat(told).replace(tzinfo=UTC)
    return now - database_now
