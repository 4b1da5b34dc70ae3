"""Bodies, headers and parameters that try to break the API. Each must be a 4xx that names field and code."""

import json
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client

from sessions_app.jsonbody import MAX_BODY_BYTES
from sessions_app.models import Preferences, Session
from tests.integration.conftest import CALLS_ON_SESSION, TONES, Api, nothing_written, problem

CANARY = "CANARY-mauve-gnat"
#: The calls that read a body; "{}" is a session, "[]" a snapshot.
WITH_BODY = {
    "start": ("POST", "sessions/"),
    "append": ("POST", "sessions/{}/events/"),
    "touch": ("POST", "sessions/{}/touch/"),
    "attach": ("POST", "sessions/{}/attach/"),
    "speakers": ("PATCH", "sessions/{}/speakers/"),
    "end": ("POST", "sessions/{}/end/"),
    "retention": ("PATCH", "snapshots/[]/"),
    "import": ("POST", "snapshots/[]/import/"),
    "preferences": ("PATCH", "settings/"),
}


class Target:
    """A session and a snapshot at which to send bad bodies. Nothing may be written by any of them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.snapshot = api.closed()["snapshot"]["id"]
        self.session, self.lease = api.start()

    def __call__(self, name: str, body: Any, **headers: Any) -> Any:
        method, path = WITH_BODY[name]
        path = path.replace("{}", self.session).replace("[]", self.snapshot)
        with nothing_written():
            return self.api.call(method, path, body, lease=self.lease, **headers)


@pytest.fixture
def send(paid: Api) -> Target:
    return Target(paid)


def blamed(response: Any, status: int, code: str, field: str, fault: str) -> None:
    """Check the problem, its field and its fault, and that nothing of the values sent comes back."""
    document = problem(response, status, code, field)
    assert document["errors"][0]["field"] == field
    assert document["errors"][0]["code"] == fault
    assert document["errors"][0]["message"]
    assert CANARY not in response.content.decode()


UNREADABLE = {
    "not JSON": (f'{{"topic": {CANARY}'.encode(), "body", "json"),
    "two objects": (b"{}{}", "body", "json"),
    "a list": (f'["{CANARY}"]'.encode(), "body", "not_an_object"),
    "a string": (f'"{CANARY}"'.encode(), "body", "not_an_object"),
    "null": (b"null", "body", "not_an_object"),
    "a number": (b"1", "body", "not_an_object"),
    "deep": (b'{"topic":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body", "depth"),
    "deep and unclosed": (b'{"a":' * 100_000, "body", "depth"),
    "not UTF-8": (b'{"topic": "\xff\xfe"}', "body", "encoding"),
    "UTF-16": (json.dumps({"topic": "x"}).encode("utf-16"), "body", "encoding"),
    "a BOM": (b"\xef\xbb\xbf{}", "body", "json"),
    "the same name twice": (b'{"topic": "a", "topic": "b"}', "topic", "duplicate"),
    "a number of 5000 digits": (b'{"window_ms": ' + b"9" * 5000 + b"}", "window_ms", "number"),
}


@pytest.mark.parametrize("name", WITH_BODY)
def test_unreadable_body_is_refused(name: str, send: Target) -> None:
    for body, field, fault in UNREADABLE.values():
        blamed(send(name, body), 400, "E-REQUEST-001", field, fault)


UNSTORABLE = {
    "NaN": "not_finite",
    "Infinity": "not_finite",
    "-Infinity": "not_finite",
    "1e400": "not_finite",
    r'"a\u0000b"': "nul",
    r'"\ud800"': "surrogate",
    r'"\udc00\ud800"': "surrogate",
}


@pytest.mark.parametrize("name", WITH_BODY)
def test_value_that_no_database_keeps_is_refused(name: str, send: Target) -> None:
    for value, fault in UNSTORABLE.items():
        blamed(send(name, f'{{"topic": {value}}}'.encode()), 422, "E-REQUEST-004", "topic", fault)


@pytest.mark.parametrize("name", WITH_BODY)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_oversize_body_is_refused(headers: dict[str, str], name: str, send: Target) -> None:
    for size in [MAX_BODY_BYTES + 1, 4 * MAX_BODY_BYTES]:
        blamed(send(name, b"{}".ljust(size), **headers), 413, "E-REQUEST-002", "body", "length")


def test_body_of_exactly_the_limit_is_read(paid: Api) -> None:
    assert paid.post("sessions/", b"{}".ljust(MAX_BODY_BYTES)).status_code == 201


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
@pytest.mark.parametrize(
    ("length", "status"), [("99999999999", 413), ("20", 400), ("-5", 400), ("x", 422), ("1e3", 422), ("0", 422)]
)
def test_wrong_content_length_is_refused(length: str, status: int, headers: dict[str, str], send: Target) -> None:
    answer = send("append", {"events": TONES}, **{"Content-Length": length}, **headers)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content


OTHER_MEDIA_TYPES = [
    "text/plain",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json-seq",
    "application/vnd.api+json",
    "/",
    "json",
    "application/" + "j" * 5000,
    "",
]


@pytest.mark.parametrize("name", WITH_BODY)
def test_body_that_is_not_plain_json_is_refused(name: str, send: Target) -> None:
    for content_type in OTHER_MEDIA_TYPES:
        answer = send(name, {}, content_type=content_type)
        blamed(answer, 415, "E-REQUEST-003", "Content-Type", "media_type")
    for encoding in ["gzip", "br", "deflate", "identity, gzip", CANARY]:
        answer = send(name, {}, Content_Encoding=encoding)
        blamed(answer, 415, "E-REQUEST-003", "Content-Encoding", "encoding")


AUDIO: list[tuple[str, Any, str]] = [
    ("audio_b64", CANARY, "audio_b64"),
    ("pcm16", [1, 2, 3], "pcm16"),
    ("note", "UklGRiQAAABXQVZFZm10IBAAAAABAAEA", "note"),
    ("note", "data:audio/ogg;base64,T2dnUw==", "note"),
    ("levels", [0.5] * 65, "levels"),
    ("speakers", {"Speaker A": {"raw_audio": CANARY}}, "speakers.*.raw_audio"),
]


@pytest.mark.parametrize("name", WITH_BODY)
def test_body_that_carries_audio_is_refused_as_audio(name: str, send: Target) -> None:
    for content_type in ["audio/wav", "Audio/OGG; codecs=opus", "video/webm"]:
        answer = send(name, b"RIFF\x24\x00\x00\x00WAVE", content_type=content_type)
        blamed(answer, 422, "E-PRIVACY-001", "Content-Type", "audio")
    for field, value, at in AUDIO:
        blamed(send(name, {field: value}), 422, "E-PRIVACY-001", at, "audio")


def test_answer_in_another_media_type_is_refused(paid: Api) -> None:
    for accepted in ["text/html", "text/csv", "text/event-stream"]:
        answer = paid.get("sessions/", Accept=accepted)
        blamed(answer, 406, "E-REQUEST-012", "Accept", "media_type")
        assert "body" not in answer.json()["title"]
    problem(paid.get("sessions/?format=api"), 404, "E-REQUEST-006")


@pytest.mark.parametrize("name", WITH_BODY)
def test_unknown_field_is_refused_by_name(name: str, send: Target) -> None:
    body = {"events": TONES} if name == "append" else {}
    for field in ["polcy", "Topic", "token", "owner_id", "__class__", "events ", "a.b"]:
        blamed(send(name, {**body, field: CANARY}), 422, "E-REQUEST-004", field, "unknown")
    for field in ["x" * 5000, "ünïcode", CANARY + "!"]:
        blamed(send(name, {**body, field: CANARY}), 422, "E-REQUEST-004", "*", "unknown")


#: Bad values by call and field, with the code of the fault.
BAD_VALUES: list[tuple[str, str, Any, str]] = [
    *[("start", "policy", value, "invalid_choice") for value in [CANARY, "", 1, True, ["pinned"], {}, "PINNED"]],
    ("start", "policy", None, "null"),
    *[("start", "topic", value, "invalid") for value in [5, 1.5, True, [], {}, "ünï", "a b", "-a", "a\nb", "/"]],
    ("start", "topic", "a" * 121, "max_length"),
    ("start", "topic", None, "null"),
    *[("start", "stt_active", value, "invalid") for value in [1, 0, "true", CANARY, [], {}]],
    *[("start", "elcor", value, "invalid") for value in [1, "on", CANARY]],
    *[("start", "window_ms", value, "invalid") for value in ["100", 100.0, 1e300, True, [], CANARY]],
    *[("start", "window_ms", value, "min_value") for value in [99, 0, -(10**300)]],
    *[("start", "window_ms", value, "max_value") for value in [60_001, 10**300]],
    ("start", "num_speakers", 9, "max_value"),
    ("start", "num_speakers", -1, "min_value"),
    *[("start", "target_lang", value, "invalid") for value in [5, True, [], "de_DE", CANARY + "!"]],
    ("start", "transcribe_lang", "a" * 36, "max_length"),
    ("start", "transcribe_lang", "", "blank"),
    ("touch", "occurred_at", CANARY, "invalid"),
    ("speakers", "speakers", CANARY, "not_a_dict"),
    ("speakers", "speakers", [], "not_a_dict"),
    ("speakers", "speakers", None, "null"),
    ("speakers", "speakers", {}, "length"),
    ("speakers", "speakers", {str(n): None for n in range(65)}, "length"),
    ("speakers", "speakers", {"": {"name": "x"}}, "length"),
    ("speakers", "speakers", {"x" * 65: {"name": "x"}}, "length"),
    ("retention", "keep", None, "null"),
    *[("retention", "keep", value, "invalid") for value in [1, "true", CANARY, []]],
    *[("retention", "expires_at", value, "invalid") for value in [CANARY, 5, [], True, "2026-02-30T00:00:00Z"]],
    ("retention", "expires_at", None, "null"),
    ("import", "into", None, "null"),
    ("import", "into", CANARY * 9, "max_length"),
    ("import", "policy", CANARY, "invalid_choice"),
    ("import", "topic", "a b", "invalid"),
    ("preferences", "default_policy", CANARY, "invalid_choice"),
    ("preferences", "default_policy", 1, "invalid_choice"),
    ("preferences", "retention_days", 0, "min_value"),
    ("preferences", "retention_days", 3651, "max_value"),
    *[("preferences", "retention_days", value, "invalid") for value in ["7", 7.0, True, CANARY]],
    ("preferences", "recent_limit", 0, "min_value"),
    ("preferences", "recent_limit", 51, "max_value"),
    ("preferences", "recent_limit", None, "null"),
]


@pytest.mark.parametrize("name", sorted({name for name, *_ in BAD_VALUES}))
def test_bad_value_is_refused(name: str, send: Target) -> None:
    for _, field, value, fault in [bad for bad in BAD_VALUES if bad[0] == name]:
        blamed(send(name, {field: value}), 422, "E-REQUEST-004", field, fault)


BAD_LABELS: list[tuple[dict[str, Any], str, str]] = [
    ({"name": 5}, "name", "invalid"),
    ({"name": ""}, "name", "blank"),
    ({"name": CANARY * 9}, "name", "max_length"),
    ({"colour": "red"}, "colour", "invalid"),
    ({"colour": "#12345"}, "colour", "invalid"),
    ({"colour": 123456}, "colour", "invalid"),
    ({"color": "#123456"}, "color", "unknown"),
]


def test_bad_speaker_label_is_refused(send: Target) -> None:
    for label, field, fault in BAD_LABELS:
        answer = send("speakers", {"speakers": {"Speaker B": {"name": "Zoë"}, "Speaker A": label}})
        blamed(answer, 422, "E-REQUEST-004", f"speakers.Speaker A.{field}", fault)


@pytest.mark.parametrize(
    ("name", "body", "wanted"),
    [
        ("speakers", {"speakers": {"Speaker A": {"colour": "blue"}}}, "must be #rrggbb"),
        ("speakers", {"speakers": {"Speaker A": {"colour": 5}}}, "must be #rrggbb"),
        ("start", {"topic": "a b"}, "begins with a letter or a digit"),
        ("start", {"target_lang": "de_DE"}, "must be a language code"),
    ],
)
def test_value_of_the_wrong_form_is_told_the_right_one(name: str, body: Any, wanted: str, send: Target) -> None:
    assert wanted in problem(send(name, body), 422, "E-REQUEST-004")["errors"][0]["message"]


def test_fields_that_exclude_each_other_are_refused(send: Target) -> None:
    for body in [{}, {"keep": False, "expires_at": "2030-01-01T00:00:00Z"}]:
        blamed(send("retention", body), 422, "E-REQUEST-004", "body", "conflict")
    blamed(send("import", {"into": "x", "topic": "call-1"}), 422, "E-REQUEST-004", "into", "conflict")


def columns(model: type[Model]) -> set[str]:
    return {name for field in model._meta.concrete_fields for name in (field.name, field.attname)}


def test_no_column_of_a_session_can_be_assigned(send: Target) -> None:
    for column in columns(Session) - {"policy", "topic", "stt_active"}:
        blamed(send("start", {column: CANARY}), 422, "E-REQUEST-004", column, "unknown")
        blamed(send("import", {column: CANARY}), 422, "E-REQUEST-004", column, "unknown")


def test_no_owner_or_id_of_preferences_can_be_assigned(send: Target, other: Api) -> None:
    for column in columns(Preferences) - {"default_policy", "retention_days", "recent_limit", "notice_lead_s"}:
        blamed(send("preferences", {column: other.user.pk}), 422, "E-REQUEST-004", column, "unknown")


def test_too_many_parameters_are_refused(paid: Api) -> None:
    problem(paid.get("sessions/?" + "a=1&" * 2000), 400, "E-REQUEST-001", "request")


def test_host_that_somebody_made_up_is_refused_and_not_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for path in ("/api/v1/sessions/", "/health/", "/admin/"):
        assert client.get(path, headers={"Host": f"{CANARY}.example.org"}).status_code == 400
    assert caplog.records == []


def test_empty_body_is_an_empty_object(paid: Api) -> None:
    for name, (method, path, _) in CALLS_ON_SESSION.items():
        session, lease = paid.start(topic=f"call-{name}")
        if method in {"POST", "PATCH"}:
            answer = paid.call(method, path.format(session), b"", lease=lease)
            if name in {"append", "speakers"}:
                blamed(answer, 422, "E-REQUEST-004", {"append": "events"}.get(name, name), "required")
            else:
                assert answer.status_code == (201 if name == "ticket" else 200)
        paid.post(f"sessions/{session}/end/", lease=lease)
