"""Making a snapshot, opening it, and finding a user's own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from snapshots.content import Content
from snapshots.crypto import CryptoError, SessionCipher
from snapshots.errors import ContentDamaged
from snapshots.models import Snapshot, UserKey
from snapshots.services.keys import session_cipher
from snapshots.statements import add_stored_bytes, insert

#: Version of the head of a snapshot's content.
CONTENT_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class OpenedSnapshot:
    """A snapshot's content in the clear. ``labels`` are the user's names and colours by speaker id."""

    content: Content
    labels: dict[str, Any]


def create_snapshot(
    *,
    cipher: SessionCipher,
    owner_id: int,
    session_id: uuid.UUID,
    head: Mapping[str, Any],
    lines: list[bytes],
    labels: Mapping[str, Any],
    speaker_count: int,
    started_at: datetime,
    ended_at: datetime,
    expires_at: datetime,
    now: datetime,
) -> Snapshot:
    """Seal a closed session's events and labels, open them again, compare, and store them.

    Runs inside the caller's transaction, which also closes the session: both happen or neither does.

    Raises:
        ContentDamaged: what was sealed did not open to the same bytes.
        PayloadTooLarge: more than one snapshot may hold (appends are refused long before).
        IntegrityError: the session has a snapshot already.
    """
    body = Content({"schema": CONTENT_SCHEMA, **head}, lines).pack()
    count = len(lines)
    annotations = cipher.seal_annotations(count, count, body)
    labels_body = Content(dict(labels), []).pack()
    sealed_labels = cipher.seal_labels(1, labels_body)
    try:
        same = (
            cipher.open_annotations(count, count, annotations) == body
            and cipher.open_labels(1, sealed_labels) == labels_body
        )
    except CryptoError:
        same = False
    if not same:
        raise ContentDamaged("the new snapshot did not open to what was sealed")
    snapshot = Snapshot(
        owner_id=owner_id,
        session_id=session_id,
        annotations=annotations,
        labels=sealed_labels,
        labels_revision=1,
        event_count=count,
        speaker_count=speaker_count,
        size=len(annotations) + len(sealed_labels),
        started_at=started_at,
        ended_at=ended_at,
        created_at=now,
        expires_at=expires_at,
    )
    insert(Snapshot, [snapshot])
    add_stored_bytes(owner_id, snapshot.size)
    return snapshot


def find_snapshot(
    *, owner_id: int, snapshot_id: Any, now: datetime, with_content: bool = False, lock: bool = False
) -> Snapshot:
    """The user's own snapshot, if its retention is not over.

    Raises:
        Snapshot.DoesNotExist: unknown, malformed, another user's, or past its retention.
    """
    snapshots = Snapshot.objects.owned_by(owner_id).available_at(now)
    if not with_content:
        snapshots = snapshots.metadata()
    if lock:
        snapshots = snapshots.select_for_update()
    try:
        return snapshots.get(pk=snapshot_id)
    except ValidationError:
        raise Snapshot.DoesNotExist from None


def open_snapshot(*, owner_id: int, snapshot: Snapshot) -> OpenedSnapshot:
    """Open a snapshot for its owner.

    Raises:
        KeyMissing: a key is not available now.
        ContentDamaged: a record does not open, or holds another number of events than its row says.
    """
    cipher = session_cipher(owner_id=owner_id, session_id=snapshot.session_id)
    count = snapshot.event_count
    try:
        content = Content.unpack(cipher.open_annotations(count, count, bytes(snapshot.annotations)))
        labels = Content.unpack(cipher.open_labels(snapshot.labels_revision, bytes(snapshot.labels))).head
    except (CryptoError, ValueError):
        raise ContentDamaged("the snapshot does not open") from None
    if len(content.lines) != count:
        raise ContentDamaged("the snapshot does not hold as many events as its row says")
    return OpenedSnapshot(content, labels)


def stored_bytes(*, owner_id: int) -> int:
    """How much a user's snapshots take, in sealed bytes."""
    return UserKey.objects.filter(owner_id=owner_id).values_list("stored_bytes", flat=True).first() or 0
