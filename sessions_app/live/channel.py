"""One session's open streams in this process, and what they were told of it so far."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sessions_app.lease import Policy, expiry_reason
from sessions_app.live import lease
from sessions_app.live.messages import Batch, Event
from sessions_app.live.outbox import Events
from sessions_app.services.following import Followed
from snapshots.crypto import SessionCipher

#: Streams are told about once a second that the deadline moved: beside events, if there are any, by itself otherwise.
DEADLINE_EVERY_S, DEADLINE_ALONE_S = 0.8, 1.4


class Listener(Protocol):
    """One open stream, as its session's channel sees it."""

    def deliver(self, item: Events) -> None: ...
    def tell(self, frame: bytes) -> None: ...
    def mark_place(self) -> None: ...
    def finish(self, frame: bytes) -> None: ...


class Channel:
    """``seq`` is the last number that was given to all streams; each stream has its own place too.

    Belongs to the event loop. ``at`` are the loop's seconds, ``now`` is the wall clock.
    """

    def __init__(self, followed: Followed) -> None:
        self.session_id = followed.session_id
        self.name = str(followed.session_id)
        self.owner_id = followed.owner_id
        self.policy = followed.policy
        self.epoch = followed.epoch
        self.seq = followed.last_seq
        self.expires_at = followed.expires_at
        self.hard_expires_at = followed.hard_expires_at
        self.idle_timeout = followed.idle_timeout
        self.lead: timedelta = followed.notice_lead
        #: With a bus between processes: what opens its messages, and who is fetching that.
        self.cipher: SessionCipher | None = None
        self.ready: asyncio.Task[None] | None = None
        #: The latest service event, for streams that open late.
        self.service: Event | None = None
        self.streams: set[Listener] = set()
        self.ended = False
        #: While the journal is read for all streams; and whether to read it again afterwards.
        self.reading = self.read_again = False
        self.moved_at = 0.0
        self._live: list[tuple[int, Event]] = []
        self._told_at = 0.0
        self._untold = self._noticed = False

    # --- events ---------------------------------------------------------------------------------------

    def receive(self, batch: Batch) -> bool:
        """Pass a batch on. False: something before it is missing, so the journal must be read."""
        for _, event in batch.live:
            if event["event_type"] == "service":
                self.service = event
        self.reach(batch.epoch)
        if batch.first_seq > self.seq + 1:
            # What is not stored is kept until what comes before it has been read.
            self._live += [(batch.first_seq + index - 1, event) for index, event in batch.live]
            return False
        known = self.seq + 1 - batch.first_seq
        if known < len(batch.events):
            live = [(max(0, index - known), event) for index, event in batch.live]
            self._pass_on(batch.events[known:], live)
        elif batch.live:
            self._pass_on((), [(0, event) for _, event in batch.live])
        return True

    def reach(self, epoch: int) -> None:
        """Somebody attached: clients that are here get an id of the new epoch, and can go on from it."""
        if epoch > self.epoch:
            self.epoch = epoch
            for stream in tuple(self.streams):
                stream.mark_place()

    def accept(self, first_seq: int, events: Sequence[Event]) -> None:
        """Pass on what was read from the journal."""
        known = self.seq + 1 - first_seq
        if 0 <= known < len(events):
            self._pass_on(events[known:], [])
        ready = [event for after, event in self._live if after <= self.seq]
        self._live = [(after, event) for after, event in self._live if after > self.seq]
        if ready:
            self._pass_on((), [(0, event) for event in ready])

    def _pass_on(self, events: Sequence[Event], live: Sequence[tuple[int, Event]]) -> None:
        item = Events(self.name, self.epoch, self.seq + 1, events, live)
        self.seq += len(events)
        for stream in tuple(self.streams):
            stream.deliver(item)

    # --- the lease ------------------------------------------------------------------------------------

    def move(self, expires_at: datetime, *, at: float) -> None:
        """The deadline is another one now."""
        if expires_at != self.expires_at:
            self.expires_at = expires_at
            self.moved_at = at
            self._untold = True
            self.tell_deadline(at=at, every_s=DEADLINE_EVERY_S)

    def tell_deadline(self, *, at: float, every_s: float = DEADLINE_ALONE_S) -> None:
        """Tell a deadline that was not told yet, if the last one is long enough ago."""
        if self._untold and at - self._told_at >= every_s:
            self._untold, self._told_at = False, at
            self._tell(self.deadline())

    def notify(self, *, now: datetime) -> None:
        """Give notice before the deadline, once each time that it comes near."""
        # An open stream itself keeps an ephemeral session, so only the hard end comes near to that.
        end = self.hard_expires_at if self.policy is Policy.EPHEMERAL else self.expires_at
        near = bool(self.lead) and end - now <= self.lead
        if near and not self._noticed and end > now:
            self._tell(self._told("notice"))
        self._noticed = near

    def deadline(self) -> bytes:
        """The deadline as it is now."""
        return self._told("deadline")

    def _told(self, event: str) -> bytes:
        reason = expiry_reason(self.policy, expires_at=self.expires_at, hard_expires_at=self.hard_expires_at)
        return lease.told(
            event, expires_at=self.expires_at, hard_expires_at=self.hard_expires_at, reason_at_deadline=reason.value
        )

    def _tell(self, frame: bytes) -> None:
        for stream in tuple(self.streams):
            stream.tell(frame)
