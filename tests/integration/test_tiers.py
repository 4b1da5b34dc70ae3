"""What each plan may do, who holds a topic, and what becomes of people whose plan has lapsed."""

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client
from django.urls import path
from pytest_django import Settings
from rest_framework.response import Response

from sessions_app.api.access import any_tier, required_tier
from sessions_app.models import Session
from sessions_app.services.tiers import Plan
from sessions_app.urls import urlpatterns as api_urls
from sessions_app.views.base import ServiceViewSet
from snapshots.models import Snapshot
from tests.factories import EntitlementFactory
from tests.integration.conftest import (
    CALLS_OF_ANNOTATORS,
    CALLS_ON_LISTS,
    CALLS_ON_SESSION,
    CALLS_ON_SNAPSHOT,
    Api,
    api_for,
    lapse,
    make_overdue,
    nothing_written,
    problem,
)

pytestmark = pytest.mark.django_db


class UnmarkedViewSet(ServiceViewSet):
    """One action that says which tier it needs, and one that forgot to."""

    @any_tier
    def list(self, request: HttpRequest) -> Response:
        return Response({})

    def create(self, request: HttpRequest) -> Response:
        return Response({})


def plain_view(request: HttpRequest) -> Response:
    raise AssertionError


#: An address space for the tests below: ROOT_URLCONF can name this module.
urlpatterns = [
    path("api/v1/unmarked/", UnmarkedViewSet.as_view({"get": "list", "post": "create"})),
    path("api/v1/plain/", plain_view),
]


def routes(patterns: Any = None, prefix: str = "") -> list[tuple[str, Any]]:
    """Every address of the API with its view."""
    found: list[tuple[str, Any]] = []
    for pattern in api_urls if patterns is None else patterns:
        address = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            found += routes(pattern.url_patterns, address)
        else:
            found.append((address, pattern.callback))
    return found


def test_every_action_says_which_tier_it_needs() -> None:
    marked = set()
    for address, view in routes():
        actions = {method: name for method, name in view.actions.items() if method != "head"}
        assert actions, address
        for method, name in actions.items():
            assert "required_tier" in vars(getattr(view.cls, name)), f"{method} {address} says nothing"
            assert required_tier(view, method.upper()) is getattr(view.cls, name).required_tier
            marked.add((method, view.cls.__name__, name))
    tables = (CALLS_OF_ANNOTATORS, CALLS_ON_LISTS, CALLS_ON_SESSION, CALLS_ON_SNAPSHOT)
    calls = sum(len(table) for table in tables)
    assert len(marked) == calls, "a call is missing from the tables in conftest.py, or from the router"


def test_action_without_a_mark_needs_paid(free: Api, paid: Api, settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    assert free.get("unmarked/").status_code == 200
    document = problem(free.post("unmarked/", {}), 402, "E-TIER-001")
    assert (document["tier"], document["required_tier"]) == ("free", "paid")
    problem(free.get("plain/"), 402, "E-TIER-001")
    assert paid.post("unmarked/", {}).status_code == 200


def test_head_needs_no_more_than_get(free: Api) -> None:
    for method, address, _ in CALLS_ON_LISTS.values():
        if method == "GET":
            assert free.call("HEAD", address).status_code == 200


PAID_CALLS = {
    "start pinned": ("POST", "sessions/", {"policy": "pinned"}),
    "import": ("POST", "snapshots/{}/import/", {}),
    "import of nothing": ("POST", "snapshots/x/import/", {}),
    "import into": ("POST", "snapshots/{}/import/", {"into": "{live}"}),
    "keep": ("PATCH", "snapshots/{}/", {"keep": True}),
    "prefer pinned": ("PATCH", "settings/", {"default_policy": "pinned"}),
}


@pytest.mark.parametrize("name", PAID_CALLS)
def test_call_that_needs_paid_tells_a_lapsed_user_what_it_would_give(name: str, paid: Api) -> None:
    snapshot = paid.closed()["snapshot"]["id"]
    live, lease = paid.start()
    lapse(paid.user)
    method, address, body = PAID_CALLS[name]
    body = {key: live if value == "{live}" else value for key, value in body.items()}
    with nothing_written():
        answer = paid.call(method, address.format(snapshot), body, lease=lease)
    document = problem(answer, 402, "E-TIER-001")
    assert (document["tier"], document["required_tier"]) == ("free", "paid")
    assert "paid plan" in document["detail"]


def test_refused_list_says_where_the_user_can_list(free: Api) -> None:
    document = problem(free.get("/sessions/history"), 402, "E-TIER-001")
    for address in ["/panel/", "/api/v1/snapshots/"]:
        assert address in document["detail"]
        assert free.get(address).status_code == 200


@pytest.mark.parametrize("name", [name for name in PAID_CALLS if name not in {"import", "import into", "keep"}])
def test_call_that_needs_paid_is_refused_to_a_free_user(name: str, free: Api) -> None:
    method, address, body = PAID_CALLS[name]
    with nothing_written():
        problem(free.call(method, address, body), 402, "E-TIER-001")


@pytest.mark.parametrize("tier", ["paid", "premium", "ultra"])
def test_every_tier_from_paid_on_may_pin(tier: str) -> None:
    api = api_for(EntitlementFactory(tier=tier).user)
    started = api.post("sessions/", {"policy": "pinned"}).json()
    assert (started["policy"], started["tier"]) == ("pinned", tier)


def test_lapsed_user_lists_exports_and_deletes(paid: Api) -> None:
    receipt = paid.closed()
    snapshot = receipt["snapshot"]["id"]
    lapse(paid.user)
    assert [row["id"] for row in paid.get("snapshots/").json()["results"]] == [snapshot]
    assert [row["id"] for row in paid.get("sessions/").json()["results"]] == [receipt["session"]]
    panel = paid.get("settings/panel/").json()
    assert (panel["tier"], panel["recent"][0]["snapshot"]["id"]) == ("free", snapshot)
    assert len(paid.get(f"snapshots/{snapshot}/content/").json()["events"]) == 3
    assert paid.get(f"sessions/{receipt['session']}/receipt/").json() == receipt
    assert paid.delete(f"snapshots/{snapshot}/").status_code == 204
    assert paid.delete(f"sessions/{receipt['session']}/").status_code == 204


@pytest.mark.parametrize("overdue", [True, False])
def test_session_goes_on_and_is_saved_though_the_plan_lapsed(overdue: bool, paid: Api) -> None:
    session, lease = paid.start()
    paid.append(session, lease)
    lapse(paid.user)
    assert paid.append(session, lease).json()["last_seq"] == 6
    assert paid.post(f"sessions/{session}/touch/", lease=lease).status_code == 200
    labels = {"speakers": {"Speaker A": {"name": "Zoë"}}}
    assert paid.patch(f"sessions/{session}/speakers/", labels, lease=lease).status_code == 200
    lease = paid.post(f"sessions/{session}/attach/").json()["lease"]["token"]
    if overdue:
        make_overdue(session)
    receipt = paid.post(f"sessions/{session}/end/", lease=lease).json()
    assert (receipt["events"], receipt["close_reason"]) == (6, "idle" if overdue else "ended")
    assert Snapshot.objects.get().pk is not None
    assert paid.post("sessions/", {}).json()["policy"] == "ephemeral"


def test_lapsed_user_lets_a_kept_snapshot_go_but_not_keep_it_longer(paid: Api) -> None:
    snapshot = paid.closed()["snapshot"]["id"]
    paid.patch(f"snapshots/{snapshot}/", {"keep": True})
    lapse(paid.user)
    with nothing_written():
        answer = paid.patch(f"snapshots/{snapshot}/", {"expires_at": "9999-12-31T00:00:00Z"})
    assert answer.status_code in {402, 422}
    assert paid.patch(f"snapshots/{snapshot}/", {"keep": False}).json()["expires_at"] is not None


def test_too_many_sessions_names_the_live_ones(paid: Api, settings: Settings) -> None:
    settings.SESSION_MAX_LIVE = 3
    live = [paid.start()[0] for _ in range(3)]
    snapshot_of = live[0]
    with nothing_written():
        for body in [{}, {"policy": "private"}, {"topic": "call-9"}]:
            document = problem(paid.post("sessions/", body), 429, "E-SESSION-006")
            assert document["live"] == live
    make_overdue(snapshot_of)
    snapshot = paid.post(f"sessions/{snapshot_of}/end/").json()["snapshot"]["id"]
    assert paid.start()
    with nothing_written():
        problem(paid.post(f"snapshots/{snapshot}/import/", {}), 429, "E-SESSION-006")


def test_topic_belongs_to_one_user_of_a_tenant() -> None:
    first, second = (api_for(EntitlementFactory(tenant="acme").user) for _ in range(2))
    stranger = api_for(EntitlementFactory(tenant="other").user)
    session, lease = first.start(topic="standup")
    with nothing_written():
        answer = second.post("sessions/", {"topic": "standup"})
    document = problem(answer, 409, "E-SESSION-004")
    assert first.user.username not in str(document)
    assert session not in str(document)
    assert stranger.start(topic="standup")
    assert second.start(topic="retro")
    first.post(f"sessions/{session}/end/", lease=lease)
    assert second.start(topic="standup")


def test_topic_of_somebodys_overdue_session_is_free_and_that_one_is_saved() -> None:
    first, second = (api_for(EntitlementFactory(tenant="acme").user) for _ in range(2))
    session, lease = first.start(topic="standup")
    first.append(session, lease)
    make_overdue(session)
    second.start(topic="standup")
    assert first.get(f"sessions/{session}/receipt/").json()["events"] == 3


def test_topic_that_is_taken_in_the_same_moment_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two users look, both see it free, and both start: the database refuses the second."""
    first, second = (api_for(EntitlementFactory(tenant="acme").user) for _ in range(2))
    first.start(topic="standup")

    def sees_it_free(_live: Any, _plan: Plan, _request: Any, **_now: Any) -> None:
        pass

    monkeypatch.setattr("sessions_app.services.sessions._require_place", sees_it_free)
    second.client.raise_request_exception = False
    answer = second.post("sessions/", {"topic": "standup"})
    problem(answer, 409, "E-SESSION-004")


def test_same_topic_of_the_same_user_is_taken_over(paid: Api) -> None:
    session, old = paid.start(topic="call-1", elcor=True)
    again = paid.post("sessions/", {"topic": "call-1", "elcor": False, "policy": "private"})
    assert again.status_code == 200
    body = again.json()
    assert (body["id"], body["resumed"], body["policy"]) == (session, True, "pinned")
    assert body["settings"] == {"elcor": True}
    problem(paid.append(session, old), 409, "E-SESSION-003")
    assert paid.append(session, body["lease"]["token"]).status_code == 201
    assert Session.objects.count() == 1


def test_overdue_session_on_the_same_topic_is_closed_and_a_new_one_starts(paid: Api) -> None:
    session, lease = paid.start(topic="call-1")
    paid.append(session, lease)
    make_overdue(session)
    new, _ = paid.start(topic="call-1")
    assert new != session
    assert paid.get(f"sessions/{session}/receipt/").json()["close_reason"] == "idle"
    assert Snapshot.objects.get().event_count == 3


def test_anonymous_visitor_is_asked_who_they_are_before_what_they_pay() -> None:
    problem(Client().post("/api/v1/snapshots/x/import/"), 401, "E-AUTH-001")
