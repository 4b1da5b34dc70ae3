"""Lists: order, paging, filters, and parameters that can't be read."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.utils import timezone

from sessions_app.models import Session
from snapshots.models import Snapshot
from tests.integration.conftest import Api, make_overdue, problem

CANARY = "CANARY-mauve-gnat"


def newest_first(answer: Any) -> list[str]:
    return [row["id"] for row in answer.json()["results"]]


@pytest.fixture
def seven(paid: Api) -> list[str]:
    """Seven closed sessions, newest first; five of them started in the same moment."""
    sessions = [paid.closed()["session"] for _ in range(7)]
    ties = datetime(2026, 1, 1, tzinfo=UTC)
    Session.objects.filter(pk__in=sessions[1:6]).update(started_at=ties)
    Session.objects.filter(pk=sessions[0]).update(started_at=ties - timedelta(days=1))
    Snapshot.objects.filter(session_id__in=sessions[1:6]).update(created_at=ties)
    Snapshot.objects.filter(session_id=sessions[0]).update(created_at=ties - timedelta(days=1))
    return [str(pk) for pk in Session.objects.order_by("-started_at", "-id").values_list("pk", flat=True)]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("path", ["sessions/", "snapshots/"])
def test_pages_visit_each_row_once_there_and_back(path: str, limit: int, seven: list[str], paid: Api) -> None:
    everything = newest_first(paid.get(path))
    assert len(everything) == 7
    page = paid.get(f"{path}?limit={limit}").json()
    assert page["previous"] is None
    seen, pages = [], []
    while True:
        assert set(page) == {"next", "previous", "results"}
        pages.append([row["id"] for row in page["results"]])
        seen += pages[-1]
        if page["next"] is None:
            break
        page = paid.get(page["next"].removeprefix("http://testserver")).json()
    assert seen == everything
    for earlier in reversed(pages[:-1]):
        page = paid.get(page["previous"].removeprefix("http://testserver")).json()
        assert [row["id"] for row in page["results"]] == earlier
    assert page["previous"] is None


def test_sessions_are_newest_first(seven: list[str], paid: Api) -> None:
    assert newest_first(paid.get("sessions/")) == seven


def test_page_links_keep_the_filters(seven: list[str], paid: Api) -> None:
    page = paid.get("sessions/?limit=2&state=closed&until=2026-01-01T00:00:01Z").json()
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        page = paid.get(page["next"].removeprefix("http://testserver")).json()
        seen += [row["id"] for row in page["results"]]
    assert seen == seven[1:]


@pytest.fixture
def mixed(paid: Api) -> dict[str, str]:
    """A session of each kind that a filter tells apart."""
    ended = paid.closed(topic="call-1")["session"]
    idle, _ = paid.start(topic="call-2")
    make_overdue(idle)
    live, _ = paid.start(topic="call-1")
    return {"ended": ended, "idle": idle, "live": live}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"ended", "idle", "live"}),
        ("state=active", {"live"}),
        ("state=closed", {"ended", "idle"}),
        ("reason=ended", {"ended"}),
        ("reason=idle", {"idle"}),
        ("reason=staff", set()),
        ("topic=call-1", {"ended", "live"}),
        ("topic=call-2", {"idle"}),
        ("topic=call", set()),
        ("since={recent}", {"ended", "live"}),
        ("until={recent}", {"idle"}),
        ("since={future}", set()),
        ("until={future}", {"ended", "idle", "live"}),
        ("state=closed&topic=call-1", {"ended"}),
        ("state=&reason=&topic=", {"ended", "idle", "live"}),
    ],
)
def test_each_filter_narrows(query: str, found: set[str], mixed: dict[str, str], paid: Api) -> None:
    now = timezone.now()
    query = query.format(
        recent=quote((now - timedelta(minutes=1)).isoformat()), future=quote((now + timedelta(days=1)).isoformat())
    )
    listed = newest_first(paid.get(f"sessions/?{query}"))
    assert {name for name, pk in mixed.items() if pk in listed} == found
    assert len(listed) == len(found)


def test_since_includes_and_until_excludes_its_moment(paid: Api) -> None:
    session, _ = paid.start()
    moment = quote(Session.objects.get().started_at.isoformat())
    assert newest_first(paid.get(f"sessions/?since={moment}")) == [session]
    assert newest_first(paid.get(f"sessions/?until={moment}")) == []


def test_list_closes_what_is_past_its_deadline(paid: Api) -> None:
    session, _ = paid.start()
    make_overdue(session)
    row = paid.get("sessions/").json()["results"][0]
    assert (row["state"], row["close_reason"]) == ("closed", "idle")
    assert row["snapshot"]["id"] == str(Snapshot.objects.get().pk)
    assert row["kept_because"]


def test_expired_snapshot_is_in_no_list(paid: Api) -> None:
    paid.closed()
    Snapshot.objects.update(created_at=timezone.now() - timedelta(days=2), expires_at=timezone.now())
    assert newest_first(paid.get("snapshots/")) == []
    assert paid.get("sessions/").json()["results"][0]["snapshot"] is None


def blamed(response: Any, status: int, code: str, field: str, fault: str) -> None:
    document = problem(response, status, code, field)
    assert document["errors"][0]["code"] == fault
    assert CANARY not in response.content.decode()


def cursor(query: str) -> str:
    return quote(base64.b64encode(query.encode()).decode())


BAD_QUERIES: list[tuple[str, str, str]] = [
    *[
        (f"cursor={value}", "cursor", "cursor")
        for value in [
            "x",
            CANARY,
            "%FF",
            "%00",
            "%F0%9F%90%A6",
            "=",
            cursor("p=garbage"),
            cursor("p=5"),
            cursor("p=2026-11-20"),
            cursor("p=2026-11-20 10:00:00"),
            cursor("p=2026-11-20 10:00:00+00:00\0"),
            cursor("p=2026-13-45 10:00:00+00:00"),
            cursor("p=0001-01-01 00:00:00+23:59"),
            cursor("p=9999-12-31 23:59:59-23:59"),
            cursor("p='; DROP TABLE x; --"),
            cursor("o=-1"),
            cursor("o=x"),
            cursor("r=x"),
            cursor("o=" + "9" * 5000),
        ]
    ],
    *[(f"limit={value}", "limit", "range") for value in ["0", "-1", "101", "x", "1.5", "", "٣", "1e1", "9" * 5000]],
]
BAD_FILTERS: list[tuple[str, str, str]] = [
    *[(f"since={value}", "since", "invalid") for value in [CANARY, "5", "2026-02-30T00:00:00Z", "%00", "now"]],
    *[(f"until={value}", "until", "offset") for value in ["2026-11-20T10:00:00", "2026-11-20", "20261120"]],
    ("until=0001-01-01T00:00:00%2B23:59", "until", "overflow"),
    ("since=9999-12-31T23:59:59-23:59", "since", "overflow"),
    *[(f"state={value}", "state", "invalid_choice") for value in [CANARY, "paused", "ACTIVE", "%00"]],
    *[(f"reason={value}", "reason", "invalid_choice") for value in [CANARY, "%F0%9F%90%A6"]],
    *[(f"topic={value}", "topic", "invalid") for value in ["a%20b", "%25", "%F0%9F%90%A6", "%FF"]],
    ("topic=" + "a" * 121, "topic", "max_length"),
]


@pytest.mark.parametrize("path", ["sessions/", "snapshots/"])
def test_bad_paging_is_refused(path: str, paid: Api) -> None:
    for query, field, fault in BAD_QUERIES:
        blamed(paid.get(f"{path}?{query}"), 422, "E-REQUEST-004", field, fault)


def test_bad_filter_is_refused(paid: Api) -> None:
    for query, field, fault in BAD_FILTERS:
        blamed(paid.get(f"sessions/?{query}"), 422, "E-REQUEST-004", field, fault)


@pytest.mark.parametrize(
    ("query", "field"),
    [("after=-1", "after"), ("after=x", "after"), ("after=2147483648", "after"), ("limit=0", "limit")],
)
def test_bad_page_of_a_history_is_refused(query: str, field: str, paid: Api) -> None:
    session, _ = paid.start()
    problem(paid.get(f"sessions/{session}/events/?{query}"), 422, "E-REQUEST-004", field)


@pytest.mark.parametrize("form", [CANARY, "xml", "JSON", "%00"])
def test_bad_form_of_an_export_is_refused(form: str, paid: Api) -> None:
    snapshot = paid.closed()["snapshot"]["id"]
    answer = paid.get(f"snapshots/{snapshot}/content/?as={form}")
    blamed(answer, 422, "E-REQUEST-004", "as", "invalid_choice")
