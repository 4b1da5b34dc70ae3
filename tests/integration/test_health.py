"""Health: each part's state, what still works without it, and nothing that an outsider should not read."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from sessions_app.api.problems import service_unavailable
from sessions_app.models import Session
from sessions_app.services import health, journal
from sessions_app.services.clocks import MAX_CLOCK_DIFFERENCE
from sessions_app.services.health import Probe, check_health
from tests.flows import overdue
from tests.integration.conftest import Api, problem

pytestmark = pytest.mark.django_db

PARTS = {"database", "clock", "vault", "sweep", "quarantine", "cache", "broker", "bus"}
CLOSED = "amqp://somebody:a-password@127.0.0.1:1//"


@pytest.fixture(autouse=True)
def _ask_anew() -> Iterator[None]:
    _forget()
    yield
    _forget()


def _forget() -> None:
    for remembered in (health.stored_parts, health.cache_probe, health.broker_probe):
        remembered.forget()


def asked(client: Client, status: int, state: str) -> dict[str, Any]:
    """The answer of ``/health/``, after checking its status."""
    answer = client.get("/health/")
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["status"]) == (status, state), document
    assert set(document["parts"]) == PARTS
    assert bool(document["problems"]) == (state != "ok")
    return document


def test_all_is_well(client: Client) -> None:
    document = asked(client, 200, "ok")
    assert {part["state"] for part in document["parts"].values()} == {"ok"}
    assert document["parts"]["sweep"]["lag_s"] == 0
    assert document["parts"]["quarantine"]["sessions"] == 0
    assert abs(document["parts"]["clock"]["difference_s"]) < MAX_CLOCK_DIFFERENCE.total_seconds()


def test_broker_that_is_away_is_degraded_and_quickly_told(client: Client, settings: Settings) -> None:
    settings.CELERY_BROKER_URL = CLOSED
    began = time.monotonic()
    document = asked(client, 200, "degraded")
    assert time.monotonic() - began < 3
    assert document["parts"]["broker"]["state"] == "degraded"
    assert "a-password" not in str(document)
    assert "127.0.0.1" not in str(document)


def test_cache_that_is_away_is_degraded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.cache_probe, "_check", _fail)
    assert asked(client, 200, "degraded")["parts"]["cache"]["state"] == "degraded"


def _fail() -> None:
    raise ConnectionRefusedError


def test_database_that_is_away_is_unavailable(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (OperationalError, InterfaceError):
        monkeypatch.setattr(health, "clock_difference", _raise(error("a detail with a password")))
        document = asked(client, 503, "unavailable")
        states = {name: part["state"] for name, part in document["parts"].items()}
        assert states == {
            "database": "unavailable",
            **dict.fromkeys(("clock", "vault", "sweep", "quarantine"), "unknown"),
            "cache": "ok",
            "broker": "ok",
            "bus": "ok",
        }
        assert "password" not in str(document)


def test_clocks_that_disagree_are_unavailable() -> None:
    found = check_health(now=timezone.now() + 2 * MAX_CLOCK_DIFFERENCE)
    assert found.parts["clock"].state == found.status == "unavailable"


def test_vault_that_does_not_open_is_unavailable(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "problem_at_start", lambda: "The keyring lacks key 1234.")
    document = asked(client, 503, "unavailable")
    assert document["parts"]["vault"]["state"] == "unavailable"
    assert "1234" not in str(document)


def test_late_sweep_is_told_with_its_lag(client: Client) -> None:
    session = overdue()
    late = timezone.now() - timedelta(seconds=health.LATE_SWEEP_S + 30)
    Session.objects.filter(pk=session.pk).update(sweep_after=late)
    part = asked(client, 200, "degraded")["parts"]["sweep"]
    assert part["state"] == "degraded"
    assert health.LATE_SWEEP_S + 29 < part["lag_s"] < health.LATE_SWEEP_S + 60
    Session.objects.filter(pk=session.pk).update(sweep_after=timezone.now() - timedelta(seconds=5))
    _forget()
    assert asked(client, 200, "ok")["parts"]["sweep"]["lag_s"] >= 5


def test_quarantined_sessions_are_counted(client: Client) -> None:
    session = overdue()
    Session.objects.filter(pk=session.pk).update(quarantined_at=timezone.now())
    part = asked(client, 200, "degraded")["parts"]["quarantine"]
    assert part == {"state": "degraded", "sessions": 1}


def test_answer_costs_one_query_most_of_the_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(client, 200, "ok")
    with CaptureQueriesContext(connection) as queries:
        for _ in range(20):
            asked(client, 200, "ok")
    assert len(queries) == 20
    # A database that goes away is told at once, whatever is remembered, and so is its return.
    with monkeypatch.context() as patch:
        patch.setattr(health, "clock_difference", _raise(OperationalError()))
        asked(client, 503, "unavailable")
    asked(client, 200, "ok")


def test_what_rows_tell_is_told_within_seconds(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(client, 200, "ok")
    Session.objects.filter(pk=overdue().pk).update(quarantined_at=timezone.now())
    asked(client, 200, "ok")
    at = time.monotonic() + health.REMEMBERED_S
    monkeypatch.setattr(health.time, "monotonic", lambda: at)
    assert asked(client, 200, "degraded")["parts"]["quarantine"]["sessions"] == 1


def test_check_that_hangs_delays_nobody_for_long_and_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE_S", 0.05)
    release, runs = threading.Event(), []

    def hang() -> None:
        runs.append(1)
        release.wait(10)

    probe = Probe(hang)
    began = time.monotonic()
    assert [probe.works() for _ in range(3)] == [False] * 3
    assert time.monotonic() - began < 1
    assert len(runs) == 1
    release.set()
    assert probe._thread is not None
    probe._thread.join()
    assert probe.works()


def test_answer_of_a_check_is_remembered_for_a_while() -> None:
    runs: list[int] = []
    probe = Probe(lambda: runs.append(1))
    assert [probe.works() for _ in range(5)] == [True] * 5
    assert len(runs) == 1
    probe.forget()
    assert probe.works()
    assert len(runs) == 2


# --- What the API answers meanwhile -----------------------------------------------------------------------


def _raise(error: Exception) -> Any:
    def away(*_args: Any, **_kwargs: Any) -> Any:
        raise error

    return away


UNKNOWN = "00000000-0000-4000-8000-000000000000"
MET = {
    "sessions_app.services.sessions.start": ("POST", "sessions/"),  # in the view
    "sessions_app.middleware._identify": ("GET", "sessions/"),  # in the middleware that finds out who asks
    "sessions_app.middleware.plan_of": ("POST", f"snapshots/{UNKNOWN}/import/"),  # in the tier gate
}


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("where", MET)
def test_database_away_is_a_503_wherever_it_is_met(
    where: str, error: type[Exception], paid: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paid.client.raise_request_exception = False
    monkeypatch.setattr(where, _raise(error("somebody's words")))
    answer = paid.call(*MET[where], {})
    problem(answer, 503, "E-SERVICE-002")
    assert answer["Retry-After"] == "5"
    assert f"database_unavailable error={error.__name__}" in caplog.text
    assert "somebody" not in caplog.text
    assert "somebody" not in answer.content.decode()


def test_page_outside_of_the_api_is_a_503_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sessions_app.views.errors.all_errors", _raise(OperationalError("somebody's words")))
    answer = Client(raise_request_exception=False).get("/api/docs/errors/")
    problem(answer, 503, "E-SERVICE-002")
    monkeypatch.setattr(
        "django.contrib.admin.sites.AdminSite.each_context", _raise(OperationalError("somebody's words"))
    )
    answer = Client(raise_request_exception=False).get("/admin/login/")
    assert answer.status_code == 503
    assert "somebody's words" not in caplog.text


def test_transaction_cut_off_in_the_middle_is_told_by_what_began_it() -> None:
    error = IntegrityError("in its wake")
    error.__context__ = OperationalError("away")
    assert service_unavailable(error) is not None


@pytest.mark.parametrize("error", [IntegrityError("a fault"), ValueError("a fault"), None])
def test_other_errors_are_no_unavailable_database(error: Exception | None) -> None:
    assert service_unavailable(error) is None


def test_fault_of_ours_is_a_500_still(paid: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    paid.client.raise_request_exception = False
    session, lease = paid.start()
    monkeypatch.setattr(journal, "encode_events", _raise(RuntimeError("a fault")))
    problem(paid.append(session, lease), 500, "E-SERVICE-001")
