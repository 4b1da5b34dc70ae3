"""The rules of a lease: policies, states, reasons, tokens and deadlines. Pure; times are aware datetimes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sessions_app.tiers import Tier

TOKEN_PREFIX = "lns_"  # noqa: S105  (a public prefix, so that a leaked token can be found by scanners)
TOKEN_BYTES = 32

#: How far ahead of the server's clock a client's ``occurred_at`` may be; it is then read as "now".
CLOCK_TOLERANCE = timedelta(seconds=5)


class Policy(StrEnum):
    """What a session's lifetime and retention follow."""

    EPHEMERAL = "ephemeral"
    PINNED = "pinned"
    PRIVATE = "private"

    @property
    def keeps_snapshot(self) -> bool:
        """Whether closing saves the conversation. The other policies destroy journal and key."""
        return self is Policy.PINNED

    @property
    def needs(self) -> Tier:
        """The tier a session of this policy can be started with."""
        return Tier.PAID if self is Policy.PINNED else Tier.FREE

    @classmethod
    def default_for(cls, tier: Tier) -> Policy:
        """The policy of a user who chose none."""
        return cls.PINNED if tier.covers(cls.PINNED.needs) else cls.EPHEMERAL


class State(StrEnum):
    """``active`` accepts events until its deadline; ``closed`` is final."""

    ACTIVE = "active"
    CLOSED = "closed"


class CloseReason(StrEnum):
    """Why a session is over."""

    ENDED = "ended"
    IDLE = "idle"
    DETACHED = "detached"
    MAX_LIFETIME = "max_lifetime"
    SUPERSEDED = "superseded"
    INTERRUPTED = "interrupted"
    ERROR = "error"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Clocks:
    """A live session's two clocks: the idle one, which activity moves, and the hard one, which nothing does."""

    last_activity_at: datetime
    idle_timeout: timedelta
    hard_expires_at: datetime

    @property
    def expires_at(self) -> datetime:
        """The deadline: whichever clock runs out first."""
        return min(self.last_activity_at + self.idle_timeout, self.hard_expires_at)

    def after_activity(self, occurred_at: datetime) -> Clocks:
        """The clocks once activity of that moment is known. Late news never moves a clock back."""
        return Clocks(max(self.last_activity_at, occurred_at), self.idle_timeout, self.hard_expires_at)


def expiry_reason(policy: Policy, *, expires_at: datetime, hard_expires_at: datetime) -> CloseReason:
    """Why a session that nobody ended is over once its deadline is past."""
    if expires_at >= hard_expires_at:
        return CloseReason.MAX_LIFETIME
    return CloseReason.DETACHED if policy is Policy.EPHEMERAL else CloseReason.IDLE


def new_token() -> str:
    """A fresh lease token: 256 random bits, shown once and stored only as a keyed MAC."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
