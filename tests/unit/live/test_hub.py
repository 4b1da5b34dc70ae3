"""The open streams of one process: what a stream that joins others tells them, and is told."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

from sessions_app.live.channel import Channel
from sessions_app.live.handover import StreamRequest
from sessions_app.live.hub import Hub
from sessions_app.services.following import Followed
from tests.unit.live.test_channel import ID, NOW, followed


async def nowhere(_message: MutableMapping[str, Any]) -> None:
    """What is sent is not looked at."""


def channel_after(*streams: Followed) -> Channel:
    """The channel that these streams share, which open one after the other."""

    async def scenario() -> Channel:
        hub = Hub()
        opened = [hub._join(StreamRequest(one), nowhere) for one in streams]
        channel = hub.channels[ID]
        for stream in opened:
            hub._part(stream)
        assert hub._watcher._task is not None
        hub._watcher._task.cancel()
        return channel

    return asyncio.run(scenario())


def test_later_stream_brings_what_another_process_did_meanwhile() -> None:
    later = NOW + timedelta(minutes=40)
    channel = channel_after(followed(), followed(epoch=2, expires_at=later, last_seq=3, after=3, resumed=True))
    # Ids of the epoch before would make a client that is cut off now begin anew, and show everything twice.
    assert (channel.epoch, channel.expires_at) == (2, later)


def test_stream_that_looked_earlier_takes_nothing_back() -> None:
    later = NOW + timedelta(minutes=40)
    channel = channel_after(followed(epoch=2, expires_at=later), followed())
    assert (channel.epoch, channel.expires_at) == (2, later)
