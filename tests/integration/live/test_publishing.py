"""What is told to open streams: after the commit, by every write that they should know of, and at no one's cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from sessions_app.events import read_events
from sessions_app.live import bus
from sessions_app.live.messages import Batch, Changed, Message
from sessions_app.services import sessions
from sessions_app.services.bulk import BulkBatch, append_many
from sessions_app.services.sweep import sweep
from tests.flows import EVENTS, SPOKEN, add, age, begin, fresh, whose

pytestmark = pytest.mark.django_db(transaction=True)


class Receiver:
    def __init__(self) -> None:
        self.heard: list[Message] = []

    def take(self, messages: Sequence[Message]) -> None:
        self.heard += messages


@pytest.fixture
def lease() -> sessions.Lease:
    return begin()


@pytest.fixture
def heard(lease: sessions.Lease) -> Iterator[list[Message]]:
    receiver = Receiver()
    bus.local.subscribe(lease.session.pk, receiver)
    yield receiver.heard
    bus.local.unsubscribe(lease.session.pk, receiver)


def test_append_is_told_with_its_numbers_and_live_only_events(lease: sessions.Lease, heard: list[Any]) -> None:
    appended = add(lease, [EVENTS[0], SPOKEN, EVENTS[1]])
    (told,) = heard
    assert isinstance(told, Batch)
    assert (told.first_seq, told.last_seq, told.epoch) == (1, 2, 1)
    assert (list(told.events), told.live) == ([EVENTS[0], EVENTS[1]], [(1, SPOKEN)])
    assert told.expires_at == appended.expires_at
    assert told.cipher is not None
    assert told.cipher.open_batch(1, 2, told.sealed)


def test_batch_of_live_only_events_is_told(lease: sessions.Lease, heard: list[Any]) -> None:
    add(lease, [SPOKEN])
    assert [(one.first_seq, one.last_seq, one.live) for one in heard] == [(1, 0, [(0, SPOKEN)])]


def test_bulk_append_is_told(lease: sessions.Lease, heard: list[Any]) -> None:
    batch = read_events(EVENTS, max_timestamp_s=100)
    append_many(batches=[BulkBatch(str(lease.session.pk), batch)] * 2, now=timezone.now())
    assert [(one.first_seq, one.last_seq) for one in heard] == [(1, 3), (4, 6)]


def test_attach_touch_and_end_are_told(lease: sessions.Lease, heard: list[Any]) -> None:
    session = lease.session
    attached = sessions.attach(owner_id=session.owner_id, session_id=session.pk, now=timezone.now())
    sessions.touch(**whose(attached), now=timezone.now())
    sessions.end(**whose(attached), now=timezone.now())
    assert heard == [
        Changed(session.pk, epoch=2),
        Changed(session.pk, expires_at=fresh(session).expires_at),
        Changed(session.pk),
    ]


def test_close_by_the_sweep_is_told(lease: sessions.Lease, heard: list[Any]) -> None:
    age(lease.session)
    assert sweep(now=timezone.now()).closed == 1
    assert heard == [Changed(lease.session.pk)]


def test_what_is_rolled_back_is_not_told(lease: sessions.Lease, heard: list[Any]) -> None:
    with transaction.atomic():
        add(lease)
        transaction.set_rollback(True)
    assert heard == []


def test_retry_that_stores_nothing_tells_nothing(lease: sessions.Lease, heard: list[Any]) -> None:
    batch = BulkBatch(str(lease.session.pk), read_events([SPOKEN], max_timestamp_s=100), "key")
    append_many(batches=[batch], now=timezone.now())
    append_many(batches=[batch], now=timezone.now())
    assert len(heard) == 1


def test_bus_that_fails_stops_no_write(lease: sessions.Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_messages: object) -> None:
        raise RuntimeError("x")

    monkeypatch.setattr(bus.local, "publish", fail)
    assert add(lease).last_seq == 3


def test_redis_that_is_away_stops_and_slows_no_write(lease: sessions.Lease, settings: Any) -> None:
    settings.LIVE_BUS_URL = "redis://127.0.0.1:1/0"
    began = timezone.now()
    for _ in range(20):
        add(lease)
    assert (timezone.now() - began).total_seconds() < 5
    assert fresh(lease.session).last_seq == 60
