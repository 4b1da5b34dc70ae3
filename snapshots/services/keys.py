"""Key-encryption keys → one key a user → one key a session → a fresh key a record (ADR 0001)."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction

from snapshots.crypto import (
    CryptoError,
    Key,
    KeyNotAvailable,
    Keyring,
    SessionCipher,
    key_id_of,
    unwrap_session_key,
    user_key_context,
    wrap_session_key,
)
from snapshots.errors import ContentDamaged, KeyMissing
from snapshots.models import SessionKey, UserKey, WrappedKeys
from snapshots.services.keyring import keyring


def owner_name(owner_id: int) -> str:
    """The owner as it is bound into every record."""
    return f"user:{owner_id}"


def _unwrap_user_key(ring: Keyring, wrapped: bytes | memoryview, *, key_id: uuid.UUID, owner_id: int) -> Key:
    context = user_key_context(ring.deployment, owner_name(owner_id))
    try:
        return ring.unwrap(bytes(wrapped), context, key_id=key_id)
    except KeyNotAvailable as error:
        raise KeyMissing(f"key-encryption key {error.key_id} is not in the keyring") from None
    except CryptoError:
        raise ContentDamaged("the user's wrapped key does not open") from None


def _user_key(*, owner_id: int, now: datetime) -> tuple[UserKey, Key]:
    """The user's key, made when there is none yet."""
    row = UserKey.objects.filter(owner_id=owner_id).first()
    if row is None:
        ring = keyring()
        key = Key.generate()
        wrapped = ring.wrap(key, user_key_context(ring.deployment, owner_name(owner_id)))
        try:
            with transaction.atomic():
                row = UserKey.objects.create(
                    id=key.id, owner_id=owner_id, kek_id=key_id_of(wrapped), wrapped=wrapped, created_at=now
                )
        except IntegrityError:
            # Somebody else made it in the same moment; theirs counts.
            row = UserKey.objects.get(owner_id=owner_id)
        else:
            return row, key
    return row, _unwrap_user_key(keyring(), row.wrapped, key_id=row.id, owner_id=owner_id)


def create_session_key(*, owner_id: int, session_id: uuid.UUID, now: datetime) -> SessionCipher:
    """A fresh key for a new session, stored wrapped, ready for use.

    Raises:
        KeyMissing: the user's key can't be unwrapped now.
        ContentDamaged: the user's wrapped key does not open.
    """
    row, user_key = _user_key(owner_id=owner_id, now=now)
    key = Key.generate()
    deployment, owner = keyring().deployment, owner_name(owner_id)
    wrapped = wrap_session_key(user_key, deployment=deployment, owner=owner, session=str(session_id), session_key=key)
    SessionKey.objects.create(id=key.id, user_key=row, session_id=session_id, wrapped=wrapped, created_at=now)
    return SessionCipher(deployment=deployment, owner=owner, session=str(session_id), key=key)


def session_cipher(*, owner_id: int, session_id: uuid.UUID) -> SessionCipher:
    """The cipher of a session's content. One query.

    Args:
        owner_id: who is asking (or, for the sweep, whose session it is): bound into every record, so
            another user's id opens nothing.

    Raises:
        KeyMissing: the session's key is gone, or its key-encryption key is not in the keyring.
        ContentDamaged: a wrapped key does not open.
    """
    row = SessionKey.objects.select_related("user_key").filter(session_id=session_id).first()
    return open_session_key(row, owner_id=owner_id)


def open_session_key(row: SessionKey | None, *, owner_id: int) -> SessionCipher:
    """The cipher of a session whose key's row is at hand, with its user's. No query.

    Args:
        row: None when there is none.
        owner_id: as in :func:`session_cipher`.

    Raises:
        KeyMissing, ContentDamaged: as :func:`session_cipher`.
    """
    return open_keys(None if row is None else WrappedKeys.of(row), owner_id=owner_id, user_keys={})


def open_keys(keys: WrappedKeys | None, *, owner_id: int, user_keys: dict[uuid.UUID, Key]) -> SessionCipher:
    """The same of the two rows' columns.

    Args:
        user_keys: users' keys that were unwrapped before in the same piece of work; what is unwrapped here is added.

    Raises:
        KeyMissing, ContentDamaged: as :func:`session_cipher`.
    """
    if keys is None or keys.owner_id != owner_id:
        raise KeyMissing("the session's key is not there")
    ring = keyring()
    user_key = user_keys.get(keys.user_key_id)
    if user_key is None:
        user_key = _unwrap_user_key(ring, keys.user_wrapped, key_id=keys.user_key_id, owner_id=owner_id)
        user_keys[keys.user_key_id] = user_key
    deployment, owner, session = ring.deployment, owner_name(owner_id), str(keys.session_id)
    try:
        key = unwrap_session_key(
            user_key,
            deployment=deployment,
            owner=owner,
            session=session,
            key_id=keys.id,
            blob=bytes(keys.wrapped),
        )
    except KeyNotAvailable:
        raise KeyMissing("the session's key is sealed under a user key that is not there") from None
    except CryptoError:
        raise ContentDamaged("the session's wrapped key does not open") from None
    return SessionCipher(deployment=deployment, owner=owner, session=session, key=key)


def destroy_user_key(*, owner_id: int) -> None:
    """Destroy a user's key. There must be no session's key under it any more."""
    UserKey.objects.filter(owner_id=owner_id).delete()


def destroy_session_keys(*, session_ids: list[uuid.UUID]) -> int:
    """Destroy keys: what they seal can't be opened any more, whatever becomes of the rows. Returns how many."""
    return SessionKey.objects.filter(session_id__in=session_ids).delete()[0]
