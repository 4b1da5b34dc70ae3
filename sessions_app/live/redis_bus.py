"""The bus between processes: Redis' publish and subscribe, by redis-py (``docs/adr/0014-live-stream.md``)."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from sessions_app.live import wire
from sessions_app.live.messages import Batch, Changed, Message

log = logging.getLogger(__name__)

_CHANNEL = "linnet:live:"
_SERVICE = "linnet:live-service:"
#: How long the latest service event is kept, in seconds: as long as a session may go on without another one.
SERVICE_TTL_S = 43_200
#: Messages that wait for Redis at most; the oldest go first, and streams learn of them from the database.
MOST_WAITING = 10_000
#: Messages that are sent together.
TOGETHER = 500
#: How long Redis is left alone after it did not answer, and how long one call may take, in seconds.
PAUSE_S, TIMEOUT_S = 1.0, 1.0
#: How long a process that ends waits for what it published last, in seconds.
FLUSH_S = 0.5

#: Names this process, so that it does not hear itself: its own streams are told without a detour.
_sender = ""
_sender_pid = 0


def sender() -> str:
    """This process's name on the bus. A forked child has its own."""
    global _sender, _sender_pid
    if _sender_pid != os.getpid():
        _sender, _sender_pid = secrets.token_hex(8), os.getpid()
    return _sender


def reach(url: str) -> None:
    """See that Redis answers.

    Raises:
        redis.RedisError: it does not.
    """
    with redis.Redis.from_url(
        url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    ) as connection:
        connection.ping()


class Publisher:
    """Sends from a thread of its own: who publishes never waits for Redis."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: deque[Message] = deque(maxlen=MOST_WAITING)
        self._filled = threading.Event()
        self._idle = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        atexit.register(self._idle.wait, FLUSH_S)
        self._idle.set()

    def publish(self, messages: Sequence[Message]) -> None:
        self._idle.clear()
        self._waiting.extend(messages)
        # A forked child has no thread yet.
        if self._thread is None or not self._thread.is_alive():
            self._start()
        self._filled.set()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="live-bus", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        client = redis.Redis.from_url(self._url, **_options(Retry(NoBackoff(), 1)))
        failed = False
        while True:
            self._filled.wait()
            self._filled.clear()
            while self._waiting:
                try:
                    self._send(client)
                    failed = False
                except Exception as error:  # noqa: BLE001  (whatever it is: streams learn from the database)
                    if not failed:
                        log.warning("live_bus_failed error=%s", type(error).__name__)
                    failed = True
                    self._waiting.clear()
                    self._idle.set()
                    threading.Event().wait(PAUSE_S)
            self._idle.set()

    def _send(self, client: redis.Redis) -> None:
        pipeline = client.pipeline(transaction=False)
        with suppress(IndexError):
            for _ in range(TOGETHER):
                _add(pipeline, self._waiting.popleft())
        pipeline.execute()


def _add(pipeline: Any, message: Message) -> None:
    pipeline.publish(f"{_CHANNEL}{message.session_id}", wire.encode(message, sender=sender()))
    key = f"{_SERVICE}{message.session_id}"
    if isinstance(message, Batch):
        service = wire.encode_service(message)
        if service is not None:
            pipeline.set(key, service, ex=SERVICE_TTL_S)
    elif message == Changed(message.session_id):
        pipeline.delete(key)


class Subscriber:
    """Hears for one event loop. Belongs to it."""

    def __init__(self, url: str, *, heard: Callable[[uuid.UUID, bytes], None], back: Callable[[], None]) -> None:
        self._client = redis.asyncio.Redis.from_url(url, **_options(redis.asyncio.retry.Retry(NoBackoff(), 0)))
        self._heard = heard
        self._back = back
        self._wanted: dict[str, asyncio.Event] = {}
        self._pubsub: Any = None
        self._task: asyncio.Task[None] | None = None

    async def subscribe(self, session_id: uuid.UUID) -> None:
        """Hear of a session from when this returns; or, when Redis does not answer, as soon as it does."""
        name = f"{_CHANNEL}{session_id}"
        confirmed = self._wanted.setdefault(name, asyncio.Event())
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        elif self._pubsub is not None and not confirmed.is_set():
            await self._try(self._pubsub.subscribe, [name])
        with suppress(TimeoutError):
            await asyncio.wait_for(confirmed.wait(), TIMEOUT_S)

    async def unsubscribe(self, session_id: uuid.UUID) -> None:
        name = f"{_CHANNEL}{session_id}"
        if self._wanted.pop(name, None) is not None and self._pubsub is not None:
            await self._try(self._pubsub.unsubscribe, [name])

    async def latest_service(self, session_id: uuid.UUID) -> bytes | None:
        """The latest service event of a session, sealed."""
        try:
            found = await self._client.get(f"{_SERVICE}{session_id}")
        except (redis.RedisError, OSError):
            return None
        return found if isinstance(found, bytes) else None

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _try(self, call: Callable[..., Any], names: Iterable[str]) -> None:
        # When it fails the connection is broken: the reader notices, and begins anew with all that is wanted.
        with suppress(redis.RedisError, OSError, RuntimeError):
            await call(*names)

    async def _run(self) -> None:
        failed = False
        while True:
            try:
                async with self._client.pubsub() as pubsub:
                    # One that is always there: without any, there would be nothing to read from.
                    await pubsub.subscribe(f"{_CHANNEL}up")
                    self._pubsub, failed = pubsub, False
                    # What was asked for while this connected; from here on, who asks sees the connection.
                    if self._wanted:
                        await pubsub.subscribe(*self._wanted)
                    self._back()
                    while True:
                        message = await pubsub.get_message(timeout=5)
                        if message is not None:
                            self._take(message)
            except (redis.RedisError, OSError) as error:
                self._pubsub = None
                for confirmed in self._wanted.values():
                    confirmed.clear()
                if not failed:
                    log.warning("live_bus_lost error=%s", type(error).__name__)
                failed = True
                await asyncio.sleep(PAUSE_S)

    def _take(self, message: dict[str, Any]) -> None:
        name = message["channel"].decode()
        if message["type"] == "subscribe" and name in self._wanted:
            self._wanted[name].set()
        elif message["type"] == "message" and name in self._wanted:
            try:
                self._heard(uuid.UUID(name.removeprefix(_CHANNEL)), message["data"])
            except Exception as error:  # noqa: BLE001  (whatever one message does, the others are heard)
                # The class alone: the text of an unforeseen error may quote content.
                log.warning("live_message_failed error=%s", type(error).__name__)


def _options(retry: Any) -> dict[str, Any]:
    return {
        "socket_connect_timeout": TIMEOUT_S,
        "socket_timeout": TIMEOUT_S,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry": retry,
    }
