"""Rate limits: how many calls of a kind one user may make in a minute, and how many tries there are to sign in.

Fixed windows on the cache, counted by its own atomic increment, so that parallel calls can't slip through together.
Without the cache nothing is limited: a user who may write a little too much is better than one whose conversation is
refused for the want of a counter.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac

from sessions_app.errors import TooManyRequests

log = logging.getLogger(__name__)

WINDOW_S = 60
#: From one address there may be this many times the tries to sign in that one account has.
ACCOUNTS_OF_AN_ADDRESS = 5
#: A cache that failed is left alone for so long: the calls meanwhile don't wait for it.
REST_S = 5.0
LOG_EVERY_S = 60.0


class Kind(StrEnum):
    """What is counted. The value is the word for it in a sentence."""

    WRITES = "writes"
    STARTS = "starts of a session"
    SIGN_INS = "tries to sign in"

    @property
    def limit(self) -> int:
        """Calls a minute; 0 is no limit."""
        limits = {
            Kind.WRITES: settings.API_WRITES_PER_MINUTE,
            Kind.STARTS: settings.API_STARTS_PER_MINUTE,
            Kind.SIGN_INS: settings.SIGN_IN_TRIES_PER_MINUTE,
        }
        return int(limits[self])


def count(*, user_id: int, kind: Kind, now: datetime) -> None:
    """Count one call of this user.

    Raises:
        TooManyRequests: it is one too many; says when the next window begins.
    """
    _count(f"{kind.name}:{user_id}", kind, limit=kind.limit, now=now)


def count_sign_in(*, account: str, address: str, now: datetime) -> None:
    """Count one try to sign in, before anything is known of its success: parallel tries can't slip through.

    Args:
        account: the name as it was typed, whether or not there is such an account.
        address: where it comes from; empty where that says nothing about who it is.

    Raises:
        TooManyRequests: one too many for the address or for the account. Never for longer than a minute: whoever tries
            somebody's name again and again must not shut them out for long.
    """
    limit = Kind.SIGN_INS.limit
    if address:
        _count(f"SIGN_INS:from:{address}", Kind.SIGN_INS, limit=limit * ACCOUNTS_OF_AN_ADDRESS, now=now)
    # Only a digest of it is stored: people type passwords into the wrong field.
    name = salted_hmac("linnet.sign-in", account, algorithm="sha256").hexdigest()
    _count(f"SIGN_INS:as:{name}", Kind.SIGN_INS, limit=limit, now=now)


def _count(what: str, kind: Kind, *, limit: int, now: datetime) -> None:
    if not limit:
        return
    window, passed = divmod(int(now.timestamp()), WINDOW_S)
    if _counter.increment(f"limit:{what}:{window}") > limit:
        raise TooManyRequests(kind.value, limit=limit, retry_after_s=WINDOW_S - passed)


class _Counter:
    """The cache, left alone for a while after it failed. One in each process."""

    def __init__(self) -> None:
        self._rests_until = 0.0
        self._silent_until = 0.0

    def increment(self, key: str) -> int:
        """The count with this call; 0 when it can't be known."""
        if time.monotonic() < self._rests_until:
            return 0
        try:
            cache.add(key, 0, timeout=2 * WINDOW_S)
            return int(cache.incr(key))
        except ValueError:
            # Thrown out between the two, as a full cache does: the count begins anew.
            return 1
        except Exception as error:  # noqa: BLE001  (each kind of cache raises errors of its own)
            self._rest(error)
            return 0

    def _rest(self, error: Exception) -> None:
        now = time.monotonic()
        self._rests_until = now + REST_S
        if now >= self._silent_until:
            self._silent_until = now + LOG_EVERY_S
            # The class alone: the text may hold the cache's address.
            log.warning("cache_down error=%s: rate limits are open", type(error).__name__)


_counter = _Counter()
