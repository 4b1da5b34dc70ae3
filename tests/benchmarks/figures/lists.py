"""A user's list and panel, by how many sessions the user has had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.installation import Installation, Request, Web
from tests.benchmarks.plan import Plan
from tests.benchmarks.results import Bound, Result, column, in_turn

FEW = 10


def measure(installation: Installation, plan: Plan) -> list[Result]:
    many = plan.pick(100_000, 5_000)
    with installation.database() as database:
        worker = database.worker()
        busy, new = worker.do("past.user_with", count=many), worker.do("past.user_with", count=FEW)
        worker.stop()
        database.execute("CHECKPOINT")
        web = database.web()
        arms = [
            _p95(web, user, path, plan)
            # As many rows on the page for both, so that what is compared is what lies behind it.
            for path in (f"sessions/?limit={FEW}", "settings/panel/", "sessions/")
            for user in (busy, new)
        ]
        rounds = in_turn(plan.runs, *arms)

    def result(name: str, path: str, arm: int, wanted: Bound | None, part_of: str = "") -> Result:
        return Result(
            name,
            "s (p95)",
            column(rounds, arm, arm + 1),
            wanted,
            f"GET {path} of a user with {many:,} past sessions",
            f"the same of a user with {FEW}",
            part_of,
        )

    bound = Bound(1.3, at_least=False)
    return [
        result("list_100k_vs_10", f"sessions/?limit={FEW}", 0, bound),
        result("panel_100k_vs_10", "settings/panel/", 2, bound),
        result("list_100k_vs_10_default_page", "sessions/ (20 rows, against 10)", 4, None, "list_100k_vs_10"),
    ]


def _p95(web: Web, user: dict[str, Any], path: str, plan: Plan) -> Callable[[], float]:
    request = Request("GET", f"/api/v1/{path}", {"Authorization": f"Token {user['token']}"})
    return lambda: web.send([[request]], seconds=plan.seconds).p95_s
