"""Bringing an old session back: a new session, or a live one, that points at the snapshot. Nothing is copied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from sessions_app.lease import Policy
from sessions_app.models import ResumedSnapshot, Session
from sessions_app.services import reading
from sessions_app.services.holding import activity, hold, write_live
from sessions_app.services.links import add_link
from sessions_app.services.publishing import publish_moved
from sessions_app.services.sealing import seal_labels, vault_unavailable
from sessions_app.services.sessions import Lease, StartRequest, make_room, start_in_room
from sessions_app.services.tiers import Plan, require_plan
from sessions_app.tiers import PAID_PLUS
from snapshots.errors import VaultError
from snapshots.models import Snapshot
from snapshots.services.keys import session_cipher
from snapshots.services.snapshots import OpenedSnapshot, open_snapshot


@dataclass(frozen=True, slots=True)
class Imported:
    """The session that now shows the snapshot's history, and the link."""

    lease: Lease
    link: ResumedSnapshot


def import_into_new(*, owner_id: int, plan: Plan, snapshot_id: Any, request: StartRequest, now: datetime) -> Imported:
    """Start a session that goes on from a snapshot, with its settings and its speakers' labels.

    The snapshot is opened, so that one that does not open is told at once; then nothing is started. It is locked
    meanwhile, so that a purge takes it either before or after.

    Raises:
        TierRequired: importing needs Paid+.
        SnapshotNotFound: unknown, purged, or somebody else's.
        VaultUnavailable: it does not open now. It stays.
        TooManySessions, TopicInUse: as for every start.
    """
    require_plan(plan, PAID_PLUS, what="Bringing an old session back")
    # Outside the transaction: what is closed here must stay closed, whatever becomes of the import.
    make_room(owner_id=owner_id, plan=plan, topic=request.topic, now=now)
    return import_in_room(owner_id=owner_id, plan=plan, snapshot_id=snapshot_id, request=request, now=now)


def import_in_room(*, owner_id: int, plan: Plan, snapshot_id: Any, request: StartRequest, now: datetime) -> Imported:
    """As :func:`import_into_new`, once the tier is known to give it and ``make_room`` has been called."""
    with transaction.atomic():
        # The session's row before the snapshot's, as in every import, so that no two of them wait for each other.
        lease = start_in_room(
            owner_id=owner_id, plan=plan, request=replace(request, policy=request.policy or Policy.PINNED), now=now
        )
        snapshot, opened = _open(owner_id, snapshot_id, now=now)
        if not lease.resumed:
            _take_over(lease.session, opened)
        return Imported(lease, add_link(lease.session, snapshot, now=now))


def import_into_live(
    *, owner_id: int, plan: Plan, snapshot_id: Any, session_id: Any, token: str, now: datetime
) -> Imported:
    """Show a snapshot's history in a live session, at the point where it is now. It is a user interaction.

    Raises:
        As :func:`import_into_new`, and InvalidSession, SessionExpired, LeaseLost for the live session.
    """
    require_plan(plan, PAID_PLUS, what="Bringing an old session back")

    def attach_history(session: Session) -> Imported:
        snapshot, _ = _open(owner_id, snapshot_id, now=now)
        changes = activity(session, occurred_at=None, now=now)
        write_live(session, **changes)
        publish_moved(session, expires_at=changes["expires_at"])
        return Imported(Lease(session, None, resumed=True), add_link(session, snapshot, now=now))

    return hold(owner_id=owner_id, session_id=session_id, token=token, now=now, work=attach_history)


def _open(owner_id: int, snapshot_id: Any, *, now: datetime) -> tuple[Snapshot, OpenedSnapshot]:
    snapshot = reading.snapshot(owner_id=owner_id, snapshot_id=snapshot_id, now=now, with_content=True, lock=True)
    try:
        return snapshot, open_snapshot(owner_id=owner_id, snapshot=snapshot)
    except VaultError as error:
        raise vault_unavailable(error) from None


def _take_over(session: Session, opened: OpenedSnapshot) -> None:
    """The earlier settings, where the new session chose none, and the names and colours of the speakers."""
    changes: dict[str, Any] = {"settings": {**opened.content.head["settings"], **session.settings}}
    if opened.labels:
        cipher = session_cipher(owner_id=session.owner_id, session_id=session.pk)
        changes |= {"labels": seal_labels(cipher, revision=1, labels=opened.labels), "labels_revision": 1}
    write_live(session, **changes)
