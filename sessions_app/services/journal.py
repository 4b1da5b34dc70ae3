"""The journal: sealed, idempotent appends, and reading a live session's history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F

from sessions_app.errors import FieldProblem, IdempotencyKeyReused, SessionFull
from sessions_app.events import MAX_EVENTS, EventBatch
from sessions_app.models import JournalBatch, ResumedSnapshot, Session
from sessions_app.models.journal import NewBatch
from sessions_app.models.locked import AnySession
from sessions_app.services.holding import activity, find_live, hold, write_live
from sessions_app.services.publishing import publish_appended
from sessions_app.services.sealing import cipher_of, open_batch, vault_unavailable
from snapshots.content import Content, encode_events
from snapshots.crypto import SNAPSHOT_CAP, SessionCipher
from snapshots.errors import ContentDamaged, VaultError
from snapshots.services.keys import session_cipher
from snapshots.statements import insert

#: Bytes of events that a session may hold, so that its snapshot always fits. The rest is for the snapshot's head.
CONTENT_LIMIT = SNAPSHOT_CAP - 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Retry:
    """An idempotency key, and the bytes of the body it was sent with."""

    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """What was acknowledged. The numbers are None when every event of the batch was withheld."""

    first_seq: int | None
    last_seq: int | None
    accepted: int
    withheld: dict[str, int]
    expires_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """Its members by name. (``dataclasses.asdict`` copies each of them, all the way down.)"""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch ready to be placed: its plaintext, and the MACs by which a retry is recognised."""

    cipher: SessionCipher
    body: bytes
    count: int
    is_activity: bool
    idempotency_mac: bytes | None = None
    body_mac: bytes | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch goes: what changes on the session's row, and the new row of the journal."""

    changes: dict[str, Any]
    row: NewBatch


def append(
    *,
    owner_id: int,
    session_id: Any,
    token: str,
    batch: EventBatch,
    retry: Retry | None = None,
    occurred_at: datetime | None = None,
    now: datetime,
) -> Appended:
    """Seal a batch and store it; when this returns it is durable.

    In the transaction: lock the row, look the idempotency key up (if there is one), write the row, add the batch.

    Raises:
        InvalidSession, SessionExpired, LeaseLost, OutsideWindow: as for every write.
        IdempotencyKeyReused: the key came before with another body.
        SessionFull: more than a snapshot can hold.
        VaultUnavailable: the key is not available now; nothing was acknowledged.
    """

    def add(session: Session) -> Appended:
        prepared = prepare(
            cipher_of(session), batch, key=retry.key if retry else None, sent=retry.body if retry else None
        )
        if prepared.idempotency_mac is not None:
            same_key = JournalBatch.objects.filter(session=session, idempotency_mac=prepared.idempotency_mac)
            earlier = same_key.first()
            if earlier is not None:
                return answer_again(prepared, earlier)
        placed = place(session, prepared, occurred_at=occurred_at, now=now)
        write_live(session, **placed.changes)
        insert(JournalBatch, [placed.row])
        publish_appended(session, placed.row, batch, prepared.cipher)
        return answer(placed.row, batch.withheld)

    return hold(owner_id=owner_id, session_id=session_id, token=token, now=now, work=add)


def prepare(cipher: SessionCipher, batch: EventBatch, *, key: str | None = None, sent: bytes | None = None) -> Prepared:
    """Make a batch ready.

    The MACs are keyed by the session's own key: a plain hash of a short body would tell what it says.

    Args:
        key: the idempotency key, if there is one.
        sent: the bytes that a retry must repeat; when they are not at hand, what would be stored of them.
    """
    lines = encode_events(batch.events)
    body = Content({"withheld": batch.withheld, "speakers": batch.speakers}, lines).pack()
    if key is None:
        return Prepared(cipher, body, len(lines), batch.is_activity)
    return Prepared(
        cipher,
        body,
        len(lines),
        batch.is_activity,
        idempotency_mac=cipher.fingerprint("idempotency key", key.encode()),
        body_mac=cipher.fingerprint("body", body if sent is None else sent),
    )


def place(session: AnySession, prepared: Prepared, *, occurred_at: datetime | None, now: datetime) -> Place:
    """Give a batch its place behind what the locked session holds, and seal it there.

    Raises:
        SessionFull: more than a snapshot can hold.
        OutsideWindow: ``occurred_at`` can't be.
    """
    content_bytes = session.content_bytes + len(prepared.body)
    if content_bytes > CONTENT_LIMIT:
        raise SessionFull
    first_seq, last_seq = session.last_seq + 1, session.last_seq + prepared.count
    clocks = activity(session, occurred_at=occurred_at, now=now)
    if not prepared.is_activity:
        clocks = {"last_activity_at": session.last_activity_at, "expires_at": session.expires_at}
    row = NewBatch(
        session_id=session.pk,
        first_seq=first_seq,
        last_seq=last_seq,
        sealed=prepared.cipher.seal_batch(first_seq, prepared.count, prepared.body),
        created_at=now,
        answered_expires_at=clocks["expires_at"],
        idempotency_mac=prepared.idempotency_mac,
        body_mac=prepared.body_mac,
    )
    return Place({"last_seq": last_seq, "content_bytes": content_bytes, **clocks}, row)


def answer(row: JournalBatch | NewBatch, withheld: dict[str, int]) -> Appended:
    """What is acknowledged of a stored batch."""
    if not row.count:
        return Appended(None, None, 0, withheld, row.answered_expires_at)
    return Appended(row.first_seq, row.last_seq, row.count, withheld, row.answered_expires_at)


def answer_again(prepared: Prepared, earlier: JournalBatch | NewBatch) -> Appended:
    """The same answer to a retry.

    Raises:
        IdempotencyKeyReused: the key came before with another body.
        VaultUnavailable: the earlier batch does not open.
    """
    if bytes(earlier.body_mac or b"") != prepared.body_mac:
        told = "was used before with another body; send a new key with a new body"
        raise IdempotencyKeyReused([FieldProblem("Idempotency-Key", "reused", told)])
    try:
        content = open_batch(
            prepared.cipher, first_seq=earlier.first_seq, last_seq=earlier.last_seq, sealed=earlier.sealed
        )
    except VaultError as error:
        raise vault_unavailable(error) from None
    return answer(earlier, content.head["withheld"])


@dataclass(frozen=True, slots=True)
class History:
    """A page of a live session's events, and where earlier sessions' histories join it."""

    events: list[dict[str, Any]]
    last_seq: int
    next_after: int
    resumed: list[ResumedSnapshot]


def read_history(*, owner_id: int, session_id: Any, after: int, limit: int, now: datetime) -> History:
    """The events after a number, oldest first. Reading is no activity.

    Raises:
        InvalidSession: unknown, malformed, or somebody else's.
        SessionExpired: the session is over; its history is in the snapshot.
        VaultUnavailable: it can't be opened now.
    """
    session = find_live(owner_id=owner_id, session_id=session_id, now=now)
    try:
        cipher = session_cipher(owner_id=owner_id, session_id=session.pk)
        events = read_page(session, cipher, after=after, limit=limit)
    except VaultError as error:
        # Was it closed while we read? Then the journal, and perhaps the key, are gone for a good reason.
        find_live(owner_id=owner_id, session_id=session_id, now=now)
        raise vault_unavailable(error) from None
    return History(
        events=events,
        # What was appended since the row was read comes too.
        last_seq=max(session.last_seq, events[-1]["seq"]) if events else session.last_seq,
        next_after=events[-1]["seq"] if events else after,
        resumed=list(session.resumed.all()),
    )


def read_page(session: Session, cipher: SessionCipher, *, after: int, limit: int) -> list[dict[str, Any]]:
    """Up to ``limit`` events after a number. A page that should hold events and doesn't is damaged, never short.

    Raises:
        ContentDamaged: that; or a batch does not open.
    """
    with_events = JournalBatch.objects.filter(session=session, last_seq__gte=F("first_seq"))
    # No batch holds more than MAX_EVENTS, so this is all that the page touches: neither the index nor memory is filled
    # with what comes after it.
    touched = with_events.filter(
        last_seq__gt=after, first_seq__lte=after + limit, last_seq__lt=after + limit + MAX_EVENTS
    )
    events: list[dict[str, Any]] = []
    for first_seq, last_seq, sealed in touched.order_by("last_seq").values_list("first_seq", "last_seq", "sealed"):
        content = open_batch(cipher, first_seq=first_seq, last_seq=last_seq, sealed=sealed)
        events += [event for event in content.numbered(first_seq) if event["seq"] > after]
    del events[limit:]
    wanted = min(limit, session.last_seq - after)
    if len(events) < wanted or any(event["seq"] != seq for seq, event in enumerate(events, start=after + 1)):
        raise ContentDamaged("the journal has a gap")
    return events
