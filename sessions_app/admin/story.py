"""What a row says in words to a support person. Metadata only; never what was said, nor what it was about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from sessions_app.lease import Policy
from sessions_app.models import Session
from sessions_app.services.tiers import Plan
from sessions_app.tiers import PAID_PLUS
from sessions_app.wording import (
    counted,
    ended_for_staff,
    hard_clock_reason,
    idle_clock_reason,
    moment_in_words,
)
from snapshots.models import Snapshot

#: A session that is past its deadline for longer than this should have been swept.
SWEEP_IS_LATE = timedelta(minutes=5)

_REMOVED = {
    "user": "Deleted by the user on {when}",
    "staff": "Deleted by support staff on {when}",
    "expired": "Deleted on {when}: the time for keeping it was over",
}


class Standing(Enum):
    """Where a session stands at a moment, whether or not a sweep has been by."""

    LIVE = auto()
    OVER = auto()
    PUT_OFF = auto()
    QUARANTINED = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class SnapshotStory:
    """A snapshot at one moment."""

    snapshot: Snapshot
    now: datetime

    @property
    def is_over(self) -> bool:
        """Past its retention: gone for its user, purged or not."""
        return self.snapshot.expires_at is not None and self.snapshot.expires_at <= self.now

    @property
    def kept(self) -> str:
        if self.snapshot.expires_at is None:
            return "Kept without an end"
        if self.is_over:
            return f"Over since {moment_in_words(self.snapshot.expires_at)}; being deleted"
        return f"Kept until {moment_in_words(self.snapshot.expires_at)}"

    def in_short(self, plan: Plan) -> str:
        holds = f"It holds {counted(self.snapshot.event_count, 'event')}, which only its user can read."
        if self.is_over:
            return f"{self.kept}. Its user does not see it any more, and it can't be brought back."
        return f"{self.kept}. {holds} {user_can(plan)}"


@dataclass(frozen=True, slots=True)
class SessionStory:
    """A session at one moment, beside its snapshot if there is one."""

    session: Session
    snapshot: Snapshot | None
    now: datetime

    @property
    def standing(self) -> Standing:
        session = self.session
        if session.is_closed:
            return Standing.CLOSED
        if session.quarantined_at is not None:
            return Standing.QUARANTINED
        if session.close_failed_at is not None:
            return Standing.PUT_OFF
        return Standing.OVER if session.is_overdue(self.now) else Standing.LIVE

    @property
    def is_saved_on_close(self) -> bool:
        return Policy(self.session.policy).keeps_snapshot

    @property
    def because(self) -> str:
        session = self.session
        reason = session.close_reason or session.reason_at_deadline.value
        return ended_for_staff(reason, idle_timeout=session.idle_timeout)

    @property
    def deadline_clock(self) -> str:
        return "longest time" if self.session.expires_at >= self.session.hard_expires_at else "idle clock"

    @property
    def next_try(self) -> str:
        if self.session.sweep_after <= self.now:
            return "next try is due now"
        return f"next try {moment_in_words(self.session.sweep_after)}"

    @property
    def status(self) -> str:
        """What it is now, in one line."""
        session, saved = self.session, "saved" if self.is_saved_on_close else "closed"
        match self.standing:
            case Standing.LIVE:
                return f"Live until {moment_in_words(session.expires_at)} ({self.deadline_clock})"
            case Standing.OVER:
                return f"Over since {moment_in_words(session.expires_at)}; being {saved}"
            case Standing.PUT_OFF:
                tries = f"tried {counted(session.close_attempts, 'time')}" if session.close_attempts else "released"
                return f"Could not be {saved} yet: {tries}, {self.next_try}"
            case Standing.QUARANTINED:
                return f"In quarantine since {moment_in_words(session.quarantined_at or self.now)}"
        return f"Closed {moment_in_words(session.closed_at or self.now)}: {self.because}"

    @property
    def kept(self) -> str:
        """What is kept of it, in one line."""
        session = self.session
        if not self.is_saved_on_close:
            return f"{'Nothing is kept' if session.is_closed else 'Nothing will be kept'}: {session.policy}"
        if not session.is_closed:
            return "In the journal; saved when it closes"
        if self.snapshot is not None:
            return SnapshotStory(self.snapshot, self.now).kept
        if session.snapshot_removed_at is None:
            return "Nothing is kept any more"
        because = _REMOVED.get(session.snapshot_removed_because, "Deleted on {when}")
        return because.format(when=moment_in_words(session.snapshot_removed_at))

    @property
    def idle_clock(self) -> str:
        session = self.session
        end = moment_in_words(session.last_activity_at + session.idle_timeout)
        return f"{end}. {idle_clock_reason(session.policy, session.idle_timeout)}"

    @property
    def hard_clock(self) -> str:
        session = self.session
        lifetime = session.hard_expires_at - session.started_at
        return f"{moment_in_words(session.hard_expires_at)}. {hard_clock_reason(lifetime)}"

    @property
    def trouble(self) -> str:
        """What kept it from being closed; empty when nothing did."""
        session = self.session
        if session.close_failed_at is None:
            return ""
        since = f"Closing it first failed on {moment_in_words(session.close_failed_at)}."
        if session.is_closed:
            return f"{since} Later it succeeded."
        tries = f"Tried {counted(session.close_attempts, 'time')}" if session.close_attempts else "Released"
        then = "not tried again before somebody releases it" if session.quarantined_at else self.next_try
        return f"{since} {tries}; {then}."

    def in_short(self, plan: Plan) -> str:
        """What happened, and what the user (or the reader) can do about it."""
        told = {
            Standing.LIVE: self._live,
            Standing.OVER: self._over,
            Standing.PUT_OFF: self._put_off,
            Standing.QUARANTINED: self._quarantined,
        }.get(self.standing)
        return told() if told else self._closed(plan)

    @property
    def _then(self) -> str:
        if self.is_saved_on_close:
            return "what it holds is saved"
        return f"nothing of it is kept, because it is {self.session.policy}"

    @property
    def _over_since(self) -> str:
        return f"This session has been over since {moment_in_words(self.session.expires_at)}, because {self.because}."

    def _live(self) -> str:
        end = moment_in_words(self.session.expires_at)
        later = " Activity moves that time." if self.deadline_clock == "idle clock" else ""
        return (
            f"This session is live. It closes at {end} ({self.deadline_clock}), and then {self._then}.{later} A user "
            "who does not see it can open Linnet again, on any device, and go on where it stands."
        )

    def _over(self) -> str:
        told = f"{self._over_since} It is being closed: {self._then}. The user can start a new session meanwhile."
        if self.now - self.session.expires_at > SWEEP_IS_LATE:
            told += (
                " That should be done by now. Nothing is lost, but tell the operators: the periodic work may stand "
                "still. You can also end it here."
            )
        return told

    def _put_off(self) -> str:
        return (
            f"{self._over_since} It could not be {'saved' if self.is_saved_on_close else 'closed'} yet, for the "
            f"cause below under Trouble. Nothing is lost, and it is tried again by itself: {self.next_try}. The user "
            "can start a new session meanwhile."
        )

    def _quarantined(self) -> str:
        return (
            f"{self._over_since} Closing it failed {counted(self.session.close_attempts, 'time')}, so it waits in "
            "quarantine. Nothing is lost, and nothing is deleted. First have the operators mend the cause, which is "
            "below under Trouble; then release it, and it is tried again within a minute or so. The user can start a "
            "new session meanwhile."
        )

    def _closed(self, plan: Plan) -> str:
        closed = moment_in_words(self.session.closed_at or self.now)
        told = f"This session closed at {closed}, because {self.because}."
        if not self.is_saved_on_close:
            return (
                f"{told} Nothing of it is kept, because it was {self.session.policy}: its events and their key were "
                "destroyed when it closed. Nobody can bring it back."
            )
        if self.snapshot is None or SnapshotStory(self.snapshot, self.now).is_over:
            return f"{told} {self.kept}. It can't be brought back."
        return f"{told} Saved: {counted(self.snapshot.event_count, 'event')}. {self.kept}. {user_can(plan)}"


def user_can(plan: Plan) -> str:
    """What a snapshot's user can do with it."""
    if plan.tier.covers(PAID_PLUS):
        return "The user can bring it back, export it or delete it in Linnet's settings, under the last sessions."
    if not plan.known:
        return (
            "The user can list, export and delete it in Linnet's settings; whether their plan gives bringing it back "
            "can't be looked up now."
        )
    return (
        f"The user's plan is {plan.tier.value} now: they can list, export and delete it in Linnet's settings, but "
        f"bringing it back needs the {PAID_PLUS.value} plan."
    )


def plan_in_words(plan: Plan) -> str:
    """The plan of a user at this moment, where it can be known."""
    return f"{plan.tier.value} now" if plan.known else "not known now: the licence server does not answer"


def lease_in_words(session: Session) -> str:
    """How often the session was taken over."""
    if session.epoch == 1:
        return "1: one device from the start"
    return f"{session.epoch}: a device connected again, or another took over, {counted(session.epoch - 1, 'time')}"
