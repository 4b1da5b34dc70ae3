"""A start of Linnet's own front end at the user's limit: which session gives way, and which never does (ADR 0015)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from sessions_app.models import Session
from snapshots.models import SessionKey, Snapshot
from tests.factories import EntitlementFactory
from tests.integration.conftest import TONES, Api, api_for, make_overdue, nothing_written, problem
from tests.integration.linnet import append, detail, start


@pytest.fixture
def full(paid: Api, settings: Settings) -> list[str]:
    """As many sessions of the front end as one user may have, the stillest first."""
    settings.SESSION_MAX_LIVE = 3
    sessions = [start(paid) for _ in range(3)]
    quiet_for(sessions[0], minutes=9)
    quiet_for(sessions[1], minutes=5)
    quiet_for(sessions[2], minutes=1)
    return sessions


def quiet_for(session: str, *, minutes: int) -> None:
    row = Session.objects.get(pk=session)
    ago = timedelta(minutes=minutes)
    names = ["started_at", "last_activity_at", "expires_at", "hard_expires_at", "sweep_after"]
    Session.objects.filter(pk=session).update(**{name: getattr(row, name) - ago for name in names})


def live(api: Api) -> set[str]:
    return {str(pk) for pk in Session.objects.filter(owner=api.user, state="active").values_list("pk", flat=True)}


def test_stillest_session_gives_way_and_is_saved(paid: Api, full: list[str]) -> None:
    append(paid, full[0], TONES)
    quiet_for(full[0], minutes=20)
    new = start(paid)
    assert live(paid) == {*full[1:], new}
    closed = detail(paid, full[0])
    assert closed["close_reason"] == "superseded"
    snapshot = Snapshot.objects.get(session_id=full[0])
    assert snapshot.event_count == len(TONES)
    assert snapshot.expires_at - snapshot.created_at == timedelta(days=30)
    problem(paid.get(f"/session/{full[0]}"), 404, "E-SESSION-002")


def test_activity_and_not_age_decides(paid: Api, full: list[str]) -> None:
    append(paid, full[0], TONES)
    start(paid)
    assert full[1] not in live(paid)
    assert full[0] in live(paid)


def test_many_reloads_leave_one_live_session_more_at_a_time(paid: Api, full: list[str]) -> None:
    for _ in range(10):
        start(paid)
    assert len(live(paid)) == 3
    assert Session.objects.filter(close_reason="superseded").count() == 10


def test_resume_makes_place_too(paid: Api, full: list[str]) -> None:
    paid.delete(f"/session/{full[2]}/end")
    snapshot = Snapshot.objects.get(session_id=full[2])
    third = start(paid)
    resumed = paid.post("/session/resume", {"snapshot_id": str(snapshot.pk)})
    assert live(paid) == {full[1], third, resumed.json()["session_id"]}


def test_what_a_client_holds_the_lease_of_never_gives_way(paid: Api, settings: Settings) -> None:
    settings.SESSION_MAX_LIVE = 2
    held, _ = paid.start()
    taken_over = start(paid)
    assert paid.post(f"sessions/{taken_over}/attach/").status_code == 200
    with nothing_written():
        document = problem(paid.post("/session/start", {}), 429, "E-SESSION-006")
    assert set(document["live"]) == {held, taken_over}


def test_rest_starts_are_refused_as_before(paid: Api, full: list[str]) -> None:
    with nothing_written():
        problem(paid.post("sessions/", {}), 429, "E-SESSION-006")


def test_other_users_sessions_never_give_way(paid: Api, other: Api, full: list[str]) -> None:
    theirs = start(other)
    quiet_for(theirs, minutes=20)
    start(paid)
    assert live(other) == {theirs}


def test_what_is_past_its_deadline_is_closed_for_that(paid: Api, full: list[str]) -> None:
    make_overdue(full[2])
    new = start(paid)
    assert live(paid) == {*full[:2], new}
    assert detail(paid, full[2])["close_reason"] == "idle"


def test_session_that_cannot_be_saved_stays_and_the_next_gives_way(paid: Api, full: list[str]) -> None:
    append(paid, full[0], TONES)
    quiet_for(full[0], minutes=20)
    SessionKey.objects.filter(session_id=full[0]).delete()
    new = start(paid)
    assert live(paid) == {full[0], full[2], new}
    assert detail(paid, full[0])["state"] == "active"


def test_start_that_fails_closes_nothing(paid: Api, full: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with nothing_written():
        problem(paid.post("/session/resume", {"snapshot_id": "0"}), 404, "E-VAULT-002")

    def no_key(**_: Any) -> None:
        from snapshots.errors import KeyMissing

        raise KeyMissing("away")

    monkeypatch.setattr("sessions_app.services.sessions.create_session_key", no_key)
    with nothing_written():
        problem(paid.post("/session/start", {}), 503, "E-VAULT-001")


def test_lowered_limit_makes_all_that_is_too_much_give_way(paid: Api, full: list[str], settings: Settings) -> None:
    settings.SESSION_MAX_LIVE = 1
    assert live(paid) == set(full)
    new = start(paid)
    assert live(paid) == {new}


def test_guest_who_reloads_takes_no_second_place_of_a_full_demo(db: None, settings: Settings) -> None:
    settings.DEMO_MODE, settings.DEMO_MAX_SESSIONS = True, 2
    first, second = Client(headers={"Origin": "http://testserver"}), Client(headers={"Origin": "http://testserver"})

    def starts(client: Client) -> int:
        return int(client.generic("POST", "/session/start").status_code)

    assert [starts(first), starts(second)] == [200, 200]
    assert [starts(first), starts(first)] == [200, 200]
    assert Session.objects.filter(close_reason="superseded").count() == 2
    assert Session.objects.live_at(timezone.now()).values("owner").distinct().count() == 2
    problem(Client(headers={"Origin": "http://testserver"}).generic("POST", "/session/start"), 429, "E-DEMO-001")


@pytest.mark.django_db(transaction=True)
def test_parallel_starts_never_exceed_the_limit(settings: Settings) -> None:
    settings.SESSION_MAX_LIVE = 3
    api = api_for(EntitlementFactory().user)

    def one(_: int) -> int:
        try:
            return int(Api(api.user, api.token).post("/session/start", {}).status_code)
        finally:
            connection.close()

    assert _together(one, 12) == [200] * 12
    assert Session.objects.live_at(timezone.now()).count() == 3
    assert Session.objects.filter(close_reason="superseded").count() == 9


def _together(work: Callable[[int], int], times: int) -> list[int]:
    with ThreadPoolExecutor(6) as pool:
        return list(pool.map(work, range(times)))
