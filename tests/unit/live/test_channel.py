"""One session's events for all its streams: no gap, no duplicate, whatever the bus does."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from sessions_app.lease import Policy
from sessions_app.live.channel import Channel
from sessions_app.live.messages import Batch
from sessions_app.live.outbox import Events
from sessions_app.services.following import Followed

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ID = uuid.UUID(int=7)


class Listener:
    """A stream that notes what it is given."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.told: list[bytes] = []

    def deliver(self, item: Events) -> None:
        self.got += [("live", event["label"]) for _, event in item.live if item.events == ()]
        for index, event in enumerate(item.events):
            self.got += [("live", one["label"]) for place, one in item.live if place == index]
            self.got.append((item.first_seq + index, event["label"]))
        if item.events:
            self.got += [("live", one["label"]) for place, one in item.live if place >= len(item.events)]

    def tell(self, frame: bytes) -> None:
        self.told.append(frame)

    def mark_place(self) -> None:
        self.got.append("mark")

    def finish(self, frame: bytes) -> None: ...


def followed(**changes: Any) -> Followed:
    values: dict[str, Any] = {
        "session_id": ID,
        "owner_id": 1,
        "policy": Policy.PINNED,
        "epoch": 1,
        "last_seq": 0,
        "expires_at": NOW + timedelta(minutes=30),
        "hard_expires_at": NOW + timedelta(hours=12),
        "idle_timeout": timedelta(minutes=30),
        "notice_lead": timedelta(minutes=5),
        "after": 0,
        "resumed": False,
    }
    return Followed(**{**values, **changes})


def batch(first_seq: int, count: int, live: Any = ()) -> Batch:
    events = [{"event_type": "marker", "label": str(first_seq + index)} for index in range(count)]
    return Batch(ID, first_seq, events, live, 1, NOW)


def stored(*numbers: int) -> list[tuple[int, str]]:
    return [(number, str(number)) for number in numbers]


@pytest.fixture
def channel() -> Channel:
    return Channel(followed())


@pytest.fixture
def listener(channel: Channel) -> Listener:
    made = Listener()
    channel.streams.add(made)
    return made


def test_batches_are_passed_on_in_order(channel: Channel, listener: Listener) -> None:
    assert channel.receive(batch(1, 2))
    assert channel.receive(batch(3, 1))
    assert listener.got == stored(1, 2, 3)


def test_batch_that_came_twice_is_passed_on_once(channel: Channel, listener: Listener) -> None:
    assert channel.receive(batch(1, 2))
    assert channel.receive(batch(1, 2))
    assert listener.got == stored(1, 2)


def test_gap_asks_for_the_journal_and_passes_nothing_on(channel: Channel, listener: Listener) -> None:
    assert not channel.receive(batch(3, 2))
    assert listener.got == []
    channel.accept(1, batch(1, 4).events)
    assert listener.got == stored(1, 2, 3, 4)


def test_batch_that_is_partly_known_is_passed_on_from_there(channel: Channel, listener: Listener) -> None:
    channel.accept(1, batch(1, 2).events)
    assert channel.receive(batch(2, 3))
    assert listener.got == stored(1, 2, 3, 4)


def test_live_only_event_behind_a_gap_waits_for_what_comes_before_it(channel: Channel, listener: Listener) -> None:
    assert not channel.receive(batch(3, 1, [(1, {"event_type": "transcript", "label": "said"})]))
    channel.accept(1, batch(1, 2).events)
    assert listener.got == stored(1, 2)
    channel.accept(3, batch(3, 1).events)
    assert listener.got == [*stored(1, 2, 3), ("live", "said")]


def test_live_only_events_of_a_batch_that_was_read_already_are_still_passed_on(
    channel: Channel, listener: Listener
) -> None:
    channel.accept(1, batch(1, 2).events)
    assert channel.receive(batch(1, 2, [(0, {"event_type": "service", "label": "ready"})]))
    assert listener.got == [*stored(1, 2), ("live", "ready")]
    assert channel.service is not None


@pytest.mark.parametrize("seed", range(30))
def test_bus_that_loses_doubles_and_reorders_changes_nothing(seed: int) -> None:
    rng = Random(seed)
    channel, listener = Channel(followed()), Listener()
    channel.streams.add(listener)
    batches, journal, first = [], [], 1
    for _ in range(40):
        count = rng.randint(1, 4)
        batches.append(batch(first, count))
        journal += list(batches[-1].events)
        first += count
    sent = [one for one in batches for _ in range(rng.choice([0, 1, 1, 2]))]
    for one in sorted(sent, key=lambda one: one.first_seq + rng.uniform(0, 12)):
        if not channel.receive(one):
            # The journal holds at least what was published; a page of it may end anywhere.
            upto = rng.randint(one.last_seq, len(journal))
            channel.accept(channel.seq + 1, journal[channel.seq : upto])
    channel.accept(channel.seq + 1, journal[channel.seq :])
    assert listener.got == stored(*range(1, len(journal) + 1))


def test_deadline_is_told_at_most_once_a_second_and_the_last_one_is_told(channel: Channel, listener: Listener) -> None:
    for step in range(5):
        channel.move(NOW + timedelta(minutes=31, seconds=step), at=10 + step / 10)
    assert len(listener.told) == 1
    channel.tell_deadline(at=10.5)
    assert len(listener.told) == 1
    channel.tell_deadline(at=11.5)
    channel.tell_deadline(at=13.5)
    assert len(listener.told) == 2
    assert b"12:31:04" in listener.told[-1]


def test_notice_is_given_once_each_time_the_deadline_comes_near(channel: Channel, listener: Listener) -> None:
    def notices(now: datetime) -> int:
        channel.notify(now=now)
        return sum(b'"notice"' in frame for frame in listener.told)

    assert notices(NOW + timedelta(minutes=24)) == 0
    assert notices(NOW + timedelta(minutes=25)) == 1
    assert notices(NOW + timedelta(minutes=26)) == 1
    channel.move(NOW + timedelta(minutes=60), at=5)
    assert notices(NOW + timedelta(minutes=30)) == 1
    assert notices(NOW + timedelta(minutes=56)) == 2


def test_no_lead_means_no_notice(listener: Listener) -> None:
    channel = Channel(followed(notice_lead=timedelta()))
    channel.streams.add(listener)
    channel.notify(now=NOW + timedelta(minutes=29, seconds=59))
    assert listener.told == []


def test_ephemeral_session_gets_notice_of_its_hard_end_alone(listener: Listener) -> None:
    channel = Channel(followed(policy=Policy.EPHEMERAL, expires_at=NOW + timedelta(seconds=90)))
    channel.streams.add(listener)
    channel.notify(now=NOW)
    assert listener.told == []
    channel.notify(now=NOW + timedelta(hours=11, minutes=56))
    assert len(listener.told) == 1


def test_epoch_that_begins_is_told_once() -> None:
    channel, listener = Channel(followed()), Listener()
    channel.streams.add(listener)
    for epoch in (1, 2, 2, 1):
        channel.reach(epoch)
    assert (listener.got, channel.epoch) == (["mark"], 2)
