"""Messages between processes: a line of JSON with what the database holds in the clear too, then what is sealed. Pure.

Stored events go as the very record that is in the journal, live-only ones as a record of their own, both under the
session's key: whoever reads the bus reads numbers and times.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions_app.live.messages import Batch, Changed, Event, Message
from snapshots.content import Content
from snapshots.crypto import CryptoError, SessionCipher


class Unreadable(Exception):
    """Not a message of ours, or of another version, or it does not open: what it says is in the database."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message as it came: ``sender`` names the process, so that none hears itself."""

    sender: str
    head: Mapping[str, Any]
    sealed: bytes
    live: bytes


def encode(message: Message, *, sender: str) -> bytes:
    """A message as it is sent."""
    head: dict[str, Any] = {"v": 1, "from": sender}
    if isinstance(message, Changed):
        if message.epoch is not None:
            head["epoch"] = message.epoch
        if message.expires_at is not None:
            head["expires_at"] = message.expires_at.isoformat()
        return _packed(head, b"", b"")
    head |= {"first": message.first_seq, "count": len(message.events), "epoch": message.epoch}
    head["expires_at"] = message.expires_at.isoformat()
    live = b""
    if message.live and message.cipher is not None:
        head["live"] = len(message.live)
        live = seal_live(message.cipher, message.first_seq - 1, list(message.live))
    return _packed(head, message.sealed if message.events else b"", live)


def parse(data: bytes) -> Parcel:
    """Take a message apart. Nothing is opened.

    Raises:
        Unreadable: see there.
    """
    line, _, rest = data.partition(b"\n")
    try:
        head = json.loads(line)
        size = head["sealed"]
        if head["v"] != 1 or not isinstance(head["from"], str) or not 0 <= _whole(size) <= len(rest):
            raise Unreadable
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unreadable from None
    return Parcel(head["from"], head, rest[:size], rest[size:])


def decode(parcel: Parcel, session_id: uuid.UUID, cipher: SessionCipher | None) -> Message:
    """Open a message.

    Args:
        cipher: the session's; None when it is not at hand, which only a batch needs.

    Raises:
        Unreadable: see there.
    """
    head = parcel.head
    try:
        epoch = _whole(head["epoch"]) if "epoch" in head else None
        expires_at = _moment(head["expires_at"]) if "expires_at" in head else None
        if "first" not in head:
            return Changed(session_id, epoch=epoch, expires_at=expires_at)
        if cipher is None or epoch is None or expires_at is None:
            raise Unreadable
        first, count = _whole(head["first"]), _whole(head["count"])
        events: list[Event] = []
        if count:
            events = list(Content.unpack(cipher.open_batch(first, count, parcel.sealed)).numbered(first))
        live = open_live(cipher, first - 1, _whole(head["live"]), parcel.live) if parcel.live else []
        return Batch(session_id, first, events, live, epoch, expires_at)
    except (CryptoError, ValueError, KeyError, TypeError, OverflowError):
        raise Unreadable from None


def seal_live(cipher: SessionCipher, after_seq: int, live: list[tuple[int, Event]]) -> bytes:
    """Live-only events, sealed at their place."""
    return cipher.seal_live(after_seq, len(live), json.dumps(live, ensure_ascii=False).encode())


def open_live(cipher: SessionCipher, after_seq: int, count: int, data: bytes) -> list[tuple[int, Event]]:
    """What :func:`seal_live` sealed.

    Raises:
        CryptoError, ValueError: it is not that.
    """
    return [(index, event) for index, event in json.loads(cipher.open_live(after_seq, count, data))]


def encode_service(batch: Batch) -> bytes | None:
    """The latest service event of a batch, to be kept for streams that open late; None: there is none."""
    latest = [event for _, event in batch.live if event["event_type"] == "service"]
    if not latest or batch.cipher is None:
        return None
    after = batch.first_seq - 1
    return _packed({"v": 1, "from": "", "after": after}, b"", seal_live(batch.cipher, after, [(0, latest[-1])]))


def decode_service(data: bytes, cipher: SessionCipher) -> Event:
    """What :func:`encode_service` made.

    Raises:
        Unreadable: see there.
    """
    parcel = parse(data)
    try:
        return open_live(cipher, _whole(parcel.head["after"]), 1, parcel.live)[0][1]
    except (CryptoError, ValueError, KeyError, TypeError, IndexError, OverflowError):
        raise Unreadable from None


def _whole(value: Any) -> int:
    """A number of ours.

    Raises:
        ValueError: it is none.
    """
    if type(value) is not int:
        raise ValueError("not a whole number")
    return value


def _moment(value: str) -> datetime:
    """A time of ours.

    Raises:
        ValueError, TypeError: it is none, or has no offset, so that it could be compared with no other.
    """
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment


def _packed(head: dict[str, Any], sealed: bytes, live: bytes) -> bytes:
    line = json.dumps({**head, "sealed": len(sealed)}, separators=(",", ":")).encode()
    return b"".join((line, b"\n", sealed, live))
