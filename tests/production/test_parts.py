"""Each part goes away and comes back: what goes on without it, what is answered, and that nothing is lost."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any

import pytest

from tests.e2e.stack import answer_of
from tests.production.installation import IDLE_TTL_S, REDIS_BROKER, Installation

pytestmark = pytest.mark.production

#: How late a sweep that is woken every second may be on a busy machine.
ON_TIME = timedelta(seconds=10)


def test_session_left_open_is_closed_by_the_worker_that_rabbitmq_wakes(stack: Installation) -> None:
    session, _ = stack.begin("pinned")
    stack.wait_closed(session)
    assert stack.row(session)["close_reason"] == "idle"
    assert stack.api("GET", f"sessions/{session}/receipt/")[1]["snapshot"]["id"]


def test_session_left_open_is_closed_by_the_worker_that_redis_wakes(stack: Installation) -> None:
    stack.shut("CELERY_BROKER_URL")  # the other worker hears of nothing
    stack.start_worker("-redis", CELERY_BROKER_URL=REDIS_BROKER)
    session, _ = stack.begin("pinned")
    stack.wait_closed(session)
    assert stack.row(session)["close_reason"] == "idle"
    stack.end("beat-redis", "worker-redis")


def test_poisoned_session_is_put_off_and_the_others_of_its_batch_close_on_time(stack: Installation) -> None:
    first, poisoned, last = (stack.begin("pinned")[0] for _ in range(3))
    stack.execute(f"DELETE FROM snapshots_sessionkey WHERE session_id = '{poisoned}'")
    stack.wait_closed(first, last)
    now = stack.stored.rows("SELECT now()")[0][0]
    for session in (first, last):
        assert now - stack.row(session)["expires_at"] < ON_TIME

    def put_off() -> bool:
        return bool(stack.row(poisoned)["close_attempts"])

    stack.wait(put_off, "the poisoned session to be put off")
    row = stack.row(poisoned)
    assert (row["state"], row["close_error"]) == ("active", "KeyMissing")
    assert row["sweep_after"] - now > timedelta(seconds=15)
    # Nothing of it is gone.
    batches = f"SELECT count(*) FROM sessions_app_journalbatch WHERE session_id = '{poisoned}'"
    assert stack.stored.rows(batches) == [(1,)]


def test_broker_down_stops_no_request_and_the_sweep_catches_up(stack: Installation) -> None:
    stack.shut("CELERY_BROKER_URL")
    left_open, _ = stack.begin("pinned")
    session, lease = stack.begin("pinned")
    assert stack.append(session, lease, 2)[0] == 201
    status, receipt = stack.api("POST", f"sessions/{session}/end/", lease=lease)
    assert (status, receipt["events"]) == (200, 2)

    status, told = stack.told("broker", "degraded")
    assert (status, told["status"]) == (200, "degraded")
    time.sleep(max(0.0, IDLE_TTL_S - 2))
    assert stack.row(left_open)["state"] == "active"

    stack.open_doors()
    stack.wait_closed(left_open)
    assert stack.row(left_open)["close_reason"] == "idle"


def test_cache_down_opens_the_limits_and_stops_no_request(stack: Installation) -> None:
    stack.shut("CACHE_URL")
    began = time.monotonic()
    session, lease = stack.begin("private")
    for number in range(2, 12):
        assert stack.append(session, lease, number)[0] == 201
    assert time.monotonic() - began < 10
    status, told = stack.told("cache", "degraded")
    assert (status, told["status"]) == (200, "degraded")
    assert "127.0.0.1" not in str(told)
    stack.open_doors()
    assert stack.told("cache", "ok")[0] == 200


def test_limit_is_counted_for_all_web_processes_together(stack: Installation) -> None:
    def start(_: int = 0) -> int:
        return stack.api("POST", "sessions/", {}, user="demo-free")[0]

    stack.wait(lambda: start() == 429, "a limit to be reached")
    # Whichever process answers. Only a minute that begins just now would let them start again.
    if datetime.now(UTC).second < 58:
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(start, range(16))) == {429}


def test_database_down_is_a_503_and_nothing_acknowledged_is_lost(stack: Installation) -> None:
    session, lease = stack.begin("private")
    done = threading.Event()
    acknowledged, refused = [1], [0]

    def write() -> None:
        """A client: each event until it is acknowledged, then the next one."""
        while not done.is_set():
            number = acknowledged[-1] + 1
            try:
                status = stack.append(session, lease, number)[0]
            except (OSError, HTTPException):
                continue
            assert status in (201, 503)
            (acknowledged if status == 201 else refused).append(number)

    def ask(method: str, path: str) -> tuple[int, str | None, dict[str, Any]]:
        token = stack.tokens["demo"]
        with stack.request(method, path, {} if method == "POST" else None, token=token) as connection:
            response = connection.getresponse()
            return response.status, response.getheader("Retry-After"), json.loads(response.read())

    with ThreadPoolExecutor() as pool:
        try:
            writer = pool.submit(write)
            time.sleep(0.5)
            stack.shut("DATABASE_URL")
            time.sleep(0.5)
            asked = pool.map(ask, ("POST", "GET", "GET"), ("sessions/", "sessions/", "/health/"))
            (*calls, (status, _, told)) = list(asked)
            for answered, retry, problem in calls:
                assert (answered, problem["code"], retry) == (503, "E-SERVICE-002", "5")
            assert (status, told["status"], told["parts"]["database"]["state"]) == (503, "unavailable", "unavailable")
            stack.wait(lambda: len(refused) > 1, "the writing client to be refused")

            stack.open_doors()
            reopened = time.monotonic()
            stack.wait(lambda: stack.health()[0] == 200, "the web processes to come back without a restart")
            assert time.monotonic() - reopened < 15
            stack.wait(lambda: acknowledged[-1] > refused[-1], "the writing client to go on")
        finally:
            done.set()
        writer.result()

    history = stack.api("GET", f"sessions/{session}/events/?limit=500")[1]["events"]
    # Each one once and in order; at most one more, whose answer was cut off.
    written = [event["timestamp"] for event in history]
    assert written[: len(acknowledged)] == acknowledged[:500]
    assert len(written) <= len(acknowledged) + 1
    log = (stack.out / "web.log").read_text()
    assert "database_unavailable error=OperationalError" in log
    assert "Traceback" not in log


def test_clients_that_hang_up_dont_use_up_the_pool(stack: Installation) -> None:
    request = (
        f"GET /api/v1/sessions/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {stack.tokens['demo']}\r\n\r\n"
    )
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", stack.port), timeout=5) as client:
            client.sendall(request.encode())
    for _ in range(10):
        with stack.request("GET", "sessions/", token=stack.tokens["demo"]) as connection:
            assert answer_of(connection)[0] == 200
