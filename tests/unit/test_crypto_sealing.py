"""Sealing and opening: the round trip, and what somebody who can write to the database could try."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import struct
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from snapshots.crypto import sealing
from snapshots.crypto.context import Context
from snapshots.crypto.errors import KeyNotAvailable, PayloadTooLarge, RecordDamaged
from snapshots.crypto.payload import Padding, _padded_length, pack_payload
from snapshots.crypto.record import HEADER_SIZE, Flag, Header, RecordType, pack_prefix
from snapshots.crypto.sealing import Key, open_record, seal
from snapshots.crypto.session import SessionCipher

KEY = Key(UUID("00112233-4455-6677-8899-aabbccddeeff"), bytes(range(32)))
CONTEXT = Context("5b0c6f0e-8f5e-4a57-9d3c-0d9f3c1f7a10", "zoë", "session-1", "batch", (41, 2))
BODY = '[{"seq": 41, "marker": "Größe – 始め"}]'.encode()
KEY_TYPES = (RecordType.SESSION_KEY, RecordType.USER_KEY)


def _body(record_type: RecordType) -> bytes:
    return bytes(32) if record_type in KEY_TYPES else BODY * 9


def _seal_payload(record_type: RecordType, flags: Flag, payload: bytes) -> bytes:
    """Seal a payload as it stands: what a writer that holds the key, but not this code, could have stored."""
    salt, nonce, bound = os.urandom(16), os.urandom(12), CONTEXT.encode()
    aes_key, commitment = sealing._derive(KEY, pack_prefix(record_type, flags, KEY.id), salt, bound)
    header = Header(record_type, flags, KEY.id, salt, nonce, commitment).pack()
    return header + AESGCM(aes_key).encrypt(nonce, payload, header + bound)


@given(
    record_type=st.sampled_from([t for t in RecordType if t not in KEY_TYPES]),
    body=st.binary(max_size=2000) | st.text(max_size=40).map(lambda text: text.encode() * 50),
    owner=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    position=st.lists(st.integers(0, 2**64 - 1), max_size=4).map(tuple),
)
def test_seal_round_trip(record_type: RecordType, body: bytes, owner: str, position: tuple[int, ...]) -> None:
    context = dataclasses.replace(CONTEXT, owner=owner, position=position)
    assert open_record(KEY, record_type, context, seal(KEY, record_type, context, body)) == body


@pytest.mark.parametrize("record_type", list(RecordType))
def test_open_takes_a_memoryview(record_type: RecordType) -> None:
    data = memoryview(seal(KEY, record_type, CONTEXT, _body(record_type)))
    assert open_record(KEY, record_type, CONTEXT, data) == _body(record_type)


@given(secret=st.binary(min_size=32, max_size=32), salt=st.binary(min_size=16, max_size=16), context=st.binary())
def test_derivation_is_hkdf(secret: bytes, salt: bytes, context: bytes) -> None:
    prefix = bytes(24)
    digest = hashlib.sha256(context).digest()
    expected = HKDF(algorithm=SHA512(), length=64, salt=salt, info=b"ls1|" + prefix + digest).derive(secret)
    assert b"".join(sealing._derive(Key(KEY.id, secret), prefix, salt, context)) == expected


def test_seal_is_fresh_each_time() -> None:
    one, other = (seal(KEY, RecordType.BATCH, CONTEXT, BODY) for _ in range(2))
    assert one[:24] == other[:24]
    assert all(one[a:b] != other[a:b] for a, b in [(24, 40), (40, 52), (52, 84), (84, None)])


def test_batches_of_similar_size_have_one_length() -> None:
    assert {len(seal(KEY, RecordType.BATCH, CONTEXT, bytes(n))) for n in range(0, 500, 50)} == {84 + 512 + 16}


@pytest.mark.parametrize(
    ("record_type", "cap"),
    [
        (RecordType.BATCH, 8 * 2**20),
        (RecordType.LABELS, 8 * 2**20),
        (RecordType.LIVE, 8 * 2**20),
        (RecordType.ANNOTATIONS, 64 * 2**20),
        (RecordType.TEXT, 64 * 2**20),
        (RecordType.SESSION_KEY, 32),
        (RecordType.USER_KEY, 32),
    ],
)
def test_seal_refuses_a_body_over_its_cap(record_type: RecordType, cap: int) -> None:
    with pytest.raises(PayloadTooLarge) as caught:
        seal(KEY, record_type, CONTEXT, bytes(cap + 1))
    assert caught.value.cap == cap


@pytest.mark.parametrize("record_type", list(RecordType))
@pytest.mark.parametrize("offset", range(HEADER_SIZE))
def test_open_refuses_every_flipped_header_bit(record_type: RecordType, offset: int) -> None:
    data = seal(KEY, record_type, CONTEXT, _body(record_type))
    expected = KeyNotAvailable if 8 <= offset < 24 else RecordDamaged
    for bit in range(8):
        flipped = bytearray(data)
        flipped[offset] ^= 1 << bit
        with pytest.raises(expected):
            open_record(KEY, record_type, CONTEXT, bytes(flipped))


def test_open_refuses_every_flipped_ciphertext_byte() -> None:
    data = seal(KEY, RecordType.BATCH, CONTEXT, BODY)
    for offset in range(HEADER_SIZE, len(data)):
        flipped = bytearray(data)
        flipped[offset] ^= 1 << offset % 8
        with pytest.raises(RecordDamaged):
            open_record(KEY, RecordType.BATCH, CONTEXT, bytes(flipped))


@pytest.mark.parametrize("record_type", [RecordType.BATCH, RecordType.ANNOTATIONS, RecordType.USER_KEY])
def test_open_refuses_every_truncation(record_type: RecordType) -> None:
    data = seal(KEY, record_type, CONTEXT, _body(record_type))
    for length in range(len(data)):
        with pytest.raises(RecordDamaged):
            open_record(KEY, record_type, CONTEXT, data[:length])


@pytest.mark.parametrize("extra", [b"\0", b"\0" * 16, b"x" * 512])
def test_open_refuses_trailing_bytes(extra: bytes) -> None:
    data = seal(KEY, RecordType.BATCH, CONTEXT, BODY)
    with pytest.raises(RecordDamaged):
        open_record(KEY, RecordType.BATCH, CONTEXT, data + extra)


@pytest.mark.parametrize(
    "change",
    [
        {"deployment": "5b0c6f0e-8f5e-4a57-9d3c-0d9f3c1f7a11"},
        {"owner": "zoe"},
        {"session": "session-2"},
        {"session": ""},
        {"kind": "labels"},
        {"position": (41, 3)},
        {"position": (2, 41)},
        {"position": (41,)},
        {"position": (41, 2, 0)},
        {"owner": "zoës", "session": "ession-1"},
    ],
    ids=str,
)
def test_open_refuses_another_context(change: dict[str, object]) -> None:
    data = seal(KEY, RecordType.BATCH, CONTEXT, BODY)
    with pytest.raises(RecordDamaged):
        open_record(KEY, RecordType.BATCH, dataclasses.replace(CONTEXT, **change), data)


@pytest.mark.parametrize("sealed_as", list(RecordType))
@pytest.mark.parametrize("opened_as", list(RecordType))
def test_open_refuses_another_type(sealed_as: RecordType, opened_as: RecordType) -> None:
    data = seal(KEY, sealed_as, CONTEXT, _body(sealed_as))
    relabelled = data[:4] + bytes([opened_as]) + data[5:]
    if sealed_as is not opened_as:
        for attempt in (data, relabelled):
            with pytest.raises(RecordDamaged):
                open_record(KEY, opened_as, CONTEXT, attempt)


def test_open_names_the_key_that_is_missing() -> None:
    other = Key.generate()
    with pytest.raises(KeyNotAvailable) as caught:
        open_record(other, RecordType.BATCH, CONTEXT, seal(KEY, RecordType.BATCH, CONTEXT, BODY))
    assert caught.value.key_id == KEY.id


def test_open_refuses_another_secret_under_the_same_id() -> None:
    other = Key(KEY.id, bytes(32))
    with pytest.raises(RecordDamaged):
        open_record(other, RecordType.BATCH, CONTEXT, seal(KEY, RecordType.BATCH, CONTEXT, BODY))


def test_open_checks_the_commitment_before_it_decrypts(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(seal(KEY, RecordType.BATCH, CONTEXT, BODY))
    data[60] ^= 1

    def must_not_be_called(key: bytes) -> None:
        raise AssertionError("nothing may be decrypted")

    monkeypatch.setattr(sealing, "AESGCM", must_not_be_called)
    with pytest.raises(RecordDamaged):
        open_record(KEY, RecordType.BATCH, CONTEXT, bytes(data))


def test_damage_shows_nothing_of_its_cause() -> None:
    data = seal(KEY, RecordType.BATCH, CONTEXT, BODY)
    with pytest.raises(RecordDamaged) as caught:
        open_record(KEY, RecordType.BATCH, CONTEXT, data[:-1] + bytes([data[-1] ^ 1]))
    assert caught.value.args == ()
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("record_type", list(RecordType))
@pytest.mark.parametrize("flags", [Flag(bits) for bits in range(4)])
def test_open_refuses_flags_that_its_type_never_has(record_type: RecordType, flags: Flag) -> None:
    padding = Padding.BUCKET if Flag.PADDED in flags else Padding.NONE
    payload, _ = pack_payload(bytes(32), compress=False, padding=padding, cap=32)
    legal = {
        RecordType.BATCH: (Flag.PADDED,),
        RecordType.LABELS: (Flag.PADDED,),
        RecordType.LIVE: (Flag.PADDED,),
        RecordType.SESSION_KEY: (Flag(0),),
        RecordType.USER_KEY: (Flag(0),),
    }.get(record_type, ())
    data = _seal_payload(record_type, flags, payload)
    if flags in legal:
        assert open_record(KEY, record_type, CONTEXT, data) == bytes(32)
    else:
        with pytest.raises(RecordDamaged):
            open_record(KEY, record_type, CONTEXT, data)


@pytest.mark.parametrize("record_type", [RecordType.BATCH, RecordType.LABELS, RecordType.LIVE])
def test_open_refuses_compression_that_its_type_never_has(record_type: RecordType) -> None:
    payload, flags = pack_payload(BODY * 20, compress=True, padding=Padding.BUCKET, cap=1 << 20)
    assert Flag.COMPRESSED in flags
    with pytest.raises(RecordDamaged):
        open_record(KEY, record_type, CONTEXT, _seal_payload(record_type, flags, payload))


def _bomb(claim: int, body: bytes) -> bytes:
    payload = struct.pack(">BII", 1, claim, len(body)) + body
    padded = payload.ljust(_padded_length(len(payload), Padding.PADME), b"\0")
    return _seal_payload(RecordType.ANNOTATIONS, Flag.COMPRESSED | Flag.PADDED, padded)


def test_open_opens_a_hand_sealed_record() -> None:
    raw = BODY * 20
    assert open_record(KEY, RecordType.ANNOTATIONS, CONTEXT, _bomb(len(raw), zstandard.compress(raw))) == raw


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: _bomb(2**32 - 1, zstandard.compress(BODY * 20)),
        lambda: _bomb(65 * 2**20, zstandard.compress(bytes(65 * 2**20))),
        lambda: _bomb(2**20, zstandard.compress(bytes(2**20))),
        lambda: _bomb(500, zstandard.compress(os.urandom(50) * 20_000)),
        lambda: _bomb(500, zstandard.ZstdCompressor(write_content_size=False).compress(BODY * 999)),
    ],
    ids=["huge claim", "over the cap", "over the ratio", "inflates past its claim", "unsized frame"],
)
def test_open_refuses_a_bomb(bomb: Callable[[], bytes]) -> None:
    with pytest.raises(RecordDamaged):
        open_record(KEY, RecordType.ANNOTATIONS, CONTEXT, bomb())


@pytest.mark.parametrize("payload", [b"\0" * 8 + b"\1" + b"x" * 503, struct.pack(">BII", 0, 0, 0) + bytes(1015)])
def test_open_refuses_wrong_padding(payload: bytes) -> None:
    with pytest.raises(RecordDamaged):
        open_record(KEY, RecordType.BATCH, CONTEXT, _seal_payload(RecordType.BATCH, Flag.PADDED, payload))


def test_key_repr_hides_the_secret() -> None:
    key = Key(KEY.id, b"canary-canary-canary-canary-3210")
    cipher = SessionCipher("d", "o", "s", key)
    assert "canary" not in f"{key!r} {key} {cipher!r} {[key]}"
    assert str(KEY.id) in repr(key)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_key_refuses_a_wrong_length(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Key(uuid4(), bytes(length))


def test_generated_keys_differ() -> None:
    one, other = Key.generate(), Key.generate()
    assert one.id != other.id
    assert one.secret != other.secret
