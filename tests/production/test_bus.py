"""The bus on a real Redis: whoever asks to hear of a session hears of it, whenever it asks and whatever else comes."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import redis
import redis.asyncio

from sessions_app.live import redis_bus

pytestmark = pytest.mark.production

REDIS = "redis://127.0.0.1:6379/7"
SLOW_S = 0.1


@asynccontextmanager
async def subscriber(heard: Callable[[uuid.UUID, bytes], None]) -> AsyncIterator[redis_bus.Subscriber]:
    made = redis_bus.Subscriber(REDIS, heard=heard, back=lambda: None)
    try:
        yield made
    finally:
        made.stop()
        with suppress(asyncio.CancelledError):
            await made._task  # type: ignore[misc]
        await made._client.aclose()


def publish(session_id: uuid.UUID, data: bytes) -> None:
    with redis.Redis.from_url(REDIS) as client:
        client.publish(f"linnet:live:{session_id}", data)


async def soon(done: Callable[[], bool]) -> None:
    """Wait until it is so, or for half a second."""
    for _ in range(50):
        if done():
            return
        await asyncio.sleep(0.01)


@pytest.fixture
def slow_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    connect: Callable[..., Awaitable[None]] = redis.asyncio.Connection.connect

    async def slowly(self: Any) -> None:
        await asyncio.sleep(SLOW_S)
        await connect(self)

    monkeypatch.setattr(redis.asyncio.Connection, "connect", slowly)


@pytest.mark.usefixtures("slow_to_connect")
def test_session_that_is_asked_for_while_the_bus_connects_is_heard() -> None:
    heard: list[uuid.UUID] = []
    ids = [uuid.uuid4() for _ in range(5)]

    async def listen() -> float:
        async with subscriber(lambda session_id, _data: heard.append(session_id)) as bus:
            waiting = []
            for session_id in ids:
                waiting.append(asyncio.create_task(bus.subscribe(session_id)))
                await asyncio.sleep(SLOW_S / 4)
            began = asyncio.get_running_loop().time()
            await asyncio.gather(*waiting)
            waited = asyncio.get_running_loop().time() - began
            for session_id in ids:
                publish(session_id, b"x")
            await soon(lambda: len(heard) == len(ids))
            return waited

    assert asyncio.run(listen()) < redis_bus.TIMEOUT_S / 2
    assert sorted(heard) == sorted(ids)


def test_message_that_its_hearer_fails_on_makes_no_stream_deaf(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[bytes] = []

    def hear(_session_id: uuid.UUID, data: bytes) -> None:
        if data == b"bad":
            raise TypeError("quotes content")
        heard.append(data)

    async def listen() -> None:
        async with subscriber(hear) as bus:
            session_id = uuid.uuid4()
            await bus.subscribe(session_id)
            publish(session_id, b"bad")
            publish(session_id, b"good")
            await soon(lambda: bool(heard))

    with caplog.at_level(logging.WARNING):
        asyncio.run(listen())
    assert heard == [b"good"]
    assert [record.getMessage() for record in caplog.records] == ["live_message_failed error=TypeError"]
