"""The form of sealed content: one line of JSON that describes it, then one line of JSON for each event. Pure.

A line an event lets a snapshot be put together from the journal's batches, and a page be cut from it, without
parsing what lies between. JSON escapes line breaks inside strings, so a line is always one event.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

_QUICK_ENCODER = msgspec.json.Encoder()
#: Every batch of a journal has a head of its own, so that a close reads many.
_HEAD_DECODER = msgspec.json.Decoder(dict[str, Any])
# One for all lines: json.dumps would make one for each.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _line(value: Any) -> bytes:
    return _ENCODER.encode(value).encode()


def encode_events(events: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Each event as its line, without the line break.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    body: bytes = _QUICK_ENCODER.encode_lines(events)
    # It writes a number that JSON does not have as null. The standard library, at ten times the cost, tells
    # (docs/adr/0019): it is asked where there are more nulls than the events' fields account for.
    if body.count(b"null") != len([value for event in events for value in event.values() if value is None]):
        return [_line(event) for event in events]
    return body.split(b"\n")[:-1]


@dataclass(frozen=True, slots=True)
class Content:
    """A head and the events' lines, in order."""

    head: dict[str, Any]
    lines: list[bytes]

    def pack(self) -> bytes:
        return b"\n".join([_line(self.head), *self.lines])

    @classmethod
    def unpack(cls, body: bytes) -> Content:
        """Read what :meth:`pack` made.

        Raises:
            ValueError: the head is not a JSON object. (A record that opened was sealed by us, so this means
                another version of the format.)
        """
        head, *lines = body.split(b"\n")
        return cls(_HEAD_DECODER.decode(head), lines)

    def numbered(self, first_seq: int) -> Iterator[dict[str, Any]]:
        """The events as sent, each with its ``seq``."""
        for seq, line in enumerate(self.lines, start=first_seq):
            yield {"seq": seq, **json.loads(line)}

    def numbered_backwards(self, first_seq: int) -> Iterator[dict[str, Any]]:
        """The same, the last one first. Each is parsed when it is asked for."""
        for index in range(len(self.lines) - 1, -1, -1):
            yield {"seq": first_seq + index, **json.loads(self.lines[index])}

    def numbered_lines(self, first_seq: int) -> Iterator[bytes]:
        """The same as JSON, without parsing it: each line is an object, and not empty, for it has a type."""
        for seq, line in enumerate(self.lines, start=first_seq):
            yield b'{"seq":%d,%b' % (seq, line[1:])
