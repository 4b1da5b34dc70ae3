"""The wire format of a sealed record, version 1: bytes to dataclasses and back. No cipher in here.

All numbers are big-endian. There is no length field: the ciphertext runs to the end of the record, and its
tag covers every byte of it, so anything cut off or appended is noticed when the record is opened.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from uuid import UUID

from .errors import RecordDamaged

MAGIC = b"LS"
VERSION = 1
SUITE = 1  # HKDF-SHA-512, AES-256-GCM, 32-byte key commitment

PREFIX_SIZE = 24
SALT_SIZE = 16
NONCE_SIZE = 12
COMMITMENT_SIZE = 32
HEADER_SIZE = PREFIX_SIZE + SALT_SIZE + NONCE_SIZE + COMMITMENT_SIZE
TAG_SIZE = 16
MIN_PLAINTEXT = 9  # codec, raw length and body length are always there, even around an empty body
MIN_RECORD_SIZE = HEADER_SIZE + MIN_PLAINTEXT + TAG_SIZE

_PREFIX = struct.Struct(">2sBBBBH16s")
_HEADER = struct.Struct(">2sBBBBH16s16s12s32s")
_PARTS = struct.Struct(">24s16s12s32s")


class RecordType(IntEnum):
    """What a record holds. The numbers are stored; never reuse one."""

    BATCH = 1
    ANNOTATIONS = 2
    TEXT = 3
    LABELS = 4
    SESSION_KEY = 5
    USER_KEY = 6
    LIVE = 7  # never stored: on its way between processes


class Flag(IntFlag):
    """How the plaintext was prepared before it was encrypted."""

    COMPRESSED = 1
    PADDED = 2


# Both looked up by number: the calls RecordType(n) and Flag(n) cost more than the rest of the parsing.
_TYPES = {int(member): member for member in RecordType}
_FLAGS = {bits: Flag(bits) for bits in range(int(Flag.COMPRESSED | Flag.PADDED) + 1)}


def pack_prefix(record_type: RecordType, flags: Flag, key_id: UUID) -> bytes:
    """Return the first 24 bytes of a header: all that is known before a key is derived."""
    return _PREFIX.pack(MAGIC, VERSION, SUITE, record_type, flags, 0, key_id.bytes)


def unpack_header(header: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Cut the 84 bytes of a header into prefix, salt, nonce and commitment, whatever they are."""
    prefix, salt, nonce, commitment = _PARTS.unpack(header)
    return prefix, salt, nonce, commitment


@dataclass(frozen=True, slots=True)
class Header:
    """The 84 bytes before the ciphertext.

    Raises:
        ValueError: salt, nonce or commitment has the wrong length (a caller's mistake).
    """

    # offset 0: magic, 2 bytes · 2: version, 1 byte · 3: suite, 1 byte
    record_type: RecordType  # offset 4, 1 byte
    flags: Flag  # offset 5, 1 byte
    # offset 6: reserved, 2 bytes, zero
    key_id: UUID  # offset 8, 16 bytes: the key that opens this record
    salt: bytes  # offset 24, 16 bytes: random, for HKDF
    nonce: bytes  # offset 40, 12 bytes: random, for AES-GCM
    commitment: bytes  # offset 52, 32 bytes: derived with the key, so that one record opens under one key only

    def __post_init__(self) -> None:
        # struct would pad or cut a wrong length in silence.
        if len(self.salt) != SALT_SIZE or len(self.nonce) != NONCE_SIZE or len(self.commitment) != COMMITMENT_SIZE:
            raise ValueError("salt, nonce and commitment must be 16, 12 and 32 bytes long")

    @property
    def prefix(self) -> bytes:
        """The first 24 bytes, which the key derivation takes in."""
        return pack_prefix(self.record_type, self.flags, self.key_id)

    def pack(self) -> bytes:
        """Return the 84 bytes."""
        return self.prefix + self.salt + self.nonce + self.commitment


@dataclass(frozen=True, slots=True)
class Record:
    """A header and what follows it."""

    header: Header
    ciphertext: bytes  # offset 84, to the end: encrypted payload, then the 16-byte tag

    def pack(self) -> bytes:
        """Return the record as it is stored."""
        return self.header.pack() + self.ciphertext

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Record:
        """Read a stored record. That it parses says nothing about whether it is genuine.

        Raises:
            RecordDamaged: too short, or not a record of this version, suite, type and set of flags.
        """
        raw = bytes(data)
        if len(raw) < MIN_RECORD_SIZE:
            raise RecordDamaged
        (magic, version, suite, type_number, bits, reserved, key_id, salt, nonce, commitment) = _HEADER.unpack_from(raw)
        if magic != MAGIC or version != VERSION or suite != SUITE or reserved != 0:
            raise RecordDamaged
        record_type, flags = _TYPES.get(type_number), _FLAGS.get(bits)
        if record_type is None or flags is None:
            raise RecordDamaged
        header = Header(record_type, flags, UUID(bytes=key_id), salt, nonce, commitment)
        return cls(header, raw[HEADER_SIZE:])
