"""Does every snapshot open, and hold what its row says?"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from snapshots.errors import VaultError
from snapshots.models import Snapshot
from snapshots.services.snapshots import open_snapshot


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of one snapshot. ``problem`` is empty when it opened; it never holds content."""

    snapshot_id: uuid.UUID
    problem: str


def verify_snapshots(*, owner_id: int | None = None) -> Iterator[Verified]:
    """Open each snapshot in turn, and forget it again. Memory stays that of one snapshot."""
    snapshots = Snapshot.objects.order_by("pk")
    if owner_id is not None:
        snapshots = snapshots.owned_by(owner_id)
    for snapshot in snapshots.iterator(chunk_size=1):
        try:
            open_snapshot(owner_id=snapshot.owner_id, snapshot=snapshot)
        except VaultError as error:
            yield Verified(snapshot.pk, f"{type(error).__name__}: {error}")
        else:
            yield Verified(snapshot.pk, "")
