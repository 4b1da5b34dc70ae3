"""The state of each part, for load balancers and operators. No content, no keys, no addresses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from sessions_app.lease import State
from sessions_app.models import Session
from sessions_app.services.clocks import MAX_CLOCK_DIFFERENCE, clock_difference
from snapshots.services.readiness import problem_at_start


@dataclass(frozen=True, slots=True)
class Health:
    """``problems`` are sentences; an empty list means that all is well."""

    problems: list[str]
    clock_difference_s: float | None
    quarantined: int | None

    @property
    def ok(self) -> bool:
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": "ok" if self.ok else "unavailable",
            "service": "linnet-sessions",
            "problems": self.problems,
            "clock_difference_s": self.clock_difference_s,
            "quarantined_sessions": self.quarantined,
        }


def check_health(*, now: datetime) -> Health:
    """Look at the database, its clock and the vault. A few queries."""
    try:
        difference = clock_difference(now=now).total_seconds()
        quarantined = Session.objects.filter(quarantined_at__isnull=False, state=State.ACTIVE).count()
    except DatabaseError:
        return Health(["The database does not answer."], None, None)
    problems = []
    if abs(difference) > MAX_CLOCK_DIFFERENCE.total_seconds():
        problems.append("The clocks of this machine and of the database differ too much: the sweep does not run.")
    if problem_at_start():
        problems.append("The vault can't open what it holds: see the log of the web process at its start.")
    return Health(problems, round(difference, 3), quarantined)
