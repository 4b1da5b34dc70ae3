"""Playing recordings into a running service over its REST API, as an annotator would.

A client like any other: it knows addresses and shapes, and nothing of the database. The standard library's HTTP
client is used as it is, because it follows no redirect and asks no proxy: the API token goes to the named service only.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

#: Muted, and told apart by people who see few colours: their lightness differs too.
PALETTE = ("#7c9eb2", "#c9b79c", "#6f8f7f", "#b8a9c9", "#a67f78", "#9fb8ad", "#5f7488", "#d0b8ac")

TRIES = 5
FIRST_BACKOFF_S = 0.2
TIMEOUT_S = 30
BUSY = frozenset({502, 503, 504})


class ReplayError(Exception):
    """What went wrong, as a sentence to the person who replays. It never holds content."""


class ServiceUnreachable(ReplayError):
    """Nobody answered, or the connection was cut, and trying again did not help."""


class Refused(ReplayError):
    """The service answered with a problem document. ``index`` counts the faulty event of a batch from 0."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self.code, self.index = str(problem["code"]), problem.get("index")
        place, detail = problem.get("field") or "", str(problem["detail"])
        where = f", {place}" if place and not detail.startswith(place) else ""
        super().__init__(f"{self.code}{where}: {detail}")


@dataclass(frozen=True, slots=True)
class Recording:
    """One line of a file of recordings. ``speakers`` are names by speaker id."""

    line: int
    speakers: dict[str, str]
    events: list[dict[str, Any]]


def read_recordings(path: Path, *, limit: int | None = None) -> list[Recording]:
    """The first recordings of a JSON Lines file, all of them checked before the first one is played.

    Raises:
        ReplayError: the file can't be read, or a line is no recording: says which line, never what is in it.
    """
    try:
        with path.open("rb") as file:
            filled = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
            return [_recording(number, line) for number, line in islice(filled, limit)]
    except FileNotFoundError:
        raise ReplayError(f"There is no file {path}.") from None
    except OSError as error:
        raise ReplayError(f"The file {path} can't be read ({type(error).__name__}).") from None


def _recording(number: int, line: bytes) -> Recording:
    try:
        value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        value = None
        fault = "is not JSON"
    else:
        fault = _shape_fault(value)
    if fault:
        # Raised out here, so that the decoder's error, which holds the line, is not chained to it.
        raise ReplayError(f"Line {number} {fault}.")
    return Recording(number, value.get("speakers", {}), value["events"])


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and infinities are no JSON")


def _shape_fault(value: Any) -> str:
    """What keeps a parsed line from being a recording. What an event may hold, the service says."""
    if not isinstance(value, dict):
        return "is not a recording: it must be an object"
    events, speakers = value.get("events"), value.get("speakers", {})
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        return "is not a recording: `events` must be a list of objects"
    if not isinstance(speakers, dict) or not all(isinstance(name, str) for name in speakers.values()):
        return "is not a recording: `speakers` must be an object of names by speaker id"
    return ""


@dataclass(frozen=True, slots=True)
class Service:
    """The running service, and the right to speak to it as one user."""

    url: str
    token: str = field(repr=False)
    sleep: Callable[[float], None] = time.sleep

    def call(
        self, method: str, path: str, body: Any = None, *, repeatable: bool = True, **headers: str
    ) -> dict[str, Any]:
        """One call of the API, tried again with the same body when the service is away or busy.

        Args:
            repeatable: doing it twice is as good as once. If not, it is tried again only when it surely was not done.

        Raises:
            Refused: by a problem document.
            ServiceUnreachable: nobody answers.
            ReplayError: something else than Linnet Sessions answers.
        """
        data = b"" if body is None else json.dumps(body).encode()
        for tries_left in reversed(range(TRIES)):
            try:
                status, answer = self._send(method, f"/api/v1/{path}", data, headers)
            except (OSError, HTTPException) as error:
                if not tries_left or not (repeatable or isinstance(error, ConnectionRefusedError)):
                    raise self._unreachable(error) from None
            else:
                if status not in BUSY or not tries_left or not (repeatable or status == 503):
                    return self._read(method, path, status, answer)
            self.sleep(FIRST_BACKOFF_S * 2 ** (TRIES - 1 - tries_left))
        raise AssertionError("unreachable")

    def _send(self, method: str, path: str, data: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        address = urlsplit(self.url)
        make = HTTPSConnection if address.scheme == "https" else HTTPConnection
        connection = make(address.hostname or "", address.port, timeout=TIMEOUT_S)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers |= {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, address.path.rstrip("/") + path, body=data, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _read(self, method: str, path: str, status: int, answer: bytes) -> dict[str, Any]:
        try:
            document = json.loads(answer)
        except ValueError:
            document = None
        if isinstance(document, dict):
            if status < 300:
                return document
            if "code" in document and "detail" in document:
                raise Refused(document)
        raise ReplayError(
            f"{self.url} answered {method} {path} with HTTP {status}, which is not how Linnet Sessions answers: "
            "check --url."
        )

    def _unreachable(self, error: Exception) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"The service at {self.url} does not answer ({type(error).__name__}): start it with `make run`, "
            "or say with --url where it runs."
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """When which events go. ``speed`` is media time per wall-clock time; 0 waits for nothing."""

    speed: float = 0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def batches(self, events: list[dict[str, Any]], *, most: int) -> Iterator[list[dict[str, Any]]]:
        """Parts of at most ``most`` events, in order. With a speed: what is due, waiting until something is.

        An event whose time lies before its forerunner's is due with that one.
        """
        if not self.speed:
            yield from (events[first : first + most] for first in range(0, len(events), most))
            return
        due = list(accumulate((_media_time(event) for event in events), max))
        begin, sent = self.clock(), 0
        while sent < len(events):
            wait = begin + due[sent] / self.speed - self.clock()
            if wait > 0:
                self.sleep(wait)
            elapsed = (self.clock() - begin) * self.speed
            upto = bisect_right(due, elapsed, sent + 1, min(sent + most, len(events)))
            yield events[sent:upto]
            sent = upto


def _media_time(event: dict[str, Any]) -> float:
    """Seconds; 0 where there is no such number, which the service then says."""
    time_s = event.get("timestamp")
    return time_s if isinstance(time_s, (int, float)) and 0 <= time_s < float("inf") else 0


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one recording: the receipt, or, of a session that was left open, its detail."""

    session: str
    policy: str
    left_open: bool
    answer: dict[str, Any]


def play(
    service: Service,
    recording: Recording,
    *,
    pace: Pace,
    batch: int,
    leave_open: bool = False,
    on_sent: Callable[[int], object] = lambda _count: None,
) -> Played:
    """Play one recording into a session of its own. ``on_sent`` hears how many events were acknowledged.

    Raises:
        ReplayError: where the recording is at fault it names its line, and the session if there is one. A session that
            was started closes by itself, and what was acknowledged in it fares as its policy says.
    """
    session, sent = "", 0
    try:
        started = service.call("POST", "sessions/", {}, repeatable=False)
        session, lease = started["id"], started["lease"]["token"]
        path = f"sessions/{session}/"
        if recording.speakers:
            labels = {
                speaker: {"name": name, "colour": PALETTE[number % len(PALETTE)]}
                for number, (speaker, name) in enumerate(recording.speakers.items())
            }
            service.call("PATCH", f"{path}speakers/", {"speakers": labels}, X_Session_Token=lease)
        for events in pace.batches(recording.events, most=batch):
            service.call(
                "POST",
                f"{path}events/",
                {"events": events},
                X_Session_Token=lease,
                Idempotency_Key=f"replay-{sent + 1}",
            )
            sent += len(events)
            on_sent(len(events))
        finish = ("GET", path) if leave_open else ("POST", f"{path}end/")
        answer = service.call(*finish, X_Session_Token=lease)
    except ReplayError as error:
        raise ReplayError(_placed(error, recording.line, session, sent)) from None
    return Played(session, started["policy"], leave_open, answer)


def _placed(error: ReplayError, line: int, session: str, sent: int) -> str:
    """The error after its place: the recording's, but where the connection or the token is at fault."""
    if not isinstance(error, Refused) or error.code.startswith("E-AUTH-"):
        return f"While line {line} was played, session {session}: {error}" if session else str(error)
    place = f"Line {line}"
    if session:
        place += f", session {session}"
    if isinstance(error.index, int):
        place += f", event {sent + error.index + 1}"
    return f"{place}: {error}"
