"""The sweep: closes what is past its deadline. The database is the queue; any number may run at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from sessions_app.lease import State
from sessions_app.models import Session, SessionQuerySet
from sessions_app.services import closing
from sessions_app.services.clocks import MAX_CLOCK_DIFFERENCE, clock_difference
from snapshots.statements import OneRow

log = logging.getLogger(__name__)

#: A round's bound in seconds, well within a task's time limit, whatever it finds; the next round goes on. Killing a
#: task in the middle of a close would harm nothing, but its process would have to be started anew.
ROUND_S = 180


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
    """What one round did. ``more``: its time was over before it had looked at everything that is due."""

    closed: int = 0
    put_off: int = 0
    rearmed: int = 0
    more: bool = False


def due(now: datetime) -> SessionQuerySet:
    """Sessions to look at: their lazy deadline is past and they are not in quarantine."""
    return Session.objects.filter(state=State.ACTIVE, quarantined_at__isnull=True, sweep_after__lte=now).order_by(
        "sweep_after"
    )


#: The first of them that nobody else has locked, with its keys.
_NEXT = OneRow(
    lambda now: due(now).with_key().select_for_update(skip_locked=True, of=("self",))[:1],
    now=Session._meta.get_field("sweep_after"),
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
    until = time.monotonic() + ROUND_S
    while _look_at_one(done, now=now):
        if time.monotonic() >= until:
            done.more = True
            break
    if done.closed or done.put_off:
        log.info("sweep closed=%s put_off=%s rearmed=%s", done.closed, done.put_off, done.rearmed)
    return done


def _look_at_one(done: Round, *, now: datetime) -> bool:
    """Close the first session that is due, in a transaction of its own. Returns whether there was one."""
    session: Session | None = None
    try:
        with transaction.atomic():
            session = _NEXT.get(now=now)
            if session is None:
                return False
            rearm = session.expires_at > now
            if rearm:
                # Activity moved the deadline since the row was armed.
                Session.objects.filter(pk=session.pk).update(sweep_after=session.expires_at)
            else:
                closing.close(session, reason=session.reason_at_deadline, now=now)
    except Exception as error:
        if session is None:
            raise
        # All of it is undone, and the lock is gone: noted in a transaction of its own, so that the next sweep waits.
        done.put_off += closing.put_off(session.pk, error=error, now=now)
        return True
    done.rearmed += rearm
    done.closed += not rearm
    return True


def would_close(*, now: datetime) -> Iterator[Session]:
    """The sessions that a round would close now. Changes nothing."""
    yield from due(now).filter(expires_at__lte=now).defer("labels").iterator()
