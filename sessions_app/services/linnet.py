"""What Linnet's own front end asks for, and the REST API has no word for. It knows no lease (ADR 0015).

A reload of its page forgets the session that was running. So a start does not fail for the sessions that were left
behind: the one that has been still for longest gives way, and is saved as its policy says.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from sessions_app.conf import conf
from sessions_app.errors import DemoFull, InvalidSession, ServiceUnavailable
from sessions_app.lease import CloseReason, State
from sessions_app.models import Session
from sessions_app.services.closing import close, settle, settle_overdue, try_to_close
from sessions_app.services.guests import is_guest, require_place
from sessions_app.services.holding import as_uuid, find_session, lock_session
from sessions_app.services.importing import Imported, import_in_room
from sessions_app.services.reading import snapshots
from sessions_app.services.sessions import StartRequest, make_room, start_in_room
from sessions_app.services.tiers import Plan, require_plan
from sessions_app.services.timeline import Event, Place, earlier_events
from sessions_app.tiers import PAID_PLUS
from snapshots.errors import VaultError
from snapshots.models import Snapshot

NOT_SHOWN = "What was annotated before can't be shown at the moment. Nothing is lost."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot's metadata, and the settings of the session that it was made of."""

    snapshot: Snapshot
    settings: dict[str, Any]


def start(*, owner_id: int, plan: Plan, request: StartRequest, now: datetime) -> Session:
    """Start a session that nobody holds a lease of. At the user's limit, others of that kind give way.

    Raises:
        TooManySessions, DemoFull: the limit is held by sessions that may not be closed for this.
        VaultUnavailable: the user's key is not available now; nothing was closed either.
    """
    # Before the lock, and in transactions of their own: what is past its deadline is over in any case.
    make_room(owner_id=owner_id, plan=plan, topic="", now=now)
    with transaction.atomic():
        _give_way(owner_id, now=now)
        return start_in_room(owner_id=owner_id, plan=plan, request=replace(request, leaseless=True), now=now).session


def resume(*, owner_id: int, plan: Plan, snapshot_id: Any, request: StartRequest, now: datetime) -> Imported:
    """Start such a session, going on from a snapshot. If that can't be, nothing gave way.

    Raises:
        TierRequired, PlanUnknown: resuming needs Paid+.
        SnapshotNotFound, VaultUnavailable, TooManySessions: as ``importing.import_into_new``.
    """
    require_plan(plan, PAID_PLUS, what="Bringing an old session back")
    make_room(owner_id=owner_id, plan=plan, topic="", now=now)
    with transaction.atomic():
        _give_way(owner_id, now=now)
        return import_in_room(
            owner_id=owner_id,
            plan=plan,
            snapshot_id=snapshot_id,
            request=replace(request, leaseless=True),
            now=now,
        )


def _give_way(owner_id: int, *, now: datetime) -> None:
    """Close as many of the user's leaseless live sessions as stand in the way of one more, the stillest first.

    One that can't be saved now stays as it is, and the next gives way. What a client holds the lease of never does.
    """
    # The lock of every start, taken before it is counted: a hundred starts at once make room one after the other.
    owner = get_user_model().objects.select_for_update(no_key=True).get(pk=owner_id)
    live = Session.objects.owned_by(owner_id).live_at(now)
    excess = live.count() - conf.max_live + 1
    if is_guest(owner):
        try:
            require_place(now=now)
        except DemoFull:
            # A guest who reloads the page takes no second place of the few.
            excess = max(excess, 1)
    if excess <= 0:
        return
    # All of them, in the order in which every batch of locks is taken, so that no two wait for each other.
    locked = live.filter(leaseless=True).with_key().select_for_update(of=("self",)).order_by("pk")
    for session in sorted(locked, key=lambda one: (one.last_activity_at, one.started_at)):
        try:
            with transaction.atomic():
                close(session, reason=CloseReason.SUPERSEDED, now=now)
        except VaultError as error:
            log.warning("session_not_superseded session=%s error=%s", session.pk, type(error).__name__)
            continue
        excess -= 1
        if not excess:
            return


def live_session(*, owner_id: int, session_id: Any, now: datetime) -> Session:
    """The user's own live session. Needs neither key nor cache nor a right clock: it is there whatever else is amiss.

    Raises:
        InvalidSession: it is over, or unknown, malformed, somebody else's.
    """
    try:
        session = find_session(owner_id=owner_id, session_id=session_id, now=now)
    except ServiceUnavailable:
        # Our clock is ahead: by the database's it is live, and on a 503 the front end would wipe what is on its screen.
        live = Session.objects.owned_by(owner_id).filter(pk=as_uuid(session_id), state=State.ACTIVE).first()
        if live is None:
            raise InvalidSession from None
        return live
    if session.is_over(now):
        raise InvalidSession
    return session


def stop(*, owner_id: int, session_id: Any, now: datetime) -> Session:
    """End a live session, whoever holds its lease.

    The front end shows it as ended whatever is answered, so it must be: one that can't be saved now is over all the
    same, from this moment, and the sweep saves it as soon as it can be.

    Raises:
        InvalidSession: it is over already, or unknown, malformed, somebody else's.
    """
    with transaction.atomic():
        session = lock_session(owner_id=owner_id, session_id=session_id)
        if session.is_overdue(now):
            settle(session, now=now)
        elif not session.is_closed:
            if not try_to_close(session, reason=CloseReason.ENDED, now=now):
                # An earlier deadline is what says "ended by its user" when the sweep gets to it.
                session.expires_at = max(now, session.last_activity_at)
                Session.objects.filter(pk=session.pk).update(expires_at=session.expires_at)
            return session
    # Outside the transaction: what was closed in place must stay closed.
    raise InvalidSession


def prelude(
    place: Place | None, *, owner_id: int, session_id: uuid.UUID, now: datetime
) -> tuple[Iterator[Event], Place | None]:
    """A page of what a stream shows first: the earlier sessions' events; where they don't open now, that they don't.

    The live session must be shown all the same. Takes and returns what :func:`timeline.earlier_events` does.
    """
    try:
        return earlier_events(place, owner_id=owner_id, session_id=session_id, now=now)
    except VaultError as error:
        log.warning("prelude_not_shown session=%s error=%s", session_id, type(error).__name__)
        return iter([{"event_type": "service", "status": "warning", "detail": NOT_SHOWN}]), None


def saved_sessions(*, owner_id: int, plan: Plan, limit: int, now: datetime) -> list[Saved]:
    """The user's last snapshots, the one that ended last first.

    Raises:
        TierRequired, PlanUnknown: this list comes with Paid+. The REST API lists them for everybody.
    """
    require_plan(plan, PAID_PLUS, what="Bringing an old session back")
    own = Session.objects.owned_by(owner_id)
    settle_overdue(own, now=now)
    found = list(snapshots(owner_id=owner_id, now=now).order_by("-ended_at", "-id")[:limit])
    sessions = own.filter(pk__in=[snapshot.session_id for snapshot in found])
    settings = dict(sessions.values_list("pk", "settings"))
    return [Saved(snapshot, settings.get(snapshot.session_id, {})) for snapshot in found]
