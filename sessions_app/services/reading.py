"""Reading sessions: lists and details. Metadata, and the labels of the user's own live session."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions_app.errors import SnapshotNotFound
from sessions_app.models import ResumedSnapshot, Session, SessionQuerySet
from sessions_app.services.closing import settle_overdue, snapshot_of
from sessions_app.services.holding import find_session
from sessions_app.services.sealing import open_labels, vault_unavailable
from snapshots.content import Content
from snapshots.errors import VaultError
from snapshots.models import Snapshot, SnapshotQuerySet
from snapshots.services.keys import session_cipher
from snapshots.services.snapshots import find_snapshot, open_snapshot


@dataclass(frozen=True, slots=True)
class Kept:
    """A session and the metadata of its snapshot, if one is kept."""

    session: Session
    snapshot: Snapshot | None


@dataclass(frozen=True, slots=True)
class Detail:
    """One session with all that belongs to it but its events."""

    kept: Kept
    resumed: list[ResumedSnapshot]
    labels: dict[str, Any]


def newest_sessions(*, owner_id: int, now: datetime) -> SessionQuerySet:
    """The user's sessions, newest first. What is past its deadline is closed first: none looks live that isn't."""
    own = Session.objects.owned_by(owner_id)
    settle_overdue(own, now=now)
    return own.defer("labels")


def with_snapshots(sessions: Iterable[Session], *, owner_id: int, now: datetime) -> list[Kept]:
    """Each session beside its snapshot. One query for all."""
    found = list(sessions)
    snapshots = Snapshot.objects.owned_by(owner_id).available_at(now).metadata()
    by_session: dict[uuid.UUID, Snapshot] = {
        snapshot.session_id: snapshot for snapshot in snapshots.filter(session_id__in=[s.pk for s in found])
    }
    return [Kept(session, by_session.get(session.pk)) for session in found]


def read_detail(*, owner_id: int, session_id: Any, now: datetime) -> Detail:
    """One of the user's sessions. The labels of a closed one are in its snapshot.

    Raises:
        InvalidSession: unknown, malformed, or somebody else's.
        VaultUnavailable: the labels of a live session can't be opened now.
    """
    session = find_session(owner_id=owner_id, session_id=session_id, now=now)
    labels: dict[str, Any] = {}
    if session.labels is not None:
        try:
            labels = open_labels(session, session_cipher(owner_id=owner_id, session_id=session.pk))
        except VaultError as error:
            raise vault_unavailable(error) from None
    snapshot = snapshot_of(session, now=now) if session.is_closed else None
    return Detail(Kept(session, snapshot), list(session.resumed.all()), labels)


@dataclass(frozen=True, slots=True)
class Export:
    """A snapshot's content in the clear, for its owner."""

    snapshot: uuid.UUID
    session: uuid.UUID
    started_at: datetime
    ended_at: datetime
    settings: dict[str, Any]
    speakers: dict[str, Any]
    content: Content

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events as sent, each with its ``seq``."""
        return list(self.content.numbered(1))


def snapshots(*, owner_id: int, now: datetime) -> SnapshotQuerySet:
    """The metadata of the user's snapshots that are still kept."""
    return Snapshot.objects.owned_by(owner_id).available_at(now).metadata()


def snapshot(
    *, owner_id: int, snapshot_id: Any, now: datetime, with_content: bool = False, lock: bool = False
) -> Snapshot:
    """One of the user's snapshots: its metadata, and its content and the lock of its row where they are wanted.

    Raises:
        SnapshotNotFound: unknown, malformed, purged, or somebody else's.
    """
    try:
        return find_snapshot(owner_id=owner_id, snapshot_id=snapshot_id, now=now, with_content=with_content, lock=lock)
    except Snapshot.DoesNotExist:
        raise SnapshotNotFound from None


def export(*, owner_id: int, snapshot_id: Any, now: datetime) -> Export:
    """Open a snapshot for its owner.

    Raises:
        SnapshotNotFound: unknown, malformed, purged, or somebody else's.
        VaultUnavailable: it can't be opened now. It stays.
    """
    found = snapshot(owner_id=owner_id, snapshot_id=snapshot_id, now=now, with_content=True)
    try:
        opened = open_snapshot(owner_id=owner_id, snapshot=found)
    except VaultError as error:
        raise vault_unavailable(error) from None
    return Export(
        snapshot=found.pk,
        session=found.session_id,
        started_at=found.started_at,
        ended_at=found.ended_at,
        settings=opened.content.head["settings"],
        speakers=opened.labels,
        content=opened.content,
    )
