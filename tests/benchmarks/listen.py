"""The process that holds open streams: ``python -m tests.benchmarks.listen``, told what by lines of JSON.

First ``{"port", "requests": [text, …]}``: opens a stream for each and answers ``{"opened", "seconds"}``. Then, each
time, ``{"seconds", "count"}``: answers with the delays, in seconds, of the events that came in this time, or until
there were so many. The moment at which an event was sent is its label: the clock is the machine's own, the same for
all processes.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
from typing import Any

#: Streams that are being opened at a time.
TOGETHER = 16
_SENT = re.compile(rb'"label":"sent ([0-9.]+)"')
_OPEN = b"event: lease-event"


def main() -> None:
    order = json.loads(sys.stdin.readline())
    began = time.monotonic()
    listener = Listener(order["port"], [request.encode() for request in order["requests"]])
    _answer({"opened": listener.open_all(), "seconds": time.monotonic() - began})
    for line in sys.stdin:
        _answer({"delays": listener.listen(**json.loads(line))})


def _answer(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


class Listener:
    """Many streams, read by one thread."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self._port = port
        self._requests = requests
        self._selector = selectors.DefaultSelector()
        self._open = 0

    def open_all(self) -> int:
        """Open them, a few at a time, until each has told its deadline."""
        waiting: set[socket.socket] = set()
        todo = iter(self._requests)
        while True:
            while len(waiting) < TOGETHER and (request := next(todo, None)) is not None:
                connection = socket.create_connection(("127.0.0.1", self._port), timeout=30)
                connection.sendall(request)
                self._selector.register(connection, selectors.EVENT_READ)
                waiting.add(connection)
            if not waiting:
                return self._open
            for key, _ in self._selector.select(30):
                connection = key.fileobj  # type: ignore[assignment]
                data = connection.recv(1 << 16)
                if connection in waiting and _OPEN in data:
                    waiting.remove(connection)
                    self._open += 1
                elif not data or (connection in waiting and b" 200 " not in data[:20] and b"heartbeat" not in data):
                    raise ConnectionError(data[:300])

    def listen(self, seconds: float, count: int) -> list[float]:
        """The delays of what comes in this time, or until there are so many."""
        delays: list[float] = []
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and len(delays) < count:
            for key, _ in self._selector.select(left):
                data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                now = time.monotonic()
                if not data:
                    raise ConnectionError("a stream was closed")
                delays += [now - float(sent) for sent in _SENT.findall(data)]
        return delays


if __name__ == "__main__":
    main()
