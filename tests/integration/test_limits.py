"""Rate limits: one user's own, exact under parallel calls, open when the cache is away, and free of queries."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from sessions_app.errors import TooManyRequests
from sessions_app.models import Session
from sessions_app.services import limits
from sessions_app.services.limits import Kind, count
from tests.integration.conftest import Api, problem

NOON = datetime(2026, 5, 1, 12, 0, 17, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(limits, "_counter", limits._Counter())


def counted(times: int, *, user_id: int = 1, kind: Kind = Kind.WRITES, now: datetime = NOON) -> int:
    """How many of so many calls got through."""
    through = 0
    for _ in range(times):
        try:
            count(user_id=user_id, kind=kind, now=now)
        except TooManyRequests:
            continue
        through += 1
    return through


def test_limit_is_each_users_own_and_each_kinds_own(settings: Settings) -> None:
    settings.API_WRITES_PER_MINUTE, settings.API_STARTS_PER_MINUTE = 5, 2
    assert counted(9) == 5
    assert counted(9, user_id=2) == 5
    assert counted(9, kind=Kind.STARTS) == 2


def test_next_window_begins_when_the_error_says(settings: Settings) -> None:
    settings.API_WRITES_PER_MINUTE = 1
    assert counted(1) == 1
    with pytest.raises(TooManyRequests) as caught:
        count(user_id=1, kind=Kind.WRITES, now=NOON)
    wait = caught.value.extra["retry_after_s"]
    assert wait == 43
    assert counted(1, now=NOON + timedelta(seconds=wait - 1)) == 0
    assert counted(1, now=NOON + timedelta(seconds=wait)) == 1


def test_zero_is_no_limit(settings: Settings) -> None:
    settings.API_WRITES_PER_MINUTE = 0
    assert counted(50) == 50


def test_parallel_calls_dont_slip_through(settings: Settings) -> None:
    settings.API_WRITES_PER_MINUTE = 40
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: counted(25), range(8))) == 40


class AwayCache:
    """A cache whose every use fails, counted."""

    def __init__(self) -> None:
        self.asked = 0

    def add(self, *_args: Any, **_kwargs: Any) -> None:
        self.asked += 1
        raise ConnectionRefusedError("127.0.0.1 refused a password")


def test_limit_is_open_when_the_cache_is_away(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.API_WRITES_PER_MINUTE = 1
    away = AwayCache()
    monkeypatch.setattr(limits, "cache", away)
    with caplog.at_level(logging.WARNING):
        assert counted(20) == 20
        assert away.asked == 1  # then it is left alone for a while
        monkeypatch.setattr(limits, "REST_S", 0.0)
        limits._counter._rests_until = 0.0
        assert counted(20) == 20
    assert away.asked == 21
    assert [record.getMessage() for record in caplog.records] == [
        "cache_down error=ConnectionRefusedError: rate limits are open"
    ]


def test_count_begins_anew_when_a_full_cache_dropped_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.API_WRITES_PER_MINUTE = 5
    monkeypatch.setattr(cache, "add", lambda *args, **kwargs: False)
    assert counted(3) == 3


def test_start_over_the_limit_is_a_problem_that_says_when(paid: Api, settings: Settings) -> None:
    settings.API_STARTS_PER_MINUTE = 2
    session, lease = paid.start()
    paid.start()
    answer = paid.post("sessions/", {})
    document = problem(answer, 429, "E-REQUEST-010")
    assert 1 <= document["retry_after_s"] <= 60
    assert answer["Retry-After"] == str(document["retry_after_s"])
    assert Session.objects.count() == 2
    assert paid.append(session, lease).status_code == 201


def test_write_over_the_limit_changes_nothing_and_reads_go_on(paid: Api, other: Api, settings: Settings) -> None:
    session, lease = paid.start()
    cache.clear()
    settings.API_WRITES_PER_MINUTE = 2
    assert [paid.append(session, lease).status_code for _ in range(4)] == [201, 201, 429, 429]
    assert paid.get(f"sessions/{session}/events/").json()["last_seq"] == 6
    problem(paid.post(f"sessions/{session}/end/", lease=lease), 429, "E-REQUEST-010")
    other.start()


def test_limits_cost_no_query(paid: Api, settings: Settings) -> None:
    session, lease = paid.start()
    settings.API_WRITES_PER_MINUTE = 0
    with CaptureQueriesContext(connection) as without:
        paid.append(session, lease)
    settings.API_WRITES_PER_MINUTE = 100
    with CaptureQueriesContext(connection) as limited:
        paid.append(session, lease)
    assert len(limited) == len(without)


def test_who_is_not_known_is_told_so_and_not_counted(db: None, client: Any, settings: Settings) -> None:
    settings.API_WRITES_PER_MINUTE = 1
    for _ in range(3):
        problem(client.post("/api/v1/sessions/", {}, content_type="application/json"), 401, "E-AUTH-001")
