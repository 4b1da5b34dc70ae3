"""Somebody watches: an open stream extends ephemeral sessions, and no others."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from sessions_app.lease import Policy, State
from sessions_app.models import Session

#: Rows that are locked at a time: an append to one of them never waits long.
TOGETHER = 200


def extend_attended(session_ids: Iterable[uuid.UUID], *, now: datetime) -> dict[uuid.UUID, datetime]:
    """Count the idle time of these sessions from now. Returns the new deadlines.

    Lock the rows, then look, then write: one that is past its deadline stays over, even if its deadline passed while
    this waited for its lock. A row that somebody else has locked is left out: whoever it is, this is asked again soon.
    """
    extended: dict[uuid.UUID, datetime] = {}
    ordered = sorted(session_ids)
    for start in range(0, len(ordered), TOGETHER):
        extended |= _extend(ordered[start : start + TOGETHER], now)
    return extended


@transaction.atomic
def _extend(session_ids: list[uuid.UUID], now: datetime) -> dict[uuid.UUID, datetime]:
    live = Session.objects.filter(pk__in=session_ids, policy=Policy.EPHEMERAL, state=State.ACTIVE)
    rows = live.select_for_update(skip_locked=True).defer("settings", "labels").order_by("pk")
    together: dict[datetime, list[uuid.UUID]] = defaultdict(list)
    for session in rows:
        clocks = session.clocks.after_activity(now)
        if session.expires_at > now and clocks.expires_at > session.expires_at:
            together[clocks.expires_at].append(session.pk)
    extended: dict[uuid.UUID, datetime] = {}
    for expires_at, ids in together.items():
        # The deadline by the database's own clock, too: our `now` may be older than the wait for a lock.
        guarded = Session.objects.filter(pk__in=ids, state=State.ACTIVE, expires_at__gt=Now())
        if guarded.update(last_activity_at=now, expires_at=expires_at) == len(ids):
            extended |= dict.fromkeys(ids, expires_at)
    return extended
