"""Opening what a session holds, and what a person is told when that is not possible."""

from __future__ import annotations

from typing import Any

from sessions_app.errors import VaultUnavailable
from sessions_app.models import Session
from snapshots.content import Content
from snapshots.crypto import CryptoError, SessionCipher
from snapshots.errors import ContentDamaged, KeyMissing, VaultError
from snapshots.services.keys import open_session_key


def vault_unavailable(error: VaultError) -> VaultUnavailable:
    """What a person is told when the vault can't open something. Nothing is ever deleted for it."""
    if isinstance(error, KeyMissing):
        return VaultUnavailable(
            "The key for this is not available at the moment. Nothing is lost. Try again later; if it lasts, tell "
            "support the session's id.",
            status=503,
        )
    return VaultUnavailable(
        "This record is damaged and can't be opened. It is left as it is, and nothing is deleted. Tell support the "
        "session's id.",
        status=409,
    )


def cipher_of(session: Session) -> SessionCipher:
    """The cipher of a session that was locked, or fetched ``with_key``. No query.

    Raises:
        VaultUnavailable: there is none now.
    """
    try:
        return open_session_key(session.key, owner_id=session.owner_id)
    except VaultError as error:
        raise vault_unavailable(error) from None


def open_batch(cipher: SessionCipher, *, first_seq: int, last_seq: int, sealed: bytes | memoryview) -> Content:
    """One batch of the journal in the clear.

    Raises:
        ContentDamaged: it does not open, or does not hold what its row says.
    """
    count = last_seq - first_seq + 1
    try:
        content = Content.unpack(cipher.open_batch(first_seq, count, bytes(sealed)))
    except (CryptoError, ValueError):
        raise ContentDamaged("a batch of the journal does not open") from None
    if len(content.lines) != count:
        raise ContentDamaged("a batch of the journal does not hold as many events as its row says")
    return content


def seal_labels(cipher: SessionCipher, *, revision: int, labels: dict[str, Any]) -> bytes:
    """The speakers' names and colours, sealed."""
    return cipher.seal_labels(revision, Content(labels, []).pack())


def open_labels(session: Session, cipher: SessionCipher) -> dict[str, Any]:
    """A live session's labels in the clear.

    Raises:
        ContentDamaged: they do not open.
    """
    if session.labels is None:
        return {}
    try:
        return Content.unpack(cipher.open_labels(session.labels_revision, bytes(session.labels))).head
    except (CryptoError, ValueError):
        raise ContentDamaged("the speaker labels do not open") from None
