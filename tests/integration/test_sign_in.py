"""The admin's sign-in: whoever guesses is slowed down, whoever knows the password soon gets in."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from sessions_app.errors import TooManyRequests
from sessions_app.services import limits
from sessions_app.services.limits import ACCOUNTS_OF_AN_ADDRESS, count_sign_in

pytestmark = pytest.mark.django_db
PASSWORD = "a password that nobody guesses"


@pytest.fixture(autouse=True)
def _few_tries(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SIGN_IN_TRIES_PER_MINUTE = 3
    cache.clear()
    monkeypatch.setattr(limits, "_counter", limits._Counter())
    # One window for the whole test, however slow the machine.
    monkeypatch.setattr(limits, "WINDOW_S", 3600 * 24 * 365 * 100)


@pytest.fixture
def member(db: None) -> User:
    return User.objects.create_user("ada", password=PASSWORD, is_staff=True)


def sign_in(name: str, password: str = "wrong", *, address: str = "192.0.2.1", **headers: str) -> Any:
    return Client(REMOTE_ADDR=address).post(
        "/admin/login/?next=/admin/", {"username": name, "password": password}, headers=headers
    )


def test_password_is_tried_so_often_and_then_not_even_the_right_one_counts(member: User) -> None:
    assert [sign_in("ada").status_code for _ in range(3)] == [200] * 3
    refused = sign_in("ada", PASSWORD)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert refused["Retry-After"] in refused.content.decode()
    # Another machine's tries are the same account's.
    assert sign_in("ada", PASSWORD, address="192.0.2.2").status_code == 429


def test_next_minute_lets_in(member: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(9):
        sign_in("ada")
    monkeypatch.setattr(limits, "WINDOW_S", 60)
    assert sign_in("ada", PASSWORD).status_code == 302


def test_wait_is_a_minute_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WINDOW_S", 60)
    now = timezone.now()
    for _ in range(3):
        count_sign_in(account="ada", address="", now=now)
    with pytest.raises(TooManyRequests) as caught:
        count_sign_in(account="ada", address="", now=now)
    assert 1 <= caught.value.extra["retry_after_s"] <= 60


def test_account_that_does_not_exist_is_answered_the_same(member: User) -> None:
    def answers(name: str) -> list[tuple[int, str]]:
        found = [sign_in(name) for _ in range(5)]
        texts = [answer.content.decode().replace(name, "") for answer in found]
        return [
            (answer.status_code, re.sub(r"\d+ seconds|value=\"[^\"]*\"", "", text))
            for answer, text in zip(found, texts, strict=True)
        ]

    assert answers("ada") == answers("nobody")


@pytest.mark.parametrize("spelling", [" ada ", "ａｄａ"])
def test_account_is_the_same_however_its_name_is_typed(member: User, spelling: str) -> None:
    assert [sign_in(name).status_code for name in ("ada", spelling, "ada", spelling)] == [200, 200, 200, 429]


def test_others_are_not_held_up(member: User) -> None:
    for _ in range(9):
        sign_in("bob", address="192.0.2.9")
    assert sign_in("ada", PASSWORD).status_code == 302


def test_who_is_signed_in_stays_so(member: User) -> None:
    client = Client()
    client.force_login(member)
    for _ in range(9):
        sign_in("ada")
    assert client.get("/admin/").status_code == 200


def test_address_that_tries_many_accounts_is_slowed_down() -> None:
    tries = 3 * ACCOUNTS_OF_AN_ADDRESS
    assert {sign_in(f"user-{number}").status_code for number in range(tries)} == {200}
    assert sign_in("another").status_code == 429
    assert sign_in("another", address="192.0.2.2").status_code == 200


def test_proxy_of_the_cloud_is_not_counted_as_one_caller(member: User, settings: Settings) -> None:
    settings.CLOUD_MODE = True
    for number in range(3 * ACCOUNTS_OF_AN_ADDRESS + 1):
        sign_in(f"user-{number}")
    assert sign_in("ada", PASSWORD).status_code == 302
    assert [sign_in("bob").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_looking_at_the_page_is_no_try() -> None:
    assert {Client().get("/admin/login/").status_code for _ in range(9)} == {200}
    assert sign_in("ada").status_code == 200


def test_zero_is_no_limit(settings: Settings) -> None:
    settings.SIGN_IN_TRIES_PER_MINUTE = 0
    assert {sign_in("ada").status_code for _ in range(9)} == {200}


def test_name_that_was_typed_is_not_in_the_cache() -> None:
    sign_in("a password in the wrong field")
    assert "wrong field" not in repr(cache._cache)  # type: ignore[attr-defined]
    assert len(cache._cache) == 2  # type: ignore[attr-defined]


def test_cache_that_is_away_shuts_nobody_out(member: User, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def add(self, *_args: Any, **_kwargs: Any) -> None:
            raise ConnectionRefusedError

    monkeypatch.setattr(limits, "cache", Away())
    assert {sign_in("ada").status_code for _ in range(5)} == {200}
    assert sign_in("ada", PASSWORD).status_code == 302
