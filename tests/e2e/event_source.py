"""A client of the live stream, as a browser's EventSource is one: reads events, remembers the last id."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple

#: How long one connection may be read from, in seconds.
MOST_S = 60


class Sent(NamedTuple):
    """One event: its name, its JSON, its id ("" without one), and when it came (``time.monotonic``)."""

    name: str
    data: dict[str, Any]
    id: str
    at: float


class EventSource:
    """One connection. ``last_id`` outlives it, so that the next one can go on."""

    def __init__(
        self,
        port: int,
        path: str,
        *,
        token: str = "",
        last_id: str = "",
        timeout_s: float = 20,
        connection: HTTPConnection | None = None,
        cookie: str = "",
    ) -> None:
        self.last_id = last_id
        # Comments keep a silent stream alive for ever, so a socket's timeout alone would not end a test.
        self._until = time.monotonic() + MOST_S
        self.comments: list[float] = []
        self.lines: list[str] = []
        self._connection = connection or HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        who = {"Authorization": token and f"Token {token}", "Cookie": cookie}
        headers = {"Accept": "text/event-stream", "Last-Event-ID": last_id, **who}
        path = path if path.startswith("/") else f"/api/v1/{path}"
        self._connection.request("GET", path, headers={name: value for name, value in headers.items() if value})
        # Kept apart: a response that says `Connection: close` takes the socket with it.
        self.socket = self._connection.sock
        self.response: HTTPResponse = self._connection.getresponse()

    @property
    def status(self) -> int:
        return self.response.status

    def problem(self) -> dict[str, Any]:
        """The document of a stream that was refused."""
        document: dict[str, Any] = json.loads(self.response.read())
        return document

    def __iter__(self) -> Iterator[Sent]:
        """The events, until the stream ends or the connection breaks. Ids count once the event is whole."""
        name, data, event_id = "message", "", ""
        with suppress(OSError, HTTPException):
            while line := self.response.readline():
                assert time.monotonic() < self._until, f"What was waited for did not come within {MOST_S} s."
                text = line.decode().rstrip("\n")
                self.lines.append(text)
                field, _, value = text.partition(": ")
                if not text:
                    self.last_id = event_id or self.last_id
                    if data:
                        yield Sent(name, json.loads(data), event_id, time.monotonic())
                    name, data, event_id = "message", "", ""
                elif text.startswith(":"):
                    self.comments.append(time.monotonic())
                elif field == "event":
                    name = value
                elif field == "data":
                    data = value
                elif field == "id":
                    event_id = value

    def until(self, name: str, **members: Any) -> Sent:
        """Read on to an event of this name with these members.

        Raises:
            AssertionError: the stream ended without it.
        """
        for sent in self:
            if sent.name == name and members.items() <= sent.data.items():
                return sent
        raise AssertionError(f"The stream ended without {name} {members}.")

    def take(self, count: int) -> list[Sent]:
        """The next so many events that are not about the lease; fewer when the stream ends."""
        found: list[Sent] = []
        for sent in self:
            if sent.name != "lease-event":
                found.append(sent)
                if len(found) >= count:
                    break
        return found

    def close(self) -> None:
        """Cut the connection."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.response.close()
        self._connection.close()

    def __enter__(self) -> EventSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
