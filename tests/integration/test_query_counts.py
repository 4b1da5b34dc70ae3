"""How many statements each call costs, exactly, and that none of them grows with what is stored.

Every call spends one on the API token, and one on the user's plan where that is asked for. BEGIN, COMMIT and
savepoints are not counted. SQLite and PostgreSQL cost the same. "Inside" is the part within the call's own
transaction, which begins with taking a lock.

==================================  ==========  ======
call                                statements  inside
==================================  ==========  ======
start, the user's first             10          7
start                               9           6
append                              4           3
append, with Idempotency-Key        5           4
append, a retry                     3           2
touch                               3           2
attach                              3           2
speakers                            3           2
history                             5           0
detail, live                        4           0
detail, closed                      4           0
end                                 8           7
end, a retry                        5           1
receipt                             5           0
list of sessions                    4           0
list of snapshots                   2           0
panel                               8           0
snapshot, metadata                  2           0
snapshot, content                   3           0
snapshot, speakers                  6           5
import, into a new session          14          11
import, into a live session         7           5
==================================  ==========  ======
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.factories import EntitlementFactory
from tests.integration.conftest import TONES, Api, api_for

BEGIN = ("BEGIN", "SAVEPOINT")
END = ("COMMIT", "RELEASE")


@dataclass(frozen=True)
class Cost:
    """Statements of one call: all of them, and those inside its outermost transaction."""

    statements: int
    inside: int


def table() -> dict[str, Cost]:
    """What this module's own docstring says: it is the one place where the numbers are."""
    assert __doc__ is not None
    rows = __doc__.split("==\n")[2].split("==")[0].splitlines()
    cells = [row.rsplit(maxsplit=2) for row in rows if not row.startswith("=")]
    return {name.strip(): Cost(int(statements), int(inside)) for name, statements, inside in cells}


COSTS = table()


def cost(call: Callable[[], Any]) -> tuple[Cost, Any]:
    """What a call costs, and its answer."""
    with CaptureQueriesContext(connection) as captured:
        answer = call()
    assert answer.status_code < 300, answer.content
    statements = inside = depth = 0
    for query in captured.captured_queries:
        if query["sql"].startswith(BEGIN):
            depth += 1
        elif query["sql"].startswith(END):
            depth -= 1
        else:
            statements += 1
            inside += depth > 0
    return Cost(statements, inside), answer


def costs(name: str, call: Callable[[], Any]) -> Any:
    """Check a call's cost against the table; return what it answers."""
    spent, answer = cost(call)
    assert spent == COSTS[name], name
    return answer.json()


def test_table_is_read_whole() -> None:
    assert len(COSTS) == 22


def live(api: Api, batches: int = 0, size: int = 1) -> tuple[str, str]:
    """A session with so many batches of so many events."""
    session, lease = api.start()
    for _ in range(batches):
        assert api.append(session, lease, TONES[:1] * size).status_code == 201
    return session, lease


def test_start_and_attach(paid: Api) -> None:
    started = costs("start, the user's first", lambda: paid.post("sessions/", {}))
    costs("attach", lambda: paid.post(f"sessions/{started['id']}/attach/"))
    for _ in range(3):
        costs("start", lambda: paid.post("sessions/", {}))


@pytest.mark.parametrize(("batches", "size"), [(0, 1), (0, 500), (30, 1)])
def test_append_costs_the_same_whatever_is_there(batches: int, size: int, paid: Api) -> None:
    session, lease = live(paid, batches)
    events = TONES[:1] * size
    costs("append", lambda: paid.append(session, lease, events))
    costs("append, with Idempotency-Key", lambda: paid.append(session, lease, events, Idempotency_Key="k"))
    costs("append, a retry", lambda: paid.append(session, lease, events, Idempotency_Key="k"))


def test_append_holds_its_lock_for_at_most_four_statements() -> None:
    assert all(COSTS[name].inside <= 4 for name in COSTS if name.startswith("append"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_append_is_one_real_transaction(headers: dict[str, str]) -> None:
    """Without a test's own transaction around it: BEGIN, at most four statements, COMMIT, and no savepoint."""
    api = api_for(EntitlementFactory().user)
    session, lease = live(api)
    with CaptureQueriesContext(connection) as captured:
        assert api.append(session, lease, TONES, **headers).status_code == 201
    verbs = [query["sql"].split()[0].rstrip(";") for query in captured.captured_queries]
    first, last = verbs.index("BEGIN"), verbs.index("COMMIT")
    assert verbs.count("BEGIN") == verbs.count("COMMIT") == 1
    assert verbs[first + 1 : last] == ["SELECT", *["SELECT"] * len(headers), "UPDATE", "INSERT"]
    assert set(verbs[:first]) == {"SELECT"}
    assert verbs[last + 1 :] == []


@pytest.mark.parametrize(("batches", "size"), [(1, 1), (30, 1), (3, 500)])
def test_a_sessions_life_costs_the_same_whatever_it_holds(batches: int, size: int, paid: Api) -> None:
    session, lease = live(paid, batches, size)
    own = f"sessions/{session}/"
    costs("touch", lambda: paid.post(f"{own}touch/", lease=lease))
    labels = {"speakers": {f"Speaker {n}": {"name": "Zoë"} for n in range(min(batches, 60))}}
    costs("speakers", lambda: paid.patch(f"{own}speakers/", labels, lease=lease))
    costs("history", lambda: paid.get(f"{own}events/"))
    costs("detail, live", lambda: paid.get(own))
    receipt = costs("end", lambda: paid.post(f"{own}end/", lease=lease))
    costs("end, a retry", lambda: paid.post(f"{own}end/", lease=lease))
    costs("receipt", lambda: paid.get(f"{own}receipt/"))
    costs("detail, closed", lambda: paid.get(own))
    snapshot = f"snapshots/{receipt['snapshot']['id']}/"
    costs("snapshot, metadata", lambda: paid.get(snapshot))
    costs("snapshot, content", lambda: paid.get(f"{snapshot}content/"))
    costs("snapshot, speakers", lambda: paid.patch(f"{snapshot}speakers/", labels))
    started = costs("import, into a new session", lambda: paid.post(f"{snapshot}import/", {}))
    into, token = {"into": started["id"]}, started["lease"]["token"]
    costs("import, into a live session", lambda: paid.post(f"{snapshot}import/", into, lease=token))


@pytest.mark.parametrize("count", [3, 30])
def test_lists_and_panel_cost_the_same_however_many_sessions(count: int, paid: Api, settings: Settings) -> None:
    settings.SESSION_MAX_LIVE = 100
    paid.patch("settings/", {"recent_limit": 50})
    for _ in range(count):
        paid.closed()
        live(paid, 1)
    assert len(costs("list of sessions", lambda: paid.get("sessions/?limit=100"))["results"]) == 2 * count
    assert len(costs("list of snapshots", lambda: paid.get("snapshots/?limit=100"))["results"]) == count
    panel = costs("panel", lambda: paid.get("settings/panel/"))
    assert (len(panel["live"]), len(panel["recent"])) == (count, count)
    costs("start", lambda: paid.post("sessions/", {}))
