"""The wire format: parsing, packing, contexts, and the vectors that old records must keep matching."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.crypto.context import Context
from snapshots.crypto.errors import KeyNotAvailable, KeyringInvalid, PayloadTooLarge, RecordDamaged
from snapshots.crypto.record import HEADER_SIZE, Flag, Header, Record, RecordType
from snapshots.crypto.sealing import Key, _seal_with, key_id_of, open_record

VECTORS: list[dict[str, Any]] = [
    vector
    for file in ("records-v1.json", "records-v1-live.json")
    for vector in json.loads((Path(__file__).parents[1] / "vectors" / file).read_text(encoding="utf-8"))
]
KEY_ID = UUID("00112233-4455-6677-8899-aabbccddeeff")
HEADER = Header(RecordType.LABELS, Flag.PADDED, KEY_ID, b"s" * 16, b"n" * 12, b"c" * 32)
CIPHERTEXT = bytes(25)
RAW = HEADER.pack() + CIPHERTEXT


def _context(vector: dict[str, Any]) -> Context:
    fields = vector["context"]
    return Context(**{**fields, "position": tuple(fields["position"])})


def _key(vector: dict[str, Any]) -> Key:
    return Key(UUID(vector["key_id"]), bytes.fromhex(vector["key"]))


def _is_compressed(vector: dict[str, Any]) -> bool:
    return Flag.COMPRESSED in Record.parse(bytes.fromhex(vector["record"])).header.flags


def test_header_layout_is_as_documented() -> None:
    expected = b"LS" + bytes([1, 1, 4, 2, 0, 0]) + KEY_ID.bytes + b"s" * 16 + b"n" * 12 + b"c" * 32
    assert HEADER.pack() == expected
    assert len(expected) == HEADER_SIZE == 84
    assert HEADER.prefix == expected[:24]


def test_record_round_trip() -> None:
    record = Record.parse(RAW)
    assert record == Record(HEADER, CIPHERTEXT)
    assert record.pack() == RAW


def test_record_parses_a_memoryview() -> None:
    record = Record.parse(memoryview(RAW))
    assert record == Record.parse(RAW)
    assert type(record.ciphertext) is bytes


@pytest.mark.parametrize("length", range(HEADER_SIZE + 25))
def test_record_too_short_is_refused(length: int) -> None:
    with pytest.raises(RecordDamaged):
        Record.parse(RAW[:length])


@pytest.mark.parametrize(
    ("offset", "value"),
    [(0, 0x6C), (1, 0x73), (2, 0), (2, 2), (3, 0), (3, 2), (4, 0), (4, 8), (5, 4), (5, 0x82), (6, 1), (7, 1)],
)
def test_record_with_an_unknown_value_is_refused(offset: int, value: int) -> None:
    with pytest.raises(RecordDamaged):
        Record.parse(RAW[:offset] + bytes([value]) + RAW[offset + 1 :])


@pytest.mark.parametrize(("salt", "nonce", "commitment"), [(15, 12, 32), (16, 13, 32), (16, 12, 31)])
def test_header_refuses_wrong_lengths(salt: int, nonce: int, commitment: int) -> None:
    with pytest.raises(ValueError, match="16, 12 and 32"):
        Header(RecordType.BATCH, Flag.PADDED, KEY_ID, bytes(salt), bytes(nonce), bytes(commitment))


def test_key_id_of_reads_the_header() -> None:
    assert key_id_of(RAW) == KEY_ID
    with pytest.raises(RecordDamaged):
        key_id_of(b"not a record")


@given(st.binary(max_size=200))
def test_record_parse_raises_nothing_else(data: bytes) -> None:
    with pytest.raises(RecordDamaged):
        Record.parse(data)


@pytest.mark.parametrize(
    "error",
    [
        RecordDamaged(),
        KeyNotAvailable(KEY_ID),
        KeyringInvalid("keyring.json", "is empty"),
        PayloadTooLarge(32),
    ],
)
def test_errors_survive_pickling(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_context_encoding_is_as_documented() -> None:
    encoded = Context("d", "zoë", "", "batch", (1, 2**64 - 1)).encode()
    assert encoded == (
        b"\0\0\0\1d" + b"\0\0\0\4zo\xc3\xab" + b"\0\0\0\0" + b"\0\0\0\5batch"
        b"\0\0\0\2" + b"\0\0\0\0\0\0\0\1" + b"\xff" * 8
    )


_contexts = st.builds(
    Context,
    *[st.text(alphabet="a\0\1é", max_size=3)] * 4,
    st.lists(st.sampled_from([0, 1, 97, 2**64 - 1]), max_size=3).map(tuple),
)


@given(_contexts, _contexts)
def test_context_encoding_is_unambiguous(one: Context, other: Context) -> None:
    assert (one.encode() == other.encode()) is (one == other)


@given(_contexts)
def test_context_text_moved_between_fields_encodes_differently(context: Context) -> None:
    moved = Context(context.deployment, context.owner + context.session, "", context.kind, context.position)
    assert (moved.encode() == context.encode()) is (context.session == "")


@pytest.mark.parametrize("position", [-1, 2**64])
def test_context_refuses_a_position_out_of_range(position: int) -> None:
    with pytest.raises(OverflowError):
        Context("d", "o", "s", "k", (position,)).encode()


def test_context_refuses_a_lone_surrogate() -> None:
    with pytest.raises(UnicodeEncodeError):
        Context("d", "\ud800", "s", "k", ()).encode()


def test_vectors_cover_every_type_in_use() -> None:
    assert {vector["type"] for vector in VECTORS} == {1, 2, 4, 5, 6, 7}
    assert any(_is_compressed(vector) for vector in VECTORS)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector_opens(vector: dict[str, Any]) -> None:
    record = bytes.fromhex(vector["record"])
    body = open_record(_key(vector), RecordType(vector["type"]), _context(vector), record)
    assert body == bytes.fromhex(vector["plaintext"])


# What zstd writes may change between its versions; that it can still be read is tested above.
@pytest.mark.parametrize("vector", [v for v in VECTORS if not _is_compressed(v)], ids=lambda vector: vector["name"])
def test_vector_is_sealed_the_same_again(vector: dict[str, Any]) -> None:
    salt, nonce = bytes.fromhex(vector["salt"]), bytes.fromhex(vector["nonce"])
    body = bytes.fromhex(vector["plaintext"])
    record = _seal_with(_key(vector), RecordType(vector["type"]), _context(vector), body, salt=salt, nonce=nonce)
    assert record.hex() == vector["record"]
