"""The plaintext inside a record: a body, perhaps compressed, padded so that its size says little.

Layout (big-endian): codec u8, raw length u32, body length u32, body, zero bytes up to the padded length.
Lengths are bytes throughout. Padmé is from Nikitin et al., "Reducing Metadata Leakage from Encrypted Files
and Communication with PURBs" (PoPETs 2019), algorithm 1: at most 12 % larger, about 1 % at these sizes.
"""

from __future__ import annotations

import struct
from enum import Enum

import zstandard

from .errors import PayloadTooLarge, RecordDamaged
from .record import Flag

BATCH_CAP = 8 * 1024 * 1024
SNAPSHOT_CAP = 64 * 1024 * 1024
MAX_RATIO = 1000
BUCKET_SIZE = 512

_FRONT = struct.Struct(">BII")
_CODEC_RAW = 0
_CODEC_ZSTD = 1
_ZSTD_LEVEL = 3

_NO_FLAGS = Flag(0)
_BOTH_FLAGS = Flag.COMPRESSED | Flag.PADDED


class Padding(Enum):
    """How far a payload is filled up with zero bytes."""

    NONE = "none"
    BUCKET = "bucket"
    PADME = "padme"


def _padded_length(length: int, padding: Padding) -> int:
    """Return the length to which ``length`` bytes (at least 2) are padded."""
    if padding is Padding.BUCKET:
        return -(-length // BUCKET_SIZE) * BUCKET_SIZE
    if padding is Padding.PADME:
        exponent = length.bit_length() - 1
        # As many low bits as a float of this magnitude, with a mantissa no longer than its exponent, lacks.
        mask = (1 << (exponent - exponent.bit_length())) - 1
        return (length + mask) & ~mask
    return length


def _flags(*, compressed: bool, padding: Padding) -> Flag:
    if padding is Padding.NONE:
        return Flag.COMPRESSED if compressed else _NO_FLAGS
    return _BOTH_FLAGS if compressed else Flag.PADDED


def pack_payload(body: bytes, *, compress: bool, padding: Padding, cap: int) -> tuple[bytes, Flag]:
    """Return the payload and the flags that describe it.

    With ``compress`` a body is still stored raw when zstd does not make it smaller, or makes it so much
    smaller (over ``MAX_RATIO``) that ``unpack_payload`` would take it for a bomb.

    Raises:
        PayloadTooLarge: the body is over ``cap`` bytes.
    """
    raw_length = len(body)
    if raw_length > cap:
        raise PayloadTooLarge(cap)
    codec, stored = _CODEC_RAW, body
    if compress:
        smaller = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)
        if _plausible(raw_length, len(smaller)):
            codec, stored = _CODEC_ZSTD, smaller
    total = _padded_length(_FRONT.size + len(stored), padding)
    payload = (_FRONT.pack(codec, raw_length, len(stored)) + stored).ljust(total, b"\0")
    return payload, _flags(compressed=codec == _CODEC_ZSTD, padding=padding)


def unpack_payload(payload: bytes, *, flags: Flag, padding: Padding, cap: int) -> bytes:
    """Return the body. Exactly what ``pack_payload`` could have written is accepted, nothing else.

    Raises:
        RecordDamaged: the codec contradicts ``flags``; a length, the ratio or the padding is not as it must
            be; the body does not decompress to precisely its raw length; or that is over ``cap`` bytes.
    """
    if len(payload) < _FRONT.size:
        raise RecordDamaged
    codec, raw_length, body_length = _FRONT.unpack_from(payload)
    if codec not in (_CODEC_RAW, _CODEC_ZSTD) or raw_length > cap:
        raise RecordDamaged
    if flags != _flags(compressed=codec == _CODEC_ZSTD, padding=padding):
        raise RecordDamaged
    end = _FRONT.size + body_length
    if len(payload) != _padded_length(end, padding) or payload.count(0, end) != len(payload) - end:
        raise RecordDamaged
    body = payload[_FRONT.size : end]
    if codec == _CODEC_ZSTD:
        return _decompress(body, raw_length)
    if raw_length != body_length:
        raise RecordDamaged
    return body


def _plausible(raw_length: int, compressed_length: int) -> bool:
    return compressed_length < raw_length <= compressed_length * MAX_RATIO


def _decompress(body: bytes, raw_length: int) -> bytes:
    # Everything that can be known of the size is checked before a byte is inflated.
    if not _plausible(raw_length, len(body)):
        raise RecordDamaged
    try:
        if zstandard.frame_content_size(body) != raw_length:
            raise RecordDamaged
        raw = zstandard.ZstdDecompressor().decompress(
            body, max_output_size=raw_length, read_across_frames=False, allow_extra_data=False
        )
    except zstandard.ZstdError:
        raise RecordDamaged from None
    if len(raw) != raw_length:
        raise RecordDamaged
    return raw
