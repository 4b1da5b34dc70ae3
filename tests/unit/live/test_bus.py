"""The bus inside one process."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from sessions_app.live import bus
from sessions_app.live.messages import Batch, Changed, Message

ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
READY = {"event_type": "service", "status": "ready"}


class Receiver:
    def __init__(self) -> None:
        self.taken: list[list[Message]] = []

    def take(self, messages: Sequence[Message]) -> None:
        self.taken.append(list(messages))


def service(session_id: uuid.UUID, event: dict[str, Any] = READY) -> Batch:
    return Batch(session_id, 1, [], [(0, event)], 1, datetime(2026, 5, 1, tzinfo=UTC))


def test_receiver_hears_of_its_sessions_alone_and_of_many_at_once() -> None:
    local, receiver = bus.LocalBus(), Receiver()
    local.subscribe(ONE, receiver)
    local.publish([Changed(ONE, epoch=2), Changed(OTHER), Changed(ONE)])
    assert receiver.taken == [[Changed(ONE, epoch=2), Changed(ONE)]]
    local.unsubscribe(ONE, receiver)
    local.publish([Changed(ONE)])
    assert len(receiver.taken) == 1


def test_latest_service_event_is_remembered_until_it_is_forgotten() -> None:
    local = bus.LocalBus()
    local.publish([service(ONE, {**READY, "status": "loading"}), service(ONE)])
    assert (local.latest_service(ONE), local.latest_service(OTHER)) == (READY, None)
    local.forget(ONE)
    assert local.latest_service(ONE) is None


def test_only_so_many_service_events_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "REMEMBERED", 3)
    local = bus.LocalBus()
    for number in range(5):
        local.publish([service(uuid.UUID(int=number))])
    assert [local.latest_service(uuid.UUID(int=number)) is not None for number in range(5)] == [False] * 2 + [True] * 3
