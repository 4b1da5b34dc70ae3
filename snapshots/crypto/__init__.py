"""Sealed records and their keys. Pure: no Django, no database, no clock.

From the outside in: a ``Keyring`` wraps user keys, a user key wraps session keys, a ``SessionCipher`` seals
what one session stores. Underneath, ``seal`` and ``open_record`` bind each record to its ``Context``;
``payload`` is what they encrypt, ``record`` how it looks when stored, ``errors`` what can go wrong.
"""

from __future__ import annotations

from .context import Context
from .errors import CryptoError, KeyNotAvailable, KeyringInvalid, PayloadTooLarge, RecordDamaged
from .keyring import Keyring
from .payload import BATCH_CAP, SNAPSHOT_CAP
from .record import Flag, Header, Record, RecordType
from .sealing import Key, key_id_of, open_record, seal
from .session import (
    SNAPSHOT_SCHEMA,
    SessionCipher,
    unwrap_session_key,
    user_key_context,
    wrap_session_key,
)

__all__ = [
    "BATCH_CAP",
    "SNAPSHOT_CAP",
    "SNAPSHOT_SCHEMA",
    "Context",
    "CryptoError",
    "Flag",
    "Header",
    "Key",
    "KeyNotAvailable",
    "Keyring",
    "KeyringInvalid",
    "PayloadTooLarge",
    "Record",
    "RecordDamaged",
    "RecordType",
    "SessionCipher",
    "key_id_of",
    "open_record",
    "seal",
    "unwrap_session_key",
    "user_key_context",
    "wrap_session_key",
]
