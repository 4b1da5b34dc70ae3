"""``lease-event``: what a stream tells about the session's time, and about its own end. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sessions_app.live.sse import frame

NAME = "lease-event"


def told(event: str, *, expires_at: datetime, hard_expires_at: datetime, **more: Any) -> bytes:
    """The deadline (``deadline``), a notice before it (``notice``), or the end of the session (``end``)."""
    return frame(NAME, {"event": event, "expires_at": expires_at, "hard_expires_at": hard_expires_at, **more})


def closed(because: str) -> bytes:
    """The stream ends, and the session does not. ``because``: slow_reader, revoked, shutdown or unavailable."""
    return frame(NAME, {"event": "closed", "because": because})
