"""How many statements each call of Linnet's own front end costs, exactly, and that none grows with what is stored.

As in ``test_query_counts``: one is spent on the API token, and one on the plan where that is asked for. A history or an
export costs one more for each 100 batches that it reads, and three for each earlier session that it goes on into.

==================================  ==========  ======
call                                statements  inside
==================================  ==========  ======
health                              0           0
start                               11          8
start, at the limit                 18          15
session                             2           0
stream                              3           0
history                             4           0
history, all there is               5           0
export, live                        5           0
end                                 8           7
export, closed                      6           0
saved                               5           0
resume                              15          12
==================================  ==========  ======
"""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from tests.integration.conftest import TONES, Api
from tests.integration.linnet import append, start
from tests.integration.test_query_counts import Cost, cost

assert __doc__ is not None
COSTS = {
    row[:34].strip(): Cost(*map(int, row[34:].split()))
    for row in __doc__.split("==\n")[2].split("==")[0].splitlines()
    if not row.startswith("=")
}


def costs(name: str, call: Callable[[], Any]) -> Any:
    """Check a call's cost against the table; return its answer."""
    spent, answer = cost(call)
    assert spent == COSTS[name], name
    return answer


def test_table_is_read_whole() -> None:
    assert len(COSTS) == 12


@pytest.mark.parametrize(("batches", "size"), [(1, 1), (60, 1), (3, 500)])
def test_a_sessions_life_costs_the_same_whatever_it_holds(batches: int, size: int, paid: Api) -> None:
    paid.closed()
    costs("health", lambda: paid.get("/health"))
    session = costs("start", lambda: paid.post("/session/start", {})).json()["session_id"]
    for _ in range(batches):
        append(paid, session, TONES[:1] * size)
    own = f"/session/{session}"
    costs("session", lambda: paid.get(own))
    costs("stream", lambda: paid.get(f"{own}/stream"))
    costs("history", lambda: paid.get(f"{own}/history?limit=1"))
    costs("history, all there is", lambda: paid.get(f"{own}/history?limit=5000"))
    costs("export, live", lambda: paid.get(f"{own}/export"))
    costs("end", lambda: paid.delete(f"{own}/end"))
    costs("export, closed", lambda: paid.get(f"{own}/export"))
    (saved, _) = costs("saved", lambda: paid.get("/sessions/history")).json()
    costs("resume", lambda: paid.post("/session/resume", {"snapshot_id": saved["id"]}))


@pytest.mark.parametrize("limit", [2, 20])
def test_giving_way_costs_the_same_however_many_are_live(limit: int, paid: Api, settings: Settings) -> None:
    settings.SESSION_MAX_LIVE = limit
    for _ in range(limit):
        append(paid, start(paid), TONES)
    costs("start, at the limit", lambda: paid.post("/session/start", {}))
