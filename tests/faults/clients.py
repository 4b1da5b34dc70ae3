"""The clients: each lives through its planned episodes and keeps the ledger of what it was told."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

from tests.faults.ledger import Ledger, SessionRecord, Write
from tests.faults.plan import Episode, Step, episodes
from tests.faults.wire import Answer, Wire

DUEL_APPENDS = 8
#: How far around the deadline a write at the deadline is sent.
EDGE_S = 0.04
#: How long after the deadline a late write is sent, at most.
LATE_S = 1.2


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


class Client(threading.Thread):
    """One user with two devices."""

    def __init__(
        self,
        number: int,
        token: str,
        *,
        ports: list[int],
        seed: int,
        ttl_s: float,
        ledger: Ledger,
        stopped: threading.Event,
    ) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self.number = number
        self.ttl_s = ttl_s
        self.ledger = ledger
        self.stopped = stopped
        self.failure: BaseException | None = None
        self._episodes = episodes(seed, number)
        self._batches = count(1)
        self._wire, self._old_device = (
            Wire(ports, token, rng=Random(f"{seed}:client:{number}:{device}"), ledger=ledger, stopped=stopped)
            for device in ("device", "old device")
        )
        self._snapshots: list[str] = []

    def run(self) -> None:
        try:
            for episode in self._episodes:
                if self.stopped.is_set():
                    return
                self._live(episode)
        except BaseException as error:
            self.failure = error
            raise

    # --- an episode -----------------------------------------------------------------------------------

    def _live(self, episode: Episode) -> None:
        held = self._begin(episode)
        if held is None:
            return
        for step in episode.steps:
            if self.stopped.is_set() or held.over:
                break
            if episode.outlasts and step.kind in ("write past the deadline", "append at the deadline"):
                continue
            self._sleep(step.pause_s)
            self._do(held, step)
        if episode.ends and not held.over and not self.stopped.is_set():
            self._end(held)

    def _begin(self, episode: Episode) -> Held | None:
        body = {"topic": episode.topic} if episode.topic else {}
        if episode.imports and self._snapshots:
            snapshot = self._snapshots[int(episode.pick * len(self._snapshots))]
            answer = self._wire.ask("POST", f"snapshots/{snapshot}/import/", body)
        else:
            answer = self._wire.ask("POST", "sessions/", body)
        return self._held(answer, episode.topic) if answer.status in (200, 201) else None

    def _held(self, answer: Answer, topic: str) -> Held:
        lease = answer.document["lease"]
        record = SessionRecord(
            id=answer.document["id"],
            client=self.number,
            ttl_s=self.ttl_s,
            started_deadline=seconds(lease["expires_at"]),
            hard_deadline=seconds(lease["hard_expires_at"]),
            started_at=seconds(answer.document["started_at"]),
            topic=topic,
        )
        return Held(self.ledger.add(record), lease["token"], lease["epoch"])

    def _do(self, held: Held, step: Step) -> None:
        match step.kind:
            case "append":
                self._append(self._wire, held, held.token, held.epoch, step)
            case "touch":
                self._write(held, "touch", f"{held.path}touch/", self._occurred(held, step))
            case "attach":
                self._attach(held)
            case "append with an old token" if held.lost:
                token, epoch = held.lost[int(step.pick * len(held.lost))]
                self._append(self._old_device, held, token, epoch, step)
            case "duel":
                self._duel(held, step)
            case "read":
                self._read(held)
            case "import" if self._snapshots:
                snapshot = self._snapshots[int(step.pick * len(self._snapshots))]
                self._write(held, "import", f"snapshots/{snapshot}/import/", {"into": held.record.id})
            case "start again" if held.record.topic:
                self._start_again(held)
            case "append at the deadline":
                self._sleep_until(held.record.deadline_at(time.time()) + EDGE_S * (2 * step.pick - 1))
                self._append(self._wire, held, held.token, held.epoch, step)
            case "write past the deadline":
                self._past_deadline(held, step)

    def _past_deadline(self, held: Held, step: Step) -> None:
        self._sleep_until(held.record.deadline_at(time.time()) + LATE_S * step.pick)
        if step.events <= 3:
            self._append(self._wire, held, held.token, held.epoch, step)
        elif step.events == 4:
            self._write(held, "touch", f"{held.path}touch/", {})
        else:
            self._attach(held)

    # --- its writes -----------------------------------------------------------------------------------

    def _append(self, wire: Wire, held: Held, token: str, epoch: int, step: Step) -> bool:
        # No name comes twice: client, batch, position in the batch.
        batch = f"{self.number}.{next(self._batches)}"
        events = [f"{batch}.{position}" for position in range(1, step.events + 1)]
        body = {"events": [event(name) for name in events], **self._occurred(held, step)}
        write = held.record.sending(Write("append", time.time(), epoch, events))
        answer = wire.ask("POST", f"{held.path}events/", body, lease=token, key=batch, write=write)
        if answer.status == 201:
            write.first_seq, write.last_seq = answer.document["first_seq"], answer.document["last_seq"]
            self._answered(write, answer.document["expires_at"])
            return True
        self._refused(held, answer, recover=token == held.token)
        return False

    def _write(self, held: Held, kind: str, path: str, body: dict[str, Any]) -> None:
        write = held.record.sending(Write(kind, time.time(), held.epoch))
        answer = self._wire.ask("POST", path, body, lease=held.token, write=write)
        if answer.status in (200, 201):
            self._answered(write, answer.document.get("lease", answer.document)["expires_at"])
        else:
            self._refused(held, answer, recover=True)

    def _attach(self, held: Held) -> None:
        write = held.record.sending(Write("attach", time.time()))
        answer = self._wire.ask("POST", f"{held.path}attach/", write=write)
        if answer.status == 200:
            write.began = answer.document["lease"]["epoch"]
            self._answered(write, answer.document["lease"]["expires_at"])
            held.take(answer.document["lease"])
        else:
            self._refused(held, answer, recover=False)

    def _start_again(self, held: Held) -> None:
        """A start on the same topic takes the session over while it lives; else it makes another."""
        write = Write("attach", time.time())
        answer = self._wire.ask("POST", "sessions/", {"topic": held.record.topic}, write=write)
        if answer.status not in (200, 201):
            return
        if answer.document["id"] == held.record.id:
            write.began = answer.document["lease"]["epoch"]
            self._answered(held.record.sending(write), answer.document["lease"]["expires_at"])
            held.take(answer.document["lease"])
            return
        held.record.told_over(time.time())
        other = self._held(answer, held.record.topic)
        held.record, held.token, held.epoch, held.lost = other.record, other.token, other.epoch, []

    def _duel(self, held: Held, step: Step) -> None:
        """The old device goes on appending while the new one takes over and appends itself."""
        token, epoch = held.token, held.epoch

        def go_on() -> None:
            for _ in range(DUEL_APPENDS):
                if not self._append(self._old_device, held, token, epoch, step) or self.stopped.is_set():
                    return

        old_device = threading.Thread(target=go_on, daemon=True)
        old_device.start()
        self._sleep(step.pause_s)
        self._attach(held)
        self._append(self._wire, held, held.token, held.epoch, step)
        old_device.join()

    def _end(self, held: Held) -> None:
        answer = self._wire.ask("POST", f"{held.path}end/", lease=held.token)
        if answer.status == 200:
            held.over = True
            held.record.told_over(time.time())
            if answer.document["snapshot"]:
                self._snapshots = [*self._snapshots[-9:], answer.document["snapshot"]["id"]]

    def _read(self, held: Held) -> None:
        before = [(write.first_seq, write.events) for write in held.record.acknowledged()]
        answer = self._wire.ask("GET", f"{held.path}events/?after=0")
        if answer.status != 200:
            self._refused(held, answer, recover=False)
            return
        read = {row["seq"]: row["label"] for row in answer.document["events"]}
        for first_seq, events in before:
            held.record.wrong_reads += sum(read.get(first_seq + i) != name for i, name in enumerate(events))

    # --- what was answered ----------------------------------------------------------------------------

    @staticmethod
    def _answered(write: Write, deadline: str) -> None:
        write.deadline = seconds(deadline)
        write.answered_at = time.time()

    def _refused(self, held: Held, answer: Answer, *, recover: bool) -> None:
        if answer.status == 410:
            held.over = True
            held.record.told_over(time.time())
            snapshot = answer.document.get("snapshot")
            if snapshot:
                self._snapshots = [*self._snapshots[-9:], snapshot["id"]]
        elif answer.status == 404:
            held.over = True
        elif answer.code == "E-SESSION-003" and recover:
            # An attach of ours was done, but its answer was lost.
            self._attach(held)

    @staticmethod
    def _occurred(held: Held, step: Step) -> dict[str, str]:
        if step.ago_s is None:
            return {}
        moment = max(held.record.started_at, time.time() - step.ago_s)
        # Rounded up, so that the start itself is not before the start.
        return {"occurred_at": datetime.fromtimestamp(moment + 0.000_001, UTC).isoformat()}

    def _sleep(self, duration_s: float) -> None:
        if duration_s > 0:
            self.stopped.wait(duration_s)

    def _sleep_until(self, moment: float) -> None:
        self._sleep(moment - time.time())


def event(name: str) -> dict[str, Any]:
    return {"event_type": "tone", "label": name, "confidence": 0.5, "speaker_id": "Speaker A", "timestamp": 1}


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
