"""Who is asking: API tokens, cookies, and everything that only looks like them."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from knox.models import AuthToken

from sessions_app.models import Session
from tests.integration.conftest import (
    CALLS_ON_LISTS,
    CALLS_ON_SESSION,
    CALLS_ON_SNAPSHOT,
    Api,
    nothing_written,
    problem,
)

CALLS = {
    **CALLS_ON_LISTS,
    **{f"session {name}": call for name, call in CALLS_ON_SESSION.items()},
    **{f"snapshot {name}": call for name, call in CALLS_ON_SNAPSHOT.items()},
}
WRITES = {name: call for name, call in CALLS.items() if call[0] != "GET"}
BAD_CREDENTIALS = [
    "",
    " ",
    "Token",
    "Token ",
    "Token x",
    "Token lna_",
    "Token lna_" + "0" * 60,
    "Token lna_ 0000",
    "Token one two",
    "Token one two three",
    "Token tökén",
    "Token \xff\xfe",
    "Token lna_\0",
    "Token lna_\t0",
    "Token " + "9" * 9000,
    "Bearer x",
    "Basic dXNlcjpwYXNz",
    "Digest username=x",
    "garbage",
    "{valid}",
    "Bearer {valid}",
    "Basic {valid}",
    "Token {valid}x",
    "Token Token {valid}",
    "Token {upper}",
    "Token {key}",
]


def address(name: str, api: Api) -> tuple[str, str, Any]:
    """The call's method, path and body, about something that the user really has."""
    method, path, body = CALLS[name]
    if name.startswith("session"):
        path = path.format(api.start()[0])
    elif name.startswith("snapshot"):
        path = path.format(api.closed()["snapshot"]["id"])
    return method, path, body


@pytest.mark.parametrize("name", CALLS)
def test_call_without_credentials_is_refused(name: str, paid: Api) -> None:
    method, path, _ = address(name, paid)
    with nothing_written():
        answer = Client().generic(method, f"/api/v1/{path}")
    problem(answer, 401, "E-AUTH-001")
    assert answer["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("credentials", BAD_CREDENTIALS)
def test_wrong_credentials_are_refused_and_told_apart_nowhere(credentials: str, paid: Api) -> None:
    paid.client.force_login(paid.user)
    reference = Client().get("/api/v1/sessions/")
    given = credentials.format(valid=paid.token, upper=paid.token.upper(), key=paid.token[:15])
    with nothing_written():
        for method, path, body in CALLS_ON_LISTS.values():
            # The cookie is valid, and no way around the wrong header.
            answer = paid.call(method, path, body, Authorization=given)
            problem(answer, 401, "E-AUTH-001")
            assert answer["WWW-Authenticate"] == "Token"
            assert answer.content == reference.content


def test_expired_token_is_refused(paid: Api) -> None:
    _, token = AuthToken.objects.create(paid.user, expiry=timedelta(seconds=-1))
    problem(paid.get("sessions/", Authorization=f"Token {token}"), 401, "E-AUTH-001")
    assert paid.get("sessions/").status_code == 200


def test_revoked_token_is_refused(paid: Api) -> None:
    AuthToken.objects.all().delete()
    problem(paid.get("sessions/"), 401, "E-AUTH-001")


def test_token_of_a_deactivated_user_is_refused(paid: Api) -> None:
    paid.user.is_active = False
    paid.user.save()
    problem(paid.get("sessions/"), 401, "E-AUTH-001")


def test_cookie_of_a_deactivated_user_is_refused(paid: Api) -> None:
    client = Client()
    client.force_login(paid.user)
    paid.user.is_active = False
    paid.user.save()
    problem(client.get("/api/v1/sessions/"), 401, "E-AUTH-001")


@pytest.fixture
def browser(paid: Api) -> Client:
    """A browser in which the Paid+ user is signed in; it checks for cross-site requests."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(paid.user)
    return client


def csrf(client: Client) -> str:
    """The token that a page of the service puts into the cookie."""
    client.cookies["csrftoken"] = "a" * 32
    return "a" * 32


@pytest.mark.parametrize("name", WRITES)
def test_write_by_cookie_without_a_csrf_token_is_refused(name: str, paid: Api, browser: Client) -> None:
    method, path, body = address(name, paid)
    sent = b"" if body is None else json.dumps(body)
    for headers in [{}, {"X-CSRFToken": "b" * 32}, {"X-CSRFToken": "ü"}]:
        for _ in range(2):
            with nothing_written():
                answer = browser.generic(method, f"/api/v1/{path}", sent, "application/json", headers=headers)
            problem(answer, 403, "E-AUTH-002")
            csrf(browser)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"policy=private"),
        ("application/x-www-form-urlencoded", b"a=1&" * 2000),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("multipart/form-data", b"no boundary"),
        ("text/plain", b'{"policy": "private"}'),
        ("application/x-www-form-urlencoded", b"x" * 3_000_000),
    ],
)
def test_cross_site_form_is_refused(content_type: str, body: bytes, browser: Client) -> None:
    for origin in ["https://elsewhere.example", "null"]:
        with nothing_written():
            answer = browser.generic(
                "POST",
                "/api/v1/sessions/",
                body,
                content_type=content_type,
                headers={"Origin": origin},
            )
        assert answer["Content-Type"] == "application/problem+json"
        assert 400 <= answer.status_code < 500


def test_write_by_cookie_with_a_csrf_token_works(browser: Client) -> None:
    answer = browser.post(
        "/api/v1/sessions/", {}, content_type="application/json", headers={"X-CSRFToken": csrf(browser)}
    )
    assert answer.status_code == 201
    session = answer.json()["id"]
    assert browser.get(f"/api/v1/sessions/{session}/").status_code == 200


def test_cross_origin_post_with_cookie_and_csrf_token_is_refused(browser: Client) -> None:
    answer = browser.post(
        "/api/v1/sessions/",
        {},
        content_type="application/json",
        headers={"X-CSRFToken": csrf(browser), "Origin": "https://elsewhere.example"},
    )
    problem(answer, 403, "E-AUTH-002")
    assert not Session.objects.exists()


def test_api_token_needs_no_csrf_token(paid: Api) -> None:
    paid.client = Client(enforce_csrf_checks=True)
    assert paid.post("sessions/", {}).status_code == 201


def test_token_names_the_user_even_beside_another_users_cookie(paid: Api, other: Api) -> None:
    paid.client.force_login(other.user)
    paid.start()
    assert Session.objects.get().owner == paid.user


def test_wrong_host_is_refused_with_a_problem_below_api_only(paid: Api) -> None:
    problem(paid.get("sessions/", Host="elsewhere.example"), 400, "E-REQUEST-009")
    assert paid.client.get("/admin/", headers={"Host": "elsewhere.example"})["Content-Type"].startswith("text/html")


def test_address_without_its_slash_is_no_address(paid: Api) -> None:
    problem(paid.post("sessions", {}), 404, "E-REQUEST-006")
