"""Server-sent events as bytes (the WHATWG's HTML standard, section 9.2). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

#: A comment: the first bytes of a stream, and what is sent into a silence.
HEARTBEAT = b": heartbeat\n\n"
#: How long a client waits before it connects again, in milliseconds.
RETRY = b"retry: 2000\n\n"

_ID = re.compile(r"([0-9]{1,10}):([0-9]{1,10})", re.ASCII)


def frame(name: str, data: Mapping[str, Any], *, event_id: str = "") -> bytes:
    """One event. JSON has no line breaks of its own, so the data is one line."""
    body = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: {body}\n\n".encode()


def mark(event_id: str) -> bytes:
    """An id without an event: nothing is dispatched, and a reconnect goes on from here."""
    return f"id: {event_id}\n\n".encode()


def event_id(epoch: int, seq: int) -> str:
    """How a stored event is named to a client."""
    return f"{epoch}:{seq}"


def resume_after(text: str, *, epoch: int, last_seq: int) -> int | None:
    """The number after which a reconnecting client goes on; None: it starts from the beginning.

    Only what a stream of this session gives out now is taken: an id of the present epoch that is not beyond the last
    event. (A stream that is open while an epoch begins gives its client an id of the new one at once.)
    """
    found = _ID.fullmatch(text)
    if found is None:
        return None
    told_epoch, seq = int(found[1]), int(found[2])
    return seq if told_epoch == epoch and seq <= last_seq else None


def _plain(value: Any) -> str:
    """Times and ids, as the REST API writes them."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)
