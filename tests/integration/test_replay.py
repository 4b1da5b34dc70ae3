"""``manage.py replay``: what it plays, and what it says when it can't."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from knox.models import AuthToken

from sessions_app import replaying
from sessions_app.models import Session
from sessions_app.replaying import Pace, ReplayError, Service
from tests.integration.conftest import Api

SAMPLE = Path(__file__).resolve().parents[2] / "docs" / "sample.jsonl"
WORDS = "Words that nobody but their owner reads"


@dataclass
class Replay:
    """Runs the command against the live server, and holds what it printed."""

    url: str
    stdout: StringIO = field(default_factory=StringIO)
    stderr: StringIO = field(default_factory=StringIO)

    def __call__(self, file: Path, *options: str) -> list[str]:
        call_command("replay", str(file), "--url", self.url, *options, stdout=self.stdout, stderr=self.stderr)
        return self.lines

    @property
    def lines(self) -> list[str]:
        return self.stdout.getvalue().splitlines()

    def error(self, file: Path, *options: str) -> str:
        with pytest.raises(CommandError) as caught:
            self(file, *options)
        assert caught.value.returncode == 1
        message = str(caught.value)
        assert "\n" not in message
        assert WORDS not in message
        return message


@pytest.fixture
def replay(live_server: Any) -> Replay:
    return Replay(live_server.url)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "FIRST_BACKOFF_S", 0)


@pytest.fixture
def recordings(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file: each argument a line, an event list standing for a whole recording of it."""

    def write(*lines: Any) -> Path:
        file = tmp_path / "recordings.jsonl"
        file.write_bytes(b"\n".join(map(_line, lines)) + b"\n")
        return file

    return write


def _line(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, list):
        value = {"recording": "made for a test", "speakers": {"Speaker A": WORDS}, "events": value}
    return json.dumps(value).encode()


def _tones(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"event_type": "tone", "label": WORDS, "timestamp": number, **fields} for number in range(count)]


# --- what it plays ------------------------------------------------------------------------------------


def test_sample_is_played_ended_and_kept(paid: Api, replay: Replay) -> None:
    lines = replay(SAMPLE, "--user", paid.user.username)
    sample = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len(sample) == 3
    for recording, line in zip(sample, lines, strict=True):
        session = line.split()[0]
        receipt = paid.get(f"sessions/{session}/receipt/").json()
        assert line.startswith(
            f"{session}  {len(recording['events'])} events  snapshot {receipt['snapshot']['id']}, kept"
        )
        assert receipt["withheld"] == {}
        content = paid.get(f"snapshots/{receipt['snapshot']['id']}/content/").json()
        for event in content["events"]:
            del event["seq"]
        assert content["events"] == recording["events"]
        names = {speaker: label["name"] for speaker, label in content["speakers"].items()}
        assert names == recording["speakers"]
        colours = {label["colour"] for label in content["speakers"].values()}
        assert len(colours) == len(names)
    assert replay.stderr.getvalue() == "3 sessions with 90 events ended.\n"


def test_fresh_token_is_revoked_and_a_given_one_is_not(
    paid: Api, replay: Replay, recordings: Callable[..., Path]
) -> None:
    before = set(AuthToken.objects.values_list("digest", flat=True))
    replay(recordings(_tones(1)), "--user", paid.user.username)
    assert "E-EVENT-001" in replay.error(recordings(_tones(1, confidence=2)), "--user", paid.user.username)
    replay(recordings(_tones(1)), "--token", paid.token)
    assert set(AuthToken.objects.values_list("digest", flat=True)) == before
    assert Session.objects.owned_by(paid.user.pk).count() == 3


def test_free_user_is_told_that_nothing_is_kept(free: Api, replay: Replay, recordings: Callable[..., Path]) -> None:
    (line,) = replay(recordings(_tones(2)), "--token", free.token)
    assert line.endswith(
        "  2 events  Nothing is kept: this session was ephemeral, so its events and their key were destroyed."
    )
    line = replay(recordings(_tones(2)), "--token", free.token, "--leave-open")[-1]
    assert line.endswith("UTC; then nothing is kept: it is ephemeral")


def test_what_is_never_stored_is_counted(paid: Api, replay: Replay, recordings: Callable[..., Path]) -> None:
    transcript = {"event_type": "transcript", "text": WORDS, "timestamp": 1}
    (line,) = replay(recordings([*_tones(1), transcript]), "--token", paid.token)
    assert "  1 event  " in line
    assert line.endswith(" (never stored: transcript 1)")


def test_kept_snapshot_without_an_end_is_said_so() -> None:
    from sessions_app.management.commands.replay import _outcome

    answer = {"snapshot": {"id": "S", "expires_at": None}, "withheld": None}
    assert _outcome(replaying.Played("id", "pinned", False, answer)) == "snapshot S, kept without an end"


def test_leave_open_leaves_sessions_live_until_the_limit(
    paid: Api, replay: Replay, recordings: Callable[..., Path]
) -> None:
    message = replay.error(recordings(*[_tones(2)] * 7), "--token", paid.token, "--leave-open")
    assert message == (
        "Line 6: E-SESSION-006: You have 5 live sessions, and 5 is the most. End one of them to start another."
    )
    assert len(replay.lines) == 5
    for line in replay.lines:
        assert "  2 events  active until 20" in line
        assert line.endswith(" UTC; then it is saved")
        assert paid.get(f"sessions/{line.split()[0]}/").json()["state"] == "active"


def test_limit_plays_the_first_and_looks_at_no_more(paid: Api, replay: Replay, recordings: Callable[..., Path]) -> None:
    file = recordings(_tones(1), b"", _tones(2), b"not JSON")
    assert len(replay(file, "--token", paid.token, "--limit", "2")) == 2


def test_batches_hold_as_many_events_as_asked(
    paid: Api, replay: Replay, recordings: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    plainly = Service.call

    def noting(self: Service, method: str, path: str, body: Any = None, **more: Any) -> Any:
        if body and "events" in body:
            sizes.append(len(body["events"]))
        return plainly(self, method, path, body, **more)

    monkeypatch.setattr(Service, "call", noting)
    file = recordings(_tones(60))
    replay(file, "--token", paid.token)
    replay(file, "--token", paid.token, "--batch", "40")
    replay(file, "--token", paid.token, "--speed", "1e6")
    assert sizes[:5] == [25, 25, 10, 40, 20]
    assert sum(sizes[5:]) == 60


def test_playing_at_a_pace_says_where_to_look(paid: Api, replay: Replay, recordings: Callable[..., Path]) -> None:
    replay(recordings(_tones(1)), "--token", paid.token, "--speed", "1e6")
    assert replay.stderr.getvalue() == (
        f"It plays now. To see it arrive: {replay.url}/panel/\n1 session with 1 event ended.\n"
    )


def test_proxy_of_the_environment_is_not_asked(
    paid: Api, replay: Replay, recordings: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert replay(recordings(_tones(1)), "--token", paid.token)


# --- what it says when it can't -----------------------------------------------------------------------


def test_missing_file_is_named(replay: Replay, tmp_path: Path) -> None:
    assert replay.error(tmp_path / "nothing.jsonl") == f"There is no file {tmp_path / 'nothing.jsonl'}."
    assert replay.error(tmp_path) == f"The file {tmp_path} can't be read (IsADirectoryError)."


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (WORDS.encode(), "is not JSON"),
        (b'{"events": [{"label": "' + WORDS.encode(), "is not JSON"),
        (b'{"events": [NaN]}', "is not JSON"),
        (b'{"events": ["\xff"]}', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (WORDS, "is not a recording: it must be an object"),
        ({"recording": WORDS}, "is not a recording: `events` must be a list of objects"),
        ([WORDS], "is not a recording: `events` must be a list of objects"),
        (
            {"speakers": {"A": [WORDS]}, "events": []},
            "is not a recording: `speakers` must be an object of names by speaker id",
        ),
        (
            {"speakers": [WORDS], "events": []},
            "is not a recording: `speakers` must be an object of names by speaker id",
        ),
    ],
    ids=range(10),
)
def test_faulty_line_is_named_by_its_number_before_anything_is_played(
    paid: Api, replay: Replay, recordings: Callable[..., Path], line: Any, fault: str
) -> None:
    file = recordings(_tones(1), b"  ", line)
    assert replay.error(file, "--token", paid.token) == f"Line 3 {fault}."
    assert not Session.objects.exists()


def test_service_that_does_not_run_is_named(recordings: Callable[..., Path]) -> None:
    with closing(socket()) as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        replay = Replay(f"http://127.0.0.1:{nobody_listens.getsockname()[1]}")
        assert replay.error(recordings(_tones(1)), "--token", "lna_any") == (
            f"The service at {replay.url} does not answer (ConnectionRefusedError): start it with `make run`, "
            "or say with --url where it runs."
        )


def test_unknown_user_is_named(replay: Replay, recordings: Callable[..., Path]) -> None:
    assert replay.error(recordings(_tones(1)), "--user", "nobody").startswith("There is no user named 'nobody'")


def test_wrong_token_is_refused(replay: Replay, recordings: Callable[..., Path]) -> None:
    assert replay.error(recordings(_tones(1)), "--token", "lna_wrong").startswith("E-AUTH-001: Send a valid")


def test_refused_event_is_named_by_its_place_in_the_recording(
    paid: Api, replay: Replay, recordings: Callable[..., Path]
) -> None:
    faulty = [*_tones(27), *_tones(1, confidence=2), *_tones(5)]
    message = replay.error(recordings(_tones(1), faulty), "--token", paid.token)
    session = Session.objects.latest("started_at")
    assert message == (
        f"Line 2, session {session.pk}, event 28: E-EVENT-001: events[2].confidence: must be a number from 0 to 1"
    )
    assert session.last_seq == 25
    assert len(replay.lines) == 1


def test_field_is_named_where_the_detail_does_not() -> None:
    refusal = replaying.Refused({"code": "E-TEST", "field": "topic", "detail": "Too long."})
    assert str(refusal) == "E-TEST, topic: Too long."


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("--speed", "-1", "must be 0 or a number above it"),
        ("--speed", "nan", "must be 0 or a number above it"),
        ("--speed", "fast", "must be 0 or a number above it"),
        ("--limit", "0", "must be a whole number from 1"),
        ("--batch", "501", "must be at most 500"),
        ("--url", "ftp://127.0.0.1", "must be an address such as http://127.0.0.1:8000"),
        ("--url", "http://[", "must be an address such as http://127.0.0.1:8000"),
        ("--url", "http://127.0.0.1:99999", "must be an address such as http://127.0.0.1:8000"),
    ],
)
def test_option_that_makes_no_sense_is_refused(option: str, value: str, wanted: str) -> None:
    with pytest.raises(CommandError, match=f"argument {option}: {wanted}"):
        call_command("replay", str(SAMPLE), f"{option}={value}")


# --- trying again -------------------------------------------------------------------------------------


@dataclass
class Unreliable:
    """A service of the test's own. Each request takes the next of ``answers``: a status, or None to cut it off."""

    answers: list[int | None]
    seen: list[tuple[str, str | None, bytes]] = field(default_factory=list)
    url: str = ""
    page: bytes = b'{"id": "x"}'


@pytest.fixture
def unreliable() -> Iterator[Unreliable]:
    service = Unreliable([])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.seen.append((self.path, self.headers["Idempotency-Key"], body))
            answer = service.answers.pop(0)
            if answer is not None:
                self.send_response(answer)
                self.send_header("Content-Length", str(len(service.page)))
                self.end_headers()
                self.wfile.write(service.page)

        def log_message(self, *_args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}/below"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield service
        server.shutdown()
        thread.join()


def test_cut_or_busy_call_is_repeated_with_the_same_key_and_body(unreliable: Unreliable) -> None:
    unreliable.answers = [None, 503, 502, 504, 201]
    waits: list[float] = []
    service = Service(unreliable.url, "lna_any", waits.append)
    assert service.call("POST", "events/", {"events": [1]}, Idempotency_Key="replay-1") == {"id": "x"}
    assert unreliable.seen == [("/below/api/v1/events/", "replay-1", b'{"events": [1]}')] * 5
    assert len(waits) == 4


def test_fifth_failure_is_the_last(unreliable: Unreliable) -> None:
    unreliable.answers = [None] * 6
    with pytest.raises(replaying.ServiceUnreachable, match="RemoteDisconnected"):
        Service(unreliable.url, "lna_any").call("POST", "events/", {})
    unreliable.answers = [503] * 6
    unreliable.page = b'{"code": "E-VAULT-001", "detail": "The key is away."}'
    with pytest.raises(replaying.Refused, match=r"^E-VAULT-001: The key is away\.$"):
        Service(unreliable.url, "lna_any").call("POST", "events/", {})
    assert len(unreliable.seen) == 10


def test_start_that_may_have_happened_is_not_repeated(unreliable: Unreliable) -> None:
    unreliable.answers = [None, 201]
    with pytest.raises(replaying.ServiceUnreachable):
        Service(unreliable.url, "lna_any").call("POST", "sessions/", {}, repeatable=False)
    unreliable.answers = [503, 201]
    assert Service(unreliable.url, "lna_any").call("POST", "sessions/", {}, repeatable=False)
    assert len(unreliable.seen) == 3


def test_recording_whose_start_was_cut_off_is_given_up(unreliable: Unreliable) -> None:
    unreliable.answers = [None, 201]
    with pytest.raises(ReplayError, match=r"^The service at "):
        replaying.play(Service(unreliable.url, "lna_any"), replaying.Recording(7, {}, []), pace=Pace(), batch=25)
    assert [path for path, _, _ in unreliable.seen] == ["/below/api/v1/sessions/"]


def test_recording_that_is_cut_off_in_the_middle_is_named_with_its_session(unreliable: Unreliable) -> None:
    unreliable.answers, unreliable.page = (
        [201, *[None] * 5],
        b'{"id": "S", "lease": {"token": "T"}, "policy": "pinned"}',
    )
    recording = replaying.Recording(7, {}, [{"event_type": "tone"}])
    with pytest.raises(ReplayError, match=r"^While line 7 was played, session S: The service at "):
        replaying.play(Service(unreliable.url, "lna_any"), recording, pace=Pace(), batch=25)


@pytest.mark.parametrize("page", [b"<html>", b"[]", b'{"error": "no"}'])
def test_another_service_at_the_address_is_recognised(unreliable: Unreliable, page: bytes) -> None:
    unreliable.answers, unreliable.page = [404], page
    with pytest.raises(ReplayError, match=r"answered POST sessions/ with HTTP 404, .*check --url\.$"):
        Service(unreliable.url, "lna_any").call("POST", "sessions/", {})


# --- the pace -----------------------------------------------------------------------------------------


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    now: float = 100
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def _batches(speed: float, times: list[Any], most: int = 25) -> tuple[list[list[Any]], list[float]]:
    clock = Clock()
    events = [{"timestamp": time_s} for time_s in times]
    batches = Pace(speed, lambda: clock.now, clock.sleep).batches(events, most=most)
    return [[event["timestamp"] for event in batch] for batch in batches], clock.slept


def test_pace_without_speed_never_waits() -> None:
    assert _batches(0, [5, 900, 1], most=2) == ([[5, 900], [1]], [])


def test_pace_sends_what_is_due_when_it_is_due() -> None:
    batches, slept = _batches(2, [0, 0, 4, 4, 3, 10])
    assert batches == [[0, 0], [4, 4, 3], [10]]
    assert slept == [2, 3]


def test_pace_keeps_the_order_of_events_whose_times_go_back() -> None:
    assert _batches(1, [0, 10, 0]) == ([[0], [10, 0]], [10])


def test_pace_keeps_to_the_largest_batch() -> None:
    assert _batches(1, [1] * 5, most=2) == ([[1, 1], [1, 1], [1]], [1])


def test_pace_leaves_times_that_are_none_to_the_service() -> None:
    assert _batches(1, [None, "late", -3, float("inf"), 2]) == ([[None, "late", -3, float("inf")], [2]], [2])
