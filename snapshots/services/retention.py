"""How long a snapshot is kept: keep, shorten, delete, purge. Keys go first, then rows."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from snapshots.errors import RetentionInvalid
from snapshots.models import Snapshot, SnapshotQuerySet, UserKey
from snapshots.services.keys import destroy_session_keys


def keep(*, snapshot: Snapshot) -> None:
    """Keep without an end. Whether the user may is the caller's question."""
    _set_expiry(snapshot, None)


def release(*, snapshot: Snapshot, expires_at: datetime) -> None:
    """Give a kept snapshot an end again. One that has an end keeps the one it has."""
    if snapshot.is_kept:
        _set_expiry(snapshot, expires_at)


def shorten(*, snapshot: Snapshot, expires_at: datetime, latest: datetime, now: datetime) -> None:
    """Bring the end of the retention forward.

    Args:
        latest: the latest end that a kept snapshot may be given: a far date would be keeping it by another name.

    Raises:
        RetentionInvalid: the new end is not in the future, or later than it may be.
    """
    if expires_at <= now:
        raise RetentionInvalid("must be in the future; to remove the snapshot now, delete it")
    if expires_at > (snapshot.expires_at or latest):
        raise RetentionInvalid(
            "must not be later than the present end, or, of a kept snapshot, than the usual one; to keep it, set keep "
            "to true"
        )
    _set_expiry(snapshot, expires_at)


def _set_expiry(snapshot: Snapshot, expires_at: datetime | None) -> None:
    snapshot.expires_at = expires_at
    Snapshot.objects.filter(pk=snapshot.pk).update(expires_at=expires_at)


def delete(*, snapshots: Iterable[Snapshot]) -> list[uuid.UUID]:
    """Destroy these snapshots, keys first. Returns the ids of their sessions.

    Runs inside the caller's transaction, with the rows locked.
    """
    doomed = list(snapshots)
    session_ids = [snapshot.session_id for snapshot in doomed]
    destroy_session_keys(session_ids=session_ids)
    Snapshot.objects.filter(pk__in=[snapshot.pk for snapshot in doomed]).delete()
    freed: defaultdict[int, int] = defaultdict(int)
    for snapshot in doomed:
        freed[snapshot.owner_id] += snapshot.size
    for owner_id in sorted(freed):  # always in one order, so that two purges never wait for each other
        # Never below zero: a sum that is wrong must not keep anything from being deleted.
        left = Greatest(F("stored_bytes") - freed[owner_id], Value(0))
        UserKey.objects.filter(owner_id=owner_id).update(stored_bytes=left)
    return session_ids


def lock_some(snapshots: SnapshotQuerySet, *, limit: int) -> list[Snapshot]:
    """Up to ``limit`` rows of these, locked; rows that others hold (an import, another purge) are passed over."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("lock_some needs a transaction")
    return list(snapshots.metadata().select_for_update(skip_locked=True).order_by("pk")[:limit])
