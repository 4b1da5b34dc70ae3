"""Variants of the service that are wrong on purpose. The harness has to find their faults.

``unguarded``
    Appends take no lock, and neither deadline nor token stands in the way of the write.
``unlocked``
    Appends look at deadline and token, but take no lock, and the write looks at neither again.
``journal_first``
    Closing commits the removal of the journal before it stores the snapshot.
``snapshot_first``
    Closing commits the snapshot before it closes the session, and no constraint forbids a second snapshot.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

NAIVE = "FAULTS_NAIVE"
#: And how much likelier their failpoints kill, for they get little time: a race shows while much is going on, a close
#: in parts shows when it is cut in between.
VARIANTS = {"unguarded": 0.5, "unlocked": 0.5, "journal_first": 3.0, "snapshot_first": 3.0}


def install() -> None:
    """Replace, in this process, what the variant named in the environment does wrong."""
    variant = os.environ.get(NAIVE)
    if variant in ("unguarded", "unlocked"):
        _append_without_lock(looks=variant == "unlocked")
    elif variant:
        _close_in_parts(journal_first=variant == "journal_first")


def _append_without_lock(*, looks: bool) -> None:
    from django.db import transaction

    from sessions_app.errors import LeaseLost
    from sessions_app.models import Session
    from sessions_app.services import journal
    from sessions_app.services.closing import session_over
    from sessions_app.services.holding import holds

    def hold(
        *,
        owner_id: int,
        session_id: Any,
        token: str,
        now: datetime,
        work: Callable[[Session], Any],
    ) -> Any:
        own = Session.objects.owned_by(owner_id)
        with transaction.atomic():
            session = own.with_key().get(pk=session_id)
            if looks and session.is_overdue(now):
                raise session_over(session, now=now)
            if not session.is_closed:
                if looks and not holds(session, token):
                    raise LeaseLost
                return work(session)
        raise session_over(session, now=now)

    def write(session: Session, **changes: Any) -> None:
        Session.objects.filter(pk=session.pk).update(**changes)
        for name, value in changes.items():
            setattr(session, name, value)

    vars(journal).update(hold=hold, write_live=write)


def _close_in_parts(*, journal_first: bool) -> None:
    from django.db import connection

    from sessions_app.lease import CloseReason
    from sessions_app.models import JournalBatch, Session
    from sessions_app.services import closing, sessions

    def close(session: Session, *, reason: CloseReason, now: datetime) -> closing.Closed:
        batches = JournalBatch.objects.filter(session=session)
        if journal_first:
            kept = list(batches)
            batches.delete()
            connection._commit()  # type: ignore[attr-defined]
            JournalBatch.objects.bulk_create(kept)
        closed = closing._save(session, reason=reason, now=now)
        if not journal_first:
            connection._commit()  # type: ignore[attr-defined]
        batches.delete()
        changes = closing._mark_closed(session, reason=reason, now=now, speaker_count=closed.speaker_count)
        for name, value in changes.items():
            setattr(session, name, value)
        return closed

    for module in (closing, sessions):
        vars(module).update(close=close)
