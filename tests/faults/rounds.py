"""One round: start, disturb, let it settle, prove."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import plan
from tests.faults.annotator import Annotator
from tests.faults.clients import Client
from tests.faults.installation import IDLE_TTL_S, Installation
from tests.faults.ledger import Ledger
from tests.faults.prove import Findings, prove, unfinished
from tests.faults.servers import Servers
from tests.faults.supervisor import Supervisor

TELL_EVERY_S = 10
LOOK_EVERY_S = 0.25
NOTES_SHOWN, NOTES_SHOWN_NAIVE = 50, 5


@dataclass(frozen=True)
class Options:
    """What a round is about. It goes on until ``seconds`` are over or there were so many ``kills``."""

    seed: int
    seconds: float
    kills: int
    clients: int
    gap_s: float
    rate: float
    settle_s: float
    variant: str = ""
    keep: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a round found, and how often it killed."""

    kills: int
    findings: Findings


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def run(options: Options, servers: Servers) -> Outcome:
    """One round in a folder and a database of its own, which it removes, unless there is something to look into."""
    folder = Path(tempfile.mkdtemp(prefix="linnet-faults-"))
    keep = True
    try:
        outcome = _run(options, servers, folder)
        keep = options.keep or (bool(outcome.findings.faults) and not options.variant)
        return outcome
    finally:
        if keep:
            tell(f"What the processes wrote is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _run(options: Options, servers: Servers, folder: Path) -> Outcome:
    installation = Installation(folder, servers, seed=options.seed, rate=options.rate, variant=options.variant)
    # A variant that is wrong is so without them.
    kinds = plan.FAULTS if options.variant else plan.FAULTS | plan.SERVER_FAULTS
    faults = plan.faults(options.seed, mean_gap_s=options.gap_s, kinds=kinds)
    supervisor = Supervisor(installation, faults)
    ledger, stopped = Ledger(), threading.Event()
    try:
        installation.prepare(options.clients)
        supervisor.start()
        known: dict[str, Any] = {
            "ports": installation.ports,
            "seed": options.seed,
            "ledger": ledger,
            "stopped": stopped,
        }
        clients: list[Client | Annotator] = [
            Client(number, token, ttl_s=IDLE_TTL_S, **known) for number, token in enumerate(installation.tokens)
        ]
        clients += [Annotator(number, token, **known) for number, token in enumerate(installation.annotators)]
        for client in clients:
            client.start()
        supervisor.disturb()
        _until_enough(options, supervisor, ledger, clients)
        stopped.set()
        for client in clients:
            client.join()
        supervisor.calm()
        kills = supervisor.kills()
        _settle(installation, options.settle_s)
        findings = prove(installation, ledger)
        _break_down(supervisor, ledger, findings)
        return Outcome(kills, findings)
    finally:
        stopped.set()
        supervisor.stop()
        installation.stop()


def _until_enough(options: Options, supervisor: Supervisor, ledger: Ledger, clients: list[Client | Annotator]) -> None:
    began = told = time.monotonic()
    while True:
        now = time.monotonic()
        kills = supervisor.kills()
        for client in clients:
            if client.failure is not None:
                raise RuntimeError(f"{client.name} failed") from client.failure
        if (options.kills and kills >= options.kills) or (options.seconds and now - began >= options.seconds):
            return
        if now - told >= TELL_EVERY_S:
            told = now
            tell(
                f"{now - began:6.0f} s  {kills} kills  {len(ledger.sessions)} sessions  "
                f"{ledger.acknowledged_events()} events acknowledged"
            )
        time.sleep(LOOK_EVERY_S)


def _settle(installation: Installation, bound_s: float) -> None:
    """Wait until the sweep has closed everything: no client asks any more, so nobody else does."""
    began = time.monotonic()
    time.sleep(IDLE_TTL_S)
    while any(left := unfinished(installation)) and time.monotonic() - began < bound_s:
        time.sleep(LOOK_EVERY_S)
    tell(f"Settled in {time.monotonic() - began:.1f} s; {left[0]} sessions not closed, {left[1]} snapshots to purge.")


def _break_down(supervisor: Supervisor, ledger: Ledger, findings: Findings) -> None:
    tell("Faults from outside:")
    for kind, number in supervisor.done.most_common():
        tell(f"  {number:6} {kind}" + (f" ({supervisor.missed[kind]} met nothing)" if supervisor.missed[kind] else ""))
    tell("Failpoints:")
    for name, number in sorted(Counter(supervisor.installation.hits()).items()):
        tell(f"  {number:6} {name}")
    tell("Answers:")
    for answer, number in sorted(ledger.answers.items(), key=lambda item: -item[1]):
        tell(f"  {number:6} {answer}")
    tell(
        f"{findings.sessions} sessions, {findings.acknowledged_events} events acknowledged, "
        f"{supervisor.restarts} processes started again; lost {findings.lost}, double {findings.double_snapshots}, "
        f"late or fenced {findings.late_or_fenced_writes_accepted}, not closed {findings.unclosed}"
    )
    # Of a variant that is wrong on purpose a few are enough.
    shown = NOTES_SHOWN_NAIVE if supervisor.installation.variant else NOTES_SHOWN
    for note in findings.notes[:shown]:
        tell(f"  {note}")
    if len(findings.notes) > shown:
        tell(f"  and {len(findings.notes) - shown} more")
