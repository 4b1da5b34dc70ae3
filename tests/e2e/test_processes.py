"""The promises, with real processes: what was acknowledged is there, once and in order, and nowhere in the clear."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.recordings import CANARY, make_recordings, spellings
from tests.e2e.stack import Stack, answer_of, web_command, worker_command

pytestmark = pytest.mark.e2e

RECORDINGS = make_recordings(25, seed=25)
LEFT_OPEN = make_recordings(2, seed=2)

#: At which events the web process is killed, and how long after the request went out, in seconds. The last one is
#: long enough for the answer to be on its way: the client then asks again for what is done already.
KILLS = {4: 0.0, 11: 0.003, 19: 0.008, 28: 0.4}
NUMBERED_EVENTS = 40

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running installation with the settings that everybody gets."""
    yield from Stack(tmp_path_factory.mktemp("stack")).running()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running installation where a pinned session is idle after two seconds, and swept within another."""
    folder = tmp_path_factory.mktemp("hasty")
    yield from Stack(folder, SESSION_PAID_TTL_S="2", SWEEP_INTERVAL_S="1").running()


@pytest.fixture(scope="module")
def replayed(stack: Stack) -> list[str]:
    """The lines that replaying the recordings printed."""
    return stack.replay(RECORDINGS)


@dataclass(frozen=True)
class Idled:
    """Sessions that nobody ended, and the lease of one of them."""

    token: str
    sessions: list[str]
    lease: str


@pytest.fixture(scope="module")
def idled(hasty: Stack) -> Idled:
    """Sessions left open by a replay, and one of the test's own, until the worker has closed them all.

    From the last line of the replay on no request is made: a request would close what it finds overdue.
    """
    token = hasty.token()
    status, started = hasty.call("POST", "sessions/", {}, token=token)
    assert status == 201, started
    lease = started["lease"]["token"]
    path = f"sessions/{started['id']}/"
    speakers = {name: {"name": value} for name, value in LEFT_OPEN[1]["speakers"].items()}
    assert hasty.call("PATCH", f"{path}speakers/", {"speakers": speakers}, token=token, lease=lease)[0] == 200
    events = {"events": LEFT_OPEN[1]["events"]}
    assert hasty.call("POST", f"{path}events/", events, token=token, lease=lease)[0] == 201

    (line,) = hasty.replay(LEFT_OPEN[:1], "--leave-open")
    assert "active until" in line
    sessions = [line.split()[0], started["id"]]
    hasty.wait(lambda: set(_states(hasty, sessions)) == {"closed"}, "the worker to close the sessions")
    return Idled(token, sessions, lease)


def _states(stack: Stack, sessions: list[str]) -> list[str]:
    rows = stack.stored.rows("SELECT id, state FROM sessions_app_session")
    # SQLite has no UUIDs, so there the id is its hexadecimal digits.
    found = {str(pk).replace("-", ""): state for pk, state in rows}
    return [found[session.replace("-", "")] for session in sessions]


def test_replay_25_recordings_and_export_them_event_for_event(stack: Stack, replayed: list[str]) -> None:
    assert len(replayed) == len(RECORDINGS)
    token = stack.token()
    for recording, line in zip(RECORDINGS, replayed, strict=True):
        found = re.fullmatch(rf"({UUID})  (\d+) events  snapshot ({UUID}), kept until \S+ \S+ UTC", line)
        assert found, line
        session, count, snapshot = found.groups()
        assert int(count) == len(recording["events"])

        status, detail = stack.call("GET", f"sessions/{session}/", token=token)
        assert (status, detail["state"], detail["close_reason"]) == (200, "closed", "ended")
        assert detail["snapshot"]["id"] == snapshot

        _check_export(stack, f"snapshots/{snapshot}/content/?as=json", token, recording)


def _check_export(stack: Stack, path: str, token: str, recording: dict[str, Any]) -> None:
    status, export = stack.call("GET", path, token=token)
    assert status == 200, export
    assert [event.pop("seq") for event in export["events"]] == list(range(1, len(recording["events"]) + 1))
    # As JSON, because 1 and 1.0 and true are equal in Python.
    assert json.dumps(export["events"]) == json.dumps(recording["events"])
    assert {speaker: label["name"] for speaker, label in export["speakers"].items()} == recording["speakers"]


def test_idle_session_is_closed_by_the_worker(hasty: Stack, idled: Idled) -> None:
    for session, recording in zip(idled.sessions, LEFT_OPEN, strict=True):
        status, receipt = hasty.call("GET", f"sessions/{session}/receipt/", token=idled.token)
        assert (status, receipt["close_reason"]) == (200, "idle"), receipt
        snapshot = receipt["snapshot"]["id"]

        status, back = hasty.call("POST", f"snapshots/{snapshot}/import/", {}, token=idled.token)
        assert status == 201, back
        assert back["resumed_from"]["events"] == len(recording["events"])
        _check_export(hasty, back["resumed_from"]["content_url"], idled.token, recording)


def test_lease_of_a_session_the_worker_closed_is_refused_with_its_snapshot(hasty: Stack, idled: Idled) -> None:
    path = f"sessions/{idled.sessions[1]}/"
    status, problem = hasty.call(
        "POST",
        f"{path}events/",
        {"events": LEFT_OPEN[1]["events"]},
        token=idled.token,
        lease=idled.lease,
    )
    assert (status, problem["code"], problem["close_reason"]) == (410, "E-SESSION-001", "idle")
    assert problem["snapshot"] == hasty.call("GET", f"{path}receipt/", token=idled.token)[1]["snapshot"]


def test_kill_9_of_web_loses_nothing_acknowledged(stack: Stack) -> None:
    token = stack.token()
    status, started = stack.call("POST", "sessions/", {}, token=token)
    assert status == 201, started
    path, lease = f"sessions/{started['id']}/", started["lease"]["token"]

    for number in range(1, NUMBERED_EVENTS + 1):
        append = ("POST", f"{path}events/", {"events": [_numbered(number)]})
        right = {"token": token, "lease": lease, "key": f"event-{number}"}
        if number not in KILLS:
            status, answer = stack.call(*append, **right)
        else:
            with stack.request(*append, **right) as connection:
                time.sleep(KILLS[number])
                stack.kill_web()
                try:
                    first = answer_of(connection)
                except (OSError, HTTPException):
                    first = None
            stack.start_web()
            status, answer = stack.call(*append, **right)
            assert first in (None, (status, answer)), "the repeated request got another answer"
        assert (status, answer["first_seq"], answer["last_seq"]) == (201, number, number), answer

    status, history = stack.call("GET", f"{path}events/", token=token)
    expected = [{"seq": number, **_numbered(number)} for number in range(1, NUMBERED_EVENTS + 1)]
    assert history["events"] == expected
    status, receipt = stack.call("POST", f"{path}end/", token=token, lease=lease)
    assert (status, receipt["events"]) == (200, NUMBERED_EVENTS), receipt
    status, export = stack.call("GET", f"snapshots/{receipt['snapshot']['id']}/content/", token=token)
    assert export["events"] == expected


def _numbered(number: int) -> dict[str, Any]:
    return {"event_type": "marker", "label": f"number {number}", "timestamp": number}


def test_address_that_is_asked_for_is_not_logged(stack: Stack) -> None:
    ticket = secrets.token_hex(8)
    assert stack.call("GET", f"/health/?ticket={ticket}")[0] == 200
    assert ticket not in (stack.out / "web.log").read_text()


@pytest.mark.usefixtures("replayed", "idled")
def test_no_content_at_rest_outside_the_seals(stack: Stack, hasty: Stack) -> None:
    for one in (stack, hasty):
        places = list(one.at_rest())
        # The search does look at the database, and at what the processes wrote.
        assert b"sessions_app.tasks.sweep" in b"".join(content for _, content in places)
        assert {"web.log", "worker.log", "linnet.log"} <= {Path(place).name for place, _ in places}
        assert [place for place, content in places if _finds_canary(content)] == []


@pytest.mark.parametrize("spelling", sorted(set(spellings())))
def test_canary_planted_in_a_file_is_found(tmp_path: Path, spelling: bytes) -> None:
    planted = tmp_path / "planted"
    planted.write_bytes(secrets.token_bytes(5000) + spelling + secrets.token_bytes(5000))
    assert _finds_canary(planted.read_bytes())


@pytest.mark.parametrize("offset", range(3))
def test_canary_within_a_longer_text_is_found_in_base64(offset: int) -> None:
    longer = "x" * offset + f"Joy {CANARY}7 and more"
    assert _finds_canary(base64.b64encode(longer.encode()))


def _finds_canary(content: bytes) -> bool:
    return any(spelling in content for spelling in spellings())


KEYRING_FAULTS = {
    "missing": "the keyring file is missing",
    "short": "`keys[0].key` is 16 bytes long, not 32",
    "duplicate": "`keys[1].id` repeats an earlier id",
    "wrong": "is not the key that this database was sealed with",
}


@pytest.mark.parametrize("fault", KEYRING_FAULTS)
def test_start_is_refused_with_one_clear_sentence(stack: Stack, tmp_path: Path, fault: str) -> None:
    good = json.loads((stack.var / "keyring.json").read_text())
    file = tmp_path / "keyring.json"
    keys = _faulty(fault, good["keys"])
    if keys:
        file.write_text(json.dumps({**good, "keys": keys}))

    commands = {"web": web_command(stack.port + 1), "worker": worker_command(tmp_path)}
    for process, command in commands.items():
        stack.launch(f"{process}-{fault}", *command, SNAPSHOT_KEYRING_FILE=str(file))
    for process in commands:
        assert stack.ended(f"{process}-{fault}", timeout_s=30) not in (0, None)
        output = (stack.out / f"{process}-{fault}.log").read_text()
        (sentence,) = [line for line in output.splitlines() if "did not start" in line]
        assert sentence.startswith("Linnet Sessions did not start. ")
        assert KEYRING_FAULTS[fault] in sentence
        assert "Traceback" not in output
        for spelling in _key_spellings([*good["keys"], *keys]):
            assert spelling not in output


def _faulty(fault: str, keys: list[dict[str, str]]) -> list[dict[str, str]]:
    (key,) = keys
    match fault:
        case "short":
            return [{**key, "key": _new_key(16)}]
        case "duplicate":
            return [key, {**key, "key": _new_key(32)}]
        case "wrong":
            return [{**key, "key": _new_key(32)}]
    return []


def _new_key(size: int) -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(size)).decode()


def _key_spellings(keys: list[dict[str, str]]) -> Iterator[str]:
    for key in keys:
        secret = base64.urlsafe_b64decode(key["key"])
        yield from (key["key"].rstrip("="), base64.b64encode(secret).decode().rstrip("="), secret.hex(), repr(secret))
