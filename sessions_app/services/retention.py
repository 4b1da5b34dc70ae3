"""What is kept, and until when: the user's choices, deletion, and the purge."""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from sessions_app.errors import (
    FieldProblem,
    InvalidFields,
    InvalidTransition,
)
from sessions_app.lease import CloseReason
from sessions_app.models import Session
from sessions_app.services import reading
from sessions_app.services.closing import retention as usual_retention
from sessions_app.services.closing import settle
from sessions_app.services.holding import as_uuid, lock_session
from sessions_app.services.links import hand_on
from sessions_app.services.tiers import Plan, require_plan, resolve_plan
from sessions_app.tiers import PAID_PLUS
from snapshots.errors import RetentionInvalid
from snapshots.models import Snapshot, SnapshotQuerySet
from snapshots.services import retention as vault
from snapshots.services.keys import destroy_session_keys

log = logging.getLogger(__name__)

PURGE_BATCH = 100
#: How long a round asks for plans, in seconds: well within a task's time limit.
RELEASE_S = 120


def change_retention(
    *,
    owner_id: int,
    plan: Plan,
    snapshot_id: Any,
    keep: bool | None = None,
    expires_at: datetime | None = None,
    now: datetime,
) -> Snapshot:
    """Keep a snapshot, let it go again, or bring its end forward.

    Raises:
        SnapshotNotFound: unknown, purged, or somebody else's.
        TierRequired, PlanUnknown: keeping needs Paid+.
        InvalidFields: an end that can't be given.
    """
    if keep:
        require_plan(plan, PAID_PLUS, what="Keeping a snapshot without an end")
    with transaction.atomic():
        snapshot = reading.snapshot(owner_id=owner_id, snapshot_id=snapshot_id, now=now, lock=True)
        if keep is not None:
            keep_or_release(snapshot, keep=keep, now=now)
        if expires_at is not None:
            try:
                vault.shorten(snapshot=snapshot, expires_at=expires_at, latest=_usual_end(owner_id, now), now=now)
            except RetentionInvalid as error:
                raise InvalidFields([FieldProblem("expires_at", "retention", str(error))]) from None
    return snapshot


def keep_or_release(snapshot: Snapshot, *, keep: bool, now: datetime) -> None:
    """Keep a locked snapshot without an end, or give it the usual end again, counted from now."""
    if keep:
        vault.keep(snapshot=snapshot)
    else:
        vault.release(snapshot=snapshot, expires_at=_usual_end(snapshot.owner_id, now))


def _usual_end(owner_id: int, now: datetime) -> datetime:
    return now + usual_retention(owner_id, CloseReason.IDLE)


def delete_snapshot(*, owner_id: int, snapshot_id: Any, now: datetime) -> None:
    """Destroy a snapshot and its key at once.

    Raises:
        SnapshotNotFound: unknown, purged, or somebody else's.
    """
    with transaction.atomic():
        snapshot = reading.snapshot(owner_id=owner_id, snapshot_id=snapshot_id, now=now, lock=True)
        remove([snapshot], because="user", now=now)


def remove(snapshots: list[Snapshot], *, because: str, now: datetime) -> None:
    """Destroy locked snapshots, keys first, and note on their sessions when and why.

    Args:
        because: ``expired``, ``user`` or ``staff``.
    """
    session_ids = vault.delete(snapshots=snapshots)
    Session.objects.filter(pk__in=session_ids).update(snapshot_removed_at=now, snapshot_removed_because=because)
    for snapshot in snapshots:
        log.info("snapshot_purged snapshot=%s session=%s because=%s", snapshot.pk, snapshot.session_id, because)


def delete_session(*, owner_id: int, session_id: Any, now: datetime) -> None:
    """Remove a closed session: its keys, its snapshot, its row.

    Raises:
        InvalidSession: unknown, malformed, or somebody else's.
        InvalidTransition: it is live, or past its deadline and not saved yet.
    """
    wanted = as_uuid(session_id)
    with transaction.atomic():
        # Its snapshot is locked before the session, as deleting and purging snapshots do: two that lock the same
        # rows in opposite orders would wait for each other.
        list(Snapshot.objects.owned_by(owner_id).metadata().select_for_update().filter(session_id=wanted))
        session = lock_session(owner_id=owner_id, session_id=wanted)
        if session.is_overdue(now):
            settle(session, now=now)
        if session.is_closed:
            _delete_row(session)
            return
    raise InvalidTransition("The session is live. End it first, then delete it.")


def _delete_row(session: Session) -> None:
    snapshots = Snapshot.objects.metadata().select_for_update().filter(session_id=session.pk)
    vault.delete(snapshots=snapshots)
    destroy_session_keys(session_ids=[session.pk])
    hand_on(session)
    session_id = session.pk
    session.delete()
    log.info("session_deleted session=%s", session_id)


@dataclass(frozen=True, slots=True)
class PurgeFilter:
    """Which expired snapshots a purge is about. It narrows; it never reaches what is still within its time."""

    owner_id: int | None = None
    older_than: timedelta | None = None

    def matching(self, *, now: datetime) -> SnapshotQuerySet:
        """All snapshots of this owner and age, whether or not their time is over."""
        snapshots: SnapshotQuerySet = Snapshot.objects.all()
        if self.owner_id is not None:
            snapshots = snapshots.owned_by(self.owner_id)
        if self.older_than is not None:
            snapshots = snapshots.filter(created_at__lte=now - self.older_than)
        return snapshots

    def due(self, *, now: datetime) -> SnapshotQuerySet:
        return self.matching(now=now).expired_at(now)


def purge(*, which: PurgeFilter, now: datetime) -> Iterator[int]:
    """Destroy what is past its retention, in batches, each in its own transaction. Yields each batch's size.

    Rows that somebody holds (an import, another purge) are left to the next round.
    """
    while True:
        with transaction.atomic():
            batch = vault.lock_some(which.due(now=now), limit=PURGE_BATCH)
            remove(batch, because="expired", now=now)
        if not batch:
            return
        yield len(batch)


def release_lapsed(*, now: datetime) -> int:
    """Give the kept snapshots of users without Paid+ an end again, the usual time from now. Returns how many.

    A lapsed plan destroys nothing: it only ends "without an end". Nor does it when nobody can say now that it lapsed.
    """
    released = 0
    owners = list(
        Snapshot.objects.filter(expires_at__isnull=True).order_by().values_list("owner_id", flat=True).distinct()
    )
    # Each plan may be a question to the licence server. When there is no time for all, everyone has a turn some hour.
    random.shuffle(owners)
    until = time.monotonic() + RELEASE_S
    for owner_id in owners:
        if time.monotonic() >= until:
            break
        plan = resolve_plan(user_id=owner_id, now=now)
        if plan.tier.covers(PAID_PLUS) or plan.stale or not plan.known:
            continue
        kept = Snapshot.objects.owned_by(owner_id).filter(expires_at__isnull=True)
        released += kept.update(expires_at=_usual_end(owner_id, now))
    return released


def remove_as_staff(*, snapshot_id: uuid.UUID, now: datetime) -> bool:
    """Destroy one snapshot for support staff. Returns whether it was still there."""
    with transaction.atomic():
        snapshot = Snapshot.objects.metadata().select_for_update().filter(pk=snapshot_id).first()
        if snapshot is None:
            return False
        remove([snapshot], because="staff", now=now)
    return True
