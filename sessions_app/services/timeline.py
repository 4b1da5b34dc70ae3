"""A conversation as its user saw it: what was brought back from earlier sessions first, then the session's own events.

Nothing is stored twice (ADR 0003), so the parts are put together when they are read, and only as far as is asked.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from snapshots.content import Content
from snapshots.errors import ContentDamaged, VaultError
from snapshots.models import Snapshot
from snapshots.services.keys import session_cipher
from snapshots.services.snapshots import find_snapshot, open_snapshot

Event = dict[str, Any]
Wanted = Callable[[Event], bool]
Written = Callable[[Event], bytes | None]

#: Batches that are in memory at a time.
PAGE = 100
#: Bytes of a snapshot's events that a stream is given at a time. Opening it again for the next ones takes 0.3 s
#: where it is as large as one can be; keeping it while a slow reader takes them would keep a hundred megabytes.
SNAPSHOT_PAGE_BYTES = 2 * 1024 * 1024


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


def whole_conversation(
    *, owner_id: int, session_id: Any, written: Written, now: datetime
) -> tuple[Session, list[bytes]]:
    """What is written of all events, oldest first, of a session that is live, or closed with a snapshot that is kept.

    One event is in memory at a time, and what was written of the others.

    Args:
        written: an event as the answer has it; None: nothing of this one.

    Raises:
        InvalidSession: nothing is kept of it; or it is unknown, malformed, somebody else's.
        VaultUnavailable: it can't be opened now.
    """
    session = find_session(owner_id=owner_id, session_id=session_id, now=now)
    try:
        try:
            found = list(_written(session, written, now=now))
        except VaultError:
            # It may have been closed while we read: then all is in its snapshot.
            was_closed, session = session.is_closed, find_session(owner_id=owner_id, session_id=session_id, now=now)
            if was_closed or not session.is_closed:
                raise
            found = list(_written(session, written, now=now))
    except VaultError as error:
        raise vault_unavailable(error) from None
    return session, found[::-1]


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading earlier events goes on: the snapshots that are left, oldest first, and after which number."""

    snapshots: tuple[uuid.UUID, ...]
    after: int = 0


def earlier_events(
    place: Place | None, *, owner_id: int, session_id: uuid.UUID, now: datetime
) -> tuple[Iterator[Event], Place | None]:
    """A page of the events of the earlier sessions that this one goes on from, oldest first.

    Args:
        place: where to go on; None: at the beginning.

    Returns:
        The events, and where to go on; None: these were the last.

    Raises:
        VaultError: they can't be opened now.
    """
    if place is None:
        place = Place(tuple(link.snapshot_id for link in reversed(list(linked(owner_id, session_id)))))
    if not place.snapshots:
        return iter(()), None
    page = page_of_snapshot(owner_id=owner_id, snapshot_id=place.snapshots[0], after=place.after, now=now)
    following = Place(place.snapshots[1:]) if page.whole else Place(place.snapshots, page.last_seq)
    return page.events(), following if following.snapshots else None


@dataclass(frozen=True, slots=True)
class SnapshotPage:
    """Some events of a snapshot: those after ``after``. ``whole``: there are no more."""

    content: Content
    after: int
    whole: bool

    @property
    def last_seq(self) -> int:
        return self.after + len(self.content.lines)

    def events(self) -> Iterator[Event]:
        """Each is parsed when it is asked for."""
        return self.content.numbered(self.after + 1)


def page_of_snapshot(*, owner_id: int, snapshot_id: uuid.UUID, after: int, now: datetime) -> SnapshotPage:
    """About ``SNAPSHOT_PAGE_BYTES`` of one snapshot's events; none where none is kept any more.

    Raises:
        VaultError: it can't be opened now.
    """
    lines = _of_snapshot(owner_id, snapshot_id, now=now).lines
    end, size = after, 0
    while end < len(lines) and size < SNAPSHOT_PAGE_BYTES:
        size += len(lines[end])
        end += 1
    return SnapshotPage(Content({}, lines[after:end]), after, whole=end >= len(lines))


def _written(session: Session, written: Written, *, now: datetime) -> Iterator[bytes]:
    return (line for line in map(written, _newest_first(session, now=now)) if line is not None)


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
        yield from _of_snapshot(session.owner_id, snapshot.pk, now=now).numbered_backwards(1)
    else:
        yield from _journal_backwards(session)
    for link in linked(session.owner_id, session.pk):
        yield from _of_snapshot(session.owner_id, link.snapshot_id, now=now).numbered_backwards(1)


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
            yield from content.numbered_backwards(batch.first_seq)
            end = batch.first_seq - 1
        page = list(journal.filter(last_seq__lte=end)[:PAGE]) if end else []
        if end and not page:
            raise ContentDamaged("the journal does not begin with its first event")


def _of_snapshot(owner_id: int, snapshot_id: uuid.UUID, *, now: datetime) -> Content:
    """One snapshot's events; none when it is deleted or its time is over, as its user was told."""
    try:
        snapshot = find_snapshot(owner_id=owner_id, snapshot_id=snapshot_id, now=now, with_content=True)
    except Snapshot.DoesNotExist:
        return Content({}, [])
    return open_snapshot(owner_id=owner_id, snapshot=snapshot).content
