"""Where the key-encryption keys are: in a mounted file, or in a variable with the same JSON."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection

from snapshots.crypto import Keyring, KeyringInvalid
from snapshots.models import UserKey


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
            "`python manage.py generate_snapshot_key`.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyringInvalid(
            path, f"the keyring file can't be read ({type(error).__name__}); check its owner and mode."
        ) from None
    return Keyring.parse(text, source=path)


def has_keyring() -> bool:
    """Whether there is one, in the variable or in the file."""
    return bool(settings.SNAPSHOT_KEYRING) or Path(settings.SNAPSHOT_KEYRING_FILE).exists()


def create_keyring_file() -> bool:
    """Make a keyring file of one new key, unless there is a keyring. Returns whether it did.

    Of several processes that make it at once, one does, and all go on with that one: a ring that was replaced would
    leave behind what was sealed under it.

    Raises:
        KeyringInvalid: there is none, and the database holds sealed content: a new keyring would never open it.
    """
    if has_keyring():
        return False
    if _holds_sealed_content():
        raise KeyringInvalid(
            settings.SNAPSHOT_KEYRING_FILE,
            "the keyring file is missing, and this database holds content that only it opens; restore it from its "
            "backup.",
        )
    path = Path(settings.SNAPSHOT_KEYRING_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _written_beside(path, Keyring.generate()) as fresh:
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return False
    return True


def _holds_sealed_content() -> bool:
    """Whether users' keys are in the database. Before the first ``migrate`` it has no table for them."""
    return UserKey._meta.db_table in connection.introspection.table_names() and UserKey.objects.exists()


def replace_keyring_file(path: Path, ring: Keyring) -> None:
    """In one step, mode 0600: whoever reads the file meets the old ring or the new one, whole."""
    with _written_beside(path, ring) as fresh:
        fresh.replace(path)


@contextmanager
def _written_beside(path: Path, ring: Keyring) -> Iterator[Path]:
    """A file with the ring in the same folder, safe on the disk; so is the name that it is given meanwhile."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(ring.to_json())
            file.flush()
            os.fsync(file.fileno())
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)
        _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
