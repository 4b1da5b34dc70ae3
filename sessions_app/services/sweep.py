"""The sweep: closes what is past its deadline. The database is the queue; any number may run at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from sessions_app.lease import State
from sessions_app.models import Session, SessionQuerySet
from sessions_app.services.clocks import MAX_CLOCK_DIFFERENCE, clock_difference
from sessions_app.services.closing import try_to_close

log = logging.getLogger(__name__)

#: One round's bound, so that a round fits well within a task's time limit; the next round goes on.
ROUND_LIMIT = 5000


class ClocksDisagree(Exception):
    """The application's and the database's clocks differ too much to tell what is past its deadline."""

    def __init__(self, difference: timedelta) -> None:
        super().__init__(
            f"The clocks of this machine and of the database differ by {difference.total_seconds():.1f} s. The "
            f"sweep does not run above {MAX_CLOCK_DIFFERENCE.total_seconds():.0f} s, because it would close "
            "sessions that are still live: set both by NTP, then run it again."
        )


@dataclass(slots=True)
class Round:
    """What one round did."""

    closed: int = 0
    put_off: int = 0
    rearmed: int = 0


def due(now: datetime) -> SessionQuerySet:
    """Sessions to look at: their lazy deadline is past and they are not in quarantine."""
    return Session.objects.filter(state=State.ACTIVE, quarantined_at__isnull=True, sweep_after__lte=now).order_by(
        "sweep_after"
    )


def sweep(*, now: datetime) -> Round:
    """Close what is past its deadline, one session a transaction.

    Raises:
        ClocksDisagree: nothing was looked at.
    """
    difference = clock_difference(now=now)
    if abs(difference) > MAX_CLOCK_DIFFERENCE:
        raise ClocksDisagree(difference)
    done = Round()
    for _ in range(ROUND_LIMIT):
        with transaction.atomic():
            session = due(now).select_for_update(skip_locked=True, of=("self",)).first()
            if session is None:
                break
            _settle(session, done, now=now)
    if done.closed or done.put_off:
        log.info("sweep closed=%s put_off=%s rearmed=%s", done.closed, done.put_off, done.rearmed)
    return done


def _settle(session: Session, done: Round, *, now: datetime) -> None:
    if session.expires_at > now:
        # Activity moved the deadline since the row was armed.
        Session.objects.filter(pk=session.pk).update(sweep_after=session.expires_at)
        done.rearmed += 1
    elif try_to_close(session, reason=session.reason_at_deadline, now=now):
        done.closed += 1
    else:
        done.put_off += 1


def would_close(*, now: datetime) -> Iterator[Session]:
    """The sessions that a round would close now. Changes nothing."""
    yield from due(now).filter(expires_at__lte=now).defer("labels").iterator()
