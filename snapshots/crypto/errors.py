"""What can go wrong in sealing and opening, drawn once.

::

    CryptoError
    ├── RecordDamaged      the bytes are not the record that was asked for
    ├── KeyNotAvailable    the record names a key that is not at hand
    ├── KeyringInvalid     the operator's keyring cannot be used as it is
    └── PayloadTooLarge    the body is over its cap; nothing was sealed

No message carries plaintext, ciphertext or key bytes.
"""

from __future__ import annotations

from uuid import UUID


class CryptoError(Exception):
    """The root."""


class RecordDamaged(CryptoError):
    """Malformed, forged, altered or moved bytes.

    It takes no detail on purpose: telling a wrong tag from wrong padding would help only a forger.
    """

    def __init__(self) -> None:
        super().__init__()

    def __str__(self) -> str:
        return "The record is damaged, or it belongs somewhere else."


class KeyNotAvailable(CryptoError):
    """The record names ``key_id``, and no such key is at hand. With that key it may open."""

    def __init__(self, key_id: UUID) -> None:
        super().__init__(key_id)
        self.key_id = key_id

    def __str__(self) -> str:
        return f"The key {self.key_id} is not available."


class KeyringInvalid(CryptoError):
    """``source``, a file or a variable, holds no usable keyring; ``problem``: where, why, what to do."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(source, problem)
        self.source = source
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.source}: {self.problem}"


class PayloadTooLarge(CryptoError):
    """The body holds more than ``cap`` bytes."""

    def __init__(self, cap: int) -> None:
        super().__init__(cap)
        self.cap = cap

    def __str__(self) -> str:
        return f"The body is larger than {self.cap} bytes."
