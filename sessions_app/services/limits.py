"""Rate limits: how many calls of a kind one user may make in a minute.

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

from sessions_app.errors import TooManyRequests

log = logging.getLogger(__name__)

WINDOW_S = 60
#: A cache that failed is left alone for so long: the calls meanwhile don't wait for it.
REST_S = 5.0
LOG_EVERY_S = 60.0


class Kind(StrEnum):
    """What is counted. The value is the word for it in a sentence."""

    WRITES = "writes"
    STARTS = "starts of a session"

    @property
    def limit(self) -> int:
        """Calls a minute; 0 is no limit."""
        return int({Kind.WRITES: settings.API_WRITES_PER_MINUTE, Kind.STARTS: settings.API_STARTS_PER_MINUTE}[self])


def count(*, user_id: int, kind: Kind, now: datetime) -> None:
    """Count one call of this user.

    Raises:
        TooManyRequests: it is one too many; says when the next window begins.
    """
    if not kind.limit:
        return
    window, passed = divmod(int(now.timestamp()), WINDOW_S)
    if _counter.increment(f"limit:{kind.name}:{user_id}:{window}") > kind.limit:
        raise TooManyRequests(kind.value, limit=kind.limit, retry_after_s=WINDOW_S - passed)


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
