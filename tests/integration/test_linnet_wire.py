"""Linnet's own front end: who may ask, what every answer carries, and the shapes of the stream."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from pytest_django import Settings

from sessions_app import events
from sessions_app.linnet_urls import urlpatterns
from sessions_app.live.handover import hand_over
from sessions_app.models import Session
from sessions_app.serializers.linnet import FIELDS, NEWER, shown
from sessions_app.services.tiers import Plan
from sessions_app.tiers import Tier
from snapshots.models import SessionKey, Snapshot
from tests.integration.conftest import TONES, Api, make_overdue, nothing_written, problem
from tests.integration.linnet import append, pages, start
from tests.integration.test_linnet_resume import resume, saved
from tests.integration.test_ownership import MALFORMED, METHODS, everything

#: Every call, with a body that it accepts.
CALLS: dict[str, tuple[str, str, Any]] = {
    "linnet-health": ("GET", "/health", None),
    "linnet-start": ("POST", "/session/start", {}),
    "linnet-resume": ("POST", "/session/resume", {"snapshot_id": "x"}),
    "linnet-session": ("GET", "/session/{}", None),
    "linnet-end": ("DELETE", "/session/{}/end", None),
    "linnet-stream": ("GET", "/session/{}/stream", None),
    "linnet-history": ("GET", "/session/{}/history", None),
    "linnet-export": ("GET", "/session/{}/export", None),
    "linnet-saved": ("GET", "/sessions/history", None),
}
ON_SESSION = [name for name, (_, path, _) in CALLS.items() if "{}" in path]
OF_USERS = [name for name in CALLS if name != "linnet-health"]


def test_every_call_is_tested() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(CALLS)
    assert get_resolver().reverse_dict.getlist("linnet-start")


@pytest.mark.parametrize("name", ON_SESSION)
def test_foreign_session_answers_like_an_unknown_one(name: str, paid: Api, other: Api) -> None:
    closed, live, overdue = start(paid), start(paid), start(paid)
    append(paid, closed, TONES)
    paid.delete(f"/session/{closed}/end")
    make_overdue(overdue)
    called, path, body = CALLS[name]
    for method in METHODS:
        with nothing_written():
            ids = [uuid.uuid4(), live, closed, overdue, *MALFORMED]
            answers = [everything(other.call(method, path.format(i), body)) for i in ids]
        assert answers == [answers[0]] * len(ids)
        assert answers[0][0] in {404, 405}
    problem(other.call(called, path.format(live), body), 404, "E-SESSION-002")


@pytest.mark.parametrize("name", OF_USERS)
def test_nobody_and_no_annotator_gets_in(name: str, paid: Api) -> None:
    session = start(paid)
    method, path, _ = CALLS[name]
    with nothing_written():
        for header in ({}, {"Authorization": "Token x"}, {"Authorization": "Bearer x"}, {"X-CF-Session": "x"}):
            answer = Client().generic(method, path.format(session), headers=header)
            assert problem(answer, 401, "E-AUTH-001")["detail"]
            assert answer["X-Linnet-Mode"] == "self-hosted"


@pytest.mark.parametrize(
    ("switches", "mode"),
    [({}, "self-hosted"), ({"CLOUD_MODE": True}, "cloud"), ({"DEMO_MODE": True}, "demo")],
)
def test_every_answer_says_the_mode(switches: dict[str, bool], mode: str, paid: Api, settings: Settings) -> None:
    for name, value in switches.items():
        setattr(settings, name, value)
    session = start(paid)
    for method, path, body in CALLS.values():
        assert paid.call(method, path.format(session), body)["X-Linnet-Mode"] == mode
    for path in ("/session/x/y", "/session/", "/sessions/", "/session/start/", "/session/%00"):
        assert paid.get(path)["X-Linnet-Mode"] == mode
    assert paid.get("/health").json() == {"status": "ok", "service": "linnet", "mode": mode}
    assert "X-Linnet-Mode" not in paid.get("sessions/").headers
    assert "X-Linnet-Mode" not in paid.get("/health/").headers


@pytest.mark.parametrize("path", ["/session/x/y", "/session/", "/sessions/x", "/session/start/", "/health/x"])
def test_wrong_address_is_no_redirect(path: str, paid: Api) -> None:
    answer = paid.post(path, {})
    if path.startswith("/health"):
        assert answer.status_code == 404
    else:
        problem(answer, 404, "E-REQUEST-006")


@pytest.mark.parametrize("name", CALLS)
def test_wrong_method_is_told_the_right_one(name: str, paid: Api) -> None:
    right, path, _ = CALLS[name]
    for method in ("PUT", "PATCH", "OPTIONS", "TRACE"):
        answer = paid.call(method, path.format(uuid.uuid4()), {})
        problem(answer, 405, "E-REQUEST-007")
        assert right in answer["Allow"]


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream", "text/html", "image/png", ""])
def test_accept_breaks_nothing(accept: str, paid: Api) -> None:
    session = start(paid)
    for name in ("linnet-health", "linnet-session", "linnet-history", "linnet-export", "linnet-saved"):
        method, path, _ = CALLS[name]
        answer = paid.call(method, path.format(session), Accept=accept)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    problem(paid.get("/session/x", Accept=accept), 404, "E-SESSION-002")


def test_rate_limits_hold(paid: Api, settings: Settings) -> None:
    settings.API_STARTS_PER_MINUTE = 2
    assert [paid.post("/session/start", {}).status_code for _ in range(2)] == [200, 200]
    answer = paid.post("/session/start", {})
    problem(answer, 429, "E-REQUEST-010")
    assert answer["X-Linnet-Mode"] == "self-hosted"
    problem(paid.post("/session/resume", {"snapshot_id": "x"}), 429, "E-REQUEST-010")
    problem(paid.post("sessions/", {}), 429, "E-REQUEST-010")
    settings.API_STARTS_PER_MINUTE = 0
    settings.API_WRITES_PER_MINUTE = 1
    assert [paid.delete("/session/x/end").status_code for _ in range(2)] == [404, 429]
    assert paid.get("/session/x").status_code == 404


def test_large_bodies_are_refused(paid: Api) -> None:
    with nothing_written():
        problem(paid.post("/session/start", {"x": "y" * 1_100_000}), 413, "E-REQUEST-002")
        problem(paid.post("/session/start", b"[" * 3000), 400, "E-REQUEST-001")
        problem(paid.post("/session/start", {}, content_type="text/plain"), 415, "E-REQUEST-003")


class TestCookies:
    """Who is signed in to the panel or the admin is known to the front end's calls, and to no other site's."""

    @pytest.fixture
    def signed_in(self, paid: Api) -> Client:
        client = Client(enforce_csrf_checks=True)
        client.force_login(paid.user)
        return client

    @pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://testserver.evil.example"])
    def test_other_sites_and_unknown_pages_are_refused(self, origin: str | None, signed_in: Client, paid: Api) -> None:
        session = start(paid)
        headers = {} if origin is None else {"Origin": origin}
        with nothing_written():
            for method, path in (("POST", "/session/start"), ("DELETE", f"/session/{session}/end")):
                answer = signed_in.generic(method, path, headers=headers)
                assert (answer.status_code, answer["X-Linnet-Mode"]) == (403, "self-hosted")
                assert isinstance(answer.json()["detail"], str)

    def test_own_page_needs_no_csrf_token(self, signed_in: Client) -> None:
        answer = signed_in.generic("POST", "/session/start", headers={"Origin": "http://testserver"})
        assert answer.status_code == 200
        session = answer.json()["session_id"]
        ended = signed_in.generic("DELETE", f"/session/{session}/end", headers={"Sec-Fetch-Site": "same-origin"})
        assert ended.status_code == 200


def test_licence_key_is_used_for_the_call(free: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_key(*, license_key: str = "", **_: Any) -> Plan:
        return Plan(Tier.PREMIUM if license_key == "CFG-good" else Tier.FREE)

    monkeypatch.setattr("sessions_app.api.access.resolve_plan", by_key)
    answer = free.post("/session/start", {"license_key": "CFG-good"})
    session = answer.json()["session_id"]
    assert answer.json()["tier"] == "premium"
    assert Session.objects.get(pk=session).policy == "pinned"
    append(free, session, TONES)
    free.delete(f"/session/{session}/end")
    snapshot = {"snapshot_id": str(Snapshot.objects.get(session_id=session).pk)}
    problem(free.post("/session/resume", snapshot), 402, "E-TIER-001")
    assert free.post("/session/resume", {**snapshot, "license_key": "CFG-good"}).json()["tier"] == "premium"


class TestStream:
    """What the view hands over. The bytes are in tests/e2e/test_linnet.py."""

    @pytest.fixture
    def handed(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        seen: list[Any] = []

        def note(request: Any, wanted: Any) -> Any:
            seen.append(wanted)
            return hand_over(request, wanted)

        monkeypatch.setattr("sessions_app.views.linnet.hand_over", note)
        return seen

    def test_headers(self, paid: Api) -> None:
        session = start(paid)
        answer = paid.get(f"/session/{session}/stream", Accept="text/event-stream")
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/event-stream"
        assert (answer["Cache-Control"], answer["X-Accel-Buffering"]) == ("no-cache", "no")
        assert answer.content.startswith(b": heartbeat\n\n")

    def test_earlier_history_comes_first_from_the_start_only(self, paid: Api, handed: list[Any]) -> None:
        session = resume(paid, saved(paid, TONES))["session_id"]
        append(paid, session, TONES)
        for last, first_of_all in [("", True), ("1:2", False), ("1:0", False), ("9:1", True), ("junk", True)]:
            paid.get(f"/session/{session}/stream", Last_Event_ID=last)
            assert (handed[-1].prelude is not None) is first_of_all, last
        (page,) = pages(handed[0].prelude)
        assert [event["label"] for event in page] == [event["label"] for event in TONES]

    def test_earlier_history_that_does_not_open_does_not_stop_the_stream(self, paid: Api, handed: list[Any]) -> None:
        session = resume(paid, saved(paid, TONES))["session_id"]
        SessionKey.objects.exclude(session_id=session).delete()
        paid.get(f"/session/{session}/stream")
        ((event,),) = pages(handed[0].prelude)
        assert (event["event_type"], event["status"]) == ("service", "warning")
        assert shown(session, event) is not None

    def test_session_that_is_over_has_none(self, paid: Api) -> None:
        session, overdue = start(paid), start(paid)
        paid.delete(f"/session/{session}/end")
        make_overdue(overdue)
        for one in (session, overdue):
            problem(paid.get(f"/session/{one}/stream"), 404, "E-SESSION-002")


def test_shapes_know_every_kind_and_field_that_is_stored() -> None:
    """A field that is stored from now on must be shown, or left out on purpose."""
    assert set(FIELDS) == {*events.KINDS, *events.LIVE_ONLY} - {"marker"}
    for kind, fields in FIELDS.items():
        if kind in events.KINDS:
            stored = {*events.KINDS[kind].required, *events.KINDS[kind].optional}
            assert stored - set(fields) == (set(NEWER) if kind == "tone" else set())
            assert set(fields) - stored == {"timestamp"}


@pytest.mark.parametrize("kind", FIELDS)
def test_event_with_nothing_but_its_kind_has_all_fields(kind: str) -> None:
    for sparse in ({"event_type": kind}, {"event_type": kind, **dict.fromkeys(FIELDS[kind])}):
        found = shown("s", sparse)
        assert found is not None
        name, data = found
        assert name == f"{kind}-event"
        typed = set() if kind in {"scene", "accent"} else {"event_type"}
        assert set(data) == {"session_id", *typed, *FIELDS[kind]}
        assert [field for field, value in data.items() if value is None] == (["subtext"] if kind == "tone" else [])


def test_numbers_of_the_journal_are_not_shown() -> None:
    found = shown("s", {"seq": 7, "event_type": "queue", "label": "x", "confidence": 1, "timestamp": 2, "new": 3})
    assert found == (
        "queue-event",
        {"event_type": "queue", "session_id": "s", "label": "x", "confidence": 1, "timestamp": 2},
    )
    assert shown("s", {"seq": 7, "event_type": "marker", "label": "x", "timestamp": 2}) is None
