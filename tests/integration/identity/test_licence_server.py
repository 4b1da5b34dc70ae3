"""Plans from the licence server, which answers, lies, dawdles and dies: each on a real connection."""

import pickle
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.core.cache.backends import locmem
from django.db import connections, transaction
from django.utils import timezone
from pytest_django import Settings

from sessions_app.services import heimdall
from sessions_app.services.outside_users import user_of_cloud
from sessions_app.services.retention import release_lapsed
from sessions_app.services.tiers import Plan, resolve_plan
from sessions_app.tiers import Tier
from snapshots.models import Snapshot
from tests.factories import EntitlementFactory, UserFactory
from tests.integration.conftest import Api, api_for, nothing_written, problem
from tests.integration.identity.licence_server import Answering, LicenceServer, answer, drip, says, silence

pytestmark = pytest.mark.django_db
KEY = "LNT-1234-SECRET"
UNKNOWN = Plan(Tier.FREE, known=False)


@pytest.fixture
def server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[LicenceServer]:
    """The licence server of this installation, whose licence it knows."""
    served = LicenceServer()
    settings.TIER_RESOLVER = "heimdall"
    settings.HEIMDALL_URL = served.url
    settings.HEIMDALL_ADMIN_TOKEN = "admin-token"
    settings.LINNET_LICENSE_KEY = KEY
    monkeypatch.setattr(heimdall, "_rest", heimdall._Rest())
    caches["plans"].clear()
    yield served
    served.stop()
    caches["plans"].clear()


@pytest.fixture
def cloud_user(settings: Settings) -> Any:
    settings.CLOUD_MODE = True
    return user_of_cloud("user-1")


class Asking:
    """Asks for the plan of one user, as time goes on."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.now = timezone.now()

    def __call__(self, after: timedelta = timedelta(), **given: str) -> Plan:
        self.now += after
        return resolve_plan(user_id=self.user.pk, now=self.now, **given)


@pytest.fixture
def asking(db: None) -> Asking:
    return Asking(UserFactory())


def test_user_of_the_cloud_is_asked_about_by_id(server: LicenceServer, cloud_user: Any) -> None:
    server.answering = says({"tier": "premium", "more": {"than": "asked"}})
    assert Asking(cloud_user)() == Plan(Tier.PREMIUM)
    [(path, headers, document)] = server.asked
    assert (path, document) == ("/admin/cloud/resolve", {"user_id": "user-1", "product": "linnet"})
    assert headers["authorization"] == "Bearer admin-token"


def test_licence_of_the_installation_is_verified(server: LicenceServer, asking: Asking) -> None:
    server.answering = says({"valid": True, "tier": "ultra"})
    assert asking() == Plan(Tier.ULTRA)
    [(path, headers, document)] = server.asked
    assert (path, document) == ("/v1/licenses/verify", {"key": KEY, "min_tier": "paid"})
    assert "authorization" not in headers


def test_valid_licence_gives_at_least_what_was_asked_for(server: LicenceServer, asking: Asking) -> None:
    server.answering = says({"valid": True})
    assert asking() == Plan(Tier.PAID)


def test_invalid_licence_is_free_and_that_is_an_answer(server: LicenceServer, asking: Asking) -> None:
    server.answering = says({"valid": False, "tier": "ultra"})
    assert [asking(), asking()] == [Plan(Tier.FREE)] * 2
    assert len(server.asked) == 1


def test_licence_of_the_request_is_used_for_the_call_alone(
    server: LicenceServer, asking: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    server.answering = says({"valid": False})
    assert asking().tier is Tier.FREE
    server.answering = says({"valid": True, "tier": "paid"})
    assert asking(license_key="another key").tier is Tier.PAID
    assert server.asked[-1][2]["key"] == "another key"
    server.answering = says("nonsense")
    assert asking(license_key="a third key") == UNKNOWN
    assert asking().tier is Tier.FREE
    for secret in (KEY, "another key", "a third key"):
        assert secret not in _kept() + caplog.text


def _kept() -> str:
    """All that is remembered of the answers, as it lies in the files: a time, then what was stored, compressed."""
    kept = ""
    for file in sorted(Path(caches["plans"]._dir).iterdir()):  # type: ignore[attr-defined]
        with file.open("rb") as opened:
            kept += f"{file.name} {pickle.load(opened)} {zlib.decompress(opened.read())!r} "
    assert kept
    return kept


def test_licence_of_a_request_says_nothing_in_the_cloud(server: LicenceServer, cloud_user: Any) -> None:
    server.answering = says({"tier": "free"})
    assert Asking(cloud_user)(license_key="another key").tier is Tier.FREE
    assert "another key" not in str(server.asked)


def test_users_of_this_service_alone_have_what_staff_entered(server: LicenceServer, settings: Settings) -> None:
    user = EntitlementFactory(tenant="acme").user
    settings.CLOUD_MODE = True
    assert Asking(user)() == Plan(Tier.PAID, "acme")
    settings.CLOUD_MODE, settings.LINNET_LICENSE_KEY = False, ""
    assert Asking(user)() == Plan(Tier.PAID, "acme")
    settings.DEMO_MODE, settings.LINNET_LICENSE_KEY = True, KEY
    assert Asking(user)(license_key=KEY) == Plan(Tier.PAID, "acme")
    assert server.asked == []


def test_answer_is_remembered_for_half_an_hour(server: LicenceServer, asking: Asking) -> None:
    server.answering = says({"tier": "paid"})
    assert asking() == asking(timedelta(minutes=29)) == Plan(Tier.PAID)
    assert len(server.asked) == 1
    server.answering = says({"tier": "free"})
    assert asking(timedelta(minutes=1)) == Plan(Tier.FREE)
    assert len(server.asked) == 2


def test_users_share_no_answers(server: LicenceServer, cloud_user: Any) -> None:
    server.answering = says({"tier": "paid"})
    assert Asking(cloud_user)().tier is Tier.PAID
    server.answering = says({"tier": "free"})
    assert Asking(user_of_cloud("user-2"))().tier is Tier.FREE


OK = b"HTTP/1.1 200 OK\r\n"
PAID = b'{"tier": "paid", "valid": true}'
#: What a licence server may do instead of answering; and whether it is then left alone for a while.
MISBEHAVIOURS: dict[str, tuple[Answering, bool]] = {
    "500": (answer("500 Internal Server Error", PAID), True),
    "503": (answer("503 Service Unavailable", b""), True),
    "silent": (silence, True),
    "drips its status": (drip(b"HTTP/1.1 2", b"0"), True),
    "drips its headers": (drip(OK, b"X-Drip: 1\r\n"), True),
    "drips its body": (drip(OK + b"Content-Length: 9999\r\n\r\n", b" "), True),
    "drips chunks": (drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"), True),
    "hangs up": (lambda peer: None, True),
    "hangs up in the middle": (lambda peer: peer.sendall(OK + b"Content-Length: 99\r\n\r\n{"), False),
    "no HTTP": (lambda peer: peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), True),
    "redirects": (answer("302 Found", b"", "Location: /stolen"), False),
    "redirects for good": (answer("308 Permanent Redirect", PAID, "Location: /stolen"), False),
    "400": (answer("400 Bad Request", PAID), False),
    "401": (answer("401 Unauthorized", b"{}"), False),
    "404": (answer("404 Not Found", b"{}"), False),
    "201": (answer("201 Created", PAID), False),
    "204": (answer("204 No Content", b""), False),
    "garbage": (answer("200 OK", b"\xff\xfe<html>"), False),
    "empty": (answer("200 OK", b""), False),
    "nested deep": (answer("200 OK", b"[" * 15_000), False),
    "huge": (answer("200 OK", b'{"tier": "paid", "more": "' + b"x" * 1_000_000 + b'"}'), False),
    "huge without end": (lambda peer: [peer.sendall(OK + b"\r\n")] and _flood(peer), False),
    "a list": (says(["paid"]), False),
    "a word": (says("paid"), False),
    "null": (says(None), False),
    "no tier": (says({}), False),
    "tier is null": (says({"tier": None}), False),
    "tier is a number": (says({"tier": 1}), False),
    "tier is a list": (says({"tier": ["paid"]}), False),
    "tier is true": (says({"tier": True}), False),
    "unknown tier": (says({"tier": "platinum"}), False),
    "tier in capitals": (says({"tier": "PAID"}), False),
    "valid is text": (says({"valid": "true", "tier": "paid"}), False),
    "valid is a number": (says({"valid": 1, "tier": "paid"}), False),
}


def _flood(peer: Any) -> None:
    while True:
        peer.sendall(b"x" * 65_536)


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_misbehaviour_is_no_answer_and_takes_two_seconds_at_most(
    name: str, server: LicenceServer, asking: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    server.answering, rests = MISBEHAVIOURS[name]
    began = time.monotonic()
    assert asking() == UNKNOWN
    assert time.monotonic() - began < heimdall.TIMEOUT_S + 0.5
    assert len(server.asked) == 1, "a redirect was followed, or the question was asked twice"
    assert KEY not in caplog.text
    # Nothing of it was kept: the next answer counts at once, or as soon as the server was left alone for a while.
    server.answering = says({"tier": "paid"})
    assert asking() == (UNKNOWN if rests else Plan(Tier.PAID))
    assert asking(heimdall.RESTS_FOR) == Plan(Tier.PAID)


@pytest.mark.parametrize("name", ["500", "redirects", "garbage", "no tier", "hangs up"])
def test_last_answer_stands_in_for_a_day(name: str, server: LicenceServer, asking: Asking) -> None:
    server.answering = says({"tier": "paid"})
    assert asking() == Plan(Tier.PAID)
    server.answering, _ = MISBEHAVIOURS[name]
    assert asking(timedelta(minutes=30)) == Plan(Tier.PAID, stale=True)
    assert asking(timedelta(hours=23, minutes=29)) == Plan(Tier.PAID, stale=True)
    assert asking(timedelta(minutes=1)) == UNKNOWN
    server.answering = says({"tier": "paid"})
    assert asking(heimdall.RESTS_FOR) == Plan(Tier.PAID)


def test_last_answer_outlives_a_restart(server: LicenceServer, asking: Asking) -> None:
    server.answering = says({"tier": "paid"})
    assert asking() == Plan(Tier.PAID)
    server.stop()
    for memory in locmem._caches.values():
        memory.clear()  # what a process forgets when it ends
    assert asking(timedelta(hours=1)) == Plan(Tier.PAID, stale=True)


def test_server_that_is_down_and_comes_back(server: LicenceServer, asking: Asking) -> None:
    server.answering = says({"tier": "paid"})
    assert asking() == Plan(Tier.PAID)
    server.stop()
    assert asking(timedelta(hours=1)) == Plan(Tier.PAID, stale=True)
    server.again()
    assert asking() == Plan(Tier.PAID, stale=True)
    assert asking(heimdall.RESTS_FOR) == Plan(Tier.PAID)


def test_nobody_waits_for_a_server_that_was_silent_just_now(server: LicenceServer, asking: Asking) -> None:
    server.answering = silence
    assert asking() == UNKNOWN
    began = time.monotonic()
    assert [asking(timedelta(seconds=1)) for _ in range(9)] == [UNKNOWN] * 9
    assert time.monotonic() - began < 0.5
    assert len(server.asked) == 1


def test_thread_that_waited_ends(server: LicenceServer, asking: Asking) -> None:
    server.answering = drip(OK + b"Content-Length: 9999\r\n\r\n", b" ")
    before = threading.active_count()
    asking()
    until = time.monotonic() + 2
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.05)
    assert threading.active_count() <= before


@pytest.mark.parametrize("stored", ["paid", ("paid",), ("platinum", 1.0), ("paid", "x"), ("paid", 1e300), 7])
def test_what_is_no_answer_in_the_cache_is_passed_over(stored: Any, server: LicenceServer, asking: Asking) -> None:
    question = heimdall._question_about(asking.user.pk, "")
    assert question is not None
    caches["plans"].set(question.key, stored)
    server.answering = says({"tier": "paid"})
    assert asking() == Plan(Tier.PAID)


def test_without_the_cache_the_server_is_asked_each_time(
    server: LicenceServer, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down:
        def get(self, *_: Any) -> Any:
            raise ConnectionError("redis://secret@cache")

        def set(self, *_: Any, **__: Any) -> None:
            raise ConnectionError("redis://secret@cache")

    monkeypatch.setattr(heimdall, "cache", Down())
    server.answering = says({"tier": "paid"})
    assert [asking(), asking()] == [Plan(Tier.PAID)] * 2
    assert len(server.asked) == 2


def test_who_asks_the_same_meanwhile_gets_the_same_answer(server: LicenceServer, asking: Asking) -> None:
    def slow(peer: Any) -> None:
        time.sleep(0.5)
        says({"tier": "paid"})(peer)

    server.answering = slow
    now = timezone.now()
    question = heimdall._question_about(asking.user.pk, "")
    assert question is not None
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: heimdall._questions.ask(question, now), range(8)))
    assert answers == [Tier.PAID] * 8
    assert len(server.asked) == 1
    # Nobody waits for a question that is over.
    assert heimdall._questions.ask(question, now) is Tier.PAID
    assert len(server.asked) == 2


def test_question_that_fails_leaves_nobody_waiting(
    server: LicenceServer, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(heimdall, "post_json", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            asking()
    server.answering = says({"tier": "paid"})
    assert asking() == Plan(Tier.PAID)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("inside", [False, True], ids=["by itself", "in a transaction"])
def test_connection_is_free_while_the_server_is_asked(inside: bool, server: LicenceServer, asking: Asking) -> None:
    wrapper = connections["default"]
    held: list[bool] = []

    def look(peer: Any) -> None:
        held.append(wrapper.connection is not None)
        says({"tier": "paid"})(peer)

    server.answering = look
    with transaction.atomic() if inside else nullcontext():
        assert User.objects.exists()
        assert asking() == Plan(Tier.PAID)
        assert User.objects.exists()
    assert held == [inside]


# --- what users meet -------------------------------------------------------------------------------------


@pytest.fixture
def user(server: LicenceServer) -> Api:
    """A user whose plan the licence server knows."""
    return api_for(UserFactory())


def _later(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """Answers of before are now this old; what the clock of the sessions says stays."""
    recall = heimdall._recall

    def older(question: Any) -> Any:
        found = recall(question)
        return found and heimdall._Remembered(found.tier, found.at - timedelta(hours=hours))

    monkeypatch.setattr(heimdall, "_recall", older)


def test_with_no_known_plan_paid_calls_are_put_off_and_free_ones_work(server: LicenceServer, user: Api) -> None:
    server.stop()
    with nothing_written():
        for method, path, body in [
            ("POST", "sessions/", {"policy": "pinned"}),
            ("POST", "snapshots/x/import/", {}),
            ("PATCH", "snapshots/x/", {"keep": True}),
            ("PATCH", "settings/", {"default_policy": "pinned"}),
        ]:
            refused = user.call(method, path, body)
            problem(refused, 503, "E-TIER-002")
            assert int(refused["Retry-After"]) > 0
    started = user.post("sessions/", {}).json()
    assert started["policy"] == "ephemeral"
    assert user.get("settings/panel/").status_code == 200


def test_session_outlives_the_licence_server(server: LicenceServer, user: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answering = says({"tier": "paid"})
    session, lease = user.start()
    server.stop()
    _later(monkeypatch, hours=25)
    assert user.append(session, lease).status_code == 201
    receipt = user.post(f"sessions/{session}/end/", lease=lease).json()
    assert receipt["snapshot"] is not None


def test_last_known_plan_is_enough_to_start(server: LicenceServer, user: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answering = says({"tier": "paid"})
    assert user.post("sessions/", {}).json()["policy"] == "pinned"
    server.stop()
    _later(monkeypatch, hours=5)
    assert user.post("sessions/", {}).json()["policy"] == "pinned"


def test_kept_snapshot_gets_no_end_because_the_server_is_down(
    server: LicenceServer, user: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answering = says({"tier": "paid"})
    snapshot = user.closed()["snapshot"]["id"]
    assert user.patch(f"snapshots/{snapshot}/", {"keep": True}).status_code == 200
    now: datetime = timezone.now()
    server.answering = answer("500 Internal Server Error", b"")
    for hours in (5, 20):
        _later(monkeypatch, hours=hours)
        assert release_lapsed(now=now) == 0
    assert Snapshot.objects.get().is_kept
    server.answering = says({"valid": False})
    assert release_lapsed(now=now + heimdall.RESTS_FOR) == 1
