"""The speaker labels of a snapshot: the one part of it that its owner may still change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from snapshots.content import Content
from snapshots.crypto import CryptoError, SessionCipher
from snapshots.errors import ContentDamaged
from snapshots.models import Snapshot, UserKey
from snapshots.services.keys import session_cipher


def change_labels(
    *, owner_id: int, snapshot: Snapshot, change: Callable[[dict[str, Any]], Mapping[str, Any]]
) -> dict[str, Any]:
    """Seal changed labels under the next revision, and keep the sums of what is stored right.

    Runs inside the caller's transaction, with the row locked: of two changes at once the second one sees the first's.
    The events stay sealed as they are.

    Args:
        change: gets the labels in the clear and returns them as they should be. Whatever it raises, nothing is changed.

    Raises:
        KeyMissing: a key is not available now.
        ContentDamaged: the labels do not open, or the new ones did not open to what was sealed.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("change_labels needs a transaction")
    cipher = session_cipher(owner_id=owner_id, session_id=snapshot.session_id)
    before = bytes(snapshot.labels)
    labels = dict(change(_open(cipher, snapshot.labels_revision, before)))
    revision = snapshot.labels_revision + 1
    sealed = cipher.seal_labels(revision, Content(labels, []).pack())
    if _open(cipher, revision, sealed) != labels:
        raise ContentDamaged("the new labels did not open to what was sealed")
    grown = len(sealed) - len(before)
    Snapshot.objects.filter(pk=snapshot.pk).update(labels=sealed, labels_revision=revision, size=F("size") + grown)
    # Never below zero: a sum that is wrong must not keep anybody from naming somebody.
    total = Greatest(F("stored_bytes") + grown, Value(0))
    UserKey.objects.filter(owner_id=owner_id).update(stored_bytes=total)
    return labels


def _open(cipher: SessionCipher, revision: int, sealed: bytes) -> dict[str, Any]:
    try:
        return Content.unpack(cipher.open_labels(revision, sealed)).head
    except (CryptoError, ValueError):
        raise ContentDamaged("the snapshot's labels do not open") from None
