"""The state of each part, for load balancers and operators. No content, no keys, no addresses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError
from kombu import Connection

from sessions_app.conf import conf
from sessions_app.lease import State
from sessions_app.live import redis_bus
from sessions_app.models import Session
from sessions_app.services.clocks import MAX_CLOCK_DIFFERENCE, clock_difference
from sessions_app.services.sweep import due
from snapshots.services.readiness import problem_at_start

#: How long a request waits for a part that may hang, and how long answers are remembered.
PATIENCE_S = 1.0
REMEMBERED_S = 5.0
#: A sweep that is later than this, and than three of its intervals, is told.
LATE_SWEEP_S = 120.0


class Condition(StrEnum):
    """Of a part, and of the whole. Degraded: sessions work, something beside them does not."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its state, a sentence when it is not well, and figures."""

    state: Condition = Condition.OK
    problem: str = ""
    figures: dict[str, float | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """All parts by their names."""

    parts: dict[str, Part]

    @property
    def status(self) -> Condition:
        """Unavailable when sessions can't work; degraded when something else is not well."""
        states = {part.state for part in self.parts.values()}
        for worst in (Condition.UNAVAILABLE, Condition.DEGRADED):
            if worst in states:
                return worst
        return Condition.OK

    @property
    def works(self) -> bool:
        """Whether requests should be sent here."""
        return self.status is not Condition.UNAVAILABLE

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "service": "linnet-sessions",
            "problems": [part.problem for part in self.parts.values() if part.problem],
            "parts": {name: {"state": part.state, **part.figures} for name, part in self.parts.items()},
        }


def check_health(*, now: datetime) -> Health:
    """Look at every part: one query, the rest at most every ``REMEMBERED_S``, because anybody may ask, and often.

    At most ``PATIENCE_S`` each is waited for cache, broker and bus.
    """
    return Health({**_database_parts(now), "cache": _cache(), "broker": _broker(), "bus": _bus()})


def _database_parts(now: datetime) -> dict[str, Part]:
    """The database, and what only it can tell."""
    try:
        # Always asked: whether the database answers is told as it is at this moment.
        clock = _clock(clock_difference(now=now))
        return {"database": Part(), "clock": clock, **stored_parts.get(now)}
    except (DatabaseError, InterfaceError):
        unknown = dict.fromkeys(("clock", "vault", "sweep", "quarantine"), Part(Condition.UNKNOWN))
        return {"database": Part(Condition.UNAVAILABLE, "The database does not answer."), **unknown}


class StoredParts:
    """What rows tell of the service, remembered for a while in each process."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._fresh_until = 0.0

    def get(self, now: datetime) -> dict[str, Part]:
        """The parts by their names.

        Raises:
            DatabaseError, InterfaceError: the rows can't be read now.
        """
        if time.monotonic() >= self._fresh_until:
            self._parts = {"vault": _vault(), "sweep": _sweep(now), "quarantine": _quarantine()}
            self._fresh_until = time.monotonic() + REMEMBERED_S
        return self._parts

    def forget(self) -> None:
        """The next question is asked anew."""
        self._fresh_until = 0.0


def _clock(difference: timedelta) -> Part:
    figures = {"difference_s": round(difference.total_seconds(), 3)}
    if abs(difference) <= MAX_CLOCK_DIFFERENCE:
        return Part(figures=figures)
    problem = "The clocks of this machine and of the database differ too much: the sweep does not run."
    return Part(Condition.UNAVAILABLE, problem, figures)


def _vault() -> Part:
    if not problem_at_start():
        return Part()
    return Part(
        Condition.UNAVAILABLE,
        "The vault can't open what it holds: see the log of the web process at its start.",
    )


def _sweep(now: datetime) -> Part:
    """How long the session that is due first has been waiting for a sweep to look at it."""
    oldest = due(now).values_list("sweep_after", flat=True).first()
    lag_s = 0.0 if oldest is None else round((now - oldest).total_seconds(), 1)
    if lag_s <= max(LATE_SWEEP_S, 3 * settings.SWEEP_INTERVAL_S):
        return Part(figures={"lag_s": lag_s})
    problem = "The sweep is late: look at the worker, beat and the broker. No deadline is late, and nothing is lost."
    return Part(Condition.DEGRADED, problem, {"lag_s": lag_s})


def _quarantine() -> Part:
    sessions = Session.objects.filter(quarantined_at__isnull=False, state=State.ACTIVE).count()
    if not sessions:
        return Part(figures={"sessions": 0})
    problem = "Sessions are in quarantine because they could not be closed: the admin says which, and why."
    return Part(Condition.DEGRADED, problem, {"sessions": sessions})


def _cache() -> Part:
    if cache_probe.works():
        return Part()
    return Part(Condition.DEGRADED, "The cache does not answer: rate limits are open meanwhile.")


def _broker() -> Part:
    if broker_probe.works():
        return Part()
    return Part(
        Condition.DEGRADED,
        "The broker does not answer: no worker is woken. Sessions work, and the next sweep catches up.",
    )


def _bus() -> Part:
    if not conf.live_bus_url or bus_probe.works():
        return Part()
    return Part(
        Condition.DEGRADED,
        "The live bus does not answer: streams learn from the database what other web processes were sent, within 2 s.",
    )


class Probe:
    """A check that may hang. It runs beside the request, one at a time, and its answer is remembered for a while."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._worked = False
        self._fresh_until = 0.0

    def works(self) -> bool:
        """Whether the check went through lately. One that hangs has not."""
        with self._lock:
            thread = self._thread
            if thread is None or (not thread.is_alive() and time.monotonic() >= self._fresh_until):
                thread = self._thread = threading.Thread(target=self._run, daemon=True)
                thread.start()
        thread.join(PATIENCE_S)
        return self._worked and not thread.is_alive()

    def forget(self) -> None:
        """The next question is asked anew."""
        self._fresh_until = 0.0

    def _run(self) -> None:
        try:
            self._check()
        except Exception:  # noqa: BLE001  (each kind of cache and broker raises errors of its own)
            self._worked = False
        else:
            self._worked = True
        self._fresh_until = time.monotonic() + REMEMBERED_S


def _use_cache() -> None:
    cache.set("health", 1, timeout=60)


def _reach_broker() -> None:
    options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, "socket_connect_timeout": 1, "socket_timeout": 1}
    # A connection of its own, on settings alone: it must tell nothing but whether the broker is there.
    with Connection(settings.CELERY_BROKER_URL, connect_timeout=1, transport_options=options) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)


def _reach_bus() -> None:
    redis_bus.reach(conf.live_bus_url)


stored_parts = StoredParts()
cache_probe = Probe(_use_cache)
broker_probe = Probe(_reach_broker)
bus_probe = Probe(_reach_bus)
