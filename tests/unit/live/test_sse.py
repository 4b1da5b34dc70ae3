"""Events as text, and where a client that comes back goes on."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from sessions_app.live import lease
from sessions_app.live.sse import frame, mark, resume_after


def test_frame_is_one_line_of_json_whatever_it_says() -> None:
    data = {"text": "a\nb\r\n\ndata: x \u2028 ü"}
    lines = frame("tone-event", data, event_id="1:7").decode().split("\n")
    assert lines[:2] == ["id: 1:7", "event: tone-event"]
    assert lines[2] == 'data: {"text":"a\\nb\\r\\n\\ndata: x \u2028 ü"}'
    assert lines[3:] == ["", ""]


def test_frame_without_an_id_keeps_the_clients_last_one() -> None:
    assert frame("service-event", {}) == b"event: service-event\ndata: {}\n\n"


def test_frame_writes_times_and_ids_as_the_api_does() -> None:
    written = frame("x", {"at": datetime(2026, 5, 1, 12, tzinfo=UTC), "id": UUID(int=1)})
    assert b'{"at":"2026-05-01T12:00:00Z","id":"00000000-0000-0000-0000-000000000001"}' in written


def test_mark_dispatches_nothing() -> None:
    assert mark("1:0") == b"id: 1:0\n\n"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("2:5", 5),
        ("2:9", 9),
        ("2:0", 0),
        ("1:5", None),  # of another epoch
        ("2:10", None),  # beyond the last
        ("3:5", None),
        ("0:5", None),
        ("", None),
        ("5", None),
        ("2:5:1", None),
        ("2:-1", None),
        ("2:5 ", None),
        ("٢:٥", None),  # digits, but not ours
        ("2:99999999999", None),
        ("x" * 10_000, None),
    ],
)
def test_resume_after(text: str, after: int | None) -> None:
    assert resume_after(text, epoch=2, last_seq=9) == after


def test_closed_says_why_and_nothing_of_the_session() -> None:
    assert lease.closed("slow_reader") == b'event: lease-event\ndata: {"event":"closed","because":"slow_reader"}\n\n'
