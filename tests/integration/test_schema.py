"""The API's description, and the answers where there is no call: unknown addresses, wrong methods, faults."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from sessions_app.services import journal, panel, reading, sessions
from tests.integration.conftest import (
    CALLS_OF_ANNOTATORS,
    CALLS_ON_LISTS,
    CALLS_ON_SESSION,
    CALLS_ON_SNAPSHOT,
    TONES,
    Api,
    nothing_written,
    problem,
)

CALLS = [
    *CALLS_OF_ANNOTATORS.values(),
    *CALLS_ON_LISTS.values(),
    *CALLS_ON_SESSION.values(),
    *CALLS_ON_SNAPSHOT.values(),
]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}


@pytest.fixture
def schema() -> dict[str, Any]:
    answer: dict[str, Any] = Client().get("/api/schema/", headers={"Accept": "application/json"}).json()
    return answer


def test_schema_is_valid_openapi_without_warnings(tmp_path: Path) -> None:
    file = tmp_path / "schema.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    assert file.read_text().startswith("openapi: 3.1")


def test_schema_describes_every_call_and_its_problems(schema: dict[str, Any]) -> None:
    described = {
        (method.upper(), path)
        for path, methods in schema["paths"].items()
        for method in methods
        if path.startswith("/api/v1/")
    }
    assert described == {(method, f"/api/v1/{path.replace('{}', '{id}')}") for method, path, _ in CALLS}
    for path, methods in schema["paths"].items():
        for method, call in methods.items():
            answers = call["responses"]
            assert call["description"], (method, path)
            assert {"401", "404"} <= set(answers), (method, path)
            assert any(status.startswith("2") for status in answers), (method, path)
            for status, answer in answers.items():
                if status.startswith(("4", "5")):
                    (shape,) = {content["schema"]["$ref"] for content in answer["content"].values()}
                    assert shape == "#/components/schemas/ProblemOutput", (method, path, status)
                    assert list(answer["content"]) == ["application/problem+json"], (method, path, status)


def test_schema_names_the_lease_token_where_it_is_needed(schema: dict[str, Any]) -> None:
    named = {
        f"{method} {path}"
        for path, methods in schema["paths"].items()
        for method, call in methods.items()
        for parameter in call.get("parameters", [])
        if parameter["name"] == "X-Session-Token"
    }
    assert {
        "post /api/v1/sessions/{id}/events/",
        "post /api/v1/sessions/{id}/touch/",
        "patch /api/v1/sessions/{id}/speakers/",
        "post /api/v1/sessions/{id}/end/",
    } <= named


def test_docs_page_names_no_other_host() -> None:
    client = Client()
    page = client.get("/api/docs/")
    assert page.status_code == 200
    script = client.get("/api/docs/?script=")
    assert script.status_code == 200
    for text in [page.content.decode(), script.content.decode()]:
        assert re.findall(r"(?:https?:)?//(?!testserver)[\w.-]+\.\w+", text) == []
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.content.decode()):
        assert address.startswith("/"), address


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v1/",
        "/api/v2/sessions/",
        "/api/v1/session/",
        "/api/v1/sessions/a/b/",
        "/api/v1/sessions//",
        "/api/v1/settings/erased/",
        "/api/v1/%00/",
        "/api/v1/../v1/nothing/",
        "/api/v1/CANARY/",
        "/api/v1/%F0%9F%90%A6/",
    ],
)
@pytest.mark.parametrize("method", sorted(METHODS))
def test_unknown_address_is_a_problem(method: str, path: str, paid: Api) -> None:
    answer = paid.call(method, path)
    problem(answer, 404, "E-REQUEST-006")
    assert b"CANARY" not in answer.content
    problem(paid.client.generic(method, path), 404, "E-REQUEST-006")


def allowed(path: str) -> set[str]:
    """The methods that the tables of calls have for this address."""
    methods = {method for method, address, _ in CALLS if address == path}
    return methods | ({"HEAD"} if "GET" in methods else set())


# Users are told first that an annotator's address is not theirs.
OF_USERS = {path for _, path, _ in CALLS} - {path for _, path, _ in CALLS_OF_ANNOTATORS.values()}


@pytest.mark.parametrize("path", sorted(OF_USERS))
@pytest.mark.parametrize("user", ["free", "paid"])
def test_wrong_method_is_a_problem_that_names_the_right_ones(
    user: str, path: str, request: pytest.FixtureRequest
) -> None:
    api: Api = request.getfixturevalue(user)
    for method in METHODS - allowed(path):
        with nothing_written():
            answer = api.call(method, path.format("x"), {})
        problem(answer, 405, "E-REQUEST-007")
        assert set(answer["Allow"].split(", ")) == allowed(path)


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [
        (sessions, "start", "start"),
        (journal, "append", "append"),
        (sessions, "end", "end"),
        (panel, "read_panel", "panel"),
        (reading, "export", "content"),
    ],
)
def test_fault_is_a_problem_without_content(
    module: Any, name: str, call: str, paid: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, lease = paid.start()
    snapshot = paid.closed()["snapshot"]["id"]
    paid.client.raise_request_exception = False

    def fail(**_arguments: Any) -> None:
        raise RuntimeError("CANARY Überrascht")

    monkeypatch.setattr(module, name, fail)
    method, path, body = {**CALLS_ON_LISTS, **CALLS_ON_SESSION, **CALLS_ON_SNAPSHOT}[call]
    with nothing_written():
        answer = paid.call(method, path.format(snapshot if call == "content" else session), body, lease=lease)
    problem(answer, 500, "E-SERVICE-001")
    for secret in ["CANARY", "Überrascht", lease, paid.token, "Traceback", json.dumps(TONES[0])]:
        assert secret not in answer.content.decode()


def test_fault_before_the_view_is_a_problem(paid: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_more: Any) -> None:
        raise RuntimeError("CANARY")

    paid.client.raise_request_exception = False
    monkeypatch.setattr("sessions_app.api.identity.UserTokenAuthentication.authenticate", fail)
    answer = paid.get("sessions/")
    problem(answer, 500, "E-SERVICE-001")
    assert b"CANARY" not in answer.content
