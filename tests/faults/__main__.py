"""``python -m tests.faults``: see the package's description, and ``--help``."""

from __future__ import annotations

import argparse
import json
import secrets
import signal
import subprocess
import sys
from dataclasses import replace

from tests.e2e.stack import ROOT
from tests.faults.naive import VARIANTS
from tests.faults.rounds import Options, run, tell
from tests.faults.servers import Servers

DEFAULT_SECONDS = 60.0


def main(arguments: list[str]) -> int:
    """Run it all. Returns the exit code."""
    given = _parser().parse_args(arguments)
    if not (given.seconds or given.kills or given.naive):
        given.seconds = DEFAULT_SECONDS
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    # What started is ended and removed, however the harness itself is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = Options(
        seed=seed,
        seconds=given.seconds or 0,
        kills=given.kills or 0,
        clients=given.clients,
        gap_s=given.gap,
        rate=given.rate,
        settle_s=given.settle,
        keep=given.keep,
    )
    result = dict.fromkeys(
        ("kills", "acknowledged_events", "lost", "double_snapshots", "late_or_fenced_writes_accepted", "unclosed"), 0
    )
    with Servers.running() as servers:
        if not given.naive:
            outcome = run(options, servers)
            result = {"kills": outcome.kills} | {
                name: getattr(outcome.findings, name) for name in result if name != "kills"
            }
        naive_faults, missed = _naive(options, servers, given.naive_seconds, result if given.naive else {})
    sys.stdout.write(f"commit {_commit()} seed {seed}\n")
    sys.stdout.write(json.dumps({**result, "naive_faults_found": naive_faults, "seed": seed}) + "\n")
    faults = ("lost", "double_snapshots", "late_or_fenced_writes_accepted", "unclosed")
    return 1 if missed or naive_faults == 0 or any(result[name] for name in faults) else 0


def _naive(options: Options, servers: Servers, seconds: float, counted: dict[str, int]) -> tuple[int, bool]:
    """The wrong variants, one after the other: how many faults were found, and whether one kept all of its own."""
    total, missed = 0, False
    for variant, factor in VARIANTS.items():
        tell(f"\nThe naive variant {variant}, {seconds:.0f} s:")
        outcome = run(
            replace(
                options,
                variant=variant,
                seconds=seconds,
                kills=0,
                rate=options.rate * factor,
                settle_s=6,
            ),
            servers,
        )
        found = outcome.findings
        # A session that is not closed yet may only be waiting for its turn: it tells nothing here.
        faults = found.lost + found.double_snapshots + found.late_or_fenced_writes_accepted
        tell(f"{variant}: {faults} faults found")
        total += faults
        missed = missed or not faults
        for name, value in (("kills", outcome.kills), ("acknowledged_events", found.acknowledged_events)):
            if counted:
                counted[name] += value
    return total, missed


def _commit() -> str:
    command = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description="Kills processes of the service while clients use it, and proves that nothing acknowledged is "
        "lost. The last line on standard output is JSON. Exit code 1: something was lost, or stored twice, or "
        "accepted too late, or never closed; or the variants that are wrong on purpose looked right.",
    )
    until = parser.add_mutually_exclusive_group()
    until.add_argument("--seconds", type=float, help="how long to go on")
    until.add_argument("--kills", type=int, help="how often to kill")
    parser.add_argument("--seed", type=int, help="plan the same faults and clients as the run that printed this seed")
    parser.add_argument("--naive", action="store_true", help="only the variants that are wrong on purpose")
    parser.add_argument("--naive-seconds", type=float, default=15, help="how long for each of these (default 15)")
    parser.add_argument("--clients", type=int, default=12, help="how many clients (default 12)")
    parser.add_argument("--gap", type=float, default=0.3, help="mean seconds between faults from outside (default 0.3)")
    parser.add_argument(
        "--rate", type=float, default=0.01, help="how likely an append's failpoint kills (default 0.01)"
    )
    parser.add_argument("--settle", type=float, default=120, help="most seconds to wait for the sweep (default 120)")
    parser.add_argument("--keep", action="store_true", help="keep what the processes wrote")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
