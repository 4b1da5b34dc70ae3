"""Self-hosted: whoever sits at this machine is the one user, and no page of another site can borrow that."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from sessions_app.models import Session
from tests.factories import EntitlementFactory, UserFactory
from tests.integration.conftest import Api, nothing_written, problem

pytestmark = pytest.mark.django_db
HERE = "localhost:8000"


@pytest.fixture
def person() -> User:
    """The one user of this installation."""
    user: User = EntitlementFactory(user__username="demo").user
    return user


def call(method: str, path: str, *, peer: str = "127.0.0.1", host: str = HERE, **headers: str) -> Any:
    """A request straight from a program at ``peer``, without any credential."""
    sent = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    body = b"{}" if method == "POST" else b""
    return Client(enforce_csrf_checks=True).generic(
        method, path, body, "application/json", REMOTE_ADDR=peer, headers=sent
    )


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", [HERE, "localhost", "127.0.0.1:8000", "[::1]:8000"])
def test_program_on_this_machine_is_the_one_user(peer: str, host: str) -> None:
    assert call("POST", "/api/v1/sessions/", peer=peer, host=host).status_code == 201
    assert call("GET", "/api/v1/sessions/", peer=peer, host=host).status_code == 200
    assert Session.objects.get().owner.get_username() == "demo"


@pytest.mark.usefixtures("echoing", "person")
@pytest.mark.parametrize("path", ["/session/start", "/sessions/history", "/panel/"])
def test_front_end_and_panel_on_this_machine_are_the_one_user(path: str) -> None:
    found = call("GET", path).json()
    assert found == {"user": "demo", "seen": "demo", "kind": "instance", "by_cookie": False}


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("headers", [{"Origin": f"http://{HERE}"}, {"Sec_Fetch_Site": "same-origin"}])
def test_page_of_the_service_needs_no_csrf_token(headers: dict[str, str]) -> None:
    assert call("POST", "/api/v1/sessions/", **headers).status_code == 201


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "::2", "::ffff:192.0.2.7", "", "localhost", "127.0.0.1x"])
def test_other_machine_is_nobody(peer: str) -> None:
    problem(call("GET", "/api/v1/sessions/", peer=peer), 401, "E-AUTH-001")


FORWARDED = {
    "X_Forwarded_For": "127.0.0.1",
    "Forwarded": "for=127.0.0.1",
    "X_Real_IP": "127.0.0.1",
    "X_Forwarded_Proto": "http",
    "X_Forwarded_Host": "localhost",
    "Via": "1.1 proxy",
}


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("name", FORWARDED)
def test_whoever_is_behind_a_proxy_is_nobody(name: str) -> None:
    problem(call("GET", "/api/v1/sessions/", **{name: FORWARDED[name]}), 401, "E-AUTH-001")
    problem(call("GET", "/api/v1/sessions/", **{name: ""}), 401, "E-AUTH-001")


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("host", ["linnet.example.org", "testserver", "localhost.example.org", "192.0.2.7"])
def test_public_name_is_nobody_even_where_the_service_answers_to_it(host: str, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    problem(call("GET", "/api/v1/sessions/", host=host), 401, "E-AUTH-001")


@pytest.mark.usefixtures("person")
def test_rebound_name_is_refused() -> None:
    problem(call("GET", "/api/v1/sessions/", host="evil.example:8000"), 400, "E-REQUEST-009")


CROSS_SITE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost:8001"},
    {"Origin": "https://localhost:8000"},
    {"Origin": "http://127.0.0.1:8000"},
    {"Origin": "http://localhost:8000.evil.example"},
    {"Origin": f"http://{HERE}/"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "anything"},
    {"Origin": f"http://{HERE}", "Sec_Fetch_Site": "cross-site"},
]


@pytest.mark.usefixtures("person", "echoing")
@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
def test_page_of_another_site_can_neither_read_nor_write(headers: dict[str, str]) -> None:
    for method, path in [
        ("GET", "/api/v1/sessions/"),
        ("POST", "/api/v1/sessions/"),
        ("OPTIONS", "/api/v1/sessions/"),
        ("GET", "/session/x/stream"),
        ("POST", "/session/start"),
        ("DELETE", "/session/x/end"),
        ("GET", "/sessions/history"),
        ("GET", "/panel/"),
    ]:
        with nothing_written():
            answer = call(method, path, **headers)
        problem(answer, 403, "E-AUTH-003")
        assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.usefixtures("person")
def test_trusted_origin_is_not_this_machine(settings: Settings) -> None:
    """What an operator trusts with cookies is not thereby trusted with this machine."""
    settings.CSRF_TRUSTED_ORIGINS = ["https://other.example"]
    problem(call("POST", "/api/v1/sessions/", Origin="https://other.example"), 403, "E-AUTH-003")


@pytest.mark.usefixtures("person", "echoing")
def test_link_from_another_site_leads_to_the_panel_and_nowhere_else() -> None:
    visit = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert call("GET", "/panel/", **visit).json()["user"] == "demo"
    for path in ["/api/v1/sessions/", "/session/x/export", "/sessions/history"]:
        problem(call("GET", path, **visit), 403, "E-AUTH-003")
    problem(call("POST", "/panel/", **visit), 403, "E-AUTH-003")
    problem(call("GET", "/panel/", **{**visit, "Sec_Fetch_Dest": "iframe"}), 403, "E-AUTH-003")


def test_nobody_is_there_before_the_user_is_made() -> None:
    problem(call("GET", "/api/v1/sessions/"), 401, "E-AUTH-001")


def test_deactivated_user_is_nobody(person: User) -> None:
    person.is_active = False
    person.save()
    problem(call("GET", "/api/v1/sessions/"), 401, "E-AUTH-001")


@pytest.mark.usefixtures("person")
def test_setting_names_the_user_or_turns_it_off(settings: Settings) -> None:
    UserFactory(username="zoe")
    settings.SELF_HOSTED_USER = "zoe"
    assert call("POST", "/api/v1/sessions/").status_code == 201
    assert Session.objects.get().owner.get_username() == "zoe"
    settings.SELF_HOSTED_USER = ""
    problem(call("GET", "/api/v1/sessions/"), 401, "E-AUTH-001")


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("mode", ["CLOUD_MODE", "DEMO_MODE"])
def test_in_no_other_mode(mode: str, settings: Settings) -> None:
    setattr(settings, mode, True)
    problem(call("GET", "/api/v1/sessions/"), 401, "E-AUTH-001")


@pytest.mark.usefixtures("person")
def test_api_token_comes_first(paid: Api) -> None:
    assert call("POST", "/api/v1/sessions/", Authorization=f"Token {paid.token}").status_code == 201
    assert Session.objects.get().owner == paid.user
    problem(call("GET", "/api/v1/sessions/", Authorization="Token wrong"), 401, "E-AUTH-001")
    # A token is no ambient authority: whoever has it may use it from anywhere.
    headers = {"Authorization": f"Token {paid.token}", "Origin": "https://evil.example"}
    assert call("GET", "/api/v1/sessions/", **headers).status_code == 200


@pytest.mark.usefixtures("person", "echoing")
def test_being_here_comes_before_a_login(paid: Api) -> None:
    client = Client(headers={"Host": HERE})
    client.force_login(paid.user)
    assert client.get("/panel/").json()["user"] == "demo"


@pytest.mark.usefixtures("person", "echoing")
def test_ticket_speaks_for_itself() -> None:
    assert call("GET", "/session/x/stream?ticket=abc").json() == {"user": None}
    assert call("GET", "/session/x/history?ticket=abc").json()["user"] == "demo"
