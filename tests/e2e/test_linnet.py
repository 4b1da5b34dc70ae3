"""Every line of the contract with Linnet's own front end, over real HTTP: status, headers, and the stream's bytes.

In both ways in which it is known who asks: by being at this machine, and by the cookie or header of Linnet's cloud.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.e2e.front_end import Answer, FrontEnd
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

SECRET = "a-secret-of-the-cloud-for-tests-only-0123456789"
PAYING, OTHER = "11111111-aaaa-4bbb-8ccc-000000000001", "11111111-aaaa-4bbb-8ccc-000000000002"
HOSTILE = "<b>“Zoë”</b>\n\nevent: tone-event\ndata: {}\u2028\u202e🐦"

WHOLE_TONE = {
    "event_type": "tone",
    "label": HOSTILE,
    "confidence": 0.75,
    "speaker_id": "Speaker A",
    "shift_magnitude": 0.5,
    "timestamp": 1.5,
    "subtext": "tired, and polite",
    "affect": "warm",
    "shift_direction": "escalating",
    "prosody_flags": ["rising"],
    "valence": 0.1,
    "arousal": None,
    "trend": "rising",
    "suppression_flag": False,
}
BARE_TONE = {"event_type": "tone", "label": "Calm", "timestamp": 2}
SENT = [
    WHOLE_TONE,
    BARE_TONE,
    {"event_type": "speaker", "label": "human_single", "confidence": 0.9, "timestamp": 3},
    {"event_type": "queue", "label": "hold_music", "confidence": 0.8, "timestamp": 4},
    {"event_type": "marker", "label": "not for this front end", "timestamp": 4.5},
    {"event_type": "environ", "label": "call_center", "timestamp": 5},
    {"event_type": "scene", "label": "street", "confidence": 0.4, "timestamp": 6, "privacy_risk": "moderate"},
    {"event_type": "accent", "region": "Wales", "language": "en", "confidence": 0.3, "timestamp": 7},
    {"event_type": "transcript", "text": "I’m fine.", "speaker_id": "Speaker A", "timestamp": 8},
    {"event_type": "service", "status": "ready", "detail": ""},
]


def shown(session: str) -> list[tuple[str, dict[str, Any]]]:
    """What the front end is to see of ``SENT``: the table of the contract, line by line."""
    of = {"session_id": session}
    bare = {
        "confidence": 0.0,
        "speaker_id": "speaker_a",
        "shift_magnitude": 0.0,
        "subtext": None,
        "affect": "neutral",
        "shift_direction": "stable",
        "prosody_flags": [],
    }
    return [
        ("tone-event", {**of, **WHOLE_TONE}),
        ("tone-event", {**of, **BARE_TONE, **bare}),
        ("speaker-event", {**of, **SENT[2]}),
        ("queue-event", {**of, **SENT[3]}),
        ("environ-event", {**of, **SENT[5], "confidence": 0.0}),
        ("scene-event", {**of, "label": "street", "confidence": 0.4, "timestamp": 6, "privacy_risk": "moderate"}),
        ("accent-event", {**of, "region": "Wales", "language": "en", "confidence": 0.3, "timestamp": 7}),
        ("transcript-event", {**of, **SENT[8]}),
        ("service-event", {**of, **SENT[9]}),
    ]


@pytest.fixture(scope="module")
def self_hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation on its person's own machine."""
    yield from Stack(tmp_path_factory.mktemp("self-hosted"), worker=False).running()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation in Linnet's cloud, behind a proxy on this machine."""
    settings = {
        "CLOUD_MODE": "true",
        "SECURE_SSL_REDIRECT": "false",
        "DIRECTUS_JWT_SECRET": SECRET,
        "TRUSTED_PROXIES": "127.0.0.1",
        "TIER_RESOLVER": "local",
    }
    yield from Stack(tmp_path_factory.mktemp("cloud"), worker=False, **settings).running()


def cloud_token(user: str, **claims: Any) -> str:
    return jwt.encode({"id": user, "exp": int(time.time()) + 3600, **claims}, SECRET, algorithm="HS256")


@pytest.fixture(scope="module")
def paying(cloud: Stack) -> str:
    """The cloud's token of a user who was seen once, and for whom staff then entered a plan."""
    token = cloud_token(PAYING)
    assert FrontEnd(cloud.port, {"Authorization": f"Bearer {token}"}).call("GET", "/session/x").status == 404
    cloud.manage(
        "shell",
        "-c",
        "from django.contrib.auth.models import User; from sessions_app.models import Entitlement;"
        f"user = User.objects.get(username='cf:{PAYING}');"
        "Entitlement.objects.create(user=user, tier='paid')",
    )
    return token


@pytest.fixture(params=["self-hosted", "cloud by cookie", "cloud by header", "cloud by bearer"])
def setting(request: pytest.FixtureRequest) -> tuple[Stack, FrontEnd, str]:
    """An installation, the front end of a paying user there, and the installation's mode."""
    if request.param == "self-hosted":
        stack: Stack = request.getfixturevalue("self_hosted")
        return stack, FrontEnd(stack.port), "self-hosted"
    stack, token = request.getfixturevalue("cloud"), request.getfixturevalue("paying")
    own_page = {"Origin": f"http://127.0.0.1:{stack.port}"}
    headers = {
        "cloud by cookie": {"Cookie": f"cf_session={token}", **own_page},
        "cloud by header": {"X-CF-Session": token, **own_page},
        "cloud by bearer": {"Authorization": f"Bearer {token}"},
    }[request.param]
    return stack, FrontEnd(stack.port, headers), "cloud"


@pytest.fixture
def front_end(setting: tuple[Stack, FrontEnd, str]) -> FrontEnd:
    return setting[1]


@pytest.fixture
def append(setting: tuple[Stack, FrontEnd, str]) -> Callable[..., None]:
    """The annotator, which appends with a credential of its own."""
    stack, _, _ = setting
    token = stack.annotator_token

    def send(session: str, events: list[dict[str, Any]]) -> None:
        for first in range(0, len(events), 500):
            batch = {"session": session, "events": events[first : first + 500]}
            status, answer = stack.call("POST", "journal/", {"batches": [batch]}, token=token)
            assert (status, answer["results"][0]["status"]) == (200, 201), answer

    return send


def refused(answer: Answer, status: int, mode: str) -> dict[str, Any]:
    """Check that this is an error as the front end reads it."""
    assert answer.status == status, answer.body
    assert answer.headers["x-linnet-mode"] == mode
    assert "json" in answer.headers["content-type"]
    document: dict[str, Any] = answer.json()
    assert isinstance(document["detail"], str)
    assert document["detail"]
    return document


def test_every_call_from_start_to_resume(setting: tuple[Stack, FrontEnd, str], append: Callable[..., None]) -> None:
    _, front_end, mode = setting

    def answered(answer: Answer) -> Any:
        assert answer.status == 200, answer.body
        assert answer.headers["x-linnet-mode"] == mode
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    assert answered(front_end.call("GET", "/health")) == {"status": "ok", "service": "linnet", "mode": mode}

    started = answered(
        front_end.call("POST", "/session/start", {"elcor": True, "window_ms": 1050, "num_speakers": 12, "new": 1})
    )
    session = started["session_id"]
    running = {"session_id": session, "state": "running", "elcor": True, "tier": "paid"}
    assert started == running
    assert answered(front_end.call("GET", f"/session/{session}")) == running

    tones = [{**BARE_TONE, "label": f"tone {number}", "timestamp": number} for number in range(1850)]
    append(session, [*tones, SENT[3]])
    found = answered(front_end.call("GET", f"/session/{session}/history?min_confidence=&limit=50"))
    assert (found["session_id"], found["count"]) == (session, 50)
    assert [event["label"] for event in found["events"]] == [f"tone {number}" for number in range(1800, 1850)]
    fields = {"label", "confidence", "speaker_id", "shift_magnitude", "timestamp", "subtext", "affect"}
    assert all(set(event) == fields for event in found["events"])

    answer = front_end.call("GET", f"/session/{session}/export")
    exported = answered(answer)
    assert answer.headers["content-disposition"] == f'attachment; filename="linnet-session-{session}.json"'
    assert (set(exported), exported["session_id"], exported["elcor"]) == (
        {"session_id", "elcor", "events"},
        session,
        True,
    )
    assert [event["label"] for event in exported["events"]] == [tone["label"] for tone in tones]
    assert set(exported["events"][0]) == fields | {"shift_direction"}

    assert answered(front_end.call("DELETE", f"/session/{session}/end")) == {"session_id": session, "state": "stopped"}
    for method, path in [
        ("DELETE", "/end"),
        ("GET", ""),
        ("GET", "/history"),
        ("GET", "/stream"),
    ]:
        refused(front_end.call(method, f"/session/{session}{path}"), 404, mode)

    listed = answered(front_end.call("GET", "/sessions/history?limit=20"))
    assert isinstance(listed, list)
    assert set(listed[0]) == {"id", "session_id", "created_at", "ended_at", "elcor", "event_count"}
    assert (listed[0]["session_id"], listed[0]["elcor"], listed[0]["event_count"]) == (session, True, 1851)
    assert time.time() - 600 < listed[0]["created_at"] < listed[0]["ended_at"] <= time.time() + 1

    resumed = answered(front_end.call("POST", "/session/resume", {"snapshot_id": listed[0]["id"], "elcor": False}))
    assert resumed == {
        "session_id": resumed["session_id"],
        "state": "running",
        "elcor": False,
        "tier": "paid",
        "resumed_from": listed[0]["id"],
        "event_count": 1851,
    }
    assert resumed["session_id"] != session
    assert answered(front_end.call("DELETE", f"/session/{resumed['session_id']}/end"))["state"] == "stopped"


def test_stream_shows_what_the_annotator_appends(front_end: FrontEnd, append: Callable[..., None]) -> None:
    session = front_end.start()
    with front_end.stream(session) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].partition(";")[0] == "text/event-stream"
        assert stream.headers["cache-control"] == "no-cache"
        assert stream.headers["x-accel-buffering"] == "no"
        assert stream.headers["x-linnet-mode"] in {"self-hosted", "cloud"}
        assert "content-length" not in stream.headers
        first = next(stream.frames())
        assert first.startswith(b": heartbeat\n")
        append(session, SENT)
        assert stream.events(len(SENT) - 1) == shown(session)
        assert stream.bytes.startswith(b": heartbeat\n\n")
        # What a label holds never becomes a line of the stream.
        label = json.dumps(HOSTILE, ensure_ascii=False)
        assert f'"label":{label}'.encode() in stream.bytes
        front_end.call("DELETE", f"/session/{session}/end")
        stream.read_to_the_end()
    refused(front_end.call("GET", f"/session/{session}/stream"), 404, stream.headers["x-linnet-mode"])


def test_stream_opened_late_and_reopened_misses_nothing(front_end: FrontEnd, append: Callable[..., None]) -> None:
    session = front_end.start()
    append(session, [{"event_type": "service", "status": "loading", "detail": "models"}])
    append(session, [SENT[9], *SENT[:3]])
    with front_end.stream(session) as stream:
        ready, *stored = stream.events(4)
        assert (ready, stored) == (shown(session)[8], shown(session)[:3])
        last = stream.last_id
    append(session, SENT[3:4])
    with front_end.stream(session, Last_Event_ID=last) as stream:
        assert stream.events(2) == [shown(session)[8], shown(session)[3]]
    # A page that was hidden opens a new EventSource, which knows no id.
    with front_end.stream(session) as stream:
        assert stream.events(5) == [shown(session)[8], *shown(session)[:4]]
    answer = front_end.call("HEAD", f"/session/{session}/stream")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "text/event-stream", b"")


def test_stream_after_a_resume_shows_what_came_before_once(front_end: FrontEnd, append: Callable[..., None]) -> None:
    first = front_end.start()
    append(first, SENT[:3])
    front_end.call("DELETE", f"/session/{first}/end")
    snapshot = front_end.call("GET", "/sessions/history?limit=1").json()[0]["id"]
    session = front_end.call("POST", "/session/resume", {"snapshot_id": snapshot}).json()["session_id"]
    append(session, SENT[3:4])
    with front_end.stream(session) as stream:
        assert stream.events(4) == shown(session)[:4]
        last = stream.last_id
        append(session, SENT[5:6])
        assert stream.events(1) == shown(session)[4:5]
    with front_end.stream(session, Last_Event_ID=last) as stream:
        assert stream.events(1) == shown(session)[4:5]


def test_errors_are_the_front_ends_own(setting: tuple[Stack, FrontEnd, str]) -> None:
    _, front_end, mode = setting
    unknown = uuid.uuid4()
    for method, path in [("GET", ""), ("DELETE", "/end"), ("GET", "/history"), ("GET", "/export"), ("GET", "/stream")]:
        for session in (unknown, "x"):
            refused(front_end.call(method, f"/session/{session}{path}"), 404, mode)
    refused(front_end.call("POST", "/session/resume", {"snapshot_id": str(unknown)}), 404, mode)
    refused(front_end.call("POST", "/session/resume", {}), 422, mode)
    refused(front_end.call("POST", "/session/start", {"window_ms": "fast"}), 422, mode)
    refused(front_end.announce("POST", "/session/start", Content_Length="1100000"), 413, mode)
    refused(front_end.call("GET", f"/session/{unknown}/nothing"), 404, mode)
    for method, path, allowed in [
        ("GET", "/session/start", "POST"),
        ("POST", f"/session/{unknown}", "GET"),
        ("OPTIONS", "/session/start", "POST"),
        ("POST", "/health", "GET"),
    ]:
        answer = front_end.call(method, path)
        refused(answer, 405, mode)
        assert allowed in answer.headers["allow"]
    # A slash too much is another address, and no redirect.
    for path in ("/session/start/", f"/session/{unknown}/", "/sessions/history/"):
        refused(front_end.call("GET", path), 404, mode)
    assert front_end.call("HEAD", "/health").status == 200


def test_pages_of_other_sites_can_do_nothing(setting: tuple[Stack, FrontEnd, str]) -> None:
    _, front_end, mode = setting
    if "Authorization" in front_end.headers:
        return  # no browser adds that by itself
    session = front_end.start()
    for origin in ("https://evil.example", "null"):
        refused(front_end.call("POST", "/session/start", {}, Origin=origin), 403, mode)
        refused(front_end.call("DELETE", f"/session/{session}/end", Origin=origin), 403, mode)
    assert front_end.call("GET", f"/session/{session}").status == 200
    front_end.call("DELETE", f"/session/{session}/end")


def test_cloud_users_know_nothing_of_each_other(cloud: Stack) -> None:
    mine, theirs = (FrontEnd(cloud.port, {"Authorization": f"Bearer {cloud_token(user)}"}) for user in (PAYING, OTHER))
    session = theirs.start()
    for method, path in [("GET", ""), ("DELETE", "/end"), ("GET", "/history"), ("GET", "/export"), ("GET", "/stream")]:
        answers = [mine.call(method, f"/session/{one}{path}") for one in (session, uuid.uuid4())]
        assert answers[0].body == answers[1].body
        refused(answers[0], 404, "cloud")
    assert theirs.call("GET", f"/session/{session}").json()["tier"] == "free"
    refused(theirs.call("GET", "/sessions/history"), 402, "cloud")
    refused(theirs.call("POST", "/session/resume", {"snapshot_id": str(uuid.uuid4())}), 402, "cloud")


def test_nobody_in_particular_is_refused(cloud: Stack, self_hosted: Stack) -> None:
    for headers in ({}, {"Cookie": "cf_session=x.y.z"}, {"Authorization": "Bearer x"}, {"X-CF-Session": "x"}):
        refused(FrontEnd(cloud.port, headers).call("POST", "/session/start", {}), 401, "cloud")
    # By another name than this machine's own, or from behind a proxy, nobody is at this machine.
    for header in ({"X-Forwarded-For": "203.0.113.5"}, {"Authorization": "Token x"}):
        refused(FrontEnd(self_hosted.port, header).call("POST", "/session/start", {}), 401, "self-hosted")


def test_front_end_served_by_another_program_of_this_machine(self_hosted: Stack) -> None:
    """A plain proxy keeps the name and port that the browser asked for, and adds nothing (docs/operations.md)."""
    page = {"Host": "localhost:8521", "Origin": "http://localhost:8521", "Sec-Fetch-Site": "same-origin"}
    front_end = FrontEnd(self_hosted.port, page)
    session = front_end.start()
    with front_end.stream(session) as stream:
        assert next(stream.frames()).startswith(b": heartbeat\n")
    assert front_end.call("DELETE", f"/session/{session}/end").status == 200
    refused(front_end.call("POST", "/session/start", {}, Origin="http://localhost:3000"), 403, "self-hosted")


def test_reloads_never_run_into_the_limit(front_end: FrontEnd) -> None:
    sessions = [front_end.start() for _ in range(8)]
    states = [front_end.call("GET", f"/session/{session}").status for session in sessions]
    assert states == [404, 404, 404, 200, 200, 200, 200, 200]
    for session in sessions[3:]:
        front_end.call("DELETE", f"/session/{session}/end")


def test_secrets_are_nowhere_at_rest(front_end: FrontEnd, setting: tuple[Stack, FrontEnd, str]) -> None:
    stack, _, _ = setting
    key = f"canary-{uuid.uuid4()}"
    session = front_end.start(license_key=key, byok_deepl_key=key)
    front_end.call("POST", "/session/start", {"license_key": [key]})
    front_end.call("DELETE", f"/session/{session}/end")
    places = [Path(place).name for place, content in stack.at_rest() if key.encode() in content]
    assert places == []


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation for passing visitors."""
    settings = {"DEMO_MODE": "true", "DEMO_MAX_SESSIONS": "2"}
    yield from Stack(tmp_path_factory.mktemp("demo"), worker=False, **settings).running()


def test_visitor_of_a_demo_talks_and_takes_nothing_along(demo: Stack) -> None:
    page = {"Origin": f"http://127.0.0.1:{demo.port}"}
    refused(FrontEnd(demo.port, page).call("GET", f"/session/{uuid.uuid4()}"), 401, "demo")
    answer = FrontEnd(demo.port, page).call("POST", "/session/start", {})
    assert (answer.status, answer.headers["x-linnet-mode"], answer.json()["tier"]) == (200, "demo", "free")
    visitor = FrontEnd(demo.port, {**page, "Cookie": answer.headers["set-cookie"].partition(";")[0]})
    session = answer.json()["session_id"]
    batches = {"batches": [{"session": session, "events": SENT[:2]}]}
    assert demo.call("POST", "journal/", batches, token=demo.annotator_token)[0] == 200
    with visitor.stream(session) as stream:
        assert stream.events(2) == shown(session)[:2]
    assert visitor.call("GET", f"/session/{session}/history").json()["count"] == 2
    refused(visitor.call("GET", f"/session/{session}/export"), 403, "demo")
    refused(visitor.call("GET", "/sessions/history"), 402, "demo")
    again = [visitor.start() for _ in range(3)]
    assert [visitor.call("GET", f"/session/{one}").status for one in (session, *again)] == [404, 404, 200, 200]
    refused(FrontEnd(demo.port, page).call("POST", "/session/start", {}), 429, "demo")
    assert visitor.call("DELETE", f"/session/{again[-1]}/end").json()["state"] == "stopped"
    assert FrontEnd(demo.port, page).call("POST", "/session/start", {}).status == 200


def test_body_without_a_length_is_refused(self_hosted: Stack) -> None:
    front_end = FrontEnd(self_hosted.port)
    refused(front_end.announce("POST", "/session/start", Transfer_Encoding="chunked"), 411, "self-hosted")
