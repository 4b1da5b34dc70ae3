"""What a client has in hand, and what it sends and is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.ledger import SessionRecord


@dataclass
class Held:
    """A session, the lease in hand, and the leases that were taken away."""

    record: SessionRecord
    token: str
    epoch: int
    lost: list[tuple[str, int]] = field(default_factory=list)
    over: bool = False

    @property
    def path(self) -> str:
        return f"sessions/{self.record.id}/"

    def take(self, lease: dict[str, Any]) -> None:
        """A new token: the one in hand is an old one from now on."""
        self.lost.append((self.token, self.epoch))
        self.token, self.epoch = lease["token"], lease["epoch"]


def event(name: str) -> dict[str, Any]:
    return {"event_type": "tone", "label": name, "confidence": 0.5, "speaker_id": "Speaker A", "timestamp": 1}


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
