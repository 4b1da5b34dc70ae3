"""What a session goes on from: links to the snapshots of earlier ones, which make a chain (ADR 0003)."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from datetime import datetime

from sessions_app.models import ResumedSnapshot, Session
from snapshots.models import Snapshot

log = logging.getLogger(__name__)


def add_link(session: Session, snapshot: Snapshot, *, now: datetime) -> ResumedSnapshot:
    """Note that a locked session goes on from a snapshot, at the point where it is now. Once, however often asked."""
    link, made = ResumedSnapshot.objects.get_or_create(
        session=session,
        snapshot_id=snapshot.pk,
        defaults={
            "source_session_id": snapshot.session_id,
            "events": snapshot.event_count,
            "after_seq": session.last_seq,
            "imported_at": now,
        },
    )
    if made:
        log.info("session_imported session=%s snapshot=%s", session.pk, snapshot.pk)
    return link


def linked(owner_id: int, session_id: uuid.UUID) -> Iterator[ResumedSnapshot]:
    """The snapshots that a session goes on from, and those that these went on from, the latest first, each once."""
    links = ResumedSnapshot.objects.filter(session__owner_id=owner_id)
    seen: set[uuid.UUID] = set()
    open_ends = [list(links.filter(session=session_id))]
    while open_ends:
        if not open_ends[-1]:
            open_ends.pop()
            continue
        link = open_ends[-1].pop()
        if link.snapshot_id not in seen:
            seen.add(link.snapshot_id)
            yield link
            open_ends.append(list(links.filter(session=link.source_session_id)))


def hand_on(session: Session) -> None:
    """Before a closed session's row goes: what went on from it goes on from what it went on from itself."""
    links = list(session.resumed.all())
    if not links:
        return
    heirs = ResumedSnapshot.objects.filter(session__owner_id=session.owner_id, source_session_id=session.pk)
    ResumedSnapshot.objects.bulk_create(
        [
            ResumedSnapshot(
                session_id=heir.session_id,
                snapshot_id=link.snapshot_id,
                source_session_id=link.source_session_id,
                events=link.events,
                after_seq=heir.after_seq,
                imported_at=link.imported_at,
            )
            for heir in heirs
            for link in links
        ],
        ignore_conflicts=True,  # it may have been brought back there by itself, too
    )
