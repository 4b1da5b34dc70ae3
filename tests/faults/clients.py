"""The clients: each lives through its planned episodes and keeps the ledger of what it was told."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

from tests.faults.lease import Held, event, seconds
from tests.faults.ledger import Ledger, SessionRecord, Write
from tests.faults.plan import Episode, Step, episodes
from tests.faults.wire import Answer, Wire

#: How often the old device appends beside the other, at most.
BESIDE_APPENDS = 5
FORGET_AFTER_S = 1
#: How far around the deadline a write at the deadline is sent.
EDGE_S = 0.04
#: How long after the deadline a late write is sent, at most.
LATE_S = 1.2


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
            self._end(held, episode)

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
                self._append(held, step)
            case "append twice at once":
                old_device = self._go_on(held, step)
                for _ in range(BESIDE_APPENDS):
                    self._append(held, step)
                old_device.join()
            case "touch":
                self._write(held, "touch", f"{held.path}touch/", self._occurred(held, step))
            case "attach":
                self._attach(held)
            case "append with an old token" if held.lost:
                self._append(held, step, device=self._old_device, lease=held.lost[int(step.pick * len(held.lost))])
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
                self._append(held, step)
            case "write past the deadline":
                self._past_deadline(held, step)

    def _past_deadline(self, held: Held, step: Step) -> None:
        self._sleep_until(held.record.deadline_at(time.time()) + LATE_S * step.pick)
        if step.events <= 3:
            self._append(held, step)
        elif step.events == 4:
            self._write(held, "touch", f"{held.path}touch/", {})
        else:
            self._attach(held)

    # --- its writes -----------------------------------------------------------------------------------

    def _append(
        self, held: Held, step: Step, *, device: Wire | None = None, lease: tuple[str, int] | None = None
    ) -> bool:
        """Append with the lease in hand, or with this one. Returns whether it was acknowledged."""
        token, epoch = lease or (held.token, held.epoch)
        # No name comes twice: client, batch, position in the batch.
        batch = f"{self.number}.{next(self._batches)}"
        events = [f"{batch}.{position}" for position in range(1, step.events + 1)]
        body = {"events": [event(name) for name in events], **self._occurred(held, step)}
        write = held.record.sending(Write("append", time.time(), epoch, events))
        answer = (device or self._wire).ask("POST", f"{held.path}events/", body, lease=token, key=batch, writes=[write])
        if answer.status == 201:
            write.first_seq, write.last_seq = answer.document["first_seq"], answer.document["last_seq"]
            self._answered(write, answer.document["expires_at"])
            return True
        self._refused(held, answer, recover=lease is None)
        return False

    def _write(self, held: Held, kind: str, path: str, body: dict[str, Any]) -> None:
        write = held.record.sending(Write(kind, time.time(), held.epoch))
        answer = self._wire.ask("POST", path, body, lease=held.token, writes=[write])
        if answer.status in (200, 201):
            self._answered(write, answer.document.get("lease", answer.document)["expires_at"])
        else:
            self._refused(held, answer, recover=True)

    def _attach(self, held: Held) -> None:
        write = held.record.sending(Write("attach", time.time()))
        answer = self._wire.ask("POST", f"{held.path}attach/", writes=[write])
        if answer.status == 200:
            write.began = answer.document["lease"]["epoch"]
            self._answered(write, answer.document["lease"]["expires_at"])
            held.take(answer.document["lease"])
        else:
            self._refused(held, answer, recover=False)

    def _start_again(self, held: Held) -> None:
        """A start on the same topic takes the session over while it lives; else it makes another."""
        write = Write("attach", time.time())
        answer = self._wire.ask("POST", "sessions/", {"topic": held.record.topic}, writes=[write])
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
        old_device = self._go_on(held, step)
        self._sleep(step.pause_s)
        self._attach(held)
        self._append(held, step)
        old_device.join()

    def _go_on(self, held: Held, step: Step) -> threading.Thread:
        """The old device appends with the token in hand now, until it is refused."""
        lease = (held.token, held.epoch)
        # In batches of another size: two that take the same number without a lock would overlap, not collide.
        step = replace(step, events=1 + step.events % 5)

        def append() -> None:
            for _ in range(BESIDE_APPENDS):
                if self.stopped.is_set() or not self._append(held, step, device=self._old_device, lease=lease):
                    return

        old_device = threading.Thread(target=append, daemon=True)
        old_device.start()
        return old_device

    def _end(self, held: Held, episode: Episode) -> None:
        """End the session: sometimes while the old device still writes, sometimes to be forgotten soon."""
        old_device = self._go_on(held, episode.steps[0]) if episode.pick < 0.3 else None
        answer = self._wire.ask("POST", f"{held.path}end/", lease=held.token)
        if old_device is not None:
            old_device.join()
        if answer.status == 200:
            held.over = True
            held.record.told_over(time.time())
            if answer.document["snapshot"]:
                snapshot = answer.document["snapshot"]["id"]
                self._snapshots = [*self._snapshots[-9:], snapshot]
                if episode.pick > 0.85:
                    self._forget(held, snapshot)

    def _forget(self, held: Held, snapshot: str) -> None:
        """The user wants the snapshot gone in a moment: the purge takes it then."""
        held.record.may_be_gone = True
        soon = datetime.fromtimestamp(time.time() + FORGET_AFTER_S, UTC).isoformat()
        answer = self._wire.ask("PATCH", f"snapshots/{snapshot}/", {"expires_at": soon})
        held.record.must_be_gone = answer.status == 200

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
        elif answer.code == "E-SESSION-002":
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
