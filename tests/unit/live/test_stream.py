"""One open stream: what ends it, and what becomes of what waits. The journal is one that is made up as it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import OperationalError

from sessions_app.live import lease, outbox, stream
from sessions_app.live.channel import Channel
from sessions_app.live.handover import StreamRequest
from sessions_app.live.outbox import Events
from sessions_app.live.stream import Stream
from sessions_app.services.following import Page
from tests.unit.live.test_channel import ID, batch, followed

PAGE = 100
REVOKED = lease.closed("revoked")


class Database:
    """Answers at once, in the loop."""

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        await asyncio.sleep(0)
        return work(*args)


class Client:
    """One stream and what was sent on it. Reads while ``reads`` is set."""

    def __init__(self, **wanted: Any) -> None:
        self.sent: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.channel = Channel(followed())
        database: Any = Database()
        self.stream = Stream(StreamRequest(followed(), **wanted), self.channel, database, self._send)
        self.channel.streams.add(self.stream)
        self.running = asyncio.create_task(self.stream.run(None))
        self.stream.task = self.running

    async def _send(self, message: Any) -> None:
        self.sent.append(message["body"])
        await self.reads.wait()
        await asyncio.sleep(0)

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            await asyncio.sleep(0)

    async def follows(self) -> None:
        """The stream has nothing left to replay, and waits for what comes."""
        await self.until(lambda: self.stream._outbox._waiter is not None)

    async def stops_reading(self) -> None:
        """What is sent next fills what lies between; from then on things wait."""
        self.reads.clear()
        self.stream.beat()
        before = len(self.sent)
        await self.until(lambda: len(self.sent) > before)

    async def ends(self) -> bytes:
        self.reads.set()
        await asyncio.wait_for(self.running, 2)
        return self.sent[-1]

    @property
    def numbers(self) -> list[int]:
        lines = b"".join(self.sent).decode().splitlines()
        return [int(line.partition(":")[2].partition(":")[2]) for line in lines if line.startswith("id: ")]


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        await asyncio.wait_for(scenario(), 5)

    asyncio.run(within())


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events it holds: ``journal[0]``."""
    holds = [0]

    def read_after(*, after: int, **_: Any) -> Page:
        count = min(PAGE, holds[0] - after)
        return Page(after + 1, list(batch(after + 1, count).events), whole=after + count >= holds[0])

    monkeypatch.setattr(stream, "read_after", read_after)
    return holds


def some(first_seq: int, count: int) -> Events:
    return Events(str(ID), 1, first_seq, batch(first_seq, count).events)


def earlier(pages: int) -> Callable[[int | None], Any]:
    """So many pages, each a little more than one part."""

    def page(place: int | None) -> Any:
        following = (place or 0) + 1
        return batch(1, stream.PRELUDE_EVENTS + 1).events, following if following < pages else None

    return page


@pytest.mark.parametrize("because", ["revoked", "shutdown"])
def test_stopped_stream_sends_nothing_more_of_what_it_replays(journal: list[int], because: str) -> None:
    journal[0] = 10_000

    async def scenario() -> None:
        client = Client()
        await client.until(lambda: len(client.numbers) >= 3 * PAGE)
        already = list(client.numbers)
        client.stream.stop(lease.closed(because))
        assert await client.ends() == lease.closed(because)
        assert client.numbers == already

    run(scenario)


def test_prelude_is_shown_in_parts_before_the_journal_and_marked(journal: list[int]) -> None:
    journal[0] = 2

    async def scenario() -> None:
        client = Client(prelude=earlier(pages=3))
        await client.follows()
        shown = [sent.count(b"event: marker-event") for sent in client.sent]
        assert shown[1:] == [stream.PRELUDE_EVENTS, 1] * 3 + [0, 2]
        assert client.numbers == [0, 1, 2]
        client.stream.leave()
        await client.ends()

    run(scenario)


def test_stopped_stream_sends_nothing_more_of_its_prelude(journal: list[int]) -> None:
    async def scenario() -> None:
        client = Client(prelude=earlier(pages=50))
        await client.until(lambda: len(client.sent) >= 4)
        already = len(client.sent)
        client.stream.stop(REVOKED)
        assert await client.ends() == REVOKED
        assert len(client.sent) == already + 1

    run(scenario)


def test_prelude_whose_database_is_away_goes_on_where_it_was(
    journal: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RETRY_S", 0.0)
    asked: list[Any] = []
    whole = earlier(pages=2)

    def prelude(place: int | None) -> Any:
        asked.append(place)
        if len(asked) == 2:
            raise OperationalError
        return whole(place)

    async def scenario() -> None:
        client = Client(prelude=prelude)
        await client.follows()
        client.stream.leave()
        await client.ends()
        assert b"".join(client.sent).count(b"event: marker-event") == 2 * (stream.PRELUDE_EVENTS + 1)

    run(scenario)
    assert asked == [None, 1, 1]


def test_stopped_stream_sends_nothing_of_what_waits(journal: list[int]) -> None:
    async def scenario() -> None:
        client = Client()
        await client.follows()
        await client.stops_reading()
        client.stream.deliver(some(1, 5))
        client.stream.stop(REVOKED)
        assert await client.ends() == REVOKED
        assert client.numbers == []

    run(scenario)


def test_stopped_stream_without_lease_events_ends_with_a_comment(journal: list[int]) -> None:
    async def scenario() -> None:
        client = Client(lease_events=False)
        await client.follows()
        client.stream.stop(REVOKED)
        assert await client.ends() == b": heartbeat\n\n"

    run(scenario)


def test_stopped_stream_is_cut_off_when_nobody_reads(journal: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STOP_GRACE_S", 0.01)

    async def scenario() -> None:
        client = Client()
        await client.follows()
        await client.stops_reading()
        client.stream.stop(REVOKED)
        with pytest.raises(asyncio.CancelledError):
            await client.running
        assert client.stream.cut_off

    run(scenario)


def test_stream_that_is_told_of_the_sessions_end_replays_to_it(journal: list[int]) -> None:
    journal[0] = 5 * PAGE

    async def scenario() -> None:
        client = Client()
        client.stream.finish(b"the end")
        assert await client.ends() == b"the end"
        assert client.numbers == list(range(1, 5 * PAGE + 1))

    run(scenario)


@pytest.mark.parametrize("what", ["deliver", "tell", "beat"])
def test_stream_without_room_ends_as_a_slow_readers(
    journal: list[int], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SLOW_GRACE_S", 0.05)

    async def scenario() -> None:
        client = Client()
        await client.follows()
        await client.stops_reading()
        client.stream.tell(b"x" * outbox.MOST_BYTES)
        {
            "deliver": lambda: client.stream.deliver(some(1, 1)),
            "tell": lambda: client.stream.tell(b"one too many"),
            "beat": client.stream.beat,
        }[what]()
        assert await client.ends() == lease.closed("slow_reader")

    run(scenario)


@pytest.mark.parametrize("what", ["deliver", "tell", "beat"])
def test_stream_that_replays_drops_events_and_nothing_else(journal: list[int], what: str) -> None:
    async def scenario() -> None:
        client = Client()
        client.reads.clear()
        await client.until(lambda: bool(client.sent))
        # Appended and delivered while the stream could not take them.
        journal[0] = outbox.MOST_EVENTS + 1
        client.stream.tell(b"x" * (outbox.MOST_BYTES - outbox.MOST_EVENTS * outbox.EVENT_BYTES))
        client.stream.deliver(some(1, outbox.MOST_EVENTS))
        {
            "deliver": lambda: client.stream.deliver(some(outbox.MOST_EVENTS + 1, 1)),
            "tell": lambda: client.stream.tell(b"told"),
            "beat": client.stream.beat,
        }[what]()
        client.stream.finish(b"the end")
        assert await client.ends() == b"the end"
        assert client.numbers == list(range(1, journal[0] + 1))
        assert b"x" * 100 in b"".join(client.sent)
        assert (b"told" in b"".join(client.sent)) == (what == "tell")

    run(scenario)
