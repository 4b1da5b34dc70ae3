"""The plaintext inside a record: padding, compression, and bombs."""

from __future__ import annotations

import os
import struct

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from snapshots.crypto.errors import PayloadTooLarge, RecordDamaged
from snapshots.crypto.payload import MAX_RATIO, Padding, _padded_length, pack_payload, unpack_payload
from snapshots.crypto.record import Flag

CAP = 1 << 20
NO_FLAGS = Flag(0)
TEXT = b"a line that repeats itself; " * 40


def _front(codec: int, raw_length: int, body_length: int) -> bytes:
    return struct.pack(">BII", codec, raw_length, body_length)


def _unpack(payload: bytes, flags: Flag = NO_FLAGS, padding: Padding = Padding.NONE, cap: int = CAP) -> bytes:
    return unpack_payload(payload, flags=flags, padding=padding, cap=cap)


def _zstd_payload(body: bytes, claim: int) -> bytes:
    return _front(1, claim, len(body)) + body


@given(
    st.binary(max_size=3000) | st.binary(max_size=9).map(lambda b: b * 300),
    st.booleans(),
    st.sampled_from(Padding),
)
def test_payload_round_trip(body: bytes, compress: bool, padding: Padding) -> None:
    payload, flags = pack_payload(body, compress=compress, padding=padding, cap=CAP)
    assert _unpack(payload, flags, padding) == body
    assert (Flag.PADDED in flags) is (padding is not Padding.NONE)


def test_payload_layout_is_as_documented() -> None:
    payload, flags = pack_payload(b"body", compress=False, padding=Padding.BUCKET, cap=CAP)
    assert payload == b"\0" + b"\0\0\0\4" + b"\0\0\0\4" + b"body" + bytes(499)
    assert flags == Flag.PADDED


@pytest.mark.parametrize(("length", "padded"), [(9, 512), (511, 512), (512, 512), (513, 1024), (65_000, 65_024)])
def test_bucket_lengths(length: int, padded: int) -> None:
    assert _padded_length(length, Padding.BUCKET) == padded


# Worked by hand: with E = floor(log2 length) and S = floor(log2 E) + 1, the low E - S bits are rounded up.
@pytest.mark.parametrize(
    ("length", "padded"),
    [(9, 10), (10, 10), (11, 12), (100, 104), (513, 544), (1000, 1024), (1025, 1088), (1_000_000, 1_015_808)],
)
def test_padme_lengths(length: int, padded: int) -> None:
    assert _padded_length(length, Padding.PADME) == padded


@given(st.integers(min_value=9, max_value=70_000_000))
def test_padme_adds_at_most_twelve_percent_and_is_stable(length: int) -> None:
    padded = _padded_length(length, Padding.PADME)
    assert length <= padded <= length * 1.12
    assert _padded_length(padded, Padding.PADME) == padded


def test_pack_compresses_what_compresses() -> None:
    payload, flags = pack_payload(TEXT, compress=True, padding=Padding.PADME, cap=CAP)
    assert flags == Flag.COMPRESSED | Flag.PADDED
    assert payload[0] == 1
    assert len(payload) < len(TEXT) // 4


@pytest.mark.parametrize("body", [b"", b"[]", os.urandom(2000), bytes(CAP)], ids=["empty", "tiny", "random", "bomb"])
def test_pack_stores_raw_what_compression_does_not_suit(body: bytes) -> None:
    payload, flags = pack_payload(body, compress=True, padding=Padding.PADME, cap=CAP)
    assert flags == Flag.PADDED
    assert _unpack(payload, flags, Padding.PADME) == body


@pytest.mark.parametrize("compress", [True, False])
def test_pack_refuses_a_body_over_its_cap(compress: bool) -> None:
    pack_payload(bytes(100), compress=compress, padding=Padding.NONE, cap=100)
    with pytest.raises(PayloadTooLarge):
        pack_payload(bytes(101), compress=compress, padding=Padding.NONE, cap=100)


@pytest.mark.parametrize("padding", list(Padding))
@pytest.mark.parametrize("flags", [Flag(bits) for bits in range(4)])
@pytest.mark.parametrize("compress", [True, False])
def test_unpack_refuses_flags_that_contradict_the_payload(compress: bool, flags: Flag, padding: Padding) -> None:
    payload, right = pack_payload(TEXT, compress=compress, padding=padding, cap=CAP)
    if flags == right:
        assert _unpack(payload, flags, padding) == TEXT
    else:
        with pytest.raises(RecordDamaged):
            _unpack(payload, flags, padding)


@pytest.mark.parametrize("length", range(13))
def test_unpack_refuses_a_cut_payload(length: int) -> None:
    payload = _front(0, 4, 4) + b"body"
    assert _unpack(payload) == b"body"
    with pytest.raises(RecordDamaged):
        _unpack(payload[:length])


@pytest.mark.parametrize(
    "front", [_front(2, 4, 4), _front(0, 3, 4), _front(0, 5, 4), _front(0, 4, 3), _front(0, 4, 2**32 - 1)]
)
def test_unpack_refuses_a_front_that_does_not_fit(front: bytes) -> None:
    with pytest.raises(RecordDamaged):
        _unpack(front + b"body")


@pytest.mark.parametrize("padding", [Padding.BUCKET, Padding.PADME])
def test_unpack_refuses_padding_that_is_not_zero(padding: Padding) -> None:
    body = bytes(504)  # 513 bytes with its front: both schemes pad it
    payload, flags = pack_payload(body, compress=False, padding=padding, cap=CAP)
    for offset in range(513, len(payload)):
        spoilt = bytearray(payload)
        spoilt[offset] = 1
        with pytest.raises(RecordDamaged):
            _unpack(bytes(spoilt), flags, padding)


@pytest.mark.parametrize("padding", list(Padding))
@pytest.mark.parametrize("change", [-1, 1, 512, 1024])
def test_unpack_refuses_any_other_padded_length(padding: Padding, change: int) -> None:
    payload, flags = pack_payload(b"body", compress=False, padding=padding, cap=CAP)
    with pytest.raises(RecordDamaged):
        _unpack(payload.ljust(len(payload) + change, b"\0")[: len(payload) + change], flags, padding)


@pytest.mark.parametrize("codec", [0, 1])
def test_unpack_checks_the_cap_first(codec: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zstandard, "ZstdDecompressor", _must_not_be_called)
    body = zstandard.compress(TEXT) if codec else TEXT
    with pytest.raises(RecordDamaged):
        _unpack(_front(codec, len(TEXT), len(body)) + body, Flag(codec), cap=len(TEXT) - 1)


def test_unpack_refuses_a_ratio_over_the_limit_without_decompressing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zstandard, "ZstdDecompressor", _must_not_be_called)
    bomb = zstandard.compress(bytes(CAP))
    assert len(bomb) * MAX_RATIO < CAP
    with pytest.raises(RecordDamaged):
        _unpack(_zstd_payload(bomb, CAP), Flag.COMPRESSED)


@pytest.mark.parametrize("claim", [0, 1, len(TEXT) - 1, len(TEXT) + 1, 2**32 - 1])
def test_unpack_refuses_a_claim_unlike_the_frames(claim: int) -> None:
    body = zstandard.compress(TEXT)
    assert _unpack(_zstd_payload(body, len(TEXT)), Flag.COMPRESSED) == TEXT
    with pytest.raises(RecordDamaged):
        _unpack(_zstd_payload(body, claim), Flag.COMPRESSED)


@pytest.mark.parametrize("claim", [20_000, 99_999, 100_001])
def test_unpack_refuses_a_frame_that_inflates_to_something_else_than_it_claims(claim: int) -> None:
    raw = os.urandom(500) * 200
    body = zstandard.compress(raw)
    assert struct.unpack_from("<I", body, 5) == (100_000,)  # the frame's own content size (RFC 8878, 3.1.1.1)
    lying = body[:5] + struct.pack("<I", claim) + body[9:]
    assert zstandard.frame_content_size(lying) == claim
    with pytest.raises(RecordDamaged):
        _unpack(_zstd_payload(lying, claim), Flag.COMPRESSED)


def test_unpack_refuses_less_than_was_claimed_whatever_zstd_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class Short:
        def decompress(self, *args: object, **options: object) -> bytes:
            return TEXT[:-1]

    monkeypatch.setattr(zstandard, "ZstdDecompressor", Short)
    with pytest.raises(RecordDamaged):
        _unpack(_zstd_payload(zstandard.compress(TEXT), len(TEXT)), Flag.COMPRESSED)


def test_unpack_refuses_a_frame_that_does_not_tell_its_size() -> None:
    body = zstandard.ZstdCompressor(write_content_size=False).compress(TEXT)
    with pytest.raises(RecordDamaged):
        _unpack(_zstd_payload(body, len(TEXT)), Flag.COMPRESSED)


@pytest.mark.parametrize("extra", [b"\0", zstandard.compress(b""), zstandard.compress(TEXT)])
def test_unpack_refuses_anything_after_the_frame(extra: bytes) -> None:
    body = zstandard.compress(TEXT) + extra
    with pytest.raises(RecordDamaged):
        _unpack(_zstd_payload(body, len(TEXT)), Flag.COMPRESSED)


@given(st.binary(max_size=64))
def test_unpack_of_anything_raises_nothing_else(noise: bytes) -> None:
    body = zstandard.compress(TEXT)[:6] + noise
    with pytest.raises(RecordDamaged):
        _unpack(_zstd_payload(body, len(TEXT)), Flag.COMPRESSED)


def _must_not_be_called() -> None:
    raise AssertionError("nothing may be decompressed")
