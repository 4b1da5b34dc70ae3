"""``python -m tests.benchmarks``: see the package's description, and ``--help``."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import results
from tests.benchmarks.figures import FIGURES, chosen
from tests.benchmarks.installation import Installation
from tests.benchmarks.plan import Plan
from tests.e2e.stack import ROOT

OUTPUT = ROOT / "var" / "bench.json"


def main(arguments: list[str]) -> int:
    """Measure. Returns the exit code."""
    given = _parser().parse_args(arguments)
    # Databases and processes are removed, however this is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = Plan(quick=given.quick)
    found: list[results.Result] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="linnet-bench-") as folder:
        installation = Installation(Path(folder))
        try:
            installation.make()
            for measure, names in chosen(given.names).items():
                begin = time.monotonic()
                try:
                    found += measure(installation, plan)
                except Exception as error:  # noqa: BLE001  (the other figures are still worth having)
                    failed += names
                    _tell(f"{', '.join(names)}: not measured. {type(error).__name__}: {error}")
                else:
                    _tell(f"{', '.join(names)}: measured in {time.monotonic() - begin:.0f} s")
        finally:
            installation.stop()
    if found:
        results.write(found, given.output, quick=plan.quick)
        sys.stdout.write(f"\n{results.table(found)}\n\nWritten to {given.output}.\n")
    missed = [result.name for result in found if result.met is False]
    return 1 if failed or (missed and not plan.quick) else 0


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measures the service against baselines on the same PostgreSQL server (DATABASE_URL, by default "
        "the one on this machine), in databases that it makes and drops. Exit code 1: a figure was not measured or "
        "missed its bound.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *FIGURES], help=", ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="small and short: whether it runs, not how fast it is")
    parser.add_argument(
        "--output", type=Path, default=OUTPUT, help="where to write the figures (default var/bench.json)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
