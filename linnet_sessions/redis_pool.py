"""The connections to Redis that a process shares. Only loaded where Redis is the cache."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from redis import ConnectionPool


class SharedPool(ConnectionPool):
    """One pool for each address and process.

    Django makes a cache object for each thread, and each one its own pool: a process would hold as many connections
    as it has threads.
    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _made: ClassVar[dict[str, ConnectionPool]] = {}

    @classmethod
    def from_url(cls, url: str, **options: Any) -> ConnectionPool:  # type: ignore[override]
        """The pool of this address, which the first call makes."""
        with cls._lock:
            if url not in cls._made:
                cls._made[url] = super().from_url(url, **options)
            return cls._made[url]
