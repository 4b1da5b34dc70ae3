"""Closing a session: the snapshot first, then the journal goes, then the row says so. One transaction."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from sessions_app.conf import conf
from sessions_app.errors import InvalidTransition, SessionExpired
from sessions_app.lease import CloseReason, Policy, State
from sessions_app.models import Preferences, Session, SessionQuerySet
from sessions_app.models.statements import delete_journal, journal_page, update_active
from sessions_app.services.clocks import require_passed
from sessions_app.services.publishing import publish_closed
from sessions_app.services.sealing import open_batch, open_labels
from sessions_app.wording import ended_in_words
from snapshots.crypto import SessionCipher
from snapshots.errors import ContentDamaged
from snapshots.models import Snapshot
from snapshots.services.keys import destroy_session_keys, open_session_key
from snapshots.services.snapshots import create_snapshot
from snapshots.statements import OneRow

log = logging.getLogger(__name__)

#: After this many failed tries a session is left for staff to look at.
MAX_CLOSE_ATTEMPTS = 8
FIRST_BACKOFF = timedelta(seconds=30)
LONGEST_BACKOFF = timedelta(hours=1)
#: Batches of a journal that are in memory at a time: an hour's call in one query, a day's without the whole of it.
JOURNAL_PAGE = 200
#: As much of an error's name as its column holds.
CLOSE_ERROR_LENGTH = 40

_PREFERENCES = OneRow(
    lambda owner_id: Preferences.objects.filter(user_id=owner_id), owner_id=Preferences._meta.get_field("user")
)


class Closed(NamedTuple):
    """What closing left: the snapshot, or None when the policy keeps nothing, and what was never stored."""

    snapshot: Snapshot | None = None
    withheld: dict[str, int] = {}
    speaker_count: int = 0


def close(session: Session, *, reason: CloseReason, now: datetime) -> Closed:
    """Close a live session whose row is locked, with its keys, in the caller's transaction, which an error must end.

    A session that is past its deadline was over then, however late this comes; what is kept of it is kept from now.

    Raises:
        VaultError: the conversation can't be sealed now; the session stays as it is.
        InvalidTransition: it is closed already.
    """
    closed = Closed()
    changes: dict[str, Any] = {}
    if Policy(session.policy).keeps_snapshot:
        closed = _save(session, reason=reason, now=now)
        changes["speaker_count"] = closed.speaker_count
    else:
        destroy_session_keys(session_ids=[session.pk])
        # Nothing of a session that keeps nothing should say later what it was about.
        changes["topic"] = ""
    delete_journal(session.pk)
    changes |= _mark_closed(session, reason=reason, now=now, **changes)
    publish_closed(session.pk)
    # Only now is it so: had any of it failed, the caller's object would still say live.
    for name, value in changes.items():
        setattr(session, name, value)
    log.info("session_closed session=%s reason=%s snapshot=%s", session.pk, reason, closed.snapshot)
    return closed


def _mark_closed(session: Session, *, reason: CloseReason, now: datetime, **changes: Any) -> dict[str, Any]:
    """The guarded write. Returns all that it changed."""
    changes |= {
        "state": State.CLOSED.value,
        "close_reason": reason.value,
        "closed_at": _over_since(session, now),
        "token_mac": None,
        "labels": None,
        "quarantined_at": None,
        "close_error": "",
    }
    if not update_active(session, changes):
        raise InvalidTransition("The session is closed already.")
    return changes


def _over_since(session: Session, now: datetime) -> datetime:
    return min(now, session.expires_at)


def _save(session: Session, *, reason: CloseReason, now: datetime) -> Closed:
    cipher = open_session_key(session.key, owner_id=session.owner_id)
    lines, withheld, speakers = _read_journal(session, cipher)
    snapshot = create_snapshot(
        cipher=cipher,
        owner_id=session.owner_id,
        session_id=session.pk,
        head={"settings": session.settings, "withheld": withheld, "speakers": speakers},
        lines=lines,
        labels=open_labels(session, cipher),
        speaker_count=len(speakers),
        started_at=session.started_at,
        ended_at=_over_since(session, now),
        expires_at=now + retention(session.owner_id, reason),
        now=now,
    )
    return Closed(snapshot, withheld, len(speakers))


def _read_journal(session: Session, cipher: SessionCipher) -> tuple[list[bytes], dict[str, int], list[str]]:
    """All events of a live session, as lines; what was withheld; who spoke. Nothing may be missing."""
    lines: list[bytes] = []
    withheld: Counter[str] = Counter()
    speakers: set[str] = set()
    for first_seq, last_seq, sealed in _batches(session):
        if first_seq != len(lines) + 1:
            raise ContentDamaged("the journal has a gap")
        content = open_batch(cipher, first_seq=first_seq, last_seq=last_seq, sealed=sealed)
        lines += content.lines
        if content.head["withheld"]:
            withheld.update(content.head["withheld"])
        speakers.update(content.head["speakers"])
    if len(lines) != session.last_seq:
        raise ContentDamaged("the journal does not end where the session says")
    return lines, dict(sorted(withheld.items())), sorted(speakers)


def _batches(session: Session) -> Iterator[tuple[int, int, bytes | memoryview]]:
    """First and last number and the sealed bytes of each batch, in order. A query a page: most journals are one."""
    after = 0
    while True:
        page = journal_page(session.pk, after=after, limit=JOURNAL_PAGE)
        for _, first_seq, last_seq, sealed in page:
            yield first_seq, last_seq, sealed
        if len(page) < JOURNAL_PAGE:
            return
        after = page[-1][0]


def retention(owner_id: int, reason: CloseReason) -> timedelta:
    """How long the snapshot is kept: shorter when the user closed it, and never longer than the user wishes."""
    longest = conf.retention_ended if reason is CloseReason.ENDED else conf.retention
    preferences = _PREFERENCES.get(owner_id=owner_id)
    if preferences is None or preferences.retention_days is None:
        return longest
    return min(longest, timedelta(days=preferences.retention_days))


def settle(session: Session, *, now: datetime) -> None:
    """Close a locked session that is found past its deadline. If that fails now, the sweep tries again later.

    Does nothing to a session that is closed, or whose closing has failed before: a client that polls must not
    use up the tries.

    Raises:
        ServiceUnavailable: the database's clock says that the deadline is yet to come.
    """
    if session.is_closed or session.close_failed_at is not None:
        return
    require_passed(session.expires_at)
    try_to_close(session, reason=session.reason_at_deadline, now=now)


def try_to_close(session: Session, *, reason: CloseReason, now: datetime) -> bool:
    """Close a locked session, or put it off with back-off and, after the last try, into quarantine.

    Nothing of the session is lost or changed by a failure, and no failure is passed on: one session that can't
    be closed must not stop the others. Returns whether it is closed.
    """
    try:
        with transaction.atomic():
            close(session, reason=reason, now=now)
    except Exception as error:  # noqa: BLE001  (whatever it is, whoever came upon it goes on)
        _put_off(session, error=error, now=now)
    return session.is_closed


def put_off(session_id: uuid.UUID, *, error: Exception, now: datetime) -> bool:
    """The same for a session whose closing has failed and was undone. Returns whether it is still to be closed."""
    with transaction.atomic():
        session = Session.objects.locked(session_id).first()
        # Somebody else may have been here meanwhile.
        due = session is not None and session.is_overdue(now) and session.sweep_after <= now
        if session is not None and due:
            _put_off(session, error=error, now=now)
        return due


def _put_off(session: Session, *, error: Exception, now: datetime) -> None:
    # The class alone is noted: the text of an unforeseen error may quote content.
    name = type(error).__name__[:CLOSE_ERROR_LENGTH]
    attempts = session.close_attempts + 1
    quarantined = attempts >= MAX_CLOSE_ATTEMPTS
    changes = {
        "close_attempts": attempts,
        "close_failed_at": session.close_failed_at or now,
        "close_error": name,
        "sweep_after": now + min(FIRST_BACKOFF * 2 ** (attempts - 1), LONGEST_BACKOFF),
        "quarantined_at": now if quarantined else None,
    }
    Session.objects.filter(pk=session.pk).update(**changes)
    for column, value in changes.items():
        setattr(session, column, value)
    log.warning(
        "session_close_put_off session=%s error=%s attempts=%s quarantined=%s",
        session.pk,
        name,
        attempts,
        quarantined,
    )


def settle_overdue(sessions: SessionQuerySet, *, now: datetime) -> None:
    """Close in place those of these sessions that are past their deadline. One query when there are none."""
    due = sessions.overdue_at(now).filter(close_failed_at__isnull=True).order_by("pk")
    for session_id in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            session = Session.objects.locked(session_id).first()
            if session is not None and session.is_overdue(now):
                settle(session, now=now)


def session_over(session: Session, *, now: datetime) -> SessionExpired:
    """What a client is told that comes too late: why, and which snapshot to go on from."""
    snapshot = snapshot_of(session, now=now)
    reason = session.close_reason or session.reason_at_deadline.value
    saved = "What was kept of it can be brought back." if snapshot else "Start a new session to go on."
    if session.close_failed_at is not None and not session.is_closed:
        saved = "It is not saved yet; nothing is lost, and saving is tried again by itself."
    return SessionExpired(
        f"{ended_in_words(reason)} {saved}",
        session=str(session.pk),
        close_reason=reason,
        snapshot=snapshot and {"id": str(snapshot.pk), "expires_at": snapshot.expires_at},
    )


def snapshot_of(session: Session, *, now: datetime) -> Snapshot | None:
    """The metadata of a closed session's snapshot, if one is still kept."""
    snapshots = Snapshot.objects.owned_by(session.owner_id).available_at(now).metadata()
    return snapshots.filter(session_id=session.pk).first()
