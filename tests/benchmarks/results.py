"""What a figure is, how two measurements taken in turn become one ratio, and how all of them are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure should be: ``at_least`` or at most so much, and perhaps a least value in its own unit too."""

    value: float
    at_least: bool
    least_median: float | None = None

    def holds(self, ratio: float, measured: float) -> bool:
        within = ratio >= self.value if self.at_least else ratio <= self.value
        return within and (self.least_median is None or measured >= self.least_median)

    def in_words(self, unit: str) -> str:
        words = f"{'≥' if self.at_least else '≤'} {self.value:g}"
        return words if self.least_median is None else f"{words} and ≥ {self.least_median:,.0f} {unit}"


@dataclass(frozen=True, slots=True)
class Result:
    """One figure: pairs of (measured, baseline) in ``unit``. ``wanted`` is None where it is for information only."""

    name: str
    unit: str
    pairs: Sequence[tuple[float, float]]
    wanted: Bound | None
    measured: str
    baseline: str
    #: The figure by whose name it is measured, where that is another one.
    part_of: str = ""

    @property
    def ratios(self) -> list[float]:
        return [measured / baseline for measured, baseline in self.pairs]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def median_measured(self) -> float:
        return median(measured for measured, _ in self.pairs)

    @property
    def median_baseline(self) -> float:
        return median(baseline for _, baseline in self.pairs)

    @property
    def met(self) -> bool | None:
        return None if self.wanted is None else self.wanted.holds(self.ratio, self.median_measured)

    def as_dict(self, *, quick: bool) -> dict[str, Any]:
        return {
            "ratio": _round(self.ratio),
            "ratio_min": _round(min(self.ratios)),
            "ratio_max": _round(max(self.ratios)),
            "median": _round(self.median_measured),
            "baseline_median": _round(self.median_baseline),
            "unit": self.unit,
            "runs": len(self.pairs),
            "wanted": self.wanted and self.wanted.in_words(self.unit),
            "met": self.met,
            "measured": self.measured,
            "baseline": self.baseline,
            "command": f"python -m tests.benchmarks {self.part_of or self.name}",
            "quick": quick,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def in_turn(runs: int, *arms: Callable[[], float]) -> list[tuple[float, ...]]:
    """Measure A B … A B …; each round is one tuple."""
    return [tuple(arm() for arm in arms) for _ in range(runs)]


def column(rounds: Sequence[tuple[float, ...]], measured: int, baseline: int) -> list[tuple[float, float]]:
    """Two arms of the rounds, as pairs."""
    return [(found[measured], found[baseline]) for found in rounds]


def write(results: Sequence[Result], file: Path, *, quick: bool) -> None:
    """Put these figures into the file. Those of earlier runs that were not measured now stay."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known |= {result.name: result.as_dict(quick=quick) for result in results}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(dict(sorted(known.items())), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def table(results: Sequence[Result]) -> str:
    """The figures as text, a line each."""
    head = ("figure", "ratio", "spread", "median", "baseline", "unit", "runs", "wanted", "met")
    rows = [head, *(_row(result) for result in results)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.name,
        f"{result.ratio:.3f}",
        f"{min(result.ratios):.3f}–{max(result.ratios):.3f}",
        _short(result.median_measured),
        _short(result.median_baseline),
        result.unit,
        str(len(result.pairs)),
        result.wanted.in_words(result.unit) if result.wanted else "for information",
        {True: "yes", False: "NO", None: ""}[result.met],
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _round(value: float) -> float:
    return float(f"{value:.5g}")
