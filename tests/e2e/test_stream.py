"""The live stream with real processes and sockets: each event once and in order, whatever is cut or killed."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.event_source import EventSource, Sent
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

EVENTS = 1000
#: After how many events of one connection the client cuts it, in turn; and at which the web process is killed.
CUTS, KILLS = (1, 7, 40, 3, 90), (300, 700)
#: What another process did is known within 2 s; the rest is for a busy machine.
SOON_S = 3.5


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    yield from Stack(tmp_path_factory.mktemp("streams"), SESSION_IDLE_TTL_S="4", SESSION_MAX_LIVE="1000").running()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Where a pinned session is idle after five seconds, and a user has three streams."""
    few = {"SESSION_PAID_TTL_S": "5", "STREAM_MAX_OPEN": "3"}
    yield from Stack(tmp_path_factory.mktemp("hasty"), SWEEP_INTERVAL_S="1", **few).running()


class Call:
    """One session, its lease and its stream."""

    def __init__(self, stack: Stack, *, token: str = "", **start: Any) -> None:
        self.stack = stack
        self.token = token or stack.token()
        status, started = stack.call("POST", "sessions/", start, token=self.token)
        assert status == 201, started
        self.session, self.lease = started["id"], started["lease"]["token"]
        self.path = f"sessions/{self.session}/"

    def append(self, *events: dict[str, Any], key: str = "") -> dict[str, Any]:
        status, answer = self.stack.call(
            "POST", f"{self.path}events/", {"events": list(events)}, token=self.token, lease=self.lease, key=key
        )
        assert status == 201, answer
        return answer

    def post(self, what: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        return self.stack.call("POST", f"{self.path}{what}/", body, token=self.token, lease=self.lease)

    def stream(self, **more: Any) -> EventSource:
        return EventSource(self.stack.port, f"{self.path}stream/", token=self.token, **more)


def marker(number: int, **more: Any) -> dict[str, Any]:
    return {"event_type": "marker", "label": f"number {number}", "timestamp": number % 40_000, **more}


def numbers(events: list[Sent]) -> list[int]:
    return [event.data["seq"] for event in events]


def test_conversation_is_received_once_and_in_order_over_cuts_and_kills(stack: Stack) -> None:
    call = Call(stack)
    got: list[Sent] = []
    done = threading.Event()

    def speak() -> None:
        """Append each event until it is acknowledged, by ones and by fives."""
        number = 1
        while number <= EVENTS and not done.is_set():
            batch = [marker(n) for n in range(number, min(number + (5 if number % 3 else 1), EVENTS + 1))]
            with suppress(OSError, HTTPException, ValueError):
                call.append(*batch, key=f"from-{number}")
                number += len(batch)

    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        last_id, kills, until = "", list(KILLS), time.monotonic() + 240
        for cut in _endless(CUTS):
            if len(got) >= EVENTS:
                break
            assert time.monotonic() < until, f"{len(got)} events came"
            try:
                with call.stream(last_id=last_id) as source:
                    got += source.take(min(cut, EVENTS - len(got)))
                    last_id = source.last_id
            except (OSError, HTTPException):
                time.sleep(0.1)
            if kills and len(got) >= kills[0]:
                kills.pop(0)
                stack.kill_web()
                stack.start_web()
    finally:
        done.set()
        speaker.join()
    assert not kills
    assert numbers(got) == list(range(1, EVENTS + 1))
    assert [event.data["label"] for event in got] == [f"number {n}" for n in range(1, EVENTS + 1)]
    assert {event.data["session_id"] for event in got} == {call.session}


def _endless(values: tuple[int, ...]) -> Iterator[int]:
    while True:
        yield from values


def test_first_bytes_are_a_comment_and_headers_are_those_of_a_stream(stack: Stack) -> None:
    with Call(stack).stream() as source:
        assert source.status == 200
        assert source.response.readline() == b": heartbeat\n"
        headers = {name.lower(): value for name, value in source.response.getheaders()}
    assert headers["content-type"] == "text/event-stream"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
    assert "content-length" not in headers


def test_silence_is_filled_with_comments(stack: Stack) -> None:
    with Call(stack).stream() as source:
        began = time.monotonic()
        source.response.fp.raw._sock.settimeout(18)  # type: ignore[union-attr]
        beats = 0
        while beats < 2:
            beats += source.response.readline() == b": heartbeat\n"
    assert 13 < time.monotonic() - began < 17


def test_attach_goes_on_with_the_next_epoch_and_loses_nothing(stack: Stack) -> None:
    call = Call(stack)
    with call.stream() as source:
        call.append(marker(1))
        assert source.take(1)[0].id == "1:1"
        status, attached = call.post("attach")
        assert (status, attached["lease"]["epoch"]) == (200, 2)
        call.lease = attached["lease"]["token"]
        call.append(marker(2))
        assert source.take(1)[0].id == "2:2"
        # Who was here had an id of the new epoch before anything was sent in it.
        assert source.lines.index("id: 2:1") < source.lines.index("id: 2:2")
    call.append(marker(3))
    every = [1, 2, 3]
    for last_id, expected in {"2:1": [2, 3], "2:2": [3], "1:1": every, "3:1": every, "2:4": every, "x": every}.items():
        with call.stream(last_id=last_id) as again:
            assert numbers(again.take(len(expected))) == expected


def test_live_only_events_are_passed_on_in_their_place_and_never_stored(stack: Stack) -> None:
    call = Call(stack)
    words = {"event_type": "transcript", "text": "schön", "speaker_id": "Speaker A", "timestamp": 1, "mood": "secret"}
    with call.stream() as source:
        # Once an event has come live, the stream has nothing left to replay, and sees the next batch as it was sent.
        call.append(marker(0))
        source.take(1)
        call.append(marker(1), words, marker(2), {"event_type": "service", "status": "loading", "detail": ""})
        got = source.take(4)
    assert [event.name for event in got] == ["marker-event", "transcript-event", "marker-event", "service-event"]
    assert got[1].data == {"session_id": call.session, **{k: v for k, v in words.items() if k != "mood"}}
    assert [event.id for event in got] == ["1:2", "", "1:3", ""]
    with call.stream() as late:
        # The latest service event is told to a stream that opens late; text is not there any more.
        assert [event.name for event in late.take(4)] == ["service-event", *["marker-event"] * 3]


def test_end_is_told_with_its_reason_and_the_stream_ends(stack: Stack) -> None:
    call = Call(stack)
    call.append(marker(1))
    with call.stream() as source:
        source.take(1)
        began = time.monotonic()
        receipt = call.post("end")[1]
        end = source.until("lease-event", event="end")
        assert end.at - began < SOON_S
        assert list(source) == []
    assert (end.data["close_reason"], end.data["ended_because"]) == ("ended", "You ended this session.")
    assert end.data["snapshot"] == receipt["snapshot"]
    with call.stream() as again:
        assert (again.status, again.problem()["code"]) == (410, "E-SESSION-001")


def test_idle_session_is_told_its_notice_and_its_end_in_time(hasty: Stack) -> None:
    call = Call(hasty)
    hasty.call("PATCH", "settings/", {"notice_lead_s": 2}, token=call.token)
    with call.stream() as source:
        assert source.until("lease-event").data["event"] == "deadline"
        call.append(marker(1))
        moved = source.until("lease-event", event="deadline")
        deadline = datetime.fromisoformat(moved.data["expires_at"])
        notice = source.until("lease-event", event="notice")
        told = datetime.now(UTC)
        assert 0 < (deadline - told).total_seconds() < 2.1
        end = source.until("lease-event", event="end")
        assert (datetime.now(UTC) - deadline).total_seconds() < SOON_S
        assert (end.data["close_reason"], notice.data["expires_at"]) == ("idle", moved.data["expires_at"])
        assert end.data["snapshot"]["id"]
        assert list(source) == []


def test_what_a_command_closes_is_told_by_the_database(stack: Stack, tmp_path: Path) -> None:
    """Another process has no bus to this one."""
    call = Call(stack, policy="private")
    with call.stream() as source:
        source.until("lease-event")
        file = tmp_path / "closing.py"
        file.write_text(_CLOSE.format(session=call.session))
        began = time.monotonic()
        stack.launch("closing", "manage.py", "shell", "--command", f"exec(open({str(file)!r}).read())")
        assert stack.ended("closing") == 0
        closed = time.monotonic()
        end = source.until("lease-event", event="end")
        assert began < end.at < closed + SOON_S
        assert (end.data["close_reason"], end.data["snapshot"]) == ("staff", None)


_CLOSE = """
from django.db import transaction
from django.utils import timezone
from sessions_app.lease import CloseReason
from sessions_app.models import Session
from sessions_app.services.closing import close
with transaction.atomic():
    close(Session.objects.lock("{session}"), reason=CloseReason.STAFF, now=timezone.now())
"""


def test_revoked_token_ends_the_stream(stack: Stack) -> None:
    call = Call(stack, token=stack.manage("issue_token", "demo").stdout.strip())
    revoke = "from knox.models import AuthToken; AuthToken.objects.latest('created').delete()"
    with call.stream(timeout_s=40) as source:
        source.until("lease-event")
        stack.manage("shell", "--command", revoke)
        began = time.monotonic()
        closed = source.until("lease-event", event="closed")
        assert closed.data["because"] == "revoked"
        assert closed.at - began < 30
        assert list(source) == []
    with call.stream() as again:
        assert again.status == 401


def test_open_stream_keeps_an_ephemeral_session_and_no_other(stack: Stack) -> None:
    call = Call(stack, policy="ephemeral")
    with call.stream() as source:
        began = time.monotonic()
        while time.monotonic() - began < 9:  # more than two idle timeouts
            source.until("lease-event", event="deadline")
        left = time.monotonic()
    detail = stack.call("GET", call.path, token=call.token)[1]
    assert detail["state"] == "active"
    stack.wait(lambda: stack.call("GET", call.path, token=call.token)[1]["state"] == "closed", "its end", timeout_s=9)
    assert time.monotonic() - left > 3
    assert stack.call("GET", call.path, token=call.token)[1]["close_reason"] == "detached"


def test_open_stream_does_not_keep_a_pinned_session(hasty: Stack) -> None:
    call = Call(hasty)
    with call.stream() as source:
        began = time.monotonic()
        assert source.until("lease-event", event="end").data["close_reason"] == "idle"
        assert time.monotonic() - began < 5 + SOON_S


def test_slow_reader_is_cut_off_and_loses_nothing(stack: Stack) -> None:
    call = Call(stack)
    long = {"subtext": "x" * 400}
    rounds = 30
    with socket.create_connection(("127.0.0.1", stack.port), timeout=20) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
        slow.sendall(
            f"GET /api/v1/{call.path}stream/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {call.token}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        time.sleep(1)
        for number in range(rounds):
            tone = {"event_type": "tone", "label": "Calm", "timestamp": number, **long}
            call.append(*[tone] * 500)
        time.sleep(1)
        # The others are served all the while.
        with call.stream(last_id=f"1:{rounds * 500 - 1}") as quick:
            assert numbers(quick.take(1)) == [rounds * 500]
        received = b"".join(iter(lambda: slow.recv(1 << 20), b""))
    text = received.decode()
    assert '{"event":"closed","because":"slow_reader"}' in text[-400:]
    last_id = [line for line in text.splitlines() if line.startswith("id: ")][-1][4:]
    last = int(last_id.partition(":")[2])
    assert 0 < last < rounds * 500
    with call.stream(last_id=last_id) as again:
        assert numbers(again.take(rounds * 500 - last)) == list(range(last + 1, rounds * 500 + 1))


def test_open_streams_hold_no_thread(stack: Stack) -> None:
    call = Call(stack)
    process = stack.pid("web")

    def threads() -> int:
        return len(list(Path(f"/proc/{process}/task").iterdir()))

    with call.stream() as first:
        first.until("lease-event")
        before = threads()
        many = [call.stream() for _ in range(40)]
        for source in many:
            source.until("lease-event")
        time.sleep(1)
        assert threads() <= before + 3
        for source in many:
            source.close()


def test_sigterm_ends_streams_at_once(stack: Stack) -> None:
    call = Call(stack)
    with call.stream() as source:
        source.until("lease-event")
        began = time.monotonic()
        os.kill(stack.pid("web"), signal.SIGTERM)
        assert source.until("lease-event", event="closed").data["because"] == "shutdown"
        assert stack.ended("web", timeout_s=10) in (0, -signal.SIGTERM)
        assert time.monotonic() - began < 5
    stack.start_web()


def test_one_stream_too_many_is_refused_until_another_has_ended(hasty: Stack) -> None:
    call = Call(hasty, policy="private")
    sources = [call.stream() for _ in range(3)]
    with call.stream() as refused:
        told = refused.problem()
        assert (refused.status, told["code"]) == (429, "E-REQUEST-011")
        assert refused.response.getheader("Retry-After") == str(told["retry_after_s"])
    sources.pop().close()

    def opens() -> bool:
        sources.append(call.stream())
        return sources[-1].status == 200

    hasty.wait(opens, "a place for another stream")
    for source in sources:
        source.close()


def test_ticket_opens_one_stream_once(stack: Stack) -> None:
    call = Call(stack)
    call.append(marker(1))
    status, ticket = call.post("tickets")
    assert status == 201
    path = f"{call.path}stream/?ticket={ticket['ticket']}"
    with EventSource(stack.port, path) as source:
        assert numbers(source.take(1)) == [1]
    with EventSource(stack.port, path) as again:
        assert (again.status, again.problem()["code"]) == (401, "E-AUTH-001")
