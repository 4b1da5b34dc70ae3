"""One HTTP request to a server that may be slow, broken or somebody else's by now: bounded in time and in size."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit


class ServerAway(Exception):
    """No answer in time, no connection, or an answer that says that the server has a fault."""


class AnswerUnusable(Exception):
    """An answer, but none that can be used: a refusal, a redirect, too much, or no JSON object."""


def post_json(
    url: str, payload: Mapping[str, Any], *, headers: Mapping[str, str], timeout_s: float, max_bytes: int
) -> dict[str, Any]:
    """Send a JSON object, and read the one that comes back with status 200. Redirects are not followed.

    Args:
        url: from settings, never from a request.
        timeout_s: for everything together. A server that sends a byte a second gets no longer than one that is silent.
        max_bytes: of the answer's body.

    Raises:
        ServerAway, AnswerUnusable: without the server's words, which may repeat what was sent.
    """
    exchange = _Exchange(url, json.dumps(payload).encode(), dict(headers), timeout_s, max_bytes)
    # In a thread of its own, because the time that a name takes to resolve can't be bounded from inside.
    thread = threading.Thread(target=exchange.run, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        exchange.cut_off()
        raise ServerAway("no answer in time")
    if exchange.failure is not None:
        raise ServerAway(exchange.failure)
    return _object_in(exchange)


def _object_in(exchange: _Exchange) -> dict[str, Any]:
    if exchange.status >= 500:
        raise ServerAway(f"status {exchange.status}")
    if exchange.status != 200:
        raise AnswerUnusable(f"status {exchange.status}")
    if len(exchange.body) > exchange.max_bytes:
        raise AnswerUnusable("too large")
    try:
        found = json.loads(exchange.body)
    except (ValueError, RecursionError):
        raise AnswerUnusable("no JSON") from None
    if not isinstance(found, dict):
        raise AnswerUnusable("no JSON object")
    return found


@dataclass
class _Exchange:
    """One request and its answer, carried out by a thread that may be left behind."""

    url: str
    sent: bytes
    headers: dict[str, str]
    timeout_s: float
    max_bytes: int
    status: int = 0
    body: bytes = b""
    failure: str | None = None
    _socket: socket.socket | None = field(default=None, repr=False)

    def run(self) -> None:
        address = urlsplit(self.url)
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=self.timeout_s)
        try:
            connection.connect()
            self._socket = connection.sock
            headers = {"Content-Type": "application/json", "Accept": "application/json", **self.headers}
            connection.request("POST", address.path, self.sent, {**headers, "Connection": "close"})
            answer = connection.getresponse()
            self.body = answer.read(self.max_bytes + 1)
            self.status = answer.status
        except (OSError, HTTPException, ValueError) as error:
            # The class alone: the text may name addresses.
            self.failure = type(error).__name__
        finally:
            connection.close()

    def cut_off(self) -> None:
        """Wake the thread that still waits for this server, so that it ends."""
        if self._socket is not None:
            with suppress(OSError):
                # Past TLS's own shutdown, which would wait for the server.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
