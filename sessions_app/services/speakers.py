"""The user's own names and colours for the speakers: content, so sealed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from sessions_app.errors import FieldProblem, InvalidFields
from sessions_app.models import Session
from sessions_app.services import reading
from sessions_app.services.holding import activity, hold, write_live
from sessions_app.services.sealing import cipher_of, open_labels, seal_labels, vault_unavailable
from snapshots.errors import VaultError
from snapshots.services.labels import change_labels

MAX_SPEAKERS = 64


def label_speakers(
    *, owner_id: int, session_id: Any, token: str, changes: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Merge names and colours into a live session's labels; None removes a speaker, or a speaker's name or colour.

    Naming somebody is a user interaction: it extends the lease. Returns all labels.

    Raises:
        InvalidSession, SessionExpired, LeaseLost: as for every write.
        InvalidFields: more speakers than a session can have.
        VaultUnavailable: the labels can't be opened now.
    """

    def merge(session: Session) -> dict[str, Any]:
        cipher = cipher_of(session)
        try:
            labels = merged(open_labels(session, cipher), changes)
        except VaultError as error:
            raise vault_unavailable(error) from None
        revision = session.labels_revision + 1
        write_live(
            session,
            labels=seal_labels(cipher, revision=revision, labels=labels),
            labels_revision=revision,
            **activity(session, occurred_at=None, now=now),
        )
        return labels

    return hold(owner_id=owner_id, session_id=session_id, token=token, now=now, work=merge)


def label_snapshot_speakers(
    *, owner_id: int, snapshot_id: Any, changes: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The same for what is kept of a closed session. Returns all labels.

    Raises:
        SnapshotNotFound: unknown, malformed, purged, or somebody else's.
        InvalidFields: more speakers than a session can have.
        VaultUnavailable: the labels can't be opened now. They stay as they are.
    """
    with transaction.atomic():
        snapshot = reading.snapshot(owner_id=owner_id, snapshot_id=snapshot_id, now=now, lock=True)
        try:
            return change_labels(owner_id=owner_id, snapshot=snapshot, change=lambda labels: merged(labels, changes))
        except VaultError as error:
            raise vault_unavailable(error) from None


def merged(labels: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The labels after the changes. Members that a change does not name stay as they are.

    Raises:
        InvalidFields: more speakers than a session can have.
    """
    result = dict(labels)
    for speaker, change in changes.items():
        label = {} if change is None else {**result.get(speaker, {}), **change}
        label = {name: value for name, value in label.items() if value is not None}
        if label:
            result[speaker] = label
        else:
            result.pop(speaker, None)
    if len(result) > MAX_SPEAKERS:
        raise InvalidFields(
            [FieldProblem("speakers", "length", f"must not make more than {MAX_SPEAKERS} labelled speakers")]
        )
    return result
