"""One open stream: what came before, then what happens, each event once and in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from itertools import islice
from typing import Any

from django.utils import timezone

from sessions_app.errors import LinnetError
from sessions_app.live import lease
from sessions_app.live.channel import Channel
from sessions_app.live.database import Database
from sessions_app.live.handover import StreamRequest
from sessions_app.live.messages import Event
from sessions_app.live.outbox import MARK, Events, Mark, Outbox, shown
from sessions_app.live.sse import HEARTBEAT, RETRY, event_id, mark
from sessions_app.services.following import read_after
from sessions_app.services.outages import is_outage

log = logging.getLogger(__name__)

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: How long a stream that has overflowed waits for its reader to take what was written, in seconds.
SLOW_GRACE_S = 60.0
#: The same of a stream that may send nothing more, or whose server ends: it keeps that waiting no longer than this.
STOP_GRACE_S = 10.0
#: How long to wait before the database is asked again after it did not answer, in seconds.
RETRY_S = 1.0
#: Events of a prelude that are written at a time.
PRELUDE_EVENTS = 500


class Stream:
    """Belongs to the event loop, and holds neither thread nor connection.

    ``last`` is the number of the last stored event that was sent. An event at or below it is dropped; where one is
    missing, the journal is read.
    """

    def __init__(self, wanted: StreamRequest, channel: Channel, database: Database, send: Send) -> None:
        self.wanted = wanted
        self.channel = channel
        self.credential = wanted.credential
        self.last = wanted.followed.after
        self.sent_at = 0.0
        #: Who cuts it off when its reader takes nothing, if somebody does.
        self.task: asyncio.Task[Any] | None = asyncio.current_task()
        self.cut_off = False
        self._database = database
        self._send_message = send
        self._outbox = Outbox()
        self._replaying = True
        self._missed = False
        self._gone = self._stopped = False
        self._final = b""
        self._loop = asyncio.get_running_loop()

    # --- from the hub ---------------------------------------------------------------------------------

    def deliver(self, item: Events) -> None:
        """Events for every stream of the session."""
        self._put(item)

    def tell(self, frame: bytes) -> None:
        """Something about the lease."""
        if self.wanted.lease_events:
            self._put(frame)

    def beat(self) -> None:
        """Send a comment into the silence."""
        self._put(HEARTBEAT)

    def mark_place(self) -> None:
        """Give the client an id of the epoch that began, for the event that it got last."""
        self._put(MARK)

    def finish(self, frame: bytes) -> None:
        """End the stream with this, after what the journal holds and what waits."""
        if not self._final:
            self._final = self._last_words(frame)
            self._outbox.close()

    def stop(self, frame: bytes) -> None:
        """End the stream with this, now: nothing else is sent any more, however much there was to replay."""
        self._stopped = True
        self._final = self._last_words(frame)
        self._outbox.clear()
        self._outbox.close()
        self._loop.call_later(STOP_GRACE_S, self._cut_off)

    def leave(self) -> None:
        """The client is gone."""
        self._gone = True
        self._outbox.close()

    def _put(self, item: Events | Mark | bytes) -> None:
        if self._outbox.put(item):
            return
        if self._replaying:
            # It is behind because there is much to replay, not because its reader is slow: the journal has the events.
            self._outbox.drop_events()
            self._missed = True
            if isinstance(item, Events) or self._outbox.put(item):
                return
        self._outbox.clear()
        self.finish(lease.closed("slow_reader"))
        self._loop.call_later(SLOW_GRACE_S, self._cut_off)

    def _last_words(self, frame: bytes) -> bytes:
        return frame if self.wanted.lease_events else HEARTBEAT

    @property
    def _over(self) -> bool:
        """Whether nothing more may be sent, but for the last words."""
        return self._gone or self._stopped

    def _cut_off(self) -> None:
        if self.task is not None and not self.task.done():
            self.cut_off = True
            self.task.cancel()

    # --- to the client --------------------------------------------------------------------------------

    async def run(self, opening: Event | None) -> None:
        """Stream until the session is over, the client is gone, or the stream is told to end.

        Args:
            opening: the latest service event, for a stream that opens late.
        """
        first = [HEARTBEAT, RETRY]
        if self.wanted.lease_events:
            first.append(self.channel.deadline())
        if opening is not None:
            first.append(shown(self.wanted.shape, self.channel.name, opening))
        await self._send(b"".join(first))
        try:
            await self._show_prelude()
            await self._replay()
            while not self._over:
                items = await self._outbox.take()
                if not items:
                    break
                await self._send_items(items)
        except _Unavailable:
            self.finish(lease.closed("unavailable"))
        await self._send_message({"type": "http.response.body", "body": self._final})

    async def _send_items(self, items: list[Events | Mark | bytes]) -> None:
        body: list[bytes] = []
        for item in items:
            if isinstance(item, bytes):
                body.append(item)
                continue
            if isinstance(item, Mark):
                body.append(mark(event_id(self.channel.epoch, self.last)))
                continue
            if item.first_seq > self.last + 1:
                await self._send(b"".join(body))
                body = []
                await self._replay()
            body.append(item.written(self.wanted.shape, after=self.last))
            self.last = max(self.last, item.last_seq)
        await self._send(b"".join(body))

    async def _show_prelude(self) -> None:
        if self.wanted.prelude is None:
            return
        place, more = None, True
        while more:
            parts, place = await self._ask(self._read_prelude, self.wanted.prelude, place)
            for part in parts:
                await self._send(part)
            more = place is not None
        # A client that comes back from here on was shown all of it.
        await self._send(mark(event_id(self.channel.epoch, self.last)))

    def _read_prelude(self, prelude: Callable[..., Any], place: Any) -> tuple[list[bytes], Any]:
        """In a thread: a page in the parts that are sent, and the next place. One event is parsed at a time."""
        events, next_place = prelude(place)
        written = (shown(self.wanted.shape, self.channel.name, event) for event in events)
        parts: list[bytes] = []
        while some := list(islice(written, PRELUDE_EVENTS)):
            parts.append(b"".join(some))
        return parts, next_place

    async def _replay(self) -> None:
        """Read the journal until there is no more."""
        self._replaying = True
        more = True
        while (more or self._missed) and not self._over:
            self._missed = False
            body, self.last, more = await self._ask(self._read_page, self.last, self.channel.epoch, timezone.now())
            await self._send(body)
        self._replaying = False

    def _read_page(self, after: int, epoch: int, now: datetime) -> tuple[bytes, int, bool]:
        """In a thread: a page as it is sent, its last number, and whether there is more."""
        followed = self.wanted.followed
        page = read_after(owner_id=followed.owner_id, session_id=followed.session_id, after=after, now=now)
        events = Events(self.channel.name, epoch, page.first_seq, page.events)
        return events.written(self.wanted.shape, after=after), after + len(page.events), not page.whole

    async def _ask(self, work: Callable[..., Any], *args: Any) -> Any:
        """Ask the database, again and again while it does not answer.

        Raises:
            _Unavailable: what was asked for can't be opened.
        """
        while not self._over:
            try:
                return await self._database.run(work, *args)
            except LinnetError:
                raise _Unavailable from None
            except Exception as error:  # noqa: BLE001  (whatever it is, the stream ends in order)
                # The class alone: the text of an unforeseen error may quote content.
                log.warning("live_read_failed session=%s error=%s", self.channel.name, type(error).__name__)
                if not is_outage(error):
                    raise _Unavailable from None
            await self._send(HEARTBEAT)
            await asyncio.sleep(RETRY_S)
        raise _Unavailable

    async def _send(self, body: bytes) -> None:
        if body and not self._over:
            self.sent_at = self._loop.time()
            await self._send_message({"type": "http.response.body", "body": body, "more_body": True})


class _Unavailable(Exception):
    """What belongs into the stream can't be read."""
