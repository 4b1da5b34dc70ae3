"""What events may not carry, and what the vault can not give."""

from __future__ import annotations

from sessions_app.errors.base import FieldProblem, FieldsError, LinnetError


class AudioRefused(FieldsError):
    """The body carries audio. Nothing of it was kept."""

    code = "E-PRIVACY-001"
    status = 422
    title = "Audio is never stored"
    default_detail = "Send labels of what was heard, never the sound. ``field`` says where the body carries audio."


class InvalidEvent(FieldsError):
    """An event has a field of the wrong type, range or length; ``index`` counts from 0."""

    code = "E-EVENT-001"
    status = 422
    title = "An event is not valid"
    default_detail = (
        "``field`` says which event and which field, and ``errors`` what it must be. None of the batch was stored."
    )

    def __init__(self, index: int | None, problem: FieldProblem) -> None:
        super().__init__([problem], index=index)


class VaultUnavailable(LinnetError):
    """A key is not available now (503), or a record is damaged (409). Nothing is deleted either way."""

    code = "E-VAULT-001"
    title = "The snapshot is not available"
    default_detail = (
        "With 503, its key can't be used now: try again later. With 409, it is damaged: tell support its id. It is "
        "deleted in neither case."
    )

    def __init__(self, detail: str, *, status: int) -> None:
        self.status = status
        super().__init__(detail)


class SnapshotNotFound(LinnetError):
    """Unknown, malformed, purged, or another user's snapshot: told apart nowhere."""

    code = "E-VAULT-002"
    status = 404
    title = "No such snapshot"
    default_detail = (
        "There is no snapshot of yours with this id. It may have been deleted, or its time may be over. "
        "Your snapshots are listed at /api/v1/snapshots/."
    )
