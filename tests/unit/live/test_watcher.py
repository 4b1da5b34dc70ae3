"""What the watcher asks the database for, and what it does when there is no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from sessions_app.lease import Policy
from sessions_app.live import lease, watcher
from sessions_app.live.channel import Channel
from sessions_app.live.watcher import Watcher
from sessions_app.services import following
from tests.unit.live.test_channel import ID, NOW, Listener, batch, followed


class Database:
    """Calls what it is asked for; while ``away`` it does not answer."""

    def __init__(self, away: int = 0) -> None:
        self.away = away

    async def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        if self.away:
            self.away -= 1
            raise OperationalError
        return work(*args, **kwargs)


class Stream:
    """A stream that notes how it was stopped."""

    credential = "a credential"

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.sent_at = asyncio.get_running_loop().time()
        self.stopped = asyncio.Event()
        self.said = b""

    def stop(self, frame: bytes) -> None:
        self.said = frame
        self.stopped.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "TICK_S", 0.001)


def test_session_of_a_last_viewer_is_extended_once_the_database_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    extended: list[Any] = []

    def extend(session_ids: Any, *, now: datetime) -> dict[Any, datetime]:
        extended.extend(session_ids)
        return {}

    monkeypatch.setattr(watcher, "extend_attended", extend)

    async def scenario() -> None:
        database: Any = Database(away=3)
        watching = Watcher({}, set(), reading=database, watching=database, drop=lambda _channel: None)
        watching.attend(Channel(followed(policy=Policy.EPHEMERAL)))  # its last stream has gone
        assert watching._task is not None
        await asyncio.wait_for(watching._task, 2)

    asyncio.run(scenario())
    assert extended == [ID]


def test_stream_of_a_session_that_is_over_is_stopped_with_its_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "CHECK_EVERY_S", 0.0)
    monkeypatch.setattr(watcher, "still_hold", lambda asked, **_: [False] * len(asked))
    monkeypatch.setattr(watcher.following, "notice_leads", lambda owners: dict.fromkeys(owners, timedelta()))

    async def scenario() -> bytes:
        channel = Channel(followed())
        stream: Any = Stream(channel)
        database: Any = Database()
        # It still replays what the session held; the session's channel is gone.
        watching = Watcher({}, {stream}, reading=database, watching=database, drop=lambda _channel: None)
        watching.attend(channel)
        await asyncio.wait_for(stream.stopped.wait(), 2)
        assert watching._task is not None
        watching._task.cancel()
        return bytes(stream.said)

    assert asyncio.run(scenario()) == lease.closed("revoked")


def test_end_is_told_after_every_page_that_was_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_after(*, after: int, **_: Any) -> following.Page:
        return following.Page(after + 1, list(batch(after + 1, 2).events), whole=after == 4)

    ending = following.Ending(NOW, NOW, "ended", "You ended it.", None, last_seq=6)
    monkeypatch.setattr(watcher.following, "read_after", read_after)
    monkeypatch.setattr(watcher, "_settle_and_look", lambda *_: {})
    monkeypatch.setattr(watcher, "_read_ending", lambda *_: (ending,))

    async def scenario() -> None:
        channel = Channel(followed())
        database: Any = Database()
        listener = Listener()
        channel.streams.add(listener)
        stream: Any = Stream(channel)
        over = asyncio.Event()
        monkeypatch.setattr(listener, "finish", lambda _frame: over.set())
        made = Watcher({ID: channel}, {stream}, reading=database, watching=database, drop=lambda _channel: None)
        made.attend(channel)
        await over.wait()
        assert [number for number, _ in listener.got] == [1, 2, 3, 4, 5, 6]
        assert made._task is not None
        made._task.cancel()

    asyncio.run(asyncio.wait_for(scenario(), 5))


def test_end_that_comes_with_a_gap_is_told_as_a_broken_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    ending = following.Ending(NOW, NOW, "ended", "You ended it.", None, last_seq=6)
    monkeypatch.setattr(watcher, "_settle_and_look", lambda *_: {})
    monkeypatch.setattr(watcher, "_read_ending", lambda *_: (ending,))

    async def scenario() -> bytes:
        channel = Channel(followed())
        listener = Listener()
        channel.streams.add(listener)
        stream: Any = Stream(channel)
        said: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        monkeypatch.setattr(listener, "finish", said.set_result)
        reading: Any = Database(away=1)  # just when the last events are to be read
        watching: Any = Database()
        made = Watcher({ID: channel}, {stream}, reading=reading, watching=watching, drop=lambda _channel: None)
        made.attend(channel)
        frame = await said
        assert made._task is not None
        made._task.cancel()
        return frame

    # Its client comes back, is told that the session is over, and gets what it missed from the snapshot.
    assert asyncio.run(asyncio.wait_for(scenario(), 5)) == lease.closed("unavailable")


def test_what_is_asked_for_all_streams_waits_for_no_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "LOOK_EVERY_S", 0.0)
    seen = following.Glance(ID, closed=False, epoch=1, last_seq=5, expires_at=NOW + timedelta(days=9999))
    looks: list[int] = []
    monkeypatch.setattr(watcher, "_settle_and_look", lambda *_: looks.append(1) or {ID: seen})

    class Busy(Database):
        """Reads a long history for somebody."""

        async def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            assert work is following.read_after
            await asyncio.sleep(3600)

    async def scenario() -> None:
        reading: Any = Busy()
        watching: Any = Database()
        channel = Channel(followed(expires_at=seen.expires_at))
        stream: Any = Stream(channel)
        channel.streams.add(stream)
        made = Watcher({ID: channel}, {stream}, reading=reading, watching=watching, drop=lambda _channel: None)
        made.attend(channel)
        while len(looks) < 5:
            await asyncio.sleep(0)
        assert channel.reading
        assert made._task is not None
        made._task.cancel()

    asyncio.run(asyncio.wait_for(scenario(), 5))
