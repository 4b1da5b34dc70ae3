"""What every answer says to the browser: nothing inside pages, nothing from elsewhere, no frames, no borrowing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client

from tests.factories import UserFactory
from tests.integration.conftest import Api

pytestmark = pytest.mark.django_db
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
PAGES = ["/panel/", "/api/docs/", "/api/docs/?script", "/api/docs/errors/", "/admin/login/", "/admin/", "/nothing/"]
ANSWERS = [*PAGES, "/api/schema/", "/health/", "/health", "/api/v1/sessions/", "/session/x", "/sessions/history"]


@pytest.fixture
def staff() -> Client:
    """A browser in which somebody is signed in who may see every page of the admin."""
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def policy(answer: Any) -> dict[str, str]:
    directives = (directive.strip().partition(" ") for directive in answer["Content-Security-Policy"].split(";"))
    return {name: sources for name, _, sources in directives}


@pytest.mark.parametrize("path", ANSWERS)
def test_answer_carries_every_header(path: str) -> None:
    answer = Client().get(path)
    assert policy(answer) == POLICY
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "microphone=()" in answer["Permissions-Policy"]
    assert "no-store" in answer["Cache-Control"]
    assert "Access-Control-Allow-Origin" not in answer


def test_no_cache_keeps_what_was_said(paid: Api) -> None:
    session, lease = paid.start()
    paid.append(session, lease)
    snapshot = paid.closed()["snapshot"]["id"]
    for path in (
        f"sessions/{session}/",
        f"sessions/{session}/events/",
        "settings/panel/",
        f"snapshots/{snapshot}/content/",
        f"/session/{session}/history",
        f"/session/{session}/export",
    ):
        answer = paid.get(path)
        assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store"), path


@pytest.mark.parametrize("path", PAGES)
def test_page_is_alone_in_its_window(path: str) -> None:
    assert Client().get(path)["Cross-Origin-Opener-Policy"] == "same-origin"


def pages_of_the_admin(client: Client) -> set[str]:
    return set(re.findall(r'href="(/admin/[^"?#]*)"', client.get("/admin/").content.decode()))


def test_no_page_has_script_or_style_inside_or_anything_from_elsewhere(staff: Client, paid: Api) -> None:
    closed, (live, _) = paid.closed(), paid.start()
    own = [
        f"/admin/sessions_app/session/{live}/change/",
        f"/admin/sessions_app/session/{closed['session']}/change/",
        f"/admin/snapshots/snapshot/{closed['snapshot']['id']}/change/",
    ]
    of_admin = pages_of_the_admin(staff)
    assert {"/admin/sessions_app/session/", "/admin/django_celery_beat/periodictask/add/"} <= of_admin
    for path in [*PAGES, *own, *of_admin]:
        answer = staff.get(path, follow=True)
        assert answer.status_code == (404 if path == "/nothing/" else 200), path
        if not answer["Content-Type"].startswith("text/html"):
            continue
        page = answer.content.decode()
        for script in re.findall(r"<script[^>]*>", page):
            assert "src=" in script or 'type="application/json"' in script, (path, script)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page), path
        assert not re.search(r'(?:src|action)="(?:https?:)?//|<link[^>]+href="(?:https?:)?//', page), path


# --- other front ends ------------------------------------------------------------------------------------

FRONT_END = "https://app.example.org"
#: Runs in a process of its own, because the setting decides which middleware there is.
ASK = """
import json, sys, django
django.setup()
from django.test import Client
asked = json.loads(sys.argv[1])
def ask(method, path, headers):
    answer = Client().generic(method, path, headers=headers)
    return [answer.status_code, {name.lower(): value for name, value in answer.items()}]
print(json.dumps([ask(*one) for one in asked]))
"""


def ask_with(tmp_path: Path, origins: str, *asked: tuple[str, str, dict[str, str]]) -> list[tuple[int, dict[str, str]]]:
    """The status and headers of each answer of a service that is set to serve front ends from these origins."""
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "linnet_sessions.settings",
        "SECRET_KEY": "x" * 50,
        "LINNET_VAR": str(tmp_path),
        "LINNET_ENV_FILE": str(tmp_path / "no.env"),
        "LOG_FILE": "",
        "CLIENT_ORIGINS": origins,
        "ALLOWED_HOSTS": "testserver",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(asked)],
        cwd=configured.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[tuple[int, dict[str, str]]] = json.loads(done.stdout)
    return answers


def test_listed_front_end_may_call_the_api_with_a_token_and_nothing_else(tmp_path: Path) -> None:
    preflight = {
        "Origin": FRONT_END,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-session-token,idempotency-key",
    }
    foreign = {**preflight, "Origin": "https://evil.example"}
    answers = ask_with(
        tmp_path,
        FRONT_END,
        ("OPTIONS", "/api/v1/sessions/", preflight),
        ("POST", "/api/v1/sessions/", {"Origin": FRONT_END, "Authorization": "Basic x"}),
        ("OPTIONS", "/api/v1/sessions/", foreign),
        ("OPTIONS", "/api/v1/sessions/", {**preflight, "Origin": "null"}),
        ("OPTIONS", "/session/start", preflight),
        ("GET", "/panel/", {"Origin": FRONT_END}),
    )
    (status, allowed), (refused, told), *closed = answers
    assert (status, allowed["access-control-allow-origin"]) == (200, FRONT_END)
    assert set(preflight["Access-Control-Request-Headers"].split(",")) <= set(
        allowed["access-control-allow-headers"].split(", ")
    )
    # A refusal must be readable too.
    assert (refused, told["access-control-allow-origin"]) == (401, FRONT_END)
    assert "access-control-allow-credentials" not in {**allowed, **told}
    for _, headers in closed:
        assert "access-control-allow-origin" not in headers


def test_without_the_setting_no_other_front_end_may(tmp_path: Path) -> None:
    preflight = {"Origin": FRONT_END, "Access-Control-Request-Method": "POST"}
    [(_, headers)] = ask_with(tmp_path, "", ("OPTIONS", "/api/v1/sessions/", preflight))
    assert not any(name.startswith("access-control") for name in headers)
