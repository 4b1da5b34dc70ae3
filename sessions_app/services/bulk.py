"""Bulk append: an annotator's batches for many sessions, in one transaction, with a result for each.

The annotator needs no lease: its own credential lets it append to live sessions, and do nothing else. One batch that
can't be stored (its session is over, an event is wrong) is answered for what it is and spoils none of the others.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from sessions_app.errors import InvalidSession, LinnetError, ServiceUnavailable
from sessions_app.events import EventBatch
from sessions_app.live.messages import Message
from sessions_app.models import JournalBatch, Session
from sessions_app.models.journal import NewBatch
from sessions_app.models.locked import LockedSession
from sessions_app.models.many import add_batches, lock_all, update_all_live
from sessions_app.services.closing import session_over, settle_overdue
from sessions_app.services.holding import as_uuid
from sessions_app.services.journal import Appended, Place, Prepared, answer, answer_again, place, prepare
from sessions_app.services.publishing import appended, publish
from sessions_app.services.sealing import vault_unavailable
from snapshots.crypto import Key, SessionCipher
from snapshots.errors import VaultError
from snapshots.services.keys import open_keys


@dataclass(frozen=True, slots=True)
class BulkBatch:
    """A batch for one session. ``idempotency_key`` makes a retry safe; it is compared with the batch's events."""

    session_id: str
    batch: EventBatch
    idempotency_key: str | None = None
    occurred_at: datetime | None = None


class _RanOut(Exception):
    """A guarded write changed no row: a lease ran out between the look at the row and the write.

    ``deadline`` is the latest of those that were seen: one of them is past by the database's clock.
    """

    def __init__(self, deadline: datetime) -> None:
        super().__init__()
        self.deadline = deadline


def append_many(*, batches: Sequence[BulkBatch], now: datetime) -> list[Appended | LinnetError]:
    """Seal and store many batches. When this returns, what it acknowledges is durable.

    Returns:
        For each batch, in order, what was acknowledged, or why it was not.
    """
    try:
        with transaction.atomic():
            work = _Work.begin(batches, now=now)
            results = [work.add(batch) for batch in batches]
            work.write()
    except _RanOut as ran_out:
        if len(batches) > 1:
            # Rare, and nothing was stored: one by one, so that only the one that is over is told so.
            return [append_many(batches=[batch], now=now)[0] for batch in batches]
        results, now = [None], max(now, ran_out.deadline)
    return [result or _over(batch, now=now) for batch, result in zip(batches, results, strict=True)]


def _over(batch: BulkBatch, *, now: datetime) -> Appended | LinnetError:
    """Close in place a session that was found past its deadline, and say why it takes nothing more."""
    own = Session.objects.filter(pk=as_uuid(batch.session_id))
    try:
        settle_overdue(own, now=now)
    except ServiceUnavailable as error:
        return error
    session = own.first()
    if session is None:
        return InvalidSession()
    if session.is_over(now):
        return session_over(session, now=now)
    # Another process extended it, by a clock that is a little behind ours, after we had looked: so it takes it.
    return append_many(batches=[batch], now=now)[0]


@dataclass(slots=True)
class _Work:
    """The locked rows of a request, what belongs to them, and what is to be written."""

    now: datetime
    ids: Mapping[str, uuid.UUID | None]
    sessions: Mapping[uuid.UUID, LockedSession]
    ciphers: Mapping[uuid.UUID, SessionCipher | VaultError]
    earlier: dict[tuple[uuid.UUID, bytes], JournalBatch | NewBatch]
    deadlines: Mapping[uuid.UUID, datetime]
    changed: dict[uuid.UUID, LockedSession] = field(default_factory=dict)
    rows: list[NewBatch] = field(default_factory=list)
    news: list[Message] = field(default_factory=list)

    @classmethod
    def begin(cls, batches: Sequence[BulkBatch], *, now: datetime) -> _Work:
        """Lock the rows, in one order for all, and fetch what belongs to them. Two queries."""
        ids = {batch.session_id: _id_of(batch) for batch in batches}
        sessions = lock_all({session_id for session_id in ids.values() if session_id is not None})
        ciphers = _ciphers(sessions.values())
        macs = [
            cipher.fingerprint("idempotency key", batch.idempotency_key.encode())
            for batch in batches
            if batch.idempotency_key is not None
            and (session_id := ids[batch.session_id]) is not None
            and isinstance(cipher := ciphers.get(session_id), SessionCipher)
        ]
        earlier: dict[tuple[uuid.UUID, bytes], JournalBatch | NewBatch] = {}
        if macs:
            for row in JournalBatch.objects.filter(session__in=sessions, idempotency_mac__in=macs):
                earlier[row.session_id, bytes(row.idempotency_mac or b"")] = row
        deadlines = {session_id: session.expires_at for session_id, session in sessions.items()}
        return cls(now, ids, sessions, ciphers, earlier, deadlines)

    def add(self, batch: BulkBatch) -> Appended | LinnetError | None:
        """Take one batch in, or say why not; None: the session is over."""
        session_id = self.ids[batch.session_id]
        session = self.sessions.get(session_id) if session_id else None
        if session is None:
            return InvalidSession()
        if session.is_over(self.now):
            return None
        cipher = self.ciphers[session.pk]
        try:
            if isinstance(cipher, VaultError):
                raise vault_unavailable(cipher)
            return self._take(batch, session, prepare(cipher, batch.batch, key=batch.idempotency_key))
        except LinnetError as error:
            return error

    def _take(self, batch: BulkBatch, session: LockedSession, prepared: Prepared) -> Appended:
        if prepared.idempotency_mac is not None:
            earlier = self.earlier.get((session.pk, prepared.idempotency_mac))
            if earlier is not None:
                return answer_again(prepared, earlier)
        placed: Place = place(session, prepared, occurred_at=batch.occurred_at, now=self.now)
        for name, value in placed.changes.items():
            setattr(session, name, value)
        self.changed[session.pk] = session
        self.rows.append(placed.row)
        self.news.append(appended(session, placed.row, batch.batch, prepared.cipher))
        if prepared.idempotency_mac is not None:
            self.earlier[session.pk, prepared.idempotency_mac] = placed.row
        return answer(placed.row, batch.batch.withheld)

    def write(self) -> None:
        """The guarded writes of the rows, then the journal."""
        if not self.changed:
            return
        if not update_all_live(list(self.changed.values())):
            raise _RanOut(max(self.deadlines[session_id] for session_id in self.changed))
        add_batches(self.rows)
        publish(self.news)


def _ciphers(sessions: Iterable[LockedSession]) -> dict[uuid.UUID, SessionCipher | VaultError]:
    """The cipher of each session, or why there is none. Each user's key is unwrapped once."""
    ciphers: dict[uuid.UUID, SessionCipher | VaultError] = {}
    user_keys: dict[uuid.UUID, Key] = {}
    for session in sessions:
        try:
            ciphers[session.pk] = open_keys(session.key, owner_id=session.owner_id, user_keys=user_keys)
        except VaultError as error:
            ciphers[session.pk] = error
    return ciphers


def _id_of(batch: BulkBatch) -> uuid.UUID | None:
    try:
        return as_uuid(batch.session_id)
    except InvalidSession:
        return None
