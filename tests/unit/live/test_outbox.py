"""What waits on one stream: written once for all, bounded, and never waited for."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sessions_app.live import outbox
from sessions_app.live.outbox import Events, Outbox
from sessions_app.live.shapes import native


def events(first_seq: int, count: int, live: Any = ()) -> Events:
    made = [{"event_type": "marker", "label": str(first_seq + index)} for index in range(count)]
    return Events("S", 3, first_seq, made, live)


def ids(written: bytes) -> list[str]:
    return [line[4:] for line in written.decode().splitlines() if line.startswith("id: ")]


def names(written: bytes) -> list[str]:
    return [line[7:] for line in written.decode().splitlines() if line.startswith("event: ")]


def test_events_are_written_from_where_a_stream_is() -> None:
    item = events(5, 3)
    assert ids(item.written(native, after=4)) == ["3:5", "3:6", "3:7"]
    assert ids(item.written(native, after=6)) == ["3:7"]
    assert item.written(native, after=7) == b""


def test_events_are_written_once_for_all_streams_of_a_shape() -> None:
    calls = []

    def shape(session_id: str, event: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        calls.append(event["seq"])
        return "x", {}

    item = events(1, 2)
    assert item.written(shape, after=0) is item.written(shape, after=0)
    assert calls == [1, 2]


def test_live_only_events_stand_where_they_came() -> None:
    live = [(0, {"event_type": "service"}), (1, {"event_type": "transcript"}), (2, {"event_type": "service"})]
    written = events(1, 2, live).written(native, after=0)
    assert names(written) == ["service-event", "marker-event", "transcript-event", "marker-event", "service-event"]
    assert ids(written) == ["3:1", "3:2"]


def test_event_that_a_shape_leaves_out_still_moves_the_id_on() -> None:
    assert events(1, 1).written(lambda _id, _event: None, after=0) == b"id: 3:1\n\n"


def test_take_gives_all_that_waits_and_then_nothing_when_closed() -> None:
    async def taken() -> list[list[Any]]:
        box = Outbox()
        waiting = asyncio.create_task(box.take())
        await asyncio.sleep(0)
        box.put(b"one")
        found: list[list[Any]] = [await waiting]
        box.put(b"two")
        box.put(b"three")
        box.close()
        box.put(b"late")
        return [*found, await box.take(), await box.take()]

    assert asyncio.run(taken()) == [[b"one"], [b"two", b"three"], []]


def test_outbox_has_room_for_so_many_events_and_bytes() -> None:
    for item in (events(1, outbox.MOST_EVENTS // 2), b"x" * (outbox.MOST_BYTES // 2)):
        box = Outbox()
        assert box.put(item)
        assert box.put(item)
        assert not box.put(item)
        assert asyncio.run(box.take()) == [item, item]


def test_events_make_room_for_what_is_in_no_journal() -> None:
    box = Outbox()
    item = events(1, outbox.MOST_EVENTS)
    for one in (b"deadline", item, outbox.MARK):
        assert box.put(one)
    assert not box.put(item)
    box.drop_events()
    assert box.put(item)
    assert asyncio.run(box.take()) == [b"deadline", outbox.MARK, item]


def test_one_batch_is_always_taken_in_however_large() -> None:
    assert Outbox().put(events(1, outbox.MOST_EVENTS * 2))
