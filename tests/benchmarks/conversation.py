"""Events as an annotator makes them in a call: the same for the same seed. Plain data, no Django."""

from __future__ import annotations

from random import Random
from typing import Any

LABELS = ["Calm", "Warmly professional", "Überrascht", "Tense", "Flat, worn out", "Amused", "Concerned, kind"]
AFFECTS = ["neutral", "positive", "negative", "warm"]
FLAGS = ["rising", "fast", "clipped", "breathy", "monotone"]
SUBTEXTS = [None, None, None, "May want to end the call", "Sounds more hurt than angry"]
#: Seconds of media time between two events.
STEP_S = 1.5


def events(count: int, *, seed: int = 1) -> list[dict[str, Any]]:
    """``count`` tone events, one every 1.5 s of media time; about 230 bytes of JSON each."""
    rng = Random(seed)
    return [
        {
            "event_type": "tone",
            "label": rng.choice(LABELS),
            "confidence": round(rng.random(), 3),
            "speaker_id": f"Speaker {rng.choice('ABC')}",
            "shift_magnitude": round(rng.random(), 3),
            "timestamp": index * STEP_S,
            "subtext": rng.choice(SUBTEXTS),
            "affect": rng.choice(AFFECTS),
            "shift_direction": rng.choice(["up", "down", "none"]),
            "prosody_flags": rng.sample(FLAGS, rng.randrange(3)),
        }
        for index in range(count)
    ]
