"""The annotator's bulk append, beside inserting the same sealed rows with nothing around it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection
from typing import Any

from tests.benchmarks import conversation
from tests.benchmarks.installation import Installation, Request, Web
from tests.benchmarks.plan import Plan
from tests.benchmarks.results import Bound, Result, column, in_turn

SESSIONS = 200
CONNECTIONS = 2
#: Events of one session in a request: as many as a request may hold, and one, as a live call sends.
FULL, LIVE = 25, 1


def measure(installation: Installation, plan: Plan) -> list[Result]:
    with installation.database() as database:
        worker = database.worker()
        # Each connection has sessions of its own, as each annotator has.
        groups = [worker.do("making.leases", count=SESSIONS, each=1) for _ in range(CONNECTIONS)]
        target = worker.do("making.leases", count=SESSIONS, each=1)
        token = database.manage("issue_annotator_token", "benchmark").splitlines()[-1]
        web = database.web()
        arms: list[Callable[[], float]] = []
        for size in (FULL, LIVE):
            requests = [[_request(group, size, token)] for group in groups]
            _probe(web, requests[0][0])
            sessions = [lease["session"] for lease in target]
            worker.do("bulk.prepare", sessions=sessions, size=size)
            arms += [
                _http(web, requests, SESSIONS * size, plan),
                partial(worker.do, "bulk.rows_by_executemany", size=size, seconds=plan.seconds),
                partial(worker.do, "bulk.events_by_service", sessions=sessions, size=size, seconds=plan.seconds),
            ]
        rounds = in_turn(plan.runs, *arms)

    rows = "the same sealed rows inserted by psycopg's executemany, one transaction a request's worth"
    call = f"POST journal/ with {SESSIONS} sessions"

    def result(name: str, arm: int, baseline: int, wanted: Bound | None, measured: str) -> Result:
        return Result(name, "events/s", column(rounds, arm, baseline), wanted, measured, rows, "bulk_vs_executemany")

    wanted = Bound(0.4, at_least=True, least_median=20_000)
    return [
        result("bulk_vs_executemany", 0, 1, wanted, f"{call} of {FULL} events, one web process"),
        result("bulk_service_vs_executemany", 2, 1, None, f"its service alone, {SESSIONS} sessions of {FULL} events"),
        result("bulk_one_event_vs_executemany", 3, 4, None, f"{call} of one event, one web process"),
        result("bulk_one_event_service_vs_executemany", 5, 4, None, f"its service alone, {SESSIONS} sessions of one"),
    ]


def _http(web: Web, requests: list[list[Request]], events: int, plan: Plan) -> Callable[[], float]:
    return lambda: web.send(requests, seconds=plan.seconds).per_second * events


def _request(leases: list[dict[str, Any]], size: int, token: str) -> Request:
    batches = [
        {"session": lease["session"], "events": conversation.events(size, seed=seed)}
        for seed, lease in enumerate(leases)
    ]
    return Request("POST", "/api/v1/journal/", {"Authorization": f"Token {token}"}, json.dumps({"batches": batches}))


def _probe(web: Web, request: Request) -> None:
    """One request, of which everything must be accepted."""
    connection = HTTPConnection("127.0.0.1", web.port, timeout=30)
    headers = {**request.headers, "Content-Type": "application/json"}
    connection.request(request.method, request.path, request.body.encode(), headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status != 200 or {one["status"] for one in json.loads(answer)["results"]} != {201}:
        raise RuntimeError(f"The bulk append answered {response.status}: {answer[:300]!r}")
