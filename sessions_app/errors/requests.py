"""What was sent could not be read."""

from __future__ import annotations

from sessions_app.errors.base import FieldsError, LinnetError

#: When to ask for a stream again that was one too many, in seconds.
STREAM_RETRY_S = 30


class RequestError(LinnetError):
    """What was sent could not be read, before any session was looked at."""


class MalformedBody(FieldsError, RequestError):
    """Not JSON, not a JSON object, nested too deep, or text that no database can hold."""

    code = "E-REQUEST-001"
    status = 400
    title = "The body could not be read"
    default_detail = "Send one JSON object, in UTF-8. ``errors`` says what could not be read."


class BodyTooLarge(FieldsError, RequestError):
    """More bytes than one request may carry."""

    code = "E-REQUEST-002"
    status = 413
    title = "The body is too large"
    default_detail = "Send less at a time: events can be appended in as many batches as you like."


class UnsupportedBody(FieldsError, RequestError):
    """A content type or content encoding that this service does not read."""

    code = "E-REQUEST-003"
    status = 415
    title = "The body is not plain JSON"
    default_detail = "Send JSON with ``Content-Type: application/json``, and without a Content-Encoding."


class InvalidFields(FieldsError, RequestError):
    """Well-formed JSON with a missing, unknown or out-of-range field."""

    code = "E-REQUEST-004"
    status = 422
    title = "A field is not valid"
    default_detail = "``field`` names the first field at fault, and ``errors`` says of each what it must be."


class IdempotencyKeyReused(FieldsError, RequestError):
    """The idempotency key was used before, with another body."""

    code = "E-REQUEST-005"
    status = 422
    title = "The idempotency key was used for another body"
    default_detail = "Send the same body again for the same answer, or another body with a key of its own."


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
    default_detail = "Send it again after ``retry_after_s`` seconds. Nothing that was acknowledged before is lost."

    def __init__(self, what: str, *, limit: int, retry_after_s: int) -> None:
        super().__init__(
            f"At most {limit} {what} a minute are taken from one user. This one was not carried out, and nothing that "
            f"was acknowledged before is lost. Send it again in {retry_after_s} s.",
            retry_after_s=retry_after_s,
        )


class TooManyStreams(RequestError):
    """More live streams at a time than one user may have open on one web process."""

    code = "E-REQUEST-011"
    status = 429
    title = "Too many open streams"
    default_detail = "Close a page that follows a session, or wait until one has ended. Nothing is lost meanwhile."

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"This user has {limit} live streams open, and this service keeps no more of them at a time. Close a page "
            "that follows a session, or wait until one has ended. Nothing is lost meanwhile: a stream that opens later "
            "begins where the last one was.",
            retry_after_s=STREAM_RETRY_S,
        )


class NotAcceptable(FieldsError, RequestError):
    """The ``Accept`` header allows no form that this answer has."""

    code = "E-REQUEST-012"
    status = 406
    title = "The answer has no such form"
    default_detail = "Let the Accept header allow application/json, or leave it out."
