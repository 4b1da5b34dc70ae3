"""Wrote records-v1.json, once: ``python -m tests.vectors.make_records_v1``.

The vectors are what version 1 looks like for ever: never written anew; a new version gets a new file.
Keys, salts and nonces are counted up, not random, so that it is plain that they are worth nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from snapshots.crypto.context import Context
from snapshots.crypto.record import NONCE_SIZE, SALT_SIZE, RecordType
from snapshots.crypto.sealing import KEY_SIZE, Key, _seal_with

TARGET = Path(__file__).with_name("records-v1.json")

DEPLOYMENT = "5b0c6f0e-8f5e-4a57-9d3c-0d9f3c1f7a10"
OWNER = "zoë-😀-Łukasz"
SESSION = "0197a3c2-1111-7222-8333-444455556666"
LABELS = '{"speaker_a": {"name": "Zoë Ångström", "colour": "#a1b2c3"}, "speaker_b": {"name": "王小明"}}'
EVENTS = '[{"seq": 41, "timestamp": 12.5, "speaker": "speaker_a", "marker": "Größe – 始め"}]'


def _cases() -> Iterator[tuple[str, RecordType, Context, bytes]]:
    def context(kind: str, *position: int, session: str = SESSION) -> Context:
        return Context(DEPLOYMENT, OWNER, session, kind, position)

    yield "a batch of one event", RecordType.BATCH, context("batch", 41, 1), EVENTS.encode()
    yield "an empty batch", RecordType.BATCH, context("batch", 1, 0), b""
    yield (
        "compressed annotations",
        RecordType.ANNOTATIONS,
        context("annotations", 1, 30, 70),
        EVENTS.encode() * 30,
    )
    yield "annotations too short to compress", RecordType.ANNOTATIONS, context("annotations", 1, 0, 0), b"[]"
    yield "speaker labels", RecordType.LABELS, context("labels", 3), LABELS.encode()
    yield "a session key", RecordType.SESSION_KEY, context("session-key"), bytes(range(64, 96))
    yield "a user key", RecordType.USER_KEY, context("user-key", session=""), bytes(range(96, 128))


def _vectors() -> Iterator[dict[str, object]]:
    for number, (name, record_type, context, plaintext) in enumerate(_cases(), start=1):
        yield make_vector(number, name, record_type, context, plaintext)


def make_vector(
    number: int, name: str, record_type: RecordType, context: Context, plaintext: bytes
) -> dict[str, object]:
    """One record, and all that it takes to seal it again. Its key, salt and nonce follow from ``number``."""
    key = Key(UUID(int=0xABCD << 112 | number), bytes((number + i) % 256 for i in range(KEY_SIZE)))
    salt = bytes(16 * number % 256 + i for i in range(SALT_SIZE))
    nonce = bytes(255 - 12 * number - i for i in range(NONCE_SIZE))
    return {
        "name": name,
        "type": int(record_type),
        "key_id": str(key.id),
        "key": key.secret.hex(),
        "salt": salt.hex(),
        "nonce": nonce.hex(),
        "context": {
            "deployment": context.deployment,
            "owner": context.owner,
            "session": context.session,
            "kind": context.kind,
            "position": list(context.position),
        },
        "plaintext": plaintext.hex(),
        "record": _seal_with(key, record_type, context, plaintext, salt=salt, nonce=nonce).hex(),
    }


if __name__ == "__main__":
    with TARGET.open("x", encoding="utf-8") as file:  # "x": refuses to overwrite
        json.dump(list(_vectors()), file, ensure_ascii=False, indent=2)
        file.write("\n")
