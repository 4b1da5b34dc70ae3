"""Whether what somebody came with still holds: asked again while a stream is open."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from knox.models import AuthToken

from sessions_app.api.identity import identify
from sessions_app.services.credentials import Credential, CredentialKind, still_hold
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    user: User = UserFactory()
    return user


def token_of(user: User) -> Credential:
    """As a request with an API token of this user brings it."""
    token = AuthToken.objects.create(user)[1]
    found = identify(RequestFactory().get("/", headers={"Authorization": f"Token {token}"}), now=timezone.now())
    assert found is not None
    assert found.user == user
    return found.credential


def login_of(user: User) -> Credential:
    """As a request from a browser brings it in which this user has signed in."""
    client = Client()
    client.force_login(user)
    request: HttpRequest = RequestFactory().get("/")
    request.session = client.session
    request.user = user
    found = identify(request, now=timezone.now())
    assert found is not None
    assert found.by_cookie
    return found.credential


def jwt_of(_user: User) -> Credential:
    return Credential(CredentialKind.JWT, expires_at=timezone.now() + timedelta(minutes=5))


def instance_of(_user: User) -> Credential:
    return Credential(CredentialKind.INSTANCE)


KINDS = {"token": token_of, "session": login_of, "jwt": jwt_of, "instance": instance_of}


def holds(user: User, credential: Credential, after: timedelta = timedelta()) -> bool:
    return still_hold([(user.pk, credential)], now=timezone.now() + after)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_credential_holds_until_its_user_is_deactivated(kind: str, user: User) -> None:
    credential = KINDS[kind](user)
    assert credential.kind == kind
    assert holds(user, credential)
    user.is_active = False
    user.save()
    assert not holds(user, credential)


@pytest.mark.parametrize("kind", KINDS)
def test_credential_of_a_user_who_is_gone_holds_no_more(kind: str, user: User) -> None:
    credential = KINDS[kind](user)
    gone, _ = user.pk, user.delete()
    assert still_hold([(gone, credential)], now=timezone.now()) == [False]


@pytest.mark.parametrize("kind", ["token", "session"])
def test_credential_of_one_user_is_none_of_another(kind: str, user: User) -> None:
    assert not holds(UserFactory(), KINDS[kind](user))


@pytest.mark.parametrize(
    ("kind", "after"),
    [("token", timedelta(days=91)), ("session", timedelta(days=15)), ("jwt", timedelta(minutes=5))],
)
def test_credential_holds_no_more_after_its_end(kind: str, after: timedelta, user: User) -> None:
    credential = KINDS[kind](user)
    assert not holds(user, credential, after)
    assert holds(user, credential, timedelta(minutes=4))


def test_revoked_token_holds_no_more(user: User) -> None:
    credential = token_of(user)
    AuthToken.objects.all().delete()
    assert not holds(user, credential)


def test_token_whose_end_was_brought_forward_holds_no_more(user: User) -> None:
    credential = token_of(user)
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert not holds(user, credential)


def test_login_holds_no_more_after_signing_out(user: User) -> None:
    client = Client()
    client.force_login(user)
    credential = Credential(CredentialKind.SESSION, client.session.session_key or "")
    assert holds(user, credential)
    client.logout()
    assert not holds(user, credential)


def test_login_holds_no_more_after_the_password_changed(user: User) -> None:
    credential = login_of(user)
    user.set_password("another one")
    user.save()
    assert not holds(user, credential)


def test_annotator_is_no_user(user: User) -> None:
    assert not holds(user, Credential(CredentialKind.ANNOTATOR))


def test_reference_is_not_shown() -> None:
    assert "secret" not in repr(Credential(CredentialKind.SESSION, "secret"))


@pytest.mark.parametrize("count", [1, 20])
def test_many_credentials_cost_three_queries(count: int) -> None:
    def made(kind: Callable[[User], Credential]) -> list[tuple[int, Credential]]:
        users = [UserFactory() for _ in range(count)]
        return [(user.pk, kind(user)) for user in users]

    asked = [pair for kind in KINDS.values() for pair in made(kind)]
    with CaptureQueriesContext(connection) as captured:
        assert still_hold(asked, now=timezone.now()) == [True] * len(asked)
    assert len(captured) == 3
