"""What one session seals, and the keys on the way to it: user key → session key → records."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from uuid import UUID

from .context import Context
from .record import RecordType
from .sealing import Key, open_key, open_record, seal, seal_key

SNAPSHOT_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class SessionCipher:
    """Seals and opens the records of one session.

    ``owner`` is the authenticated user, not what a row says. Opening raises ``RecordDamaged`` or
    ``KeyNotAvailable``, sealing ``PayloadTooLarge``.
    """

    deployment: str
    owner: str
    session: str
    key: Key

    def seal_batch(self, first_seq: int, count: int, body: bytes) -> bytes:
        """Seal ``count`` events, of which the first has the number ``first_seq``."""
        return seal(self.key, RecordType.BATCH, self._batch(first_seq, count), body)

    def open_batch(self, first_seq: int, count: int, data: bytes | memoryview) -> bytes:
        """Open the batch that was sealed for this very range of events."""
        return open_record(self.key, RecordType.BATCH, self._batch(first_seq, count), data)

    def seal_annotations(self, event_count: int, last_seq: int, body: bytes) -> bytes:
        """Seal a snapshot's annotations: ``event_count`` events, the last of them numbered ``last_seq``."""
        return seal(self.key, RecordType.ANNOTATIONS, self._annotations(event_count, last_seq), body)

    def open_annotations(self, event_count: int, last_seq: int, data: bytes | memoryview) -> bytes:
        """Open a snapshot's annotations. One that holds fewer or more events than it should does not open."""
        return open_record(self.key, RecordType.ANNOTATIONS, self._annotations(event_count, last_seq), data)

    def seal_labels(self, revision: int, body: bytes) -> bytes:
        """Seal the speaker labels as of ``revision``."""
        return seal(self.key, RecordType.LABELS, self._labels(revision), body)

    def open_labels(self, revision: int, data: bytes | memoryview) -> bytes:
        """Open the speaker labels. Those of another revision do not open."""
        return open_record(self.key, RecordType.LABELS, self._labels(revision), data)

    def seal_live(self, after_seq: int, count: int, body: bytes) -> bytes:
        """Seal ``count`` events that are passed on and never stored, of which the first comes after ``after_seq``."""
        return seal(self.key, RecordType.LIVE, self._live(after_seq, count), body)

    def open_live(self, after_seq: int, count: int, data: bytes | memoryview) -> bytes:
        """Open the live-only events that were sealed for this very place."""
        return open_record(self.key, RecordType.LIVE, self._live(after_seq, count), data)

    def fingerprint(self, purpose: str, data: bytes) -> bytes:
        """Return a 32-byte MAC by which equal data of one session is recognised, and by nobody without its key.

        The key is derived for this use alone (RFC 5869, expand step), so it shares nothing with the records'.
        """
        mac_key = hmac.digest(self.key.secret, b"ls1|fingerprint|" + purpose.encode() + b"\x01", "sha256")
        return hmac.digest(mac_key, data, "sha256")

    def _batch(self, first_seq: int, count: int) -> Context:
        return self._context("batch", first_seq, count)

    def _annotations(self, event_count: int, last_seq: int) -> Context:
        return self._context("annotations", SNAPSHOT_SCHEMA, event_count, last_seq)

    def _labels(self, revision: int) -> Context:
        return self._context("labels", revision)

    def _live(self, after_seq: int, count: int) -> Context:
        return self._context("live", after_seq, count)

    def _context(self, kind: str, *position: int) -> Context:
        return Context(self.deployment, self.owner, self.session, kind, position)


def user_key_context(deployment: str, owner: str) -> Context:
    """Return the context in which the keyring wraps the key of ``owner``."""
    return Context(deployment, owner, "", "user-key", ())


def wrap_session_key(user_key: Key, *, deployment: str, owner: str, session: str, session_key: Key) -> bytes:
    """Return the session's key, sealed under its owner's."""
    context = _session_key_context(deployment, owner, session)
    return seal_key(user_key, RecordType.SESSION_KEY, context, session_key)


def unwrap_session_key(
    user_key: Key, *, deployment: str, owner: str, session: str, key_id: UUID, blob: bytes | memoryview
) -> Key:
    """Return the session's key, under the id ``key_id``.

    Raises:
        KeyNotAvailable: it was wrapped under another user key.
        RecordDamaged: it is not the key of this session of this owner.
    """
    context = _session_key_context(deployment, owner, session)
    return open_key(user_key, RecordType.SESSION_KEY, context, blob, key_id=key_id)


def _session_key_context(deployment: str, owner: str, session: str) -> Context:
    return Context(deployment, owner, session, "session-key", ())
