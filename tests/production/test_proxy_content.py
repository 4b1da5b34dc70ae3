"""deploy/nginx.conf, run by nginx: what goes through it goes at once, whole, once, and leaves no trace."""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.e2e.event_source import EventSource
from tests.e2e.front_end import Answer
from tests.production.behind import Behind, refused
from tests.production.cloud import LARGE, browser

pytestmark = pytest.mark.production

#: Of a stream: what comes without waiting for anything else.
AT_ONCE_S = 0.3


@pytest.fixture(scope="module", autouse=True)
def left_alone(behind: Behind) -> Iterator[tuple[EventSource, dict[str, str], str]]:
    """A stream and a kept connection to a web process, on which nothing happens while the other tests run."""
    behind.mirror.call("GET", "/health")
    # Of an ephemeral one the deadline would move, and be told, before there is anything to hear a heartbeat in.
    sent, path, _ = behind.begin(policy="private")
    with behind.stream(sent, path) as source:
        reader = threading.Thread(target=list, args=[source])
        reader.start()
        yield source, sent, path
        source.socket.shutdown(socket.SHUT_RDWR)
        reader.join(10)


@pytest.fixture
def after_a_while(left_alone: tuple[EventSource, dict[str, str], str]) -> tuple[EventSource, dict[str, str], str]:
    """What was left alone. Tests with this come last (conftest.py)."""
    return left_alone


def tones(count: int) -> list[dict[str, Any]]:
    """Events with as much text as they take: 2 KiB each."""
    words = {
        "label": "word " * 40,
        "subtext": "said " * 100,
        "prosody_flags": [f"flag {n} ".ljust(64) for n in range(16)],
    }
    return [{"event_type": "tone", "timestamp": number, **words} for number in range(count)]


def test_stream_tells_each_event_at_once(behind: Behind) -> None:
    sent, path, _ = behind.begin()
    with behind.stream(sent, path) as source:
        assert source.response.getheader("Content-Type", "").startswith("text/event-stream")
        source.until("lease-event")
        late = []
        for number in range(1, 11):
            acknowledged = behind.mark(sent, path, number)
            (got,) = source.take(1)
            late.append(got.at - acknowledged)
            assert got.data["seq"] == number
    assert sorted(late)[5] < AT_ONCE_S


def test_answer_is_passed_on_as_it_comes(behind: Behind) -> None:
    with closing(behind.proxy.connection(timeout_s=4)) as connection:
        connection.request("GET", "/samples/slow")
        response = connection.getresponse()
        assert response.read(4) == b"anno"
        behind.annotator.go_on.set()
        assert response.read() == b"tator"


def test_stream_on_which_nothing_happens_stays(
    behind: Behind, after_a_while: tuple[EventSource, dict[str, str], str]
) -> None:
    source, sent, path = after_a_while

    def heartbeat() -> bool:
        return len(source.comments) > 1 and source.comments[-1] - source.comments[0] > 13

    behind.cloud.wait(heartbeat, "a heartbeat", timeout_s=20)
    behind.mark(sent, path, 1)
    behind.cloud.wait(lambda: "event: marker-event" in source.lines, "what came after the heartbeat", timeout_s=2)


def test_nginx_ends_idle_connections_before_the_web_process_does(behind: Behind) -> None:
    idle_s = behind.annotator.idle_s
    behind.cloud.wait(lambda: max(idle_s, default=0) > 1, "nginx to end a connection", timeout_s=10)
    assert 3.5 < max(idle_s) < 4.9


def test_nothing_that_is_said_is_written_down(behind: Behind) -> None:
    sent, path, _ = behind.begin()
    body = json.dumps({"events": tones(500)}).encode()
    assert 900 * 1024 < len(body) < 1024 * 1024
    before = behind.proxy.spool()
    sent = {**sent, "Content-Type": "application/json"}
    assert behind.proxy.call("POST", f"{path}events/", body, sent).status == 201
    # Each piece is sent with its length, which makes small ones larger than any body may be.
    pieces = (body[at : at + 8] for at in range(0, len(body), 8))
    refused(behind.proxy.call("POST", f"{path}events/", pieces, sent), 411, "E-REQUEST-008")
    assert behind.proxy.spool() == before


def test_answer_waits_in_memory_for_a_slow_reader(behind: Behind) -> None:
    before = behind.mirror.spool()
    with closing(behind.mirror.connection(window=4096)) as connection:
        connection.request("GET", "/api/v1/large")
        response = connection.getresponse()
        time.sleep(0.5)
        assert len(response.read()) == LARGE
    assert behind.mirror.spool() == before


def test_body_over_the_limit_is_refused_in_the_same_words_by_both(behind: Behind) -> None:
    sent, path, _ = behind.begin()
    for size in (1024 * 1024 + 1, 1100 * 1024 + 1, 4_000_000):
        refused(behind.proxy.call("POST", f"{path}events/", b" " * size, sent), 413, "E-REQUEST-002")


def test_post_is_not_repeated_when_a_web_process_dies(behind: Behind) -> None:
    cloud, two = behind.cloud, behind.two

    def begun() -> int:
        return int(cloud.stored.rows("SELECT count(*) FROM sessions_app_session")[0][0])

    def waiting() -> bool:
        assert not any(one.done() for one in asked), [one.result() for one in asked if one.done()]
        found = cloud.stored.rows(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
            "AND query LIKE 'INSERT INTO \"sessions_app_session\"%'"
        )
        return found == [(2,)]

    before = begun()
    with ThreadPoolExecutor(2) as pool:
        with psycopg.connect(cloud.database) as connection:
            connection.execute("LOCK TABLE sessions_app_session IN SHARE MODE")
            users = [browser(secrets.token_hex(4)) for _ in range(2)]
            asked = [pool.submit(two.call, "POST", "/api/v1/sessions/", {}, user) for user in users]
            cloud.wait(waiting, "one request in each web process")
            cloud.end("other")
        assert sorted(one.result().status for one in asked) == [201, 502]
    assert begun() == before + 1
    # What may be repeated is answered by the one that is left.
    assert {two.call("GET", "/health").status for _ in range(6)} == {200}
    cloud.start_one("other")
    cloud.wait(cloud.well, "both web processes to be well")


def test_service_says_itself_that_the_database_is_away(behind: Behind) -> None:
    def ask(_: int) -> Answer:
        return behind.shared_fate.call("GET", "/api/v1/sessions/", headers=browser("waiting"))

    assert ask(0).status == 200
    behind.cloud.shut("DATABASE_URL")
    try:
        with ThreadPoolExecutor(4) as pool:
            # The first ones would be enough for nginx to give up both machines, and to answer the others by itself.
            for answer in [*pool.map(ask, range(4)), *pool.map(ask, range(4))]:
                refused(answer, 503, "E-SERVICE-002")
                assert answer.headers["retry-after"] == "5"
    finally:
        behind.cloud.open_doors()
    behind.cloud.wait(behind.cloud.well, "the database to be back")
