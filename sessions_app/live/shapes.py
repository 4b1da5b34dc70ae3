"""How an event is shown to a client: the name of the SSE event, and its JSON. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: Takes a session's id and one of its events (stored ones with ``seq``); None: this client is not shown it.
Shape = Callable[[str, Mapping[str, Any]], tuple[str, Mapping[str, Any]] | None]


def native(session_id: str, event: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The event as it was sent, with the session's id."""
    return f"{event['event_type']}-event", {"session_id": session_id, **event}
