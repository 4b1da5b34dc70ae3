"""Does every snapshot open, and hold what its row says?"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from snapshots.errors import VaultError
from snapshots.models import Snapshot, SnapshotQuerySet
from snapshots.services.snapshots import open_snapshot


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of one snapshot. ``problem`` is empty when it opened; it never holds content."""

    snapshot_id: uuid.UUID
    problem: str


def count_snapshots(*, owner_id: int | None = None) -> int:
    """How many there are to verify."""
    return _of(owner_id).count()


def _of(owner_id: int | None) -> SnapshotQuerySet:
    snapshots: SnapshotQuerySet = Snapshot.objects.order_by("pk")
    return snapshots if owner_id is None else snapshots.owned_by(owner_id)


def verify_snapshots(*, owner_id: int | None = None) -> Iterator[Verified]:
    """Open each snapshot in turn, and forget it again. Memory stays that of one snapshot."""
    for snapshot in _of(owner_id).iterator(chunk_size=1):
        try:
            open_snapshot(owner_id=snapshot.owner_id, snapshot=snapshot)
        except VaultError as error:
            yield Verified(snapshot.pk, f"{type(error).__name__}: {error}")
        else:
            yield Verified(snapshot.pk, "")
