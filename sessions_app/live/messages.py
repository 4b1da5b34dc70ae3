"""What the services publish about a session, once it is committed. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from snapshots.crypto import SessionCipher

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that were appended: stored ones, numbered from ``first_seq``, and live-only ones.

    ``live`` are pairs: how many of ``events`` come before it, and the event. ``sealed`` is the batch as it was stored:
    what leaves the process is this, never ``events``.
    """

    session_id: uuid.UUID
    first_seq: int
    events: Sequence[Event]
    live: Sequence[tuple[int, Event]]
    epoch: int
    expires_at: datetime
    sealed: bytes = field(default=b"", repr=False)
    cipher: SessionCipher | None = field(default=None, repr=False, compare=False)

    @property
    def last_seq(self) -> int:
        return self.first_seq + len(self.events) - 1


@dataclass(frozen=True, slots=True)
class Changed:
    """Something else about a session: its deadline or its epoch. With neither: the database knows what."""

    session_id: uuid.UUID
    epoch: int | None = None
    expires_at: datetime | None = None


Message = Batch | Changed
