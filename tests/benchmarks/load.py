"""The process that sends requests: ``python -m tests.benchmarks.load``, told what by JSON on standard input.

Every connection is kept alive and has one request under way. Requests are bytes before the clock starts, and of an
answer only its status and length are read: one process of this costs far less than the server that it measures.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle
from statistics import fmean, quantiles
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TIMEOUT_S = 30


@dataclass(slots=True)
class Connection:
    """One connection, and the requests that it sends in turn."""

    socket: socket.socket
    requests: Any
    buffer: bytearray = field(default_factory=bytearray)
    wanted: int = 0  # bytes of the answer under way; 0: not known yet
    sent_at: float = 0

    def send(self) -> None:
        request = next(self.requests)
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what has come. Returns whether the answer is whole."""
        came = self.socket.recv(262_144)
        if not came:
            raise ConnectionError("the server closed the connection")
        self.buffer += came
        if not self.wanted:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            head = bytes(self.buffer[:end])
            length = _LENGTH.search(head)
            if not head.startswith(b"HTTP/1.1 2"):
                status, text = head.split(b"\r\n")[0].decode(), bytes(self.buffer[end + 4 : end + 400]).decode()
                raise ConnectionError(f"{status} {text}")
            if length is None:  # chunked
                return self.buffer.endswith(b"\r\n0\r\n\r\n")
            self.wanted = end + 4 + int(length[1])
        return len(self.buffer) >= self.wanted

    def reset(self) -> None:
        self.buffer.clear()
        self.wanted = 0


def request_bytes(method: str, path: str, headers: dict[str, str], body: str) -> bytes:
    """The request as it goes over the wire."""
    data = body.encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if data or method != "GET":
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


def run(*, port: int, seconds: float, warmup_s: float, streams: list[list[Any]]) -> dict[str, float]:
    """Send for a while; answers count from the end of the warm-up on."""
    selector = selectors.DefaultSelector()
    connections = []
    for stream in streams:
        opened = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections.append(Connection(opened, cycle([request_bytes(*request) for request in stream])))
        selector.register(opened, selectors.EVENT_READ, connections[-1])
    latencies: list[float] = []
    begin = time.perf_counter() + warmup_s
    until = begin + seconds
    for connection in connections:
        connection.send()
    while (now := time.perf_counter()) < until or not latencies:
        ready = selector.select(_TIMEOUT_S)
        if not ready:
            raise ConnectionError(f"no answer within {_TIMEOUT_S} s")
        for key, _ in ready:
            connection = key.data
            if not connection.receive():
                continue
            now = time.perf_counter()
            if now >= begin:
                latencies.append(now - connection.sent_at)
            connection.reset()
            connection.send()
    cuts = quantiles(latencies, n=20, method="inclusive") if len(latencies) > 1 else latencies * 19
    return {
        "per_second": len(latencies) / (now - begin),
        "median_s": cuts[9],
        "p95_s": cuts[18],
        "mean_s": fmean(latencies),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(**json.load(sys.stdin))))
