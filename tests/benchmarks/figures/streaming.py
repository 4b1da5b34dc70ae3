"""How soon an event is on every screen, and what an open stream costs."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.benchmarks.installation import SENDING_CPU, Database, Installation, Web, pinned
from tests.benchmarks.plan import Plan
from tests.benchmarks.results import Bound, Result
from tests.e2e.stack import ROOT

SESSIONS, STREAMS_EACH = 200, 10
#: What is wanted of the 99th percentile.
WANTED_S = 0.25
#: Into how many requests a second's events are spread.
SPREAD = 10


def measure(installation: Installation, plan: Plan) -> list[Result]:
    _allow_many_files()
    sessions, seconds = plan.pick(SESSIONS, 20), plan.pick(15, 3)
    with installation.database() as database:
        worker = database.worker()
        leases = worker.do("making.leases", count=sessions, each=1)
        token = database.manage("issue_annotator_token", "benchmark").splitlines()[-1]
        worker.stop()
        web = database.web()
        _annotate(web, leases, token, seconds=1, requests=1)  # everything was used once
        before = _memory(web.pid)
        with _listening(web, leases) as listener:
            streams = sessions * STREAMS_EACH
            while _ask(listener, {"seconds": 3, "count": streams})["delays"]:
                pass  # what was appended before is still being replayed
            each_kb = (_memory(web.pid) - before) / streams / 1024
            idle = _connections(database)
            delays: dict[int, list[list[float]]] = {1: [], SPREAD: []}
            worked: dict[int, list[float]] = {1: [], SPREAD: []}
            for _ in range(plan.long_runs):
                for requests, found in delays.items():
                    begun = _processor_s(web.pid)
                    found.append(_deliver(web, leases, token, listener, seconds=seconds, requests=requests))
                    worked[requests].append((_processor_s(web.pid) - begun) / seconds)
    open_streams = f"{streams:,} streams open on one web process, {STREAMS_EACH} on each of {sessions} sessions"
    every = f"{open_streams}, an event a second to each session"

    def percentile(name: str, requests: int, which: int, wanted: Bound | None) -> Result:
        pairs = [(quantiles(found, n=100)[which - 1] * 1000, WANTED_S * 1000) for found in delays[requests]]
        how = "in one bulk append" if requests == 1 else f"in {requests} bulk appends, spread over the second"
        what = f"{which}th percentile from before the append to the client: {every}, {how}"
        return Result(name, "ms", pairs, wanted, what, "what is wanted", "stream_delivery")

    at_most = Bound(1.0, at_least=False)
    return [
        percentile("stream_delivery", SPREAD, 99, at_most),
        percentile("stream_delivery_p50", SPREAD, 50, None),
        percentile("stream_delivery_at_once", 1, 99, at_most),
        percentile("stream_delivery_at_once_p50", 1, 50, None),
        Result(
            "stream_processor", "share of a core", _of_one(worked[SPREAD]), None, f"used: {every}, spread", "1", _NAME
        ),
        Result("stream_processor_at_once", "share of a core", _of_one(worked[1]), None, f"used: {every}", "1", _NAME),
        Result("stream_memory", "KiB a stream", [(each_kb, 1)], None, f"RSS gained: {open_streams}", "1", _NAME),
        Result(
            "stream_connections", "connections", [(idle, _POOL)], at_most, f"held: {open_streams}", "the pool", _NAME
        ),
    ]


_NAME = "stream_delivery"
_CLIENTS = "backend_type = 'client backend'"
#: What the web process's pool holds at most, with or without streams.
_POOL = 19


def _allow_many_files() -> None:
    """For this process and those that it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _memory(pid: int) -> int:
    """Resident bytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _processor_s(pid: int) -> float:
    """Processor time that a process has used, in seconds. Unlike a delay, it says little about what else is running."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _of_one(values: list[float]) -> list[tuple[float, float]]:
    return [(value, 1.0) for value in values]


def _connections(database: Database) -> int:
    """The most connections to the database that are seen in a while, without the one that looks."""
    query = f"SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database() AND {_CLIENTS}"
    return max(database.row(query)[0] for _ in range(20))


@contextmanager
def _listening(web: Web, leases: list[dict[str, Any]]) -> Iterator[subprocess.Popen[str]]:
    requests = [
        f"GET /api/v1/sessions/{lease['session']}/stream/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Token {lease['token']}\r\n\r\n"
        for lease in leases
        for _ in range(STREAMS_EACH)
    ]
    with pinned(SENDING_CPU):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.listen"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
    try:
        opened = _ask(process, {"port": web.port, "requests": requests})
        sys.stderr.write(f"{opened['opened']} streams opened in {opened['seconds']:.1f} s\n")
        yield process
    finally:
        process.kill()
        process.communicate()


def _ask(process: subprocess.Popen[str], order: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def _deliver(
    web: Web, leases: list[dict[str, Any]], token: str, listener: subprocess.Popen[str], *, seconds: int, requests: int
) -> list[float]:
    """Every event's delay to every stream."""
    sender = threading.Timer(0.2, _annotate, (web, leases, token), {"seconds": seconds, "requests": requests})
    sender.start()
    expected = seconds * len(leases) * STREAMS_EACH
    delays: list[float] = _ask(listener, {"seconds": seconds * 4 + 10, "count": expected})["delays"]
    sender.join()
    if len(delays) != expected:
        raise RuntimeError(f"{len(delays)} of {expected} events came")
    return delays


def _annotate(web: Web, leases: list[dict[str, Any]], token: str, *, seconds: int, requests: int) -> None:
    """One event a second to each session."""
    connection = HTTPConnection("127.0.0.1", web.port, timeout=30)
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    began = time.monotonic()
    for turn in range(seconds * requests):
        time.sleep(max(0.0, began + turn / requests - time.monotonic()))
        event = {"event_type": "tone", "confidence": 0.9, "speaker_id": "Speaker A", "timestamp": turn}
        part = leases[turn % requests :: requests]
        event["label"] = f"sent {time.monotonic():.6f}"
        body = json.dumps({"batches": [{"session": lease["session"], "events": [event]} for lease in part]})
        connection.request("POST", "/api/v1/journal/", body, headers)
        answer = json.loads(connection.getresponse().read())
        assert {result["status"] for result in answer["results"]} == {201}, answer
    connection.close()
