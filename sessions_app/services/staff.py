"""What support staff can do to a session. They see metadata and never content."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from sessions_app.errors import InvalidTransition, PlanUnknown, SnapshotNotFound, TierRequired
from sessions_app.lease import CloseReason
from sessions_app.models import Session
from sessions_app.services.closing import close
from sessions_app.services.retention import keep_or_release
from sessions_app.services.sealing import vault_unavailable
from sessions_app.services.tiers import resolve_plan
from sessions_app.tiers import PAID_PLUS
from snapshots.errors import VaultError
from snapshots.models import Snapshot

_GONE = "It is gone: it was deleted meanwhile, or its time is over."


def end_as_staff(*, session_id: uuid.UUID, now: datetime) -> Session:
    """Close a live session now, saving its snapshot as its policy says.

    Raises:
        InvalidTransition: it is closed already.
        VaultUnavailable: it can't be saved now; it stays as it is.
    """
    with transaction.atomic():
        session = Session.objects.lock(session_id)
        if session.is_closed:
            raise InvalidTransition("The session is closed already.")
        overdue = session.is_overdue(now)
        try:
            close(session, reason=session.reason_at_deadline if overdue else CloseReason.STAFF, now=now)
        except VaultError as error:
            raise vault_unavailable(error) from None
    return session


def release_from_quarantine(*, session_id: uuid.UUID, now: datetime) -> None:
    """Let the sweep try again at once, with all its tries.

    Raises:
        InvalidTransition: it is not in quarantine.
    """
    released = Session.objects.filter(pk=session_id, quarantined_at__isnull=False).update(
        quarantined_at=None, close_attempts=0, sweep_after=now
    )
    if not released:
        raise InvalidTransition("The session is not in quarantine.")


def keep_as_staff(*, snapshot_id: uuid.UUID, now: datetime) -> bool:
    """Keep one snapshot without an end, as its user could. Returns whether it had an end before.

    Raises:
        SnapshotNotFound: it is gone, or its time is over.
        TierRequired: its user's plan does not give this.
        PlanUnknown: nobody can say now whether it does.
    """
    snapshots = Snapshot.objects.available_at(now).metadata()
    owner_id = snapshots.filter(pk=snapshot_id).values_list("owner_id", flat=True).first()
    if owner_id is None:
        raise SnapshotNotFound(_GONE)
    # Before the row is locked: what knows the plans may be slow.
    plan = resolve_plan(user_id=owner_id, now=now)
    if not plan.known:
        raise PlanUnknown
    if not plan.tier.covers(PAID_PLUS):
        raise TierRequired(
            f"Keeping without an end comes with the {PAID_PLUS.value} plan and above; this user's plan is "
            f"{plan.tier.value} now."
        )
    with transaction.atomic():
        snapshot = snapshots.select_for_update().filter(pk=snapshot_id).first()
        if snapshot is None:
            raise SnapshotNotFound(_GONE)
        had_an_end = not snapshot.is_kept
        keep_or_release(snapshot, keep=True, now=now)
    return had_an_end


def let_go_as_staff(*, snapshot_id: uuid.UUID, now: datetime) -> Snapshot:
    """Give a kept snapshot its usual end again, counted from now. One that has an end keeps the one it has.

    Raises:
        SnapshotNotFound: it is gone, or its time is over.
    """
    with transaction.atomic():
        snapshot = Snapshot.objects.available_at(now).metadata().select_for_update().filter(pk=snapshot_id).first()
        if snapshot is None:
            raise SnapshotNotFound(_GONE)
        keep_or_release(snapshot, keep=False, now=now)
    return snapshot


def snapshots_of(sessions: Iterable[Session]) -> dict[uuid.UUID, Snapshot]:
    """The metadata of these sessions' snapshots by session, those past their retention too. One query."""
    wanted = [session.pk for session in sessions if session.is_closed]
    return {snapshot.session_id: snapshot for snapshot in Snapshot.objects.metadata().filter(session_id__in=wanted)}
