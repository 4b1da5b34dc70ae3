"""Streams of many web processes: Redis carries events between them, sealed; without it nothing is lost, only later."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from tests.e2e.event_source import EventSource
from tests.e2e.stack import Stack, free_port, web_command
from tests.faults.proxy import Door
from tests.production.installation import SERVERS

pytestmark = pytest.mark.production

REDIS = "redis://127.0.0.1:6379/7"
CANARY = f"kanarie-{secrets.token_hex(8)}"
#: By the bus; and by the database, which is looked at every 1.5 s.
AT_ONCE_S, BY_THE_DATABASE_S = 1.0, 4.0


class TwoWebs(Stack):
    """Two web processes with ports of their own, and a door before Redis. No worker: what ends is found by streams."""

    def __init__(self, folder: Path) -> None:
        self.door = Door(free_port(), ("127.0.0.1", 6379))
        self.door.open()
        database = os.environ.get("DATABASE_URL", SERVERS["DATABASE_URL"])
        if not database.startswith("postgres"):
            database = SERVERS["DATABASE_URL"]
        with patch.dict(os.environ, DATABASE_URL=database):
            bus = urlsplit(REDIS)._replace(netloc=f"127.0.0.1:{self.door.port}").geturl()
            many = {"SESSION_MAX_LIVE": "1000", "STREAM_MAX_OPEN": "1000"}
            super().__init__(folder, LIVE_BUS_URL=bus, LOG_FILE="", SESSION_PRIVATE_TTL_S="6", **many)
        self.other = free_port()

    def start(self) -> None:
        self.make()
        self.launch("other", *web_command(self.other))
        self.start_web()
        self.wait(self._other_answers, "the other web process")
        self.user = self.token()

    def stop(self) -> None:
        super().stop()
        self.door.shut()

    def _other_answers(self) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.other)) == 0

    def begin(self, **body: Any) -> tuple[str, str]:
        status, started = self.call("POST", "sessions/", body, token=self.user)
        assert status == 201, started
        return f"sessions/{started['id']}/", started["lease"]["token"]

    def add(self, path: str, lease: str, *events: dict[str, Any]) -> float:
        """Append through the first process. Returns when it was acknowledged."""
        answer = self.call("POST", f"{path}events/", {"events": list(events)}, token=self.user, lease=lease)
        assert answer[0] == 201, answer
        return time.monotonic()

    def bus_is(self, state: str) -> bool:
        """Whether the first process says so. The bus being away keeps no request from it."""
        status, document = self.call("GET", "/health/")
        assert status == 200, document
        return bool(document["parts"]["bus"]["state"] == state)

    def watch(self, path: str, **more: Any) -> EventSource:
        """A stream of the other process."""
        return EventSource(self.other, f"{path}stream/", token=self.user, **more)


@pytest.fixture(scope="module")
def webs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoWebs]:
    yield from TwoWebs(tmp_path_factory.mktemp("webs")).running()


def marker(number: int) -> dict[str, Any]:
    return {"event_type": "marker", "label": f"{CANARY} {number}", "timestamp": number}


SAID = {"event_type": "transcript", "text": f"{CANARY} was said", "timestamp": 1}
READY = {"event_type": "service", "status": "ready", "detail": f"{CANARY} detail"}


def test_events_of_one_process_are_on_the_streams_of_another_at_once(webs: TwoWebs) -> None:
    path, lease = webs.begin()
    with webs.watch(path) as source:
        source.until("lease-event")
        time.sleep(0.5)
        late = []
        for number in range(1, 21):
            sent = webs.add(path, lease, marker(number))
            (got,) = source.take(1)
            late.append(got.at - sent)
            assert got.data["seq"] == number
        # Some may have been found by the look into the database first; most have not.
        assert sorted(late)[len(late) // 2] < 0.3


def test_live_only_events_cross_in_their_place_and_the_latest_service_event_waits_for_late_streams(
    webs: TwoWebs,
) -> None:
    path, lease = webs.begin()
    with webs.watch(path) as source:
        source.until("lease-event")
        webs.add(path, lease, READY, marker(1), SAID, marker(2))
        names = [event.name for event in source.take(4)]
    assert names == ["service-event", "marker-event", "transcript-event", "marker-event"]
    with webs.watch(path) as late:
        assert late.take(1)[0].data["detail"] == READY["detail"]


def test_attach_touch_and_end_cross(webs: TwoWebs) -> None:
    path, _ = webs.begin()
    with webs.watch(path) as source:
        source.until("lease-event")
        time.sleep(1)
        lease = webs.call("POST", f"{path}attach/", token=webs.user)[1]["lease"]["token"]
        touched = webs.call("POST", f"{path}touch/", {}, token=webs.user, lease=lease)[1]
        source.until("lease-event", event="deadline", expires_at=touched["expires_at"])
        webs.add(path, lease, marker(1))
        assert source.take(1)[0].id == "2:1"
        webs.call("POST", f"{path}end/", token=webs.user, lease=lease)
        ended = time.monotonic()
        assert source.until("lease-event", event="end").at - ended < AT_ONCE_S
        assert list(source) == []


def test_nothing_that_was_said_goes_over_redis(webs: TwoWebs) -> None:
    path, lease = webs.begin()
    with redis.Redis.from_url(REDIS) as client, client.pubsub() as listening, webs.watch(path) as source:
        listening.psubscribe("*")
        source.until("lease-event")
        webs.add(path, lease, READY, marker(1), SAID, {**marker(2), "event_type": "tone", "label": CANARY})
        source.take(4)
        until, heard = time.monotonic() + 2, []
        while time.monotonic() < until:
            message = listening.get_message(ignore_subscribe_messages=True, timeout=0.2)
            if message is not None and path.split("/")[1].encode() in message["channel"]:
                heard.append(message["data"])
        kept = [client.get(key) or b"" for key in client.scan_iter("linnet:live-service:*")]
        ttls = [client.ttl(key) for key in client.scan_iter("linnet:live-service:*")]
    assert heard
    assert kept
    for data in [*heard, *kept]:
        for word in (CANARY, "transcript", "tone", "marker", "ready", "Calm", "label", "text"):
            assert word.encode() not in data
    assert all(0 < ttl <= 43_200 for ttl in ttls)


def test_bus_that_is_away_slows_no_write_and_loses_nothing(webs: TwoWebs) -> None:
    path, lease = webs.begin()
    with webs.watch(path) as source:
        source.until("lease-event")
        webs.add(path, lease, marker(1))
        source.take(1)
        webs.door.shut()
        began = time.monotonic()
        for number in range(2, 12):
            sent = webs.add(path, lease, marker(number))
        assert time.monotonic() - began < 5
        got = source.take(10)
        assert [event.data["seq"] for event in got] == list(range(2, 12))
        assert got[-1].at - sent < BY_THE_DATABASE_S
        webs.wait(lambda: webs.bus_is("degraded"), "health to say that the bus is away")
        webs.door.open()
        webs.wait(lambda: webs.bus_is("ok"), "health to say that the bus is back")
        time.sleep(4)  # both processes connect again
        for number in range(12, 22):
            webs.add(path, lease, marker(number))
        assert [event.data["seq"] for event in source.take(10)] == list(range(12, 22))


def test_many_streams_on_both_processes_get_each_event_once_while_the_bus_comes_and_goes(webs: TwoWebs) -> None:
    path, lease = webs.begin()
    count, ports = 120, [webs.port, webs.other] * 3
    sources = [EventSource(port, f"{path}stream/", token=webs.user) for port in ports]
    found: list[list[int]] = [[] for _ in sources]

    def read(source: EventSource, into: list[int]) -> None:
        into += [event.data["seq"] for event in source.take(count)]

    readers = [threading.Thread(target=read, args=pair) for pair in zip(sources, found, strict=True)]
    for reader in readers:
        reader.start()
    for number in range(1, count + 1):
        webs.add(path, lease, marker(number))
        if number == 40:
            webs.door.shut()
        if number == 80:
            webs.door.open()
    for reader in readers:
        reader.join(30)
    assert found == [list(range(1, count + 1))] * len(sources)
    for source in sources:
        source.close()


def test_session_past_its_deadline_is_told_without_any_worker(webs: TwoWebs) -> None:
    path, _ = webs.begin(policy="private")
    with webs.watch(path) as source:
        began = time.monotonic()
        end = source.until("lease-event", event="end")
        assert 5 < end.at - began < 6 + BY_THE_DATABASE_S
    assert (end.data["close_reason"], end.data["snapshot"]) == ("idle", None)


def test_idle_streams_hold_no_connection_each(webs: TwoWebs) -> None:
    path, _ = webs.begin()
    sources = [webs.watch(path) for _ in range(60)]
    for source in sources:
        source.until("lease-event")
    time.sleep(2)
    with psycopg.connect(webs.stored.url) as connection:
        busy = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
        ).fetchone()
        held = connection.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND backend_type = 'client backend'"
        ).fetchone()
    assert busy is not None
    assert held is not None
    assert busy[0] <= 3  # this one, and a look
    assert held[0] <= 21  # two pools of ten, and this one
    for source in sources:
        source.close()
