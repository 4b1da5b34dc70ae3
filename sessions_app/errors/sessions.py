"""What a session is not ready for."""

from __future__ import annotations

from sessions_app.errors.base import FieldsError, LinnetError


class SessionError(LinnetError):
    """The session or its lease does not allow what was asked."""


class SessionExpired(SessionError):
    """The session is over. Carries ``close_reason`` and the ``snapshot`` to resume from, if one is kept."""

    code = "E-SESSION-001"
    status = 410
    title = "The session is over"
    default_detail = (
        "Start another session; or, if ``snapshot`` says that something is kept, import that, and go on from it."
    )


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
    default_detail = "A live session has no receipt and can't be deleted: end it first."


class TooManySessions(SessionError):
    """The user's live-session limit is reached; ``live`` names the sessions that hold it."""

    code = "E-SESSION-006"
    status = 429
    title = "Too many live sessions"
    default_detail = "End one of the sessions that ``live`` names, then start another."


class OutsideWindow(FieldsError, SessionError):
    """``occurred_at`` lies before the session's start or in the future."""

    code = "E-SESSION-007"
    status = 422
    title = "The time given is outside the session"
    default_detail = "Send when it happened, between the session's start and now, or leave ``occurred_at`` out."


class SessionFull(SessionError):
    """The session holds as much as one snapshot can carry."""

    code = "E-SESSION-008"
    status = 409
    title = "The session is full"
    default_detail = (
        "This session holds as many events as one snapshot can keep. Everything accepted so far is safe. "
        "End it and start a new session to go on."
    )
