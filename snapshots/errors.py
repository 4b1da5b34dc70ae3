"""What can go wrong in the vault, beside the errors of ``snapshots.crypto``. Pure.

::

    VaultError
    ├── KeyMissing        a wrapped key is not there, or its key-encryption key is not in the keyring
    ├── ContentDamaged    a record does not open, or does not hold what its row says
    └── RetentionInvalid  a retention was asked for that can't be given
"""

from __future__ import annotations


class VaultError(Exception):
    """The root. Messages never hold content or key bytes."""


class KeyMissing(VaultError):
    """A key is not available now. What it seals is untouched, and opens again when the key is back."""


class ContentDamaged(VaultError):
    """A record does not open, or does not hold what its row says. It stays where it is."""


class RetentionInvalid(VaultError):
    """The retention asked for is not earlier than the present one, or not in the future."""
