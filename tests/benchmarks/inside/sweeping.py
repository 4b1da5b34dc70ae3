"""A round of the sweep among many live sessions."""

from __future__ import annotations

import time

from django.contrib.auth.models import User
from django.utils import timezone

from sessions_app.models import Session
from sessions_app.services.sweep import sweep
from tests.benchmarks.inside import making

_PER_USER = 10


def fill(live: int) -> None:
    """So many live sessions, none of them due within the next hour."""
    making.insert_select(
        User,
        {"username": "'crowd-' || i", "password": "''", "date_joined": "now()"},
        f"generate_series(1, {live // _PER_USER}) AS i",
    )
    making.insert_select(
        Session,
        {
            "id": "gen_random_uuid()",
            "owner_id": "u.id",
            "policy": "'pinned'",
            "tier": "'paid'",
            "started_at": "now()",
            "last_activity_at": "now()",
            "idle_timeout": "interval '30 minutes'",
            "expires_at": "now() + interval '1 hour' + u.id % 3600 * interval '1 second'",
            "sweep_after": "now() + interval '1 hour' + u.id % 3600 * interval '1 second'",
            "hard_expires_at": "now() + interval '12 hours'",
            "token_mac": "sha256(convert_to(u.username || '/' || i, 'UTF8'))",
        },
        f"auth_user AS u CROSS JOIN generate_series(1, {_PER_USER}) AS i WHERE starts_with(u.username, 'crowd-')",
    )


def prepare(due: int, events: int) -> None:
    """So many more that are due, with a few events each."""
    making.overdue(due, events, events, owners=100)
    making.vacuum("sessions_app_session", "sessions_app_journalbatch", "snapshots_snapshot", "snapshots_sessionkey")


def one_round(due: int) -> float:
    """Seconds of the round that closes them."""
    begin = time.perf_counter()
    done = sweep(now=timezone.now())
    took = time.perf_counter() - begin
    assert (done.closed, done.put_off, done.rearmed) == (due, 0, 0), done
    return took
