"""The annotator: one process that appends to everybody's live sessions at once, many in a request, without a lease."""

from __future__ import annotations

import threading
import time
from itertools import count
from random import Random

from tests.faults.lease import event, seconds
from tests.faults.ledger import Ledger, SessionRecord, Write
from tests.faults.wire import Wire

#: The most sessions of one request, and the most events of one of them.
SESSIONS, EVENTS = 8, 4
PAUSE_S = 0.15


class Annotator(threading.Thread):
    """Sends bulk appends until it is told to stop."""

    def __init__(
        self, number: int, token: str, *, ports: list[int], seed: int, ledger: Ledger, stopped: threading.Event
    ) -> None:
        super().__init__(name=f"annotator-{number}", daemon=True)
        self.failure: BaseException | None = None
        self._ledger = ledger
        self._stopped = stopped
        self._rng = Random(f"{seed}:annotator:{number}")
        self._wire = Wire(ports, token, rng=self._rng, ledger=ledger, stopped=stopped)
        self._names = (f"annotator-{number}.{batch}" for batch in count(1))

    def run(self) -> None:
        try:
            while not self._stopped.wait(self._rng.uniform(0, 2 * PAUSE_S)):
                live = self._ledger.live()
                if live:
                    self._append(self._rng.sample(live, min(len(live), self._rng.randint(1, SESSIONS))))
        except BaseException as error:
            self.failure = error
            raise

    def _append(self, records: list[SessionRecord]) -> None:
        sent: list[tuple[SessionRecord, str, Write]] = []
        for record, name in zip(records, self._names, strict=False):
            events = [f"{name}.{position}" for position in range(1, self._rng.randint(1, EVENTS) + 1)]
            sent.append((record, name, record.sending(Write("append", time.time(), events=events))))
        batches = [
            {"session": record.id, "events": [event(one) for one in write.events], "idempotency_key": name}
            for record, name, write in sent
        ]
        answer = self._wire.ask(
            "POST", "journal/", {"batches": batches}, repeatable=True, writes=[write for _, _, write in sent]
        )
        if answer.status != 200:
            return
        for (record, _, write), result in zip(sent, answer.document["results"], strict=True):
            self._ledger.count(f"{result['status']} {result.get('code', '')} in bulk".replace("  ", " "))
            if result["status"] == 201:
                write.first_seq, write.last_seq = result["first_seq"], result["last_seq"]
                write.deadline = seconds(result["expires_at"])
                write.answered_at = time.time()
            elif result["status"] == 410:
                record.told_over(time.time())
