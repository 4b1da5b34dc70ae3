"""A twelve-hour session: its full history brought back, and the memory that closing it takes."""

from __future__ import annotations

from tests.benchmarks.installation import Database, Installation, Request, Worker
from tests.benchmarks.plan import Plan
from tests.benchmarks.results import Bound, Result, in_turn

EVENTS, BATCH = 28_800, 25


def measure(installation: Installation, plan: Plan) -> list[Result]:
    with installation.database() as database:
        worker = database.worker()
        session = worker.do("long_history.overdue", events=EVENTS, size=BATCH)
        worker.do("long_history.close")
        kept = worker.do("long_history.owner", session=session)
        known = {"Authorization": f"Token {kept['token']}"}
        own = f"/api/v1/snapshots/{kept['snapshot']}/"
        calls = [Request("POST", f"{own}import/", known, "{}"), Request("GET", f"{own}content/", known)]
        web = database.web()
        rounds = in_turn(
            plan.runs,
            lambda: web.send([calls], seconds=plan.seconds).mean_s * len(calls),
            lambda: float(worker.do("long_history.parse_in_memory", snapshot=kept["snapshot"], seconds=plan.seconds)),
        )
    return [
        Result(
            "history_vs_memory",
            "s",
            [(found[0], found[1]) for found in rounds],
            Bound(2.0, at_least=False),
            f"POST import/ and GET content/ of a snapshot of {EVENTS:,} events",
            "the same snapshot decrypted, decompressed and parsed in memory",
        )
    ]


def measure_memory(installation: Installation, plan: Plan) -> list[Result]:
    with installation.database() as database:
        making = database.worker()
        plain = float(making.do("long_history.json_bytes", events=EVENTS))
        gained = [(_gained(database, making), plain) for _ in range(plan.long_runs)]
    return [
        Result(
            "close_rss_vs_json",
            "bytes",
            gained,
            Bound(4.0, at_least=False),
            f"peak resident memory that a fresh worker gains by closing a session of {EVENTS:,} events",
            "the size of these events as plain JSON",
        )
    ]


def _gained(database: Database, making: Worker) -> float:
    with database.fresh_worker() as worker:
        # A small one first: what is loaded at the first closing is no part of the figure.
        making.do("long_history.overdue", events=BATCH, size=BATCH)
        worker.do("long_history.close")
        making.do("long_history.overdue", events=EVENTS, size=BATCH)
        return float(worker.do("long_history.memory_gained_by_closing"))
