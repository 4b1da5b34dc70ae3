"""What a round of the sweep costs as more sessions are live that are not due."""

from __future__ import annotations

from tests.benchmarks.installation import Installation, Worker
from tests.benchmarks.plan import Plan
from tests.benchmarks.results import Bound, Result, in_turn

EVENTS = 5


def measure(installation: Installation, plan: Plan) -> list[Result]:
    many, few, due = plan.pick(1_000_000, 50_000), plan.pick(10_000, 5_000), plan.pick(1000, 100)
    with installation.database() as large, installation.database() as small:
        workers = [large.worker(), small.worker()]
        for worker, live in zip(workers, (many, few), strict=True):
            worker.do("sweeping.fill", live=live)
        # Dirty pages of the filling are written now, not while a round is timed.
        large.execute("CHECKPOINT")

        def one_round(worker: Worker, due: int = due) -> float:
            worker.do("sweeping.prepare", due=due, events=EVENTS)
            return float(worker.do("sweeping.one_round", due=due))

        for worker in workers:
            one_round(worker, due=50)
        rounds = in_turn(plan.long_runs, lambda: one_round(workers[0]), lambda: one_round(workers[1]))
    return [
        Result(
            "sweep_1m_vs_10k",
            "s",
            [(found[0], found[1]) for found in rounds],
            Bound(1.2, at_least=False),
            f"a round that closes {due:,} sessions of {EVENTS} events while {many:,} are live",
            f"the same round while {few:,} are live",
        )
    ]
