"""Telling a database that is away from a fault, and helping the pool to get over it."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, InterfaceError, OperationalError, connection

log = logging.getLogger(__name__)


def is_outage(exc: BaseException | None) -> bool:
    """Whether this is the database being away. If so it is logged, and the idle connections are looked over.

    A transaction that is cut off in the middle ends in other database errors, with the first one behind them.
    """
    if not isinstance(exc, DatabaseError | InterfaceError):
        return False
    first: BaseException | None = exc
    while first is not None and not isinstance(first, OperationalError | InterfaceError):
        first = first.__context__
    if first is None:
        return False
    # The classes alone, Django's and the driver's: the text may quote what was to be written.
    log.error("database_unavailable error=%s cause=%s", type(first).__name__, type(first.__cause__).__name__)
    _look_over_pool()
    return True


def _look_over_pool() -> None:
    """Where one connection broke, the idle ones are most likely broken too: replace those before they are given out.

    Beside the request, because a server that does not even refuse is waited for.
    """
    pool = getattr(connection, "pool", None)
    if pool is not None and not pool.closed:
        threading.Thread(target=pool.check, daemon=True).start()
