"""Where the key-encryption keys come from: a mounted file, or a variable with the same JSON."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from snapshots.crypto import Keyring, KeyringInvalid


def keyring() -> Keyring:
    """The keyring of this process. Read once: a new keyring takes a restart, as ``docs/operations.md`` says.

    Raises:
        KeyringInvalid: missing, unreadable or wrong, in one sentence that says what to do.
    """
    return _load(settings.SNAPSHOT_KEYRING_FILE, settings.SNAPSHOT_KEYRING)


@lru_cache(maxsize=4)
def _load(path: str, inline: str) -> Keyring:
    if inline:
        return Keyring.parse(inline, source="SNAPSHOT_KEYRING")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyringInvalid(
            path,
            "the keyring file is missing; restore it from its backup, or, for a new installation only, run "
            "`python manage.py bootstrap`.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyringInvalid(
            path, f"the keyring file can't be read ({type(error).__name__}); check its owner and mode."
        ) from None
    return Keyring.parse(text, source=path)
