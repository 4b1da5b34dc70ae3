"""A session's row without the model's object: for writes into many sessions at once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sessions_app.models.session import Lifetime, Session
from snapshots.models import WrappedKeys


@dataclass(slots=True)
class LockedSession(Lifetime):
    """What an append needs of a session's row. Making the model's object of it would cost ten times as much."""

    pk: uuid.UUID
    owner_id: int
    state: str
    epoch: int
    started_at: datetime
    last_activity_at: datetime
    idle_timeout: timedelta
    expires_at: datetime
    hard_expires_at: datetime
    last_seq: int
    content_bytes: int
    key: WrappedKeys | None


AnySession = Session | LockedSession
