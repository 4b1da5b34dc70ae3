"""Named points around every commit at which a process may kill itself.

Each process reads from its environment how likely that is. A point is named after the service that commits:
``append:before_commit``, ``sweep:after_commit``. What kills itself writes the point's name into a file first, in one
append, so that kills can be counted by name.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

RATE, SEED, ROLE, HITS, ARMED = "FAULTS_RATE", "FAULTS_SEED", "FAULTS_ROLE", "FAULTS_HITS", "FAULTS_ARMED"

#: The services that commit, by the function whose name is met first on the way up the stack.
SERVICES = {
    "append": "append",
    "append_many": "append_many",
    "attach": "attach",
    "touch": "touch",
    "end": "end",
    "start": "start",
    "start_in_room": "start",
    "import_into_new": "import",
    "import_into_live": "import",
    "sweep": "sweep",
    "settle_overdue": "close",
    "find_session": "close",
    "purge": "purge",
}
#: How much likelier than an append's point. What happens less often has to be hit more often.
WEIGHTS = {"append": 1.0, "touch": 2.0, "attach": 2.0, "start": 3.0}
OTHER_WEIGHT = 6.0


class Dice:
    """The process's own random numbers: another process, another sequence, the same ones for the same seed."""

    def __init__(self) -> None:
        self.rate = float(os.environ.get(RATE, "0"))
        self._forks = 0
        self._shuffle()
        os.register_at_fork(before=self._count, after_in_child=self._shuffle)

    def _count(self) -> None:
        self._forks += 1

    def _shuffle(self) -> None:
        self._random = random.Random(f"{os.environ.get(SEED)}:{os.environ.get(ROLE)}:{self._forks}")

    def falls(self, service: str) -> bool:
        return self._random.random() < self.rate * WEIGHTS.get(service, OTHER_WEIGHT)


def install() -> None:
    """Wrap the commit of every database connection of this process and of those it forks."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    dice = Dice()
    commit: Callable[[Any], None] = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]

    def commit_or_die(self: Any) -> None:
        service = committing_service(sys._getframe(1))
        if service is not None and dice.falls(service):
            die(f"{service}:before_commit")
        commit(self)
        if service is not None and dice.falls(service):
            die(f"{service}:after_commit")

    BaseDatabaseWrapper._commit = commit_or_die  # type: ignore[attr-defined]


def committing_service(frame: FrameType | None) -> str | None:
    """Which service commits. A write that found its session over is a close, whatever it came for."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("sessions_app.services."):
            function = frame.f_code.co_name
            if function == "hold" and getattr(frame.f_locals.get("session"), "is_closed", False):
                return "close"
            if function in SERVICES:
                return SERVICES[function]
        frame = frame.f_back
    return None


def die(name: str) -> None:
    """Write the name down and end at once, if the harness still wants it."""
    if not Path(os.environ[ARMED]).exists():
        return
    descriptor = os.open(os.environ[HITS], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{name}\n".encode())
    os.close(descriptor)
    os.kill(os.getpid(), signal.SIGKILL)
