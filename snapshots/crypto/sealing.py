"""Sealing and opening one record.

A fresh key per record comes from HKDF-SHA-512 (RFC 5869) over a random salt; the record is encrypted with
AES-256-GCM (NIST SP 800-38D) under a random nonce. The second half of the derived bytes is the key
commitment: GCM alone lets somebody craft one ciphertext that opens under two keys.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .context import Context
from .errors import KeyNotAvailable, RecordDamaged
from .payload import BATCH_CAP, SNAPSHOT_CAP, Padding, pack_payload, unpack_payload
from .record import (
    HEADER_SIZE,
    MIN_RECORD_SIZE,
    NONCE_SIZE,
    SALT_SIZE,
    Flag,
    Header,
    Record,
    RecordType,
    pack_prefix,
    unpack_header,
)

KEY_SIZE = 32

_INFO = b"ls1|"


@dataclass(frozen=True, slots=True)
class Key:
    """A 256-bit key and the id by which records name it.

    Raises:
        ValueError: the secret is not 32 bytes long.
    """

    id: UUID
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_SIZE:
            raise ValueError(f"a key is {KEY_SIZE} bytes long")

    @classmethod
    def generate(cls) -> Key:
        """Return a new random key under a new random id."""
        return cls(uuid4(), os.urandom(KEY_SIZE))


@dataclass(frozen=True, slots=True)
class _Rule:
    compress: bool
    padding: Padding
    cap: int  # bytes of body
    flags: tuple[Flag, ...]  # what a record of this type may carry


# Batches and labels stay uncompressed: a session writes many small ones, and their sizes after compression
# would tell of their content, most of all to somebody who can choose a part of it (as in the CRIME attack).
_BATCH = _Rule(compress=False, padding=Padding.BUCKET, cap=BATCH_CAP, flags=(Flag.PADDED,))
_SNAPSHOT = _Rule(
    compress=True, padding=Padding.PADME, cap=SNAPSHOT_CAP, flags=(Flag.PADDED, Flag.PADDED | Flag.COMPRESSED)
)
_KEY = _Rule(compress=False, padding=Padding.NONE, cap=KEY_SIZE, flags=(Flag(0),))
_RULES = {
    RecordType.BATCH: _BATCH,
    RecordType.ANNOTATIONS: _SNAPSHOT,
    RecordType.TEXT: _SNAPSHOT,
    RecordType.LABELS: _BATCH,
    RecordType.SESSION_KEY: _KEY,
    RecordType.USER_KEY: _KEY,
    RecordType.LIVE: _BATCH,
}


def _derive(key: Key, prefix: bytes, salt: bytes, bound: bytes) -> tuple[bytes, bytes]:
    """Return the record's AES key and its commitment, 32 bytes each, for the encoded context ``bound``."""
    # HKDF of 64 bytes with SHA-512 is one extract and one expand block (RFC 5869, sections 2.2 and 2.3).
    extracted = hmac.digest(salt, key.secret, "sha512")
    info = _INFO + prefix + hashlib.sha256(bound).digest()
    okm = hmac.digest(extracted, info + b"\x01", "sha512")
    return okm[:KEY_SIZE], okm[KEY_SIZE:]


def _seal_with(key: Key, record_type: RecordType, context: Context, body: bytes, *, salt: bytes, nonce: bytes) -> bytes:
    """Seal with a given salt and nonce. Only test vectors may choose them: never use a pair twice."""
    rule = _RULES[record_type]
    payload, flags = pack_payload(body, compress=rule.compress, padding=rule.padding, cap=rule.cap)
    bound = context.encode()
    aes_key, commitment = _derive(key, pack_prefix(record_type, flags, key.id), salt, bound)
    header = Header(record_type, flags, key.id, salt, nonce, commitment)
    ciphertext = AESGCM(aes_key).encrypt(nonce, payload, header.pack() + bound)
    return Record(header, ciphertext).pack()


def seal(key: Key, record_type: RecordType, context: Context, body: bytes) -> bytes:
    """Return ``body`` sealed under ``key``, to be opened as this type and in this context only.

    Raises:
        PayloadTooLarge: the body is over the cap of its type.
    """
    return _seal_with(key, record_type, context, body, salt=os.urandom(SALT_SIZE), nonce=os.urandom(NONCE_SIZE))


def open_record(key: Key, record_type: RecordType, context: Context, data: bytes | memoryview) -> bytes:
    """Return the body of a sealed record.

    Raises:
        KeyNotAvailable: the record names another key than ``key``.
        RecordDamaged: anything else that keeps it from being this type of record, whole, in this context.
    """
    raw = bytes(data)
    rule = _RULES[record_type]
    for flags in rule.flags:
        # The only beginnings that it may have. Comparing costs a fifth of parsing, and most records are of one batch.
        prefix = pack_prefix(record_type, flags, key.id)
        if raw.startswith(prefix):
            break
    else:
        raise _refusal(Record.parse(raw), record_type, key)
    if len(raw) < MIN_RECORD_SIZE:
        raise RecordDamaged
    header, ciphertext = raw[:HEADER_SIZE], raw[HEADER_SIZE:]
    _, salt, nonce, commitment = unpack_header(header)
    bound = context.encode()
    aes_key, derived = _derive(key, prefix, salt, bound)
    if not hmac.compare_digest(derived, commitment):
        raise RecordDamaged
    try:
        payload = AESGCM(aes_key).decrypt(nonce, ciphertext, header + bound)
    except InvalidTag:
        raise RecordDamaged from None
    return unpack_payload(payload, flags=flags, padding=rule.padding, cap=rule.cap)


def _refusal(record: Record, record_type: RecordType, key: Key) -> KeyNotAvailable | RecordDamaged:
    """Why a record that is one does not begin as it must."""
    if record.header.record_type is record_type and record.header.key_id != key.id:
        return KeyNotAvailable(record.header.key_id)
    return RecordDamaged()


def key_id_of(data: bytes | memoryview) -> UUID:
    """Return the id of the key that a record names. It is not authenticated before the record is opened.

    Raises:
        RecordDamaged: not a record.
    """
    return Record.parse(data).header.key_id


def seal_key(wrapping: Key, record_type: RecordType, context: Context, key: Key) -> bytes:
    """Return the secret of ``key`` sealed under ``wrapping``. Its id is not part of the record."""
    return seal(wrapping, record_type, context, key.secret)


def open_key(
    wrapping: Key, record_type: RecordType, context: Context, data: bytes | memoryview, *, key_id: UUID
) -> Key:
    """Return the key that ``seal_key`` sealed, under the id ``key_id``.

    Raises:
        KeyNotAvailable, RecordDamaged: as ``open_record``.
    """
    secret = open_record(wrapping, record_type, context, data)
    if len(secret) != KEY_SIZE:
        raise RecordDamaged
    return Key(key_id, secret)
