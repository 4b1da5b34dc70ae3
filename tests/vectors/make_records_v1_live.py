"""Wrote records-v1-live.json, once: ``python -m tests.vectors.make_records_v1_live``. As ``make_records_v1``."""

from __future__ import annotations

import json
from pathlib import Path

from snapshots.crypto.context import Context
from snapshots.crypto.record import RecordType
from tests.vectors.make_records_v1 import DEPLOYMENT, OWNER, SESSION, make_vector

TARGET = Path(__file__).with_name("records-v1-live.json")
SPOKEN = '[[1, {"event_type": "transcript", "text": "Grüße – 始めましょう", "speaker_id": "Speaker A"}]]'

if __name__ == "__main__":
    context = Context(DEPLOYMENT, OWNER, SESSION, "live", (41, 1))
    vector = make_vector(8, "a live-only event", RecordType.LIVE, context, SPOKEN.encode())
    with TARGET.open("x", encoding="utf-8") as file:  # "x": refuses to overwrite
        json.dump([vector], file, ensure_ascii=False, indent=2)
        file.write("\n")
