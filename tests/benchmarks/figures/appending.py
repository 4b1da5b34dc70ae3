"""One-event appends over HTTP, beside a bare view with the same writes, and beside a token that renews itself."""

from __future__ import annotations

import json
from typing import Any

from tests.benchmarks import conversation
from tests.benchmarks.installation import BARE, Installation, Request
from tests.benchmarks.plan import Plan
from tests.benchmarks.results import Bound, Result, column, in_turn

CONNECTIONS = 8
#: Each connection appends to these in turn; every session has a user of its own.
SESSIONS_PER_CONNECTION = 8

SERVICE = "POST sessions/{id}/events/ with one event, 8 connections, 64 sessions, one web process"


def measure(installation: Installation, plan: Plan) -> list[Result]:
    with installation.database() as database:
        worker = database.worker()
        own, bare = (worker.do("making.leases", count=CONNECTIONS * SESSIONS_PER_CONNECTION, each=1) for _ in range(2))
        worker.stop()
        service = database.web()
        renewing = database.web(BARE)
        seldom = database.web(BARE, BENCH_KNOX_INTERVAL_S="60")
        known = [Request("GET", "/knox/", {"Authorization": f"Token {lease['token']}"}) for lease in own]
        rounds = in_turn(
            plan.runs,
            lambda: service.send(streams(appends(own)), seconds=plan.seconds).per_second,
            lambda: renewing.send(streams(bare_appends(bare, "sql")), seconds=plan.seconds).per_second,
            lambda: renewing.send(streams(bare_appends(bare, "orm")), seconds=plan.seconds).per_second,
            lambda: renewing.send(streams(known), seconds=plan.seconds).per_second,
            lambda: seldom.send(streams(known), seconds=plan.seconds).per_second,
        )

    def result(name: str, arm: int, wanted: Bound | None, baseline: str, part_of: str = "") -> Result:
        return Result(name, "requests/s", column(rounds, 0, arm), wanted, SERVICE, baseline, part_of)

    half, as_many = Bound(0.5, at_least=True), Bound(1.0, at_least=True)
    writes = "a bare Django view that does the same UPDATE and INSERT in one transaction"
    knox = "a bare DRF view with knox's TokenAuthentication and AUTO_REFRESH"
    return [
        result("append_vs_bare", 1, half, f"{writes}, as plain SQL"),
        result("append_vs_bare_models", 2, None, f"{writes}, through the models", "append_vs_bare"),
        result("append_vs_knox", 3, as_many, f"{knox}, renewing at each request (MIN_REFRESH_INTERVAL 0)"),
        result("append_vs_knox_default_interval", 4, None, f"{knox}, renewing once in 60 s", "append_vs_knox"),
    ]


def appends(leases: list[dict[str, Any]]) -> list[Request]:
    """One append to each session."""
    body = json.dumps({"events": conversation.events(1)})
    return [
        Request(
            "POST",
            f"/api/v1/sessions/{lease['session']}/events/",
            {"Authorization": f"Token {lease['token']}", "X-Session-Token": lease["lease"]},
            body,
        )
        for lease in leases
    ]


def bare_appends(leases: list[dict[str, Any]], way: str) -> list[Request]:
    body = json.dumps({"events": conversation.events(1)})
    return [Request("POST", f"/{way}/{lease['session']}/", {}, body) for lease in leases]


def streams(requests: list[Request]) -> list[list[Request]]:
    """The requests dealt out to the connections."""
    return [requests[start::CONNECTIONS] for start in range(CONNECTIONS)]
