"""How many of the appends' updates of the sessions table touch no index (heap-only tuples)."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.benchmarks.figures.appending import appends, streams
from tests.benchmarks.installation import Database, Installation
from tests.benchmarks.plan import Plan
from tests.benchmarks.results import Bound, Result, in_turn

#: Enough for many pages of the table.
SESSIONS = 400
_COUNTS = "SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables WHERE relname = 'sessions_app_session'"
#: The server's processes report what they counted at most once a second, and once more when they end.
_REPORTED_S = 1.5


def measure(installation: Installation, plan: Plan) -> list[Result]:
    with installation.database() as own, installation.database() as naive:
        rounds = in_turn(plan.long_runs, _appending(own, plan), _appending(naive, plan, *_NAIVE))
    return [
        Result(
            "hot_share",
            "share of updates that are HOT",
            [(found[0], 1.0) for found in rounds],
            Bound(0.95, at_least=True),
            f"n_tup_hot_upd ÷ n_tup_upd of sessions_app_session while {SESSIONS} sessions are appended to",
            "all updates",
        ),
        Result(
            "hot_share_naive",
            "share of updates that are HOT",
            [(found[1], 1.0) for found in rounds],
            None,
            "the same with fillfactor 100 and an index on expires_at",
            "all updates",
            "hot_share",
        ),
    ]


_NAIVE = (
    "ALTER TABLE sessions_app_session SET (fillfactor = 100)",
    "CREATE INDEX bench_expires ON sessions_app_session (expires_at)",
    "VACUUM FULL ANALYZE sessions_app_session",
)


def _appending(database: Database, plan: Plan, *changes: str) -> Callable[[], float]:
    worker = database.worker()
    leases = worker.do("making.leases", count=plan.pick(SESSIONS, 40), each=1)
    worker.stop()
    database.execute(*changes, "VACUUM ANALYZE sessions_app_session")
    web = database.web()

    def share() -> float:
        hot, updates = database.row(_COUNTS)
        web.send(streams(appends(leases)), seconds=plan.seconds)
        time.sleep(_REPORTED_S)
        hot_now, updates_now = database.row(_COUNTS)
        return float((hot_now - hot) / (updates_now - updates))

    return share
