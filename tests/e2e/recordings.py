"""Recordings as a call makes them, the same for the same seed, with canaries where people's words are."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from random import Random
from typing import Any

TONES = [
    ("Neutral", "neutral"),
    ("Joy", "positive"),
    ("Überraschung", "positive"),
    ("Sadness", "negative"),
    ("Anger", "negative"),
    ("Fear", "negative"),
    ("Ekel", "negative"),
]
#: In every label and every name. What tells them apart follows it.
CANARY = "Känarie-9c1f07b25e8ad346"
NAMES = ["Zoë", "小林", "Noor", "Jürgen", "Małgorzata", "Søren", "Aoife", "Ines", "Омар"]


def make_recordings(count: int, *, seed: int) -> list[dict[str, Any]]:
    """``count`` recordings of 2 to 24 events and 2 to 9 speakers."""
    rng = Random(seed)
    return [_recording(rng, number) for number in range(count)]


def _recording(rng: Random, number: int) -> dict[str, Any]:
    speakers = {f"Speaker {chr(65 + index)}": f"{NAMES[index]} {CANARY}{index}" for index in range(rng.randint(2, 9))}
    events, seconds = [], 0.0
    for _ in range(rng.randint(2, 24)):
        label, affect = rng.choice(TONES)
        event: dict[str, Any] = {
            "event_type": "tone",
            "label": f"{label} {CANARY}{number}",
            "confidence": rng.choice([1, 1.0, round(rng.random(), 3)]),
            "speaker_id": rng.choice(list(speakers)),
            "timestamp": round(seconds, 3),
            "affect": affect,
        }
        if rng.random() < 0.3:
            event |= {"subtext": rng.choice([None, f"“{CANARY}”"]), "prosody_flags": ["rising", "fast"]}
        events.append(event)
        seconds += rng.uniform(0.2, 9)
    return {"recording": f"generated-{number}", "speakers": speakers, "events": events}


def spellings(text: str = CANARY) -> Iterator[bytes]:
    """The ways in which a text could lie in a file: as it is, escaped, and encoded at any offset.

    Compressed text can't be searched for. Nothing is compressed but inside the seals.
    """
    # The digits alone are found whatever became of the letters before them.
    for part in (text, text.rpartition("-")[2]):
        raw = part.encode()
        yield from (raw, part.encode("utf-16-le"), part.encode("utf-16-be"), json.dumps(part).strip('"').encode())
        yield from (raw.hex().encode(), raw.hex().upper().encode())
        for offset in range(3):
            # What stands before and after is unknown: only the characters that the text alone decides.
            encoded = base64.b64encode(b"\0" * offset + raw)
            known = encoded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
            yield from (known, known.replace(b"+", b"-").replace(b"/", b"_"))
