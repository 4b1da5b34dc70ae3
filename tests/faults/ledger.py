"""What the clients were told, and when. Times are seconds since the epoch; every process runs on this machine's clock.

An acknowledgement counts as a fault here when no order of events could explain it: a write whose first byte was sent
after the deadline that every earlier answer allows for, or with a token that an answered attach had taken away before.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field

#: Clocks are read before sending and after receiving; answers carry times cut to milliseconds or microseconds.
TOLERANCE_S = 0.05
#: As many sessions are taken for live, the latest ones: of the others nobody asked whether they are over.
LATEST = 40
#: Of these the deadline moves.
ACTIVITY = {"append", "touch", "import"}


@dataclass(slots=True)
class Write:
    """One write, with all its attempts."""

    kind: str
    #: When its first attempt was sent; its last one, where each attempt is a write of its own.
    sent_at: float
    #: Under which epoch; None where no token is needed.
    epoch: int | None = None
    events: list[str] = field(default_factory=list)
    #: When the last attempt of unknown outcome was over: until then it may have happened.
    doubtful_at: float | None = None
    answered_at: float | None = None
    #: As answered.
    deadline: float | None = None
    first_seq: int = 0
    last_seq: int = 0
    #: Of an answered attach: the epoch that it began.
    began: int = 0
    first_sent_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.first_sent_at = self.sent_at


@dataclass(slots=True)
class SessionRecord:
    """One session as its clients know it. Several of them may write at once."""

    id: str
    client: int
    ttl_s: float
    started_deadline: float
    hard_deadline: float
    started_at: float
    topic: str = ""
    writes: list[Write] = field(default_factory=list)
    #: When a client was first told that it is over.
    over_at: float | None = None
    wrong_reads: int = 0
    #: Whether its user asked to have the snapshot removed, and whether that was answered.
    may_be_gone: bool = False
    must_be_gone: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sending(self, write: Write) -> Write:
        with self._lock:
            self.writes.append(write)
        return write

    def told_over(self, at: float) -> None:
        with self._lock:
            self.over_at = min(at, self.over_at or at)

    def acknowledged(self) -> list[Write]:
        """The appends that were answered, by number."""
        with self._lock:
            found = [w for w in self.writes if w.kind == "append" and w.answered_at is not None]
        return sorted(found, key=lambda write: write.first_seq)

    def deadline_at(self, moment: float) -> float:
        """The latest deadline that the session can have had, by writes that were sent before this moment."""
        latest = self.started_deadline
        with self._lock:
            earlier = [write for write in self.writes if write.kind in ACTIVITY and write.first_sent_at < moment]
        for write in earlier:
            if write.deadline is not None:
                latest = max(latest, write.deadline)
            if write.doubtful_at is not None:
                latest = max(latest, write.doubtful_at + self.ttl_s)
        return min(latest, self.hard_deadline)

    def late(self) -> list[Write]:
        """Writes that were accepted though they were sent after the deadline, or after the session was over."""
        found = []
        for write in self.writes:
            if write.answered_at is None:
                continue
            past = write.sent_at > self.deadline_at(write.sent_at) + TOLERANCE_S
            if past or (self.over_at is not None and write.sent_at > self.over_at):
                found.append(write)
        return found

    def fenced(self) -> list[Write]:
        """Writes that were accepted under an epoch that an attach, answered before, had ended."""
        taken = [(w.answered_at, w.began) for w in self.writes if w.began and w.answered_at is not None]
        return [
            write
            for write in self.writes
            if write.answered_at is not None
            and write.epoch is not None
            and any(at < write.sent_at and epoch > (write.epoch or 0) for at, epoch in taken)
        ]


class Ledger:
    """All sessions that a client knows of, and a count of what was answered."""

    def __init__(self) -> None:
        self.sessions: dict[str, SessionRecord] = {}
        self.answers: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    def add(self, record: SessionRecord) -> SessionRecord:
        """The session's record; the one that is there already, if there is."""
        with self._lock:
            return self.sessions.setdefault(record.id, record)

    def live(self) -> list[SessionRecord]:
        """Sessions of which no client was told yet that they are over."""
        return [record for record in list(self.sessions.values()) if record.over_at is None][-LATEST:]

    def count(self, what: str) -> None:
        with self._lock:
            self.answers[what] += 1

    def acknowledged_events(self) -> int:
        return sum(len(write.events) for record in list(self.sessions.values()) for write in record.acknowledged())
