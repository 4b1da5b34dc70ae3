"""Every error a caller of this service can meet, drawn once.

::

    LinnetError
    ├── RequestError
    │   ├── MalformedBody           E-REQUEST-001  400
    │   ├── BodyTooLarge            E-REQUEST-002  413
    │   ├── UnsupportedBody         E-REQUEST-003  415
    │   ├── InvalidFields           E-REQUEST-004  422
    │   ├── IdempotencyKeyReused    E-REQUEST-005  422
    │   ├── NoSuchAddress           E-REQUEST-006  404
    │   ├── MethodNotAllowed        E-REQUEST-007  405
    │   ├── LengthRequired          E-REQUEST-008  411
    │   ├── BadRequest              E-REQUEST-009  400
    │   └── TooManyRequests         E-REQUEST-010  429
    ├── AuthError
    │   ├── NotAuthenticated        E-AUTH-001     401
    │   └── NotAllowed              E-AUTH-002     403
    ├── SessionError
    │   ├── SessionExpired          E-SESSION-001  410
    │   ├── InvalidSession          E-SESSION-002  404
    │   ├── LeaseLost               E-SESSION-003  409
    │   ├── TopicInUse              E-SESSION-004  409
    │   ├── InvalidTransition       E-SESSION-005  409
    │   ├── TooManySessions         E-SESSION-006  429
    │   ├── OutsideWindow           E-SESSION-007  422
    │   └── SessionFull             E-SESSION-008  409
    ├── TierRequired                E-TIER-001     402
    ├── AudioRefused                E-PRIVACY-001  422
    ├── InvalidEvent                E-EVENT-001    422
    ├── VaultUnavailable            E-VAULT-001    503 / 409
    ├── SnapshotNotFound            E-VAULT-002    404
    ├── ServiceFault                E-SERVICE-001  500
    └── ServiceUnavailable          E-SERVICE-002  503

An error says what happened and what the person can do next; it never repeats what was sent, because that
may be somebody's words. The class is the one home of its code, status and title; the edges turn it into a
problem document (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One fault in what was sent: where it is, a stable code, and a sentence for a person."""

    field: str
    code: str
    message: str


class LinnetError(Exception):
    """The root. ``extra`` are further members of the problem document: JSON values, and datetimes."""

    code: ClassVar[str]
    status: int
    title: ClassVar[str]
    default_detail: ClassVar[str] = ""

    def __init__(self, detail: str = "", **extra: Any) -> None:
        self.detail = detail or self.default_detail
        self.extra = extra
        super().__init__(f"{self.code}: {self.detail}")


class FieldsError(LinnetError):
    """An error about particular fields: ``errors`` lists each fault, ``field`` names the first."""

    def __init__(self, problems: Sequence[FieldProblem], detail: str = "", **extra: Any) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(
            detail or f"{first.field}: {first.message}",
            field=first.field,
            errors=[{"field": p.field, "code": p.code, "message": p.message} for p in self.problems],
            **extra,
        )


class RequestError(LinnetError):
    """What was sent could not be read, before any session was looked at."""


class MalformedBody(FieldsError, RequestError):
    """Not JSON, not a JSON object, nested too deep, or text that no database can hold."""

    code = "E-REQUEST-001"
    status = 400
    title = "The body could not be read"


class BodyTooLarge(FieldsError, RequestError):
    """More bytes than one request may carry."""

    code = "E-REQUEST-002"
    status = 413
    title = "The body is too large"


class UnsupportedBody(FieldsError, RequestError):
    """A content type or content encoding that this service does not read."""

    code = "E-REQUEST-003"
    status = 415
    title = "The body is not plain JSON"


class InvalidFields(FieldsError, RequestError):
    """Well-formed JSON with a missing, unknown or out-of-range field."""

    code = "E-REQUEST-004"
    status = 422
    title = "A field is not valid"


class IdempotencyKeyReused(FieldsError, RequestError):
    """The idempotency key was used before, with another body."""

    code = "E-REQUEST-005"
    status = 422
    title = "The idempotency key was used for another body"


class NoSuchAddress(RequestError):
    """No page of this service has this address."""

    code = "E-REQUEST-006"
    status = 404
    title = "No such address"
    default_detail = "Nothing answers at this address. The API is described at /api/docs/."


class MethodNotAllowed(RequestError):
    """The address exists, but not with this method."""

    code = "E-REQUEST-007"
    status = 405
    title = "This address does not take this method"
    default_detail = "The Allow header names the methods that it takes. The API is described at /api/docs/."


class LengthRequired(RequestError):
    """A body without a Content-Length."""

    code = "E-REQUEST-008"
    status = 411
    title = "The body's length is missing"
    default_detail = "Send the body in one piece, with a Content-Length header."


class BadRequest(RequestError):
    """Refused before it was read: a Host that is not this service's, for one."""

    code = "E-REQUEST-009"
    status = 400
    title = "The request was refused"
    default_detail = (
        "The request is not one that this service reads. Check the address: its host must be one that the service "
        "answers to (ALLOWED_HOSTS)."
    )


class TooManyRequests(RequestError):
    """More calls in a minute than one user may make. ``retry_after_s`` says when to come back."""

    code = "E-REQUEST-010"
    status = 429
    title = "Too many requests"

    def __init__(self, what: str, *, limit: int, retry_after_s: int) -> None:
        super().__init__(
            f"At most {limit} {what} a minute are taken from one user. This one was not carried out, and nothing that "
            f"was acknowledged before is lost. Send it again in {retry_after_s} s.",
            retry_after_s=retry_after_s,
        )


class AuthError(LinnetError):
    """Who is asking is not known, or may not do this."""


class NotAuthenticated(AuthError):
    """No credentials, or credentials that are wrong, expired or revoked: told apart nowhere."""

    code = "E-AUTH-001"
    status = 401
    title = "Who is asking is not known"
    default_detail = (
        "Send a valid API token in the Authorization header (Authorization: Token …), or sign in. A token that "
        "was right before may have expired or been revoked."
    )


class NotAllowed(AuthError):
    """Signed in by cookie without a valid CSRF token, or not permitted."""

    code = "E-AUTH-002"
    status = 403
    title = "This is not allowed"
    default_detail = "Requests that are signed in by cookie need the X-CSRFToken header. Reload the page and try again."


class SessionError(LinnetError):
    """The session or its lease does not allow what was asked."""


class SessionExpired(SessionError):
    """The session is over. Carries ``close_reason`` and the ``snapshot`` to resume from, if one is kept."""

    code = "E-SESSION-001"
    status = 410
    title = "The session is over"


class InvalidSession(SessionError):
    """Unknown, malformed, or another user's: the three are told apart nowhere."""

    code = "E-SESSION-002"
    status = 404
    title = "No such session"
    default_detail = "There is no session of yours with this id. Your sessions are listed at /api/v1/sessions/."


class LeaseLost(SessionError):
    """The session token is missing, wrong, or was superseded by a later attach."""

    code = "E-SESSION-003"
    status = 409
    title = "This client no longer holds the session"
    default_detail = (
        "The X-Session-Token header is missing, wrong, or another device has taken the session over. "
        "Attach again to go on from this device."
    )


class TopicInUse(SessionError):
    """Another user of the same tenant holds the topic."""

    code = "E-SESSION-004"
    status = 409
    title = "The topic is in use"
    default_detail = (
        "Somebody else in your organisation has a live session on this topic. Choose another topic, or wait "
        "until that session has ended."
    )


class InvalidTransition(SessionError):
    """The session's state does not allow what was asked."""

    code = "E-SESSION-005"
    status = 409
    title = "The session's state does not allow this"


class TooManySessions(SessionError):
    """The user's live-session limit is reached; ``live`` names the sessions that hold it."""

    code = "E-SESSION-006"
    status = 429
    title = "Too many live sessions"


class OutsideWindow(FieldsError, SessionError):
    """``occurred_at`` lies before the session's start or in the future."""

    code = "E-SESSION-007"
    status = 422
    title = "The time given is outside the session"


class SessionFull(SessionError):
    """The session holds as much as one snapshot can carry."""

    code = "E-SESSION-008"
    status = 409
    title = "The session is full"
    default_detail = (
        "This session holds as many events as one snapshot can keep. Everything accepted so far is safe. "
        "End it and start a new session to go on."
    )


class TierRequired(LinnetError):
    """Paid+ is needed."""

    code = "E-TIER-001"
    status = 402
    title = "This needs a Paid plan or above"


class AudioRefused(FieldsError):
    """The body carries audio. Nothing of it was kept."""

    code = "E-PRIVACY-001"
    status = 422
    title = "Audio is never stored"


class InvalidEvent(FieldsError):
    """An event has a field of the wrong type, range or length; ``index`` counts from 0."""

    code = "E-EVENT-001"
    status = 422
    title = "An event is not valid"

    def __init__(self, index: int | None, problem: FieldProblem) -> None:
        super().__init__([problem], index=index)


class VaultUnavailable(LinnetError):
    """A key is not available now (503), or a record is damaged (409). Nothing is deleted either way."""

    code = "E-VAULT-001"
    title = "The snapshot is not available"

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


class ServiceFault(LinnetError):
    """A fault of the service. Nothing that was acknowledged is lost."""

    code = "E-SERVICE-001"
    status = 500
    title = "The service has a fault"
    default_detail = (
        "The request was not carried out, and nothing that was acknowledged before is lost. Try again; if it "
        "lasts, tell support when it happened."
    )


class ServiceUnavailable(LinnetError):
    """The database does not answer now. Nothing that was acknowledged is lost."""

    code = "E-SERVICE-002"
    status = 503
    title = "The service is not available now"
    default_detail = (
        "The database does not answer, so the request was not acknowledged. Nothing that was acknowledged before is "
        "lost. Send it again after a while, with the same Idempotency-Key if it had one."
    )


def all_errors(root: type[LinnetError] = LinnetError) -> list[type[LinnetError]]:
    """Every error that has a code, by code."""
    below = [error for child in root.__subclasses__() for error in all_errors(child)]
    own = [root] if hasattr(root, "code") else []
    return sorted({*own, *below}, key=lambda error: error.code)
