"""Every call's answers, good and bad, are those that the API's description promises."""

import uuid
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from sessions_app.events import KINDS, LIVE_ONLY
from sessions_app.services.tokens import issue_annotator_token
from tests.integration.conftest import (
    CALLS_ON_LISTS,
    CALLS_ON_SESSION,
    CALLS_ON_SNAPSHOT,
    LEASED,
    TONES,
    Api,
    make_overdue,
)
from tests.integration.described import checked, fits, fits_component, schema

CALLS = {
    **{f"list: {name}": call for name, call in CALLS_ON_LISTS.items()},
    **{f"session: {name}": call for name, call in CALLS_ON_SESSION.items()},
    **{f"snapshot: {name}": call for name, call in CALLS_ON_SNAPSHOT.items()},
    "journal": ("POST", "journal/", {"batches": []}),
}


@pytest.mark.parametrize("user", ["free", "paid"])
@pytest.mark.parametrize("name", CALLS)
def test_call_answers_as_described(name: str, user: str, request: pytest.FixtureRequest) -> None:
    """For a plan that gives little, one that gives all, and one that has lapsed, on what is there and what is not."""
    api: Api = request.getfixturevalue(user)
    method, path, body = CALLS[name]
    closed = api.closed()
    live, lease = api.start()
    api.append(live, lease)
    overdue, _ = api.start()
    make_overdue(overdue)
    kept = closed["snapshot"]["id"] if closed["snapshot"] else "0"
    for one in [closed["session"], live, overdue, str(uuid.uuid4()), "x", kept]:
        checked(api, method, path.format(one), body, lease=lease)
        checked(api, method, path.format(one), body)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b"[]", {}),
        ({"unknown": 1}, {}),
        ({"raw_audio": "x"}, {}),
        ({}, {"content_type": "text/plain"}),
        ({}, {"Accept": "text/csv"}),
        ({}, {"Authorization": "Token wrong"}),
        ({}, {"Authorization": "Token lnj_wrong"}),
        ({}, {"Host": "elsewhere.example"}),
        ({}, {"Content_Encoding": "gzip"}),
        ({}, {"Transfer_Encoding": "chunked", "Content_Length": ""}),
        (b"{}".ljust(9 * 1024 * 1024), {}),
    ],
)
def test_each_call_that_is_refused_answers_as_described(body: Any, headers: dict[str, str], paid: Api) -> None:
    snapshot = paid.closed()["snapshot"]["id"]
    live, lease = paid.start()
    for name, (method, path, _) in CALLS.items():
        checked(paid, method, path.format(snapshot if "snapshot" in name else live), body, lease=lease, **headers)


@pytest.mark.parametrize("path", ["sessions/", "snapshots/"])
def test_list_is_described_as_a_page(path: str, paid: Api) -> None:
    for _ in range(3):
        paid.closed()
    page = checked(paid, "GET", f"{path}?limit=2").json()
    described = schema()["paths"][f"/api/v1/{path}"]["get"]
    shape = described["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert schema()["components"]["schemas"][shape]["required"] == ["next", "previous", "results"]
    assert page["next"] is not None
    assert {"limit", "cursor"} <= {parameter["name"] for parameter in described["parameters"]}


def test_journey_answers_as_described(paid: Api, settings: Settings) -> None:
    """What a session's life has that no single call has: histories with events, receipts, imports, limits."""
    settings.SESSION_MAX_LIVE = 2
    first = paid.closed([*TONES, {"event_type": "service", "status": "ready"}], topic="call-1", elcor=True)
    snapshot, labels = f"snapshots/{first['snapshot']['id']}/", {"speakers": {"Speaker A": {"name": "Zoë"}}}
    checked(paid, "PATCH", f"{snapshot}speakers/", labels)
    content = checked(paid, "GET", f"{snapshot}content/").json()
    assert content["events"]
    imported = checked(paid, "POST", f"{snapshot}import/", {}).json()
    own, lease = f"sessions/{imported['id']}/", imported["lease"]["token"]
    for _ in range(2):
        checked(paid, "POST", f"{own}events/", {"events": TONES}, lease=lease, Idempotency_Key="k")
    checked(paid, "POST", f"{own}events/", {"events": TONES[:1]}, lease=lease, Idempotency_Key="k")
    checked(paid, "PATCH", f"{own}speakers/", {"speakers": {"Speaker A": {"colour": "blue"}}}, lease=lease)
    checked(paid, "PATCH", f"{own}speakers/", {"speakers": {"Speaker A": {"colour": "#336699"}}}, lease=lease)
    assert checked(paid, "GET", f"{own}events/").json()["resumed_from"]
    assert checked(paid, "GET", own).json()["labels"]
    into = {"into": imported["id"]}
    assert checked(paid, "POST", f"{snapshot}import/", into, lease=lease).status_code == 201
    assert checked(paid, "POST", "sessions/", {"topic": "call-2"}).status_code == 201
    assert checked(paid, "POST", "sessions/", {"topic": "call-2"}).status_code == 200
    assert checked(paid, "POST", "sessions/", {}).status_code == 429
    assert checked(paid, "GET", "settings/panel/").json()["live"]
    assert checked(paid, "POST", f"{own}end/", lease=lease).json()["snapshot"]
    checked(paid, "GET", own)
    checked(paid, "GET", "sessions/")
    checked(paid, "PATCH", snapshot, {"keep": True})
    # Linnet's own front end sends languages that this API does not take, and they come back.
    started = paid.post("/session/start", {"target_lang": "pt_BR"}).json()
    assert checked(paid, "GET", f"sessions/{started['session_id']}/").json()["settings"] == {"target_lang": "pt_BR"}
    assert checked(paid, "GET", "settings/panel/").json()["recent"]


def test_bulk_append_answers_as_described(paid: Api, client: Any) -> None:
    session, _ = paid.start()
    annotator = Api(paid.user, issue_annotator_token(name="annotator", now=timezone.now()), client)
    batches = [{"session": name, "events": events} for name in [session, "x"] for events in [TONES, [], [{}], 5]]
    results = checked(annotator, "POST", "journal/", {"batches": batches}).json()["results"]
    assert {result["status"] for result in results} == {201, 404, 422}
    for method, path, body in CALLS.values():
        checked(annotator, method, path.format(session), body)


def test_limits_answer_as_described(paid: Api, settings: Settings) -> None:
    settings.API_WRITES_PER_MINUTE = 1
    paid.patch("settings/", {})
    for method, path, body in CALLS.values():
        if method != "GET":
            answer = paid.call(method, path.format("x"), body)
            assert answer.status_code == 429
            fits(method, path.format("x"), answer)


@pytest.mark.parametrize("event_type", [*KINDS, *sorted(LIVE_ONLY)])
def test_each_event_type_has_a_shape_of_its_own(event_type: str) -> None:
    """From the allow-list itself: ``tests/unit/test_values.py`` holds each field's shape against its rule."""
    event = schema()["components"]["schemas"]["Event"]
    assert event["discriminator"]["propertyName"] == "event_type"
    name = event["discriminator"]["mapping"][event_type].rpartition("/")[2]
    assert {"$ref": f"#/components/schemas/{name}"} in event["oneOf"]
    described = schema()["components"]["schemas"][name]
    assert described["properties"]["event_type"]["const"] == event_type
    if event_type in KINDS:
        kind = KINDS[event_type]
        assert set(described["properties"]) == {"event_type", "timestamp", *kind.required, *kind.optional}
        assert set(described["required"]) == {"event_type", "timestamp", *kind.required}
    assert described.get("additionalProperties", True) is True


def test_events_of_an_append_are_described() -> None:
    for good in TONES:
        assert fits_component("AppendInputRequest", {"events": [{**good, "of_tomorrow": 1, "confidence": None}]})
    for bad in [{}, {**TONES[0], "timestamp": -1}, {**TONES[0], "event_type": "x"}, {**TONES[0], "label": ""}]:
        assert not fits_component("AppendInputRequest", {"events": [bad]})
    for events in [[], TONES * 200]:
        assert not fits_component("AppendInputRequest", {"events": events})


@pytest.mark.parametrize(
    "name", ["StartInputRequest", "ImportInputRequest", "TouchInputRequest", "PatchedPreferencesInputRequest"]
)
def test_field_that_is_not_listed_is_described_as_refused(name: str) -> None:
    assert fits_component(name, {})
    assert not fits_component(name, {"polcy": "pinned"})


def test_bulk_append_is_described_with_its_bounds() -> None:
    batch = {"session": str(uuid.uuid4()), "events": TONES}
    assert fits_component("JournalInputRequest", {"batches": [batch] * 200})
    for batches in [[], [batch] * 201, [{**batch, "idempotency_key": ""}], [{**batch, "events": []}]]:
        assert not fits_component("JournalInputRequest", {"batches": batches})


def test_members_that_are_always_there_are_described_so(paid: Api) -> None:
    paid.closed()
    shapes = schema()["components"]["schemas"]
    [row] = checked(paid, "GET", "sessions/").json()["results"]
    assert set(shapes["ListedSession"]["required"]) == set(shapes["ListedSession"]["properties"]) == set(row)
    [row] = checked(paid, "GET", "snapshots/").json()["results"]
    assert set(shapes["SnapshotOutput"]["required"]) == set(shapes["SnapshotOutput"]["properties"]) == set(row)


def test_ways_of_being_known_are_alternatives(settings: Settings) -> None:
    paths = schema()["paths"]
    schemes = schema()["components"]["securitySchemes"]
    for template, methods in paths.items():
        for method, call in methods.items():
            assert all(set(way) <= set(schemes) for way in call["security"])
            if template == "/api/v1/journal/":
                assert call["security"] == [{"annotatorAuth": []}]
                continue
            assert {"tokenAuth": []} in call["security"]
            by_cookie = [way for way in call["security"] if "cookieAuth" in way]
            assert [("csrfToken" in way) for way in by_cookie] == [method != "get"], (method, template)
            assert ({"ticketAuth": []} in call["security"]) is template.endswith("/stream/")


@pytest.mark.parametrize("name", LEASED)
def test_lease_token_is_a_parameter_that_must_be_there(name: str) -> None:
    method, path, _ = CALLS_ON_SESSION[name]
    parameters = schema()["paths"][f"/api/v1/{path.format('{id}')}"][method.lower()]["parameters"]
    assert [one["required"] for one in parameters if one["name"] == "X-Session-Token"] == [True]


def test_import_takes_the_lease_token_of_the_session_that_it_goes_into() -> None:
    parameters = schema()["paths"]["/api/v1/snapshots/{id}/import/"]["post"]["parameters"]
    assert "X-Session-Token" in {one["name"] for one in parameters if not one.get("required")}


def test_calls_are_in_groups_with_summaries_and_without_python() -> None:
    tags = set()
    for methods in schema()["paths"].values():
        for call in methods.values():
            tags |= set(call["tags"])
            assert 0 < len(call["summary"]) <= 80, call
            assert not call["summary"].endswith((".", ",", ":", ";"))
            assert not call["operationId"].startswith("v1")
    assert tags == {"sessions", "snapshots", "settings", "journal"}
    assert {tag["name"] for tag in schema()["tags"]} == tags
    described = str(schema())
    for python in ["``", "sessions_app", ":class:", ":func:", "NewestFirst", "Python", "serializer"]:
        assert python not in described, python
