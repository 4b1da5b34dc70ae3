"""Closing an hour-long session, beside the least that any closing has to do."""

from __future__ import annotations

from tests.benchmarks.installation import Installation
from tests.benchmarks.plan import Plan
from tests.benchmarks.results import Bound, Result, in_turn

EVENTS, BATCH = 1800, 25


def measure(installation: Installation, plan: Plan) -> list[Result]:
    count = plan.pick(60, 12)
    with installation.database() as database:
        worker = database.worker()
        worker.do("closing.connect")
        # Once without counting: the code is warm, and both connections' statements are prepared.
        worker.do("closing.prepare", count=8, events=EVENTS, size=BATCH)
        worker.do("closing.by_sweep", count=8)
        worker.do("closing.bare", count=8)

        def by_sweep() -> float:
            worker.do("closing.prepare", count=count, events=EVENTS, size=BATCH)
            return float(worker.do("closing.by_sweep", count=count))

        rounds = in_turn(plan.runs, by_sweep, lambda: float(worker.do("closing.bare", count=count)))
    return [
        Result(
            "close_vs_bare",
            "sessions/s",
            [(found[0], found[1]) for found in rounds],
            Bound(0.5, at_least=True),
            f"the sweep in one process, sessions of {EVENTS:,} events in batches of {BATCH}",
            "psycopg alone: read the rows, AES-GCM each, join, zstd 3, AES-GCM, two inserts and two deletes, one "
            "commit a session",
        )
    ]
