"""A conversation as its user saw it: what was brought back from earlier sessions first, then the session's own events.

Nothing is stored twice (ADR 0003), so the parts are put together when they are read, and only as far as is asked.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import F

from sessions_app.errors import InvalidSession
from sessions_app.models import JournalBatch, Session
from sessions_app.services.closing import snapshot_of
from sessions_app.services.holding import find_session
from sessions_app.services.links import linked
from sessions_app.services.sealing import open_batch, vault_unavailable
from snapshots.errors import ContentDamaged, VaultError
from snapshots.models import Snapshot
from snapshots.services.keys import session_cipher
from snapshots.services.snapshots import find_snapshot, open_snapshot

Event = dict[str, Any]
Wanted = Callable[[Event], bool]

#: Batches that are in memory at a time.
PAGE = 100


def latest_events(*, session: Session, wanted: Wanted, limit: int, now: datetime) -> list[Event]:
    """The newest ``limit`` wanted events of a live session, oldest first. Reads from the end, no further than needed.

    Raises:
        InvalidSession: it was closed meanwhile.
        VaultUnavailable: it can't be opened now.
    """
    try:
        found = list(islice(filter(wanted, _newest_first(session, now=now)), limit))
    except VaultError as error:
        # Was it closed while we read? Then the journal, and perhaps the key, are gone for a good reason.
        if find_session(owner_id=session.owner_id, session_id=session.pk, now=now).is_closed:
            raise InvalidSession from None
        raise vault_unavailable(error) from None
    return found[::-1]


def whole_conversation(*, owner_id: int, session_id: Any, wanted: Wanted, now: datetime) -> tuple[Session, list[Event]]:
    """All wanted events, oldest first, of a session that is live, or closed with a snapshot that is still kept.

    Raises:
        InvalidSession: nothing is kept of it; or it is unknown, malformed, somebody else's.
        VaultUnavailable: it can't be opened now.
    """
    session = find_session(owner_id=owner_id, session_id=session_id, now=now)
    try:
        try:
            found = list(filter(wanted, _newest_first(session, now=now)))
        except VaultError:
            # It may have been closed while we read: then all is in its snapshot.
            was_closed, session = session.is_closed, find_session(owner_id=owner_id, session_id=session_id, now=now)
            if was_closed or not session.is_closed:
                raise
            found = list(filter(wanted, _newest_first(session, now=now)))
    except VaultError as error:
        raise vault_unavailable(error) from None
    return session, found[::-1]


def earlier_events(*, owner_id: int, session_id: uuid.UUID, now: datetime) -> Iterator[Event]:
    """The events of the earlier sessions that this one goes on from, oldest first. Opens one snapshot at a time.

    Raises:
        VaultError: one of them can't be opened now.
    """
    for link in reversed(list(linked(owner_id, session_id))):
        yield from _of_snapshot(owner_id, link.snapshot_id, now=now)


def _newest_first(session: Session, *, now: datetime) -> Iterator[Event]:
    """The conversation backwards.

    Raises:
        InvalidSession: the session is closed, and nothing is kept of it.
        VaultError: a part can't be opened now.
    """
    if session.is_closed:
        snapshot = snapshot_of(session, now=now)
        if snapshot is None:
            raise InvalidSession
        yield from reversed(_of_snapshot(session.owner_id, snapshot.pk, now=now))
    else:
        yield from _journal_backwards(session)
    for link in linked(session.owner_id, session.pk):
        yield from reversed(_of_snapshot(session.owner_id, link.snapshot_id, now=now))


def _journal_backwards(session: Session) -> Iterator[Event]:
    """A live session's own events, newest first. What was appended since the row was read comes too."""
    cipher = session_cipher(owner_id=session.owner_id, session_id=session.pk)
    journal = JournalBatch.objects.filter(session=session, last_seq__gte=F("first_seq")).order_by("-last_seq")
    page = list(journal[:PAGE])
    end = max(session.last_seq, page[0].last_seq if page else 0)
    while end:
        for batch in page:
            if batch.last_seq != end:
                raise ContentDamaged("the journal has a gap")
            content = open_batch(cipher, first_seq=batch.first_seq, last_seq=batch.last_seq, sealed=batch.sealed)
            yield from reversed(list(content.numbered(batch.first_seq)))
            end = batch.first_seq - 1
        page = list(journal.filter(last_seq__lte=end)[:PAGE]) if end else []
        if end and not page:
            raise ContentDamaged("the journal does not begin with its first event")


def _of_snapshot(owner_id: int, snapshot_id: uuid.UUID, *, now: datetime) -> list[Event]:
    """The events of one snapshot; none when it is deleted or its time is over, as its user was told."""
    try:
        snapshot = find_snapshot(owner_id=owner_id, snapshot_id=snapshot_id, now=now, with_content=True)
    except Snapshot.DoesNotExist:
        return []
    return list(open_snapshot(owner_id=owner_id, snapshot=snapshot).content.numbered(1))
