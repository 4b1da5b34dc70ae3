"""A demo: every visitor is a guest of their own, for a day, and only so many talk at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from sessions_app.api.guests import user_or_guest
from sessions_app.errors import NotAuthenticated
from sessions_app.models import Preferences, Session
from sessions_app.services.guests import PREFIX, purge
from sessions_app.tasks import purge_snapshots
from snapshots.models import SessionKey, UserKey
from tests.integration.conftest import Api, make_overdue, nothing_written, problem

pytestmark = pytest.mark.django_db
OWN = {"Origin": "http://testserver"}
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _demo(settings: Settings) -> None:
    settings.DEMO_MODE = True


def start(visitor: Client, **headers: str) -> Any:
    return visitor.post("/session/start", {}, content_type="application/json", headers={**OWN, **headers})


def visitor() -> Client:
    """A browser that was never here."""
    return Client(enforce_csrf_checks=True)


def guests() -> Any:
    return User.objects.filter(username__startswith=PREFIX)


def test_visitor_becomes_a_guest_by_starting_a_session_and_by_nothing_else() -> None:
    browser = visitor()
    for path in ["/panel/", "/health", "/session/x", "/sessions/history", "/api/v1/sessions/"]:
        browser.get(path)
    for body in [{"num_speakers": "many"}, {"window_ms": []}]:
        assert browser.post("/session/start", body, content_type="application/json", headers=OWN).status_code == 422
    problem(browser.post("/session/resume", {}, content_type="application/json", headers=OWN), 401, "E-AUTH-001")
    problem(browser.post("/api/v1/sessions/", {}, content_type="application/json", headers=OWN), 401, "E-AUTH-001")
    assert not guests().exists()
    assert "sessionid" not in browser.cookies
    answer = start(browser)
    assert answer.status_code == 200, answer.content
    guest = guests().get()
    assert Session.objects.get().owner == guest
    assert (answer.json()["tier"], Session.objects.get().policy) == ("free", "ephemeral")
    assert not guest.has_usable_password()
    assert not guest.is_staff
    cookie = browser.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert DAY.total_seconds() - 60 < cookie["max-age"] <= DAY.total_seconds()


def test_guest_comes_back_as_the_same() -> None:
    browser = visitor()
    first = start(browser).json()["session_id"]
    assert browser.get(f"/session/{first}").status_code == 200
    assert browser.get(f"/session/{first}/history").status_code == 200
    second = start(browser).json()["session_id"]
    assert first != second
    assert browser.delete(f"/session/{second}/end", headers=OWN).status_code == 200
    assert guests().count() == 1


def test_guests_share_nothing() -> None:
    browser, other = visitor(), visitor()
    session = start(browser).json()["session_id"]
    start(other)
    assert guests().count() == 2
    for nobody in (other, visitor()):
        refused = {nobody.get(f"/session/{session}{path}").status_code for path in ("", "/history", "/stream")}
        assert refused <= {401, 404}
    assert other.get("/api/v1/sessions/").json()["results"][0]["id"] != session


def test_guest_has_no_paid_calls_and_no_export() -> None:
    browser = visitor()
    session = start(browser).json()["session_id"]
    problem(browser.get(f"/session/{session}/export"), 403, "E-DEMO-002")
    problem(browser.get(f"/api/v1/snapshots/{session}/content/"), 403, "E-DEMO-002")
    problem(browser.get("/sessions/history"), 402, "E-TIER-001")
    pinned = browser.post("/api/v1/sessions/", {"policy": "pinned"}, content_type="application/json", headers=OWN)
    problem(pinned, 402, "E-TIER-001")


def test_users_of_a_demo_with_a_token_have_what_they_have(paid: Api) -> None:
    receipt = paid.closed()
    assert paid.get(f"snapshots/{receipt['snapshot']['id']}/content/").status_code == 200
    assert not guests().exists()


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_page_of_another_site_makes_nobody_a_guest(headers: dict[str, str]) -> None:
    problem(start(visitor(), **headers), 403, "E-AUTH-003")
    bare = visitor().post("/session/start", {}, content_type="application/json")
    problem(bare, 403, "E-AUTH-003")
    assert not User.objects.exists()


@pytest.mark.parametrize("mode", ["CLOUD_MODE", ""])
def test_nobody_becomes_a_guest_but_in_a_demo(mode: str, settings: Settings) -> None:
    settings.DEMO_MODE = False
    if mode:
        setattr(settings, mode, True)
    problem(start(visitor()), 401, "E-AUTH-001")
    assert not User.objects.exists()


def test_guest_is_made_in_a_demo_alone_whoever_asks_for_one(settings: Settings) -> None:
    """The helper itself, for views that ask nobody first."""
    settings.DEMO_MODE = False
    request = RequestFactory().post("/session/start", headers=OWN)
    request.identity = None
    with pytest.raises(NotAuthenticated):
        user_or_guest(request, now=timezone.now())


def test_annotator_becomes_no_guest() -> None:
    from sessions_app.services.tokens import issue_annotator_token

    token = issue_annotator_token(name="ears", now=timezone.now())
    problem(start(visitor(), Authorization=f"Token {token}"), 401, "E-AUTH-001")
    assert not User.objects.exists()


def test_places_are_counted_over_all_guests(settings: Settings) -> None:
    settings.DEMO_MAX_SESSIONS = 2
    first, second, third = visitor(), visitor(), visitor()
    running = start(first).json()["session_id"]
    start(second)
    with nothing_written():
        document = problem(start(third), 429, "E-DEMO-001")
        # Who is in already is told the same by the REST API. The front end's start makes the guest's own give way.
        again = second.post("/api/v1/sessions/", {}, content_type="application/json", headers=OWN)
        problem(again, 429, "E-DEMO-001")
    assert document["retry_after_s"] == 90
    assert guests().count() == 2
    assert not third.cookies
    assert first.get(f"/session/{running}").status_code == 200
    make_overdue(running)
    assert start(third).status_code == 200


def test_place_of_a_session_that_ended_is_free(settings: Settings) -> None:
    settings.DEMO_MAX_SESSIONS = 1
    first, second = visitor(), visitor()
    running = start(first).json()["session_id"]
    problem(start(second), 429, "E-DEMO-001")
    first.delete(f"/session/{running}/end", headers=OWN)
    assert start(second).status_code == 200


def aged(browser: Client, age: timedelta) -> User:
    """The guest of this browser, who came so long ago."""
    guest: User = User.objects.get(pk=browser.session["_auth_user_id"])
    User.objects.filter(pk=guest.pk).update(date_joined=timezone.now() - age)
    return guest


def test_guest_is_removed_after_a_day_with_everything(paid: Api) -> None:
    paid.closed()
    browser = visitor()
    session = start(browser).json()["session_id"]
    settings = {"recent_limit": 3}
    browser.patch("/api/v1/settings/", settings, content_type="application/json", headers=OWN)
    guest = aged(browser, DAY + timedelta(minutes=1))
    assert Preferences.objects.filter(user=guest).exists()
    assert purge(now=timezone.now()) == 0, "a live session keeps its guest"
    browser.delete(f"/session/{session}/end", headers=OWN)
    assert purge(now=timezone.now()) == 1
    assert User.objects.get() == paid.user
    assert Session.objects.get().owner == paid.user
    assert UserKey.objects.get().owner == paid.user
    assert SessionKey.objects.count() == 1
    assert not Preferences.objects.exists()
    # The cookie that is left is nobody's, and makes room for another guest.
    assert browser.get(f"/session/{session}").status_code == 401
    assert start(browser).status_code == 200


@pytest.mark.parametrize("way", [purge_snapshots, lambda: call_command("purge_snapshots", verbosity=0)])
def test_purge_that_runs_anyway_removes_guests(way: Any, capsys: pytest.CaptureFixture[str]) -> None:
    young, old = visitor(), visitor()
    for browser in (young, old):
        browser.delete(f"/session/{start(browser).json()['session_id']}/end", headers=OWN)
    aged(old, DAY)
    aged(young, DAY - timedelta(minutes=1))
    way()
    assert guests().count() == 1


def test_session_past_its_deadline_keeps_its_guest_until_it_is_closed() -> None:
    browser = visitor()
    make_overdue(start(browser).json()["session_id"])
    aged(browser, DAY)
    assert purge(now=timezone.now()) == 0
    assert guests().exists()
