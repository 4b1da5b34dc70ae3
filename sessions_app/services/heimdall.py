"""Plans that the licence server (Heimdall) knows. Asked rarely, remembered, and never taken for "free" when it is down.

An answer holds for 30 minutes. When it can't be renewed then, the last one stands in for it until it is 24 hours old,
and says that it does (``Plan.stale``). Without any, the plan is not known (``Plan.known``). ADR 0013 says why.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.db import connection
from django.utils.connection import ConnectionProxy
from django.utils.crypto import salted_hmac

from sessions_app.conf import conf
from sessions_app.modes import Mode
from sessions_app.services.bounded_http import AnswerUnusable, ServerAway, post_json
from sessions_app.services.outside_users import outside_id_of
from sessions_app.services.tiers import LocalResolver, Plan
from sessions_app.tiers import PAID_PLUS, Tier

log = logging.getLogger(__name__)

#: As Django's own ``cache``, of the answers.
cache = ConnectionProxy(caches, "plans")

PRODUCT = "linnet"
TIMEOUT_S = 2.0
MAX_ANSWER_BYTES = 16 * 1024
FRESH_FOR = timedelta(minutes=30)
STANDS_IN_FOR = timedelta(hours=24)
#: A server that is down is left alone for so long, so that not every request waits for it.
RESTS_FOR = timedelta(seconds=10)


class HeimdallResolver:
    """In the cloud by the user's id there; self-hosted by a licence key.

    Users of whom the licence server knows nothing (made here, without a licence key) have what staff entered.
    """

    def resolve(self, *, user_id: int, now: datetime, license_key: str = "") -> Plan:
        """The user's plan at this moment.

        Args:
            license_key: as the user sent it, self-hosted only: used for this call, never stored or logged.
        """
        question = _question_about(user_id, license_key)
        if question is None:
            return LocalResolver().resolve(user_id=user_id, now=now)
        remembered = _recall(question)
        if remembered is not None and remembered.age(now) < FRESH_FOR:
            return Plan(remembered.tier)
        tier = _questions.ask(question, now)
        if tier is not None:
            return Plan(tier)
        if remembered is not None and remembered.age(now) < STANDS_IN_FOR:
            return Plan(remembered.tier, stale=True)
        return Plan(Tier.FREE, known=False)


@dataclass(frozen=True, slots=True)
class _Question:
    """What to ask where. ``about`` tells questions apart; it may be a secret."""

    path: str
    about: str = field(repr=False)
    payload: dict[str, str] = field(repr=False)
    headers: dict[str, str] = field(repr=False)

    @property
    def key(self) -> str:
        """In the cache. Keyed, so that nobody who reads the cache can try licence keys against it."""
        said = f"{conf.heimdall_url}|{self.path}|{self.about}"
        return "plan:" + salted_hmac("linnet.plan", said, algorithm="sha256").hexdigest()


def _question_about(user_id: int, license_key: str) -> _Question | None:
    """None where the licence server has nothing to say."""
    if conf.mode is Mode.CLOUD:
        name = get_user_model().objects.filter(pk=user_id).values_list("username", flat=True).first()
        outside_id = outside_id_of(name or "")
        if outside_id is None:
            return None
        payload = {"user_id": outside_id, "product": PRODUCT}
        headers = {"Authorization": f"Bearer {conf.heimdall_admin_token}"}
        return _Question("/admin/cloud/resolve", outside_id, payload, headers)
    key = license_key or conf.license_key
    if conf.mode is Mode.DEMO or not key:
        return None
    return _Question("/v1/licenses/verify", key, {"key": key, "min_tier": PAID_PLUS.value}, {})


class _Questions:
    """One question about the same at a time: whoever asks it meanwhile gets its answer too. One in each process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, Future[Tier | None]] = {}

    def ask(self, question: _Question, now: datetime) -> Tier | None:
        """What the licence server says, which is then remembered; None when it says nothing that can be used."""
        if not connection.in_atomic_block:
            # It may take seconds, in which others can use what this thread holds.
            connection.close()
        with self._lock:
            answer = self._asked.get(question.key)
            if first := answer is None:
                answer = self._asked[question.key] = Future()
        if not first:
            return answer.result()
        tier = None
        try:
            tier = _ask(question, now)
            if tier is not None:
                _remember(question, _Remembered(tier, now))
        finally:
            with self._lock:
                del self._asked[question.key]
            answer.set_result(tier)
        return tier


_questions = _Questions()


def _ask(question: _Question, now: datetime) -> Tier | None:
    if _rest.holds(now):
        return None
    try:
        answer = post_json(
            conf.heimdall_url.rstrip("/") + question.path,
            question.payload,
            headers=question.headers,
            timeout_s=TIMEOUT_S,
            max_bytes=MAX_ANSWER_BYTES,
        )
        return _tier_in(answer)
    except ServerAway as error:
        _rest.begin(now)
        log.warning("licence_server_away cause=%s", error)
    except AnswerUnusable as error:
        log.warning("licence_server_answer_unusable cause=%s", error)
    return None


def _tier_in(answer: dict[str, Any]) -> Tier:
    """The tier that an answer names: ``{"tier": "paid"}``, or ``{"valid": false}`` of a licence that gives none.

    Raises:
        AnswerUnusable: it is of another shape.
    """
    valid = answer.get("valid", True)
    if not isinstance(valid, bool):
        raise AnswerUnusable("shape")
    if not valid:
        return Tier.FREE
    # A valid licence was asked about with the tier that it must at least give.
    tier = answer.get("tier", PAID_PLUS.value if "valid" in answer else None)
    if not isinstance(tier, str) or tier not in set(Tier):
        raise AnswerUnusable("shape")
    return Tier(tier)


@dataclass(frozen=True, slots=True)
class _Remembered:
    """An answer, and when it came."""

    tier: Tier
    at: datetime

    def age(self, now: datetime) -> timedelta:
        """Never negative: an answer of another machine may be some seconds ahead of this one's clock."""
        return max(now - self.at, timedelta())


def _recall(question: _Question) -> _Remembered | None:
    try:
        tier, at = cache.get(question.key, (None, 0))
        return _Remembered(Tier(tier), datetime.fromtimestamp(at, UTC))
    except Exception as error:  # noqa: BLE001  (each kind of cache raises errors of its own; so does what it may hold)
        if not isinstance(error, ValueError):
            log.warning("cache_down error=%s: the licence server is asked more often", type(error).__name__)
        return None


def _remember(question: _Question, answer: _Remembered) -> None:
    try:
        stored = (answer.tier.value, answer.at.timestamp())
        cache.set(question.key, stored, timeout=STANDS_IN_FOR.total_seconds())
    except Exception as error:  # noqa: BLE001  (as above)
        log.warning("cache_down error=%s: the licence server is asked more often", type(error).__name__)


class _Rest:
    """Until when a server that was down is left alone. One in each process."""

    def __init__(self) -> None:
        self._since: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return self._since is not None and self._since <= now < self._since + RESTS_FOR

    def begin(self, now: datetime) -> None:
        self._since = now


_rest = _Rest()
