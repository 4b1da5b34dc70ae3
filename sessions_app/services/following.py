"""What open streams ask of the database: may it open, what comes next, what changed, how did it end."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sessions_app.lease import Policy, State
from sessions_app.live.sse import resume_after
from sessions_app.models import Preferences, Session
from sessions_app.services.closing import settle_overdue, snapshot_of
from sessions_app.services.holding import find_live
from sessions_app.services.journal import read_page
from sessions_app.services.sealing import vault_unavailable
from sessions_app.services.timeline import page_of_snapshot
from sessions_app.wording import ended_in_words
from snapshots.crypto import SessionCipher
from snapshots.errors import VaultError
from snapshots.models import Snapshot
from snapshots.services.keys import open_session_key

#: Events of one page of a replay.
PAGE_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Followed:
    """A live session as a stream begins to follow it."""

    session_id: uuid.UUID
    owner_id: int
    policy: Policy
    epoch: int
    last_seq: int
    expires_at: datetime
    hard_expires_at: datetime
    idle_timeout: timedelta
    notice_lead: timedelta
    after: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class Glance:
    """What may have changed about a session."""

    session_id: uuid.UUID
    closed: bool
    epoch: int
    last_seq: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Events numbered from ``first_seq``. ``whole``: there were no more when it was read."""

    first_seq: int
    events: list[dict[str, Any]]
    whole: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended."""

    expires_at: datetime
    hard_expires_at: datetime
    close_reason: str
    ended_because: str
    snapshot: dict[str, Any] | None
    last_seq: int


def follow(*, owner_id: int, session_id: Any, last_event_id: str, now: datetime) -> Followed:
    """Begin to follow a live session. Watching is no activity.

    Args:
        last_event_id: what a reconnecting client got last; anything that this session did not give out means from
            the start.

    Raises:
        InvalidSession: unknown, malformed, or somebody else's.
        SessionExpired: the session is over.
    """
    session = find_live(owner_id=owner_id, session_id=session_id, now=now)
    after = resume_after(last_event_id, epoch=session.epoch, last_seq=session.last_seq)
    return Followed(
        session_id=session.pk,
        owner_id=owner_id,
        policy=Policy(session.policy),
        epoch=session.epoch,
        last_seq=session.last_seq,
        expires_at=session.expires_at,
        hard_expires_at=session.hard_expires_at,
        idle_timeout=session.idle_timeout,
        notice_lead=notice_leads([owner_id])[owner_id],
        after=after or 0,
        resumed=after is not None,
    )


def notice_leads(owner_ids: Collection[int]) -> dict[int, timedelta]:
    """How long before a deadline each of these users wishes to be told; nothing: not at all. One query."""
    default = Preferences().notice_lead_s
    wished = dict(Preferences.objects.filter(user_id__in=owner_ids).values_list("user_id", "notice_lead_s"))
    return {owner_id: timedelta(seconds=wished.get(owner_id, default)) for owner_id in owner_ids}


def look(session_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Glance]:
    """These sessions as they are now; one that is missing was removed. One query."""
    columns = ("pk", "state", "epoch", "last_seq", "expires_at")
    rows = Session.objects.filter(pk__in=session_ids).order_by().values_list(*columns)
    return {pk: Glance(pk, state == State.CLOSED, epoch, last, expires) for pk, state, epoch, last, expires in rows}


def settle_found(session_ids: Collection[uuid.UUID], *, now: datetime) -> None:
    """Close in place those of these that are past their deadline."""
    settle_overdue(Session.objects.filter(pk__in=session_ids), now=now)


def read_after(*, owner_id: int, session_id: uuid.UUID, after: int, now: datetime) -> Page:
    """The events after a number, from the journal; of a session that was closed, from its snapshot.

    Raises:
        VaultUnavailable: they can't be opened now.
    """
    try:
        return _from_journal(owner_id, session_id, after) or _from_snapshot(owner_id, session_id, after, now=now)
    except VaultError as error:
        # Was it closed while we read? Then the journal, and perhaps the key, are gone for a good reason.
        if _is_live(owner_id, session_id):
            raise vault_unavailable(error) from None
    try:
        return _from_snapshot(owner_id, session_id, after, now=now)
    except VaultError as error:
        raise vault_unavailable(error) from None


def cipher_of_followed(*, owner_id: int, session_id: uuid.UUID) -> SessionCipher | None:
    """What opens the messages of other processes; None when there is no key any more, or none now."""
    session = Session.objects.owned_by(owner_id).with_key().filter(pk=session_id).only("key").first()
    try:
        return None if session is None else open_session_key(session.key, owner_id=owner_id)
    except VaultError:
        return None


def read_ending(*, owner_id: int, session_id: uuid.UUID, now: datetime) -> Ending | None:
    """How a session ended; None when its row is gone."""
    session = Session.objects.owned_by(owner_id).filter(pk=session_id).first()
    if session is None:
        return None
    reason = session.close_reason or session.reason_at_deadline.value
    snapshot = snapshot_of(session, now=now)
    return Ending(
        expires_at=session.expires_at,
        hard_expires_at=session.hard_expires_at,
        close_reason=reason,
        ended_because=ended_in_words(reason),
        snapshot=None if snapshot is None else {"id": str(snapshot.pk), "expires_at": snapshot.expires_at},
        last_seq=session.last_seq,
    )


def _is_live(owner_id: int, session_id: uuid.UUID) -> bool:
    return Session.objects.owned_by(owner_id).filter(pk=session_id).exclude(state=State.CLOSED).exists()


def _from_journal(owner_id: int, session_id: uuid.UUID, after: int) -> Page | None:
    """A page of a live session's journal; None when the session is not live."""
    own = Session.objects.owned_by(owner_id).with_key().defer("settings", "labels")
    session = own.filter(pk=session_id).exclude(state=State.CLOSED).first()
    if session is None:
        return None
    if session.last_seq <= after:
        return Page(after + 1, [], whole=True)
    cipher = open_session_key(session.key, owner_id=owner_id)
    events = read_page(session, cipher, after=after, limit=PAGE_EVENTS)
    return Page(after + 1, events, whole=after + len(events) >= session.last_seq)


def _from_snapshot(owner_id: int, session_id: uuid.UUID, after: int, *, now: datetime) -> Page:
    """A page of a closed session's events; nothing, where nothing was kept."""
    kept = Snapshot.objects.owned_by(owner_id).available_at(now).metadata().filter(session_id=session_id).first()
    if kept is None or kept.event_count <= after:
        return Page(after + 1, [], whole=True)
    page = page_of_snapshot(owner_id=owner_id, snapshot_id=kept.pk, after=after, now=now)
    return Page(after + 1, list(page.events()), page.whole)
