"""Holding a lease: lock the row, then check the deadline and the token, then write.

A write that waited for the row's lock may have outlived the lease meanwhile, so the deadline is looked at only
after the lock is held, and the write itself carries it in its WHERE clause against the database's own clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from sessions_app.errors import FieldProblem, InvalidSession, LeaseLost, OutsideWindow
from sessions_app.lease import CLOCK_TOLERANCE
from sessions_app.models import Session
from sessions_app.models.locked import AnySession
from sessions_app.models.statements import update_live
from sessions_app.services.closing import session_over, settle
from snapshots.statements import OneRow

T = TypeVar("T")

_LOCKED = OneRow(
    lambda owner_id, session_id: Session.objects.owned_by(owner_id).locked(session_id),
    owner_id=Session._meta.get_field("owner"),
    session_id=Session._meta.pk,
)


class _DeadlinePassed(Exception):
    """The guarded write changed no row: the lease ran out while the request was under way."""


def token_mac(token: str) -> bytes:
    """The keyed MAC under which a lease token is stored. A new SECRET_KEY means attaching again."""
    return salted_hmac("sessions_app.lease.token", token, algorithm="sha256").digest()


def holds(session: Session, token: str) -> bool:
    """Whether this is the session's current token."""
    return session.token_mac is not None and constant_time_compare(bytes(session.token_mac), token_mac(token))


def hold(
    *,
    owner_id: int,
    session_id: Any,
    token: str | None,
    now: datetime,
    work: Callable[[Session], T],
) -> T:
    """Do one write on a live session, in one transaction, as the holder of its lease.

    Args:
        token: the lease token, or None for what needs no lease (attaching makes a new one).
        work: gets the locked row, with its keys. Its first write must be :func:`write_live`.

    Raises:
        InvalidSession: unknown, malformed, or somebody else's.
        SessionExpired: closed, or past its deadline; in the latter case it is closed here and now.
        LeaseLost: the token is not the current one.
    """
    with transaction.atomic():
        session = _LOCKED.get(owner_id=owner_id, session_id=as_uuid(session_id))
        if session is None:
            raise InvalidSession
        if not session.is_over(now):
            if token is not None and not holds(session, token):
                raise LeaseLost
            try:
                return work(session)
            except _DeadlinePassed:
                now = max(now, session.expires_at)
        settle(session, now=now)
    # Outside the transaction: the close above must stay, whatever is answered.
    raise session_over(session, now=now)


def write_live(session: Session, **changes: Any) -> None:
    """The guarded write: only while the row is live, of this epoch, and before its deadline."""
    if not update_live(session, changes):
        raise _DeadlinePassed
    for name, value in changes.items():
        setattr(session, name, value)


def activity(session: AnySession, *, occurred_at: datetime | None, now: datetime) -> dict[str, Any]:
    """What activity of that moment changes on the row: its clocks, and never ``sweep_after``.

    Raises:
        OutsideWindow: before the session's start, or further in the future than clocks differ.
    """
    # Only what a client told can be outside: our own `now` may be a little before a start that another web
    # process, with a clock of its own, has given a time to.
    if occurred_at is not None and occurred_at < session.started_at:
        raise OutsideWindow([FieldProblem("occurred_at", "before_start", "must not be before the session's start")])
    if occurred_at is not None and occurred_at > now + CLOCK_TOLERANCE:
        raise OutsideWindow([FieldProblem("occurred_at", "in_future", "must not be in the future")])
    clocks = session.clocks.after_activity(now if occurred_at is None else min(occurred_at, now))
    return {"last_activity_at": clocks.last_activity_at, "expires_at": clocks.expires_at}


def find_session(*, owner_id: int, session_id: Any, now: datetime) -> Session:
    """A user's own session for reading. One that is past its deadline is closed here and now.

    Raises:
        InvalidSession: unknown, malformed, or somebody else's.
    """
    own = Session.objects.owned_by(owner_id)
    try:
        session = own.get(pk=as_uuid(session_id))
        if session.is_overdue(now):
            with transaction.atomic():
                session = own.lock(session.pk)
                if session.is_overdue(now):
                    settle(session, now=now)
    except Session.DoesNotExist:
        raise InvalidSession from None
    return session


def lock_session(*, owner_id: int, session_id: Any) -> Session:
    """A user's own session with its keys, locked until the caller's transaction ends, in whatever state it is.

    Raises:
        InvalidSession: unknown, malformed, or somebody else's.
    """
    try:
        return Session.objects.owned_by(owner_id).lock(as_uuid(session_id))
    except Session.DoesNotExist:
        raise InvalidSession from None


def find_live(*, owner_id: int, session_id: Any, now: datetime) -> Session:
    """As :func:`find_session`, for what only a live one has.

    Raises:
        InvalidSession: unknown, malformed, or somebody else's.
        SessionExpired: the session is over.
    """
    session = find_session(owner_id=owner_id, session_id=session_id, now=now)
    if session.is_over(now):
        raise session_over(session, now=now)
    return session


def as_uuid(value: Any) -> uuid.UUID:
    """A session id from outside. Malformed is told apart from unknown nowhere.

    Raises:
        InvalidSession: not a UUID.
    """
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))
    except ValueError:
        raise InvalidSession from None
