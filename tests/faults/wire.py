"""Requests as a client sends them over a line that may be cut: again and again, with the same key and body."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from itertools import count
from random import Random
from typing import Any, NamedTuple

from tests.faults.ledger import Ledger, Write

TIMEOUT_S = 20
ATTEMPTS = 8


class Answer(NamedTuple):
    """Status 0: none came."""

    status: int
    document: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.document.get("code", ""))


class Wire:
    """One user's way to the service, through its web processes in turn."""

    def __init__(self, ports: list[int], token: str, *, rng: Random, ledger: Ledger, stopped: threading.Event) -> None:
        self._ports = ports
        self._token = token
        self._rng = rng
        self._ledger = ledger
        self._stopped = stopped
        self._turn = count(rng.randrange(len(ports)))

    def once(self, method: str, path: str, body: Any = None, *, lease: str = "", key: str = "") -> Answer:
        """One attempt.

        Raises:
            OSError, HTTPException, ValueError: no answer, or half of one.
        """
        headers = {"Content-Type": "application/json", "Authorization": f"Token {self._token}"}
        headers |= {name: value for name, value in (("X-Session-Token", lease), ("Idempotency-Key", key)) if value}
        data = b"" if body is None else json.dumps(body).encode()
        port = self._ports[next(self._turn) % len(self._ports)]
        with closing(HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)) as connection:
            connection.request(method, f"/api/v1/{path}", data, headers)
            response = connection.getresponse()
            content = response.read()
        return Answer(response.status, json.loads(content) if content else {})

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        lease: str = "",
        key: str = "",
        repeatable: bool = False,
        writes: Sequence[Write] = (),
    ) -> Answer:
        """Ask until there is an answer that is none of a fault. Fills ``writes`` in.

        With a ``key``, or ``repeatable`` by what is in the body, all attempts are one write; else each is one.
        """
        answer = Answer(0, {})
        for _ in range(ATTEMPTS):
            if not (key or repeatable):
                for write in writes:
                    write.sent_at = time.time()
            try:
                answer = self.once(method, path, body, lease=lease, key=key)
            except (OSError, HTTPException, ValueError):
                answer = Answer(0, {})
            if not 0 < answer.status < 500:
                for write in writes:
                    write.doubtful_at = time.time()
            self._ledger.count(f"{answer.status or 'cut'} {answer.code}".strip())
            if 0 < answer.status < 500 or self._stopped.is_set():
                break
            time.sleep(self._rng.uniform(0.01, 0.1))
        return answer
