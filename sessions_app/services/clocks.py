"""The database's clock, beside ours. Whoever closes by a wrong clock closes what is alive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection

from sessions_app.errors import ServiceUnavailable

#: Above this difference nothing is closed for being past its deadline.
MAX_CLOCK_DIFFERENCE = timedelta(seconds=5)
#: When a client may ask again, in seconds.
RETRY_S = 5


def clock_difference(*, now: datetime) -> timedelta:
    """How far the application's clock is ahead of the database's; negative when it is behind. One query.

    SQLite tells its time in whole seconds, so there the answer is right to a second.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        told = cursor.fetchone()[0]
    database_now = told if isinstance(told, datetime) else datetime.fromisoformat(told).replace(tzinfo=UTC)
    return now - database_now


def require_passed(deadline: datetime) -> None:
    """Check by the database's clock what ours says to be past. One query.

    Raises:
        ServiceUnavailable: it is not, so our clock is wrong, and what we would close may be alive.
    """
    if clock_difference(now=deadline) > MAX_CLOCK_DIFFERENCE:
        raise ServiceUnavailable(
            "The clock of the machine that was asked is wrong, so it can't tell whether your session is over. Nothing "
            "was changed, and nothing is lost. Send it again: another machine may answer, or this one with its clock "
            "set.",
            retry_after_s=RETRY_S,
        )
