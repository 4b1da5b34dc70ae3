"""What waits to be sent on one stream: bounded, so that a reader who does not read costs little."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from sessions_app.live.messages import Event
from sessions_app.live.shapes import Shape
from sessions_app.live.sse import event_id, frame

#: How much may wait on one stream. Beyond it the stream ends, and the client goes on where it was when it reconnects.
MOST_EVENTS, MOST_BYTES = 2_000, 1_048_576
#: What one event counts for, where it has not been written out yet: about its size in memory.
EVENT_BYTES = 512


class Events:
    """Numbered events for all streams of a session. Written out once for each shape, not once for each stream."""

    def __init__(
        self,
        session_id: str,
        epoch: int,
        first_seq: int,
        events: Sequence[Event],
        live: Sequence[tuple[int, Event]] = (),
    ) -> None:
        self.session_id = session_id
        self.epoch = epoch
        self.first_seq = first_seq
        self.events = events
        self.live = live
        self.count = len(events) + len(live)
        self._whole: dict[Shape, bytes] = {}

    @property
    def last_seq(self) -> int:
        return self.first_seq + len(self.events) - 1

    def written(self, shape: Shape, *, after: int) -> bytes:
        """The events after a number, in this shape, with the live-only ones at their places."""
        if after >= self.first_seq:
            return self._write(shape, after)
        if shape not in self._whole:
            self._whole[shape] = self._write(shape, after)
        return self._whole[shape]

    def _write(self, shape: Shape, after: int) -> bytes:
        parts: list[bytes] = []
        live = iter(self.live)
        waiting = next(live, None)
        for index, event in enumerate(self.events):
            while waiting is not None and waiting[0] <= index:
                parts.append(shown(shape, self.session_id, waiting[1]))
                waiting = next(live, None)
            seq = self.first_seq + index
            if seq > after:
                numbered = event if "seq" in event else {"seq": seq, **event}
                parts.append(shown(shape, self.session_id, numbered, event_id(self.epoch, seq)))
        while waiting is not None:
            parts.append(shown(shape, self.session_id, waiting[1]))
            waiting = next(live, None)
        return b"".join(parts)


def shown(shape: Shape, session_id: str, event: Mapping[str, Any], name: str = "") -> bytes:
    """One event in this shape. One that the shape leaves out still moves the client's last id on."""
    found = shape(session_id, event)
    if found is None:
        return f"id: {name}\n\n".encode() if name else b""
    return frame(found[0], found[1], event_id=name)


class Mark:
    """The place where the stream then is, as an id of the present epoch."""


MARK = Mark()


class Outbox:
    """A queue that never waits to take something in. Belongs to the event loop."""

    def __init__(self) -> None:
        self._items: deque[Events | Mark | bytes] = deque()
        self._events = self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    def put(self, item: Events | Mark | bytes) -> bool:
        """Take an item in; what comes after the end is passed over. False: there is no room, and it was not taken."""
        if self._closed:
            return True
        events, size = _weight(item)
        if self._items and (self._events + events > MOST_EVENTS or self._bytes + size > MOST_BYTES):
            return False
        self._items.append(item)
        self._events += events
        self._bytes += size
        self._wake()
        return True

    def drop_events(self) -> None:
        """Make room: of what waits, keep only what is in no journal."""
        kept = [item for item in self._items if not isinstance(item, Events)]
        self._items = deque(kept)
        self._events, self._bytes = 0, sum(_weight(item)[1] for item in kept)

    def clear(self) -> None:
        """Drop what waits."""
        self._items.clear()
        self._events = self._bytes = 0

    def close(self) -> None:
        """Nothing more comes; what waits is still given out."""
        self._closed = True
        self._wake()

    async def take(self) -> list[Events | Mark | bytes]:
        """All that waits, once there is something. Empty: it is closed."""
        while not self._items and not self._closed:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        items = list(self._items)
        self.clear()
        return items

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _weight(item: Events | Mark | bytes) -> tuple[int, int]:
    """What an item counts for: events, and bytes."""
    if isinstance(item, Events):
        return item.count, item.count * EVENT_BYTES
    return 0, len(item) if isinstance(item, bytes) else 0
