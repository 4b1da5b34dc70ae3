"""The figures by name: which function measures each, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.benchmarks.figures import appending, bulk, closing, history, hot, lists, streaming, sweeping
from tests.benchmarks.installation import Installation
from tests.benchmarks.plan import Plan
from tests.benchmarks.results import Result

Measure = Callable[[Installation, Plan], list[Result]]

#: Figures of one function are measured together.
FIGURES: dict[str, Measure] = {
    "append_vs_bare": appending.measure,
    "append_vs_knox": appending.measure,
    "bulk_vs_executemany": bulk.measure,
    "close_vs_bare": closing.measure,
    "sweep_1m_vs_10k": sweeping.measure,
    "hot_share": hot.measure,
    "list_100k_vs_10": lists.measure,
    "panel_100k_vs_10": lists.measure,
    "history_vs_memory": history.measure,
    "close_rss_vs_json": history.measure_memory,
    "stream_delivery": streaming.measure,
}


def chosen(names: Iterable[str]) -> dict[Measure, list[str]]:
    """What to run for these figures (all, when none is named), each once, with the names it answers."""
    wanted = list(names) or list(FIGURES)
    found: dict[Measure, list[str]] = {}
    for name, measure in FIGURES.items():
        if name in wanted:
            found.setdefault(measure, []).append(name)
    return found
