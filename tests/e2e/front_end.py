"""Linnet's own front end as it behaves on the wire: no tokens, no trailing slashes, one EventSource."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any

STREAM_TIMEOUT_S = 20


@dataclass(frozen=True)
class Answer:
    """What came back, header names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FrontEnd:
    """A browser with the front end's page open."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            return Answer(response.status, _headers(response), response.read())

    def announce(self, method: str, path: str, **headers: str) -> Answer:
        """The headers of a request alone: for one that is answered before there is a body to read."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.putrequest(method, path)
            for name, value in {**self.headers, "Content-Type": "application/json", **headers}.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, _headers(response), response.read())

    def start(self, **body: Any) -> str:
        answer = self.call("POST", "/session/start", body)
        assert answer.status == 200, answer.body
        session: str = answer.json()["session_id"]
        return session

    @contextmanager
    def stream(self, session: str, **headers: str) -> Iterator[Stream]:
        """An EventSource, open for as long as the block lasts."""
        sent = {
            **self.headers,
            "Accept": "text/event-stream",
            "Cache-Control": "no-cache",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=STREAM_TIMEOUT_S)) as connection:
            connection.request("GET", f"/session/{session}/stream", headers=sent)
            response = connection.getresponse()
            yield Stream(response)


class Stream:
    """What an EventSource sees, and the bytes that it saw it in."""

    def __init__(self, response: HTTPResponse) -> None:
        self.response = response
        self.status = response.status
        self.headers = _headers(response)
        self.bytes = b""
        self.last_id = ""

    def frames(self) -> Iterator[bytes]:
        """Blocks of lines, without the empty line behind each."""
        block = b""
        while line := self.response.readline():
            self.bytes += line
            if line != b"\n":
                block += line
                continue
            yield block
            block = b""

    def events(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """The next named events: their names and data."""
        found: list[tuple[str, dict[str, Any]]] = []
        frames = self.frames()
        until = time.monotonic() + STREAM_TIMEOUT_S
        while len(found) < count:
            assert time.monotonic() < until, f"{len(found)} of {count} events: {self.bytes!r}"
            block = next(frames, None)
            assert block is not None, f"{len(found)} of {count} events, then the end: {self.bytes!r}"
            # Not `splitlines`: a label may hold what Unicode, and no EventSource, takes for the end of a line.
            fields = dict(line.split(": ", 1) for line in block.decode().rstrip("\n").split("\n"))
            self.last_id = fields.get("id", self.last_id)
            if "event" in fields:
                found.append((fields["event"], json.loads(fields["data"])))
        return found

    def read_to_the_end(self) -> bytes:
        for _ in self.frames():
            pass
        return self.bytes


def _headers(response: HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
