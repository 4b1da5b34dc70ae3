"""Messages between processes: what was published comes out, and only the session's key opens what was said."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from sessions_app.live import wire
from sessions_app.live.messages import Batch, Changed, Message
from snapshots.content import Content, encode_events
from snapshots.crypto import Key, SessionCipher

ID = uuid.UUID(int=7)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CANARY = "Känarie"
EVENTS = [{"event_type": "marker", "label": f"{CANARY} {number}"} for number in range(3)]
LIVE = [(1, {"event_type": "transcript", "text": CANARY}), (3, {"event_type": "service", "status": "ready"})]


def cipher_of(owner: str = "user:1") -> SessionCipher:
    return SessionCipher("dep", owner, str(ID), Key(uuid.UUID(int=1), bytes(32)))


def batch(events: Any = EVENTS, live: Any = LIVE) -> Batch:
    cipher = cipher_of()
    sealed = cipher.seal_batch(5, len(events), Content({}, encode_events(events)).pack())
    return Batch(ID, 5, events, live, 2, NOW, sealed, cipher)


def test_batch_comes_out_as_it_went_in() -> None:
    told = wire.decode(wire.parse(wire.encode(batch(), sender="me")), ID, cipher_of())
    assert isinstance(told, Batch)
    assert told.events == [{"seq": 5 + index, **event} for index, event in enumerate(EVENTS)]
    assert (told.first_seq, told.live, told.epoch, told.expires_at) == (5, LIVE, 2, NOW)


@pytest.mark.parametrize(("events", "live"), [(EVENTS, []), ([], LIVE), ([], [])])
def test_batch_without_one_kind_of_event_comes_out_too(events: Any, live: Any) -> None:
    told = wire.decode(wire.parse(wire.encode(batch(events, live), sender="me")), ID, cipher_of())
    assert isinstance(told, Batch)
    assert (len(told.events), told.live) == (len(events), live)


@pytest.mark.parametrize("message", [Changed(ID), Changed(ID, epoch=3), Changed(ID, expires_at=NOW)])
def test_change_needs_no_key(message: Changed) -> None:
    assert wire.decode(wire.parse(wire.encode(message, sender="me")), ID, None) == message


def test_nothing_that_was_said_is_on_the_wire() -> None:
    for sent in (wire.encode(batch(), sender="me"), wire.encode_service(batch()) or b""):
        assert CANARY.encode() not in sent
        assert json.dumps(CANARY).strip('"').encode() not in sent
        assert b"transcript" not in sent
        assert b"marker" not in sent
        assert b"ready" not in sent


def test_latest_service_event_is_kept_by_itself() -> None:
    kept = wire.encode_service(batch())
    assert kept is not None
    assert wire.decode_service(kept, cipher_of()) == {"event_type": "service", "status": "ready"}
    assert wire.encode_service(batch(live=LIVE[:1])) is None
    with pytest.raises(wire.Unreadable):
        wire.decode_service(kept, cipher_of("user:2"))


@pytest.mark.parametrize("cipher", [None, cipher_of("user:2")])
def test_batch_does_not_open_without_its_key(cipher: SessionCipher | None) -> None:
    with pytest.raises(wire.Unreadable):
        wire.decode(wire.parse(wire.encode(batch(), sender="me")), ID, cipher)


@pytest.mark.parametrize("change", [{"first": 6}, {"count": 2}, {"live": 1}, {"first": -1}, {"expires_at": "soon"}])
def test_batch_that_was_moved_does_not_open(change: dict[str, Any]) -> None:
    line, _, rest = wire.encode(batch(), sender="me").partition(b"\n")
    moved = json.dumps({**json.loads(line), **change}).encode() + b"\n" + rest
    with pytest.raises(wire.Unreadable):
        wire.decode(wire.parse(moved), ID, cipher_of())


@pytest.mark.parametrize(
    "head",
    [{"epoch": "3"}, {"epoch": 1.5}, {"epoch": True}, {"epoch": None}, {"expires_at": NOW.replace(tzinfo=None)}]
    + [{"expires_at": told} for told in ("soon", 5, None, [])],
)
@pytest.mark.parametrize("message", [Changed(ID, epoch=3, expires_at=NOW), batch()])
def test_member_of_another_type_is_unreadable(message: Message, head: dict[str, Any]) -> None:
    line, _, rest = wire.encode(message, sender="me").partition(b"\n")
    wrong = json.dumps({**json.loads(line), **head}, default=str).encode() + b"\n" + rest
    with pytest.raises(wire.Unreadable):
        wire.decode(wire.parse(wrong), ID, cipher_of())


@pytest.mark.parametrize("data", [b"", b"\n", b"x", b"[]\n", b"{}\n", b'{"v":2,"from":"x","sealed":0}\n', b"\xff\n"])
def test_what_is_no_message_is_unreadable(data: bytes) -> None:
    with pytest.raises(wire.Unreadable):
        wire.parse(data)


@pytest.mark.parametrize("data", [b'{"v":1,"from":"x","sealed":0.0}\n', b"[" * 100_000])
def test_what_only_looks_like_a_message_is_unreadable(data: bytes) -> None:
    with pytest.raises(wire.Unreadable):
        wire.parse(data)
