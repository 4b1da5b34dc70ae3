"""The open streams of one process, by session."""

from __future__ import annotations

import asyncio
import signal
import threading
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import FrameType
from typing import Any

from sessions_app.conf import conf
from sessions_app.live import bus, lease, redis_bus, wire
from sessions_app.live.channel import Channel
from sessions_app.live.database import READING, WATCHING, Database
from sessions_app.live.handover import StreamRequest
from sessions_app.live.messages import Batch, Event, Message
from sessions_app.live.stream import Stream
from sessions_app.live.watcher import Watcher
from sessions_app.services.following import cipher_of_followed

AsgiMessage = MutableMapping[str, Any]
Send = Callable[[AsgiMessage], Awaitable[None]]
Receive = Callable[[], Awaitable[AsgiMessage]]


class Hub:
    """Belongs to one event loop; only :meth:`take` and :meth:`stop_soon` may be called from elsewhere."""

    def __init__(self) -> None:
        self.channels: dict[uuid.UUID, Channel] = {}
        #: All that are open: those of sessions that are over, and have no channel here any more, too.
        self.streams: set[Stream] = set()
        self.database = Database(threads=READING)
        self.loop = asyncio.get_running_loop()
        self._inbox: deque[Message] = deque()
        self._watcher = Watcher(
            self.channels,
            self.streams,
            reading=self.database,
            watching=Database(threads=WATCHING),
            drop=self.drop,
        )
        self._stopping = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._subscriber = (
            redis_bus.Subscriber(conf.live_bus_url, heard=self._hear, back=self._watcher.look_soon)
            if conf.live_bus_url
            else None
        )

    # --- from whoever publishes -----------------------------------------------------------------------

    def take(self, messages: Sequence[Message]) -> None:
        """What was published in this process: into the loop with it. Any thread."""
        self._inbox.extend(messages)
        # A loop that has ended has no streams to tell.
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        while self._inbox:
            message = self._inbox.popleft()
            channel = self.channels.get(message.session_id)
            if channel is not None:
                self._pass_on(channel, message)

    def _pass_on(self, channel: Channel, message: Message) -> None:
        self._learn(channel, epoch=message.epoch, expires_at=message.expires_at)
        if isinstance(message, Batch):
            if not channel.receive(message):
                self._watcher.catch_up(channel)
        elif message.epoch is None and message.expires_at is None:
            self._watcher.look_soon()

    def _learn(self, channel: Channel, *, epoch: int | None, expires_at: datetime | None) -> None:
        """Of the later deadline and of the later epoch: what was heard last may have been said first."""
        if epoch is not None:
            channel.reach(epoch)
        if expires_at is not None:
            channel.move(max(expires_at, channel.expires_at), at=self.loop.time())

    def _hear(self, session_id: uuid.UUID, data: bytes) -> None:
        """What another process published."""
        channel = self.channels.get(session_id)
        if channel is None:
            return
        try:
            parcel = wire.parse(data)
            if parcel.sender != redis_bus.sender():
                self._pass_on(channel, wire.decode(parcel, session_id, channel.cipher))
        except wire.Unreadable:
            self._watcher.catch_up(channel)

    # --- streams --------------------------------------------------------------------------------------

    async def serve(self, wanted: StreamRequest, start: AsgiMessage, receive: Receive, send: Send) -> None:
        """Run one stream, from its headers to its end."""
        await send(start)
        if self._stopping:
            await send({"type": "http.response.body", "body": lease.closed("shutdown")})
            return
        stream = self._join(wanted, send)
        listener = asyncio.create_task(_leave_when_gone(stream, receive))
        try:
            await stream.run(await self._ready(stream.channel))
        except asyncio.CancelledError:
            if not stream.cut_off:
                raise
        finally:
            listener.cancel()
            self._part(stream)

    def _join(self, wanted: StreamRequest, send: Send) -> Stream:
        session_id = wanted.followed.session_id
        channel = self.channels.get(session_id)
        if channel is None:
            channel = self.channels[session_id] = Channel(wanted.followed)
            bus.local.subscribe(session_id, self)
            if self._subscriber is not None:
                channel.ready = self._start(self._open(channel, self._subscriber))
        else:
            # Its view looked at the database just now: what another process did may be news to those who are here.
            self._learn(channel, epoch=wanted.followed.epoch, expires_at=wanted.followed.expires_at)
        stream = Stream(wanted, channel, self.database, send)
        channel.streams.add(stream)
        self.streams.add(stream)
        self._watcher.attend(channel)
        return stream

    def _part(self, stream: Stream) -> None:
        channel = stream.channel
        channel.streams.discard(stream)
        self.streams.discard(stream)
        self._watcher.attend(channel)
        if not channel.streams:
            self.drop(channel)

    def drop(self, channel: Channel) -> None:
        """No stream of this session is left, or it is over: a later one begins anew."""
        if self.channels.get(channel.session_id) is channel:
            del self.channels[channel.session_id]
            bus.local.unsubscribe(channel.session_id, self)
            if self._subscriber is not None:
                self._start(self._subscriber.unsubscribe(channel.session_id))

    async def _open(self, channel: Channel, subscriber: redis_bus.Subscriber) -> None:
        """Get what it takes to hear other processes, and what they said last."""
        _, channel.cipher, service = await asyncio.gather(
            subscriber.subscribe(channel.session_id),
            self.database.run(cipher_of_followed, owner_id=channel.owner_id, session_id=channel.session_id),
            subscriber.latest_service(channel.session_id),
        )
        if service is not None and channel.cipher is not None:
            with suppress(wire.Unreadable):
                channel.service = wire.decode_service(service, channel.cipher)

    async def _ready(self, channel: Channel) -> Event | None:
        """Wait until the bus is heard, where there is one to other processes. Returns the latest service event."""
        if channel.ready is not None:
            # Without it, the database still tells.
            with suppress(Exception):
                await asyncio.shield(channel.ready)
        return channel.service or bus.local.latest_service(channel.session_id)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- the end --------------------------------------------------------------------------------------

    def stop_soon(self) -> None:
        """End all streams, so that the server need not wait for them. Any thread, or a signal handler."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self._stopping = True
        for stream in tuple(self.streams):
            stream.stop(lease.closed("shutdown"))


async def _leave_when_gone(stream: Stream, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.leave()


_hub: Hub | None = None


def hub_of_this_loop() -> Hub:
    """The hub of the running event loop. A process has one loop; tests have one after another."""
    global _hub
    if _hub is None or _hub.loop is not asyncio.get_running_loop():
        _hub = Hub()
        _end_with_the_process(_hub)
    return _hub


def _end_with_the_process(hub: Hub) -> None:
    """Hear of the end when the server does: it waits for open streams before it tells anybody else."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def handle(signum: int, frame: FrameType | None, before: Any = before) -> None:
            hub.stop_soon()
            if callable(before):
                before(signum, frame)

        if callable(before):
            signal.signal(number, handle)
