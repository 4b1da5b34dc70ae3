"""What is cleared away every hour beside snapshots that are past their time: the one home of what belongs to it."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.backends.db import SessionStore

from sessions_app.services import guests, tickets
from sessions_app.services.retention import release_lapsed


def tidy(*, now: datetime) -> int:
    """Remove tickets and sign-ins past their time, and a demo's guests; give snapshots of lapsed plans an end again.

    Returns:
        How many snapshots were given an end.
    """
    tickets.purge(now=now)
    SessionStore.clear_expired()
    guests.purge(now=now)
    # Last: it asks for plans, and what knows them may be down.
    return release_lapsed(now=now)
