"""In the cloud: Linnet's own JWT, as Bearer, as a cookie, and as the header of a trusted proxy."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from sessions_app.api.identity import CLOUD_COOKIE
from sessions_app.models import Session
from sessions_app.services.outside_users import MAX_TOKEN_CHARS, user_of_cloud
from tests.integration.conftest import Api, nothing_written, problem

pytestmark = pytest.mark.django_db
SECRET = "a key of Linnet's cloud, for tests only: as long as the longest algorithm wants it"
OWN = {"Origin": "http://testserver"}


@pytest.fixture(autouse=True)
def _cloud(settings: Settings, echoing: None) -> None:
    settings.CLOUD_MODE = True
    settings.DIRECTUS_JWT_SECRET = SECRET
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "2001:db8::1"]


def claims(**changes: Any) -> dict[str, Any]:
    return {"id": "user-1", "exp": int(timezone.now().timestamp()) + 300, **changes}


def signed(key: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm)


def by_header(token: str, method: str = "GET", path: str = "/api/v1/sessions/", **headers: str) -> Any:
    return send(method, path, Authorization=f"Bearer {token}", **headers)


def by_cookie(token: str, method: str = "GET", path: str = "/api/v1/sessions/", **headers: str) -> Any:
    return send(method, path, cookie=token, **headers)


def by_proxy(
    token: str, method: str = "GET", path: str = "/api/v1/sessions/", peer: str = "10.1.2.3", **headers: str
) -> Any:
    return send(method, path, peer=peer, X_CF_Session=token, **headers)


def send(method: str, path: str, *, peer: str = "192.0.2.7", cookie: str = "", **headers: str) -> Any:
    client = Client(enforce_csrf_checks=True)
    if cookie:
        client.cookies[CLOUD_COOKIE] = cookie
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.generic(method, path, b"{}", "application/json", REMOTE_ADDR=peer, headers=sent)


WAYS = {"bearer": by_header, "cookie": by_cookie, "proxy": by_proxy}


@pytest.mark.parametrize("way", WAYS)
def test_jwt_names_the_user_who_is_made_at_first_sight(way: str) -> None:
    for _ in range(2):
        found = WAYS[way](signed(), path="/session/x").json()
        assert found == {"user": "cf:user-1", "seen": "cf:user-1", "kind": "jwt", "by_cookie": way != "bearer"}
    user = User.objects.get()
    assert not user.has_usable_password()
    assert not user.is_staff
    assert not user.is_superuser


def test_jwt_of_a_machine_whose_clock_is_ahead_counts() -> None:
    assert by_header(signed(iat=int(timezone.now().timestamp()) + 2)).status_code == 200


@pytest.mark.parametrize("way", WAYS)
def test_users_of_the_cloud_see_their_own_alone(way: str) -> None:
    started = WAYS[way](signed(), "POST", **OWN)
    assert started.status_code == 201, started.content
    path = f"/api/v1/sessions/{started.json()['id']}/"
    assert WAYS[way](signed(), path=path).status_code == 200
    problem(WAYS[way](signed(id="user-2"), path=path), 404, "E-SESSION-002")


def unsigned(header: dict[str, Any], payload: Any, signature: str = "") -> str:
    parts = [json.dumps(header).encode(), payload if isinstance(payload, bytes) else json.dumps(payload).encode()]
    return ".".join([*(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), signature])


def by_public_key() -> str:
    """Signed with RSA's public key as if that were the shared secret: algorithm confusion, backwards."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return jwt.encode(claims(), pem, algorithm="RS256")


def tampered() -> str:
    header, _, signature = signed().split(".")
    return ".".join([header, unsigned({}, claims(id="user-2")).split(".")[1], signature])


def with_raw_claims(raw: bytes) -> str:
    """Rightly signed, whatever it says."""
    return jwt.PyJWS().encode(raw, SECRET, algorithm="HS256")


WRONG: dict[str, Any] = {
    "garbage": lambda: "garbage",
    "three empty parts": lambda: "..",
    "another key": lambda: signed("another key: just as long as the longest algorithm wants it to be, for tests only"),
    "tampered": tampered,
    "signature cut": lambda: signed()[:-1],
    "signature missing": lambda: signed().rpartition(".")[0] + ".",
    "alg none": lambda: unsigned({"alg": "none", "typ": "JWT"}, claims()),
    "alg NONE": lambda: unsigned({"alg": "NoNe"}, claims()),
    "no alg": lambda: unsigned({"typ": "JWT"}, claims()),
    "alg is no text": lambda: unsigned({"alg": 1}, claims()),
    "HS512": lambda: signed(algorithm="HS512"),
    "HS384": lambda: signed(algorithm="HS384"),
    "RS256": by_public_key,
    "expired": lambda: signed(exp=int(timezone.now().timestamp()) - 1),
    "expired just now": lambda: signed(exp=int(timezone.now().timestamp())),
    "not yet": lambda: signed(nbf=int(timezone.now().timestamp()) + 60),
    "for another audience": lambda: signed(aud="elsewhere"),
    "exp is text": lambda: signed(exp="never"),
    "exp is null": lambda: signed(exp=None),
    "exp is true": lambda: with_raw_claims(b'{"id": "user-1", "exp": true}'),
    "exp without end": lambda: with_raw_claims(b'{"id": "user-1", "exp": 1e400}'),
    "exp is Infinity": lambda: with_raw_claims(b'{"id": "user-1", "exp": Infinity}'),
    "exp is NaN": lambda: with_raw_claims(b'{"id": "user-1", "exp": NaN}'),
    "exp beyond time": lambda: signed(exp=10**18),
    "exp is huge": lambda: with_raw_claims(b'{"id": "user-1", "exp": 1' + b"0" * 400 + b"}"),
    "no id": lambda: jwt.encode({"exp": claims()["exp"]}, SECRET),
    "no exp": lambda: jwt.encode({"id": "user-1"}, SECRET),
    "no claims": lambda: with_raw_claims(b"{}"),
    "a list": lambda: with_raw_claims(b"[]"),
    "no JSON": lambda: with_raw_claims(b"\xff"),
    "nested deep": lambda: with_raw_claims(b"[" * 1500),
    **{
        f"id {ident!r}": lambda ident=ident: signed(id=ident)
        for ident in [1, None, True, "", ["user-1"], {"id": 1}, "a" * 129, "a b", "a\0b", "ｕser-1", "é", "a:b", "a\n"]
    },
    "oversize": lambda: signed(more="x" * MAX_TOKEN_CHARS),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_jwt_is_refused_and_makes_nobody(name: str, way: str, paid: Api) -> None:
    before = User.objects.count()
    for path in ["/api/v1/sessions/", "/session/x", "/sessions/history"]:
        problem(WAYS[way](WRONG[name](), path=path), 401, "E-AUTH-001")
    assert User.objects.count() == before


def test_wrong_jwt_never_falls_back_to_a_login(paid: Api) -> None:
    client = Client()
    client.force_login(paid.user)
    assert client.get("/session/x").json()["user"] == paid.user.username
    client.cookies[CLOUD_COOKIE] = "garbage"
    problem(client.get("/session/x"), 401, "E-AUTH-001")
    assert client.get("/panel/").json()["user"] is None


def test_empty_cookie_is_none() -> None:
    """As a browser sends it after signing out, where the cookie was emptied instead of removed."""
    assert send("GET", "/session/x", Cookie=f"{CLOUD_COOKIE}=").json() == {"user": None}


@pytest.mark.parametrize("peer", ["192.0.2.7", "127.0.0.1", "11.0.0.1", "2001:db8::2", "", "::ffff:192.0.2.7"])
def test_header_from_anywhere_else_is_ignored(peer: str) -> None:
    assert by_proxy(signed(), path="/session/x", peer=peer).json() == {"user": None}
    problem(by_proxy(signed(), peer=peer), 401, "E-AUTH-001")


@pytest.mark.parametrize("peer", ["10.255.0.1", "2001:db8::1", "::ffff:10.0.0.1"])
def test_header_of_a_trusted_proxy_is_believed(peer: str) -> None:
    assert by_proxy(signed(), path="/session/x", peer=peer).json()["user"] == "cf:user-1"


def test_header_does_not_become_trusted_by_what_a_client_says() -> None:
    answer = by_proxy(signed(), peer="192.0.2.7", path="/session/x", X_Forwarded_For="10.0.0.1", X_Real_IP="10.0.0.1")
    assert answer.json() == {"user": None}


def test_header_has_the_name_that_the_setting_says(settings: Settings) -> None:
    settings.CLOUD_SESSION_HEADER = "X-Linnet"
    assert by_proxy(signed(), path="/session/x").json() == {"user": None}
    assert send("GET", "/session/x", peer="10.0.0.1", X_Linnet=signed()).json()["user"] == "cf:user-1"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("other", ["CLOUD_MODE", "DIRECTUS_JWT_SECRET"])
def test_without_the_cloud_or_its_key_no_jwt_counts(other: str, way: str, settings: Settings) -> None:
    setattr(settings, other, type(getattr(settings, other))())
    problem(WAYS[way](signed()), 401, "E-AUTH-001")


def test_without_a_key_nobody_can_sign_with_none(settings: Settings) -> None:
    settings.DIRECTUS_JWT_SECRET = ""
    unfinished = unsigned({"alg": "HS256", "typ": "JWT"}, claims()).rstrip(".")
    signature = hmac.new(b"", unfinished.encode(), "sha256").digest()
    problem(by_header(f"{unfinished}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"), 401, "E-AUTH-001")


def test_key_is_not_taken_for_one_of_the_asymmetric_kind(settings: Settings) -> None:
    """A public key as the shared secret would let everybody sign."""
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    settings.DIRECTUS_JWT_SECRET = pem.decode()
    problem(by_header(signed()), 401, "E-AUTH-001")


def test_deactivated_user_of_the_cloud_is_refused() -> None:
    user = user_of_cloud("user-1")
    user.is_active = False
    user.save()
    problem(by_cookie(signed()), 401, "E-AUTH-001")
    assert User.objects.count() == 1


def test_credential_ends_with_the_jwt() -> None:
    from django.test import RequestFactory

    from sessions_app.api.identity import identify

    now = timezone.now().replace(microsecond=0)
    token = signed(exp=int((now + timedelta(minutes=1)).timestamp()))
    found = identify(RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"}), now=now)
    assert found is not None
    assert found.credential.expires_at == now + timedelta(minutes=1)


FROM_ELSEWHERE: list[dict[str, str]] = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://testserver"},
    {"Origin": "http://testserver.evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "none"},
    {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"},
]


@pytest.mark.parametrize("way", ["cookie", "proxy"])
@pytest.mark.parametrize("headers", FROM_ELSEWHERE, ids=str)
def test_write_by_cookie_needs_a_page_of_our_own(headers: dict[str, str], way: str) -> None:
    with nothing_written():
        problem(WAYS[way](signed(), "POST", **headers), 403, "E-AUTH-002")
        problem(WAYS[way](signed(), "POST", "/session/start", **headers), 403, "E-AUTH-003")
        problem(WAYS[way](signed(), "DELETE", "/session/x/end", **headers), 403, "E-AUTH-003")
    # What a page of another site could make the browser read, it can't read itself.
    assert WAYS[way](signed(), "GET", "/session/x", **headers).status_code == 200


@pytest.mark.parametrize("way", ["cookie", "proxy"])
@pytest.mark.parametrize("headers", [OWN, {"Sec_Fetch_Site": "same-origin"}, {"Origin": "https://app.example.org"}])
def test_write_by_cookie_works_from_a_page_of_our_own(headers: dict[str, str], way: str, settings: Settings) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.org"]
    assert WAYS[way](signed(), "POST", **headers).status_code == 201
    assert WAYS[way](signed(), "POST", "/session/start", **headers).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.org.evil.example",
        "http://app.example.org",
        "https://evilexample.org",
        "https://app.example.org:1",
    ],
)
def test_origin_that_only_looks_trusted_is_refused(origin: str, settings: Settings) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.org"]
    problem(by_cookie(signed(), "POST", "/session/start", Origin=origin), 403, "E-AUTH-003")


def test_bearer_needs_no_page() -> None:
    assert by_header(signed(), "POST").status_code == 201
    assert by_header(signed(), "POST", "/session/start", Origin="https://evil.example").status_code == 200


def test_api_token_comes_before_the_cookie(paid: Api) -> None:
    answer = by_cookie(signed(), "POST", Authorization=f"Token {paid.token}")
    assert answer.status_code == 201
    assert Session.objects.get().owner == paid.user


def test_cookie_comes_before_a_login(paid: Api) -> None:
    client = Client()
    client.force_login(paid.user)
    client.cookies[CLOUD_COOKIE] = signed()
    assert client.get("/session/x").json()["user"] == "cf:user-1"
