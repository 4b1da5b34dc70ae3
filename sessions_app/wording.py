"""The sentences that people read about a session, in one place. Calm, literal, no more than is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sessions_app.lease import CloseReason, Policy

_ENDED = {
    CloseReason.ENDED: "You ended this session.",
    CloseReason.IDLE: "This session closed because nothing happened in it for the length of its idle time.",
    CloseReason.DETACHED: "This session closed because nobody was connected to it any more.",
    CloseReason.MAX_LIFETIME: "This session closed because it reached the longest time a session may last.",
    CloseReason.SUPERSEDED: "This session closed because another one took its place.",
    CloseReason.INTERRUPTED: "This session closed because the service was interrupted.",
    CloseReason.ERROR: "This session closed because of a fault in the service.",
    CloseReason.STAFF: "A member of the support staff closed this session.",
}


def ended_in_words(reason: str) -> str:
    """Why a session is over, as a sentence to its user."""
    return _ENDED[CloseReason(reason)]


def length_in_words(length: timedelta) -> str:
    """A length of time: "30 minutes", "1 hour 5 minutes", "45 seconds"."""
    seconds = int(length.total_seconds())
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [
        f"{number} {unit}{'' if number == 1 else 's'}"
        for number, unit in ((days, "day"), (hours, "hour"), (minutes, "minute"), (rest, "second"))
        if number
    ]
    return " ".join(parts[:2]) or "0 seconds"


def moment_in_words(moment: datetime) -> str:
    """An absolute time in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def kept_because(
    policy: str, reason: str, *, has_snapshot: bool, expires_at: datetime | None, removed: str = ""
) -> str:
    """Why something is kept of a closed session, or why nothing is."""
    if not Policy(policy).keeps_snapshot:
        return f"Nothing is kept: this session was {policy}, so its events and their key were destroyed."
    if not has_snapshot:
        return _REMOVED[removed]
    if expires_at is None:
        return "You chose to keep it. It stays until you delete it or set an end again."
    closed = _CLOSED_BY.get(reason, "It closed by itself")
    until = moment_in_words(expires_at)
    return f"It is kept because this session was pinned. {closed}. It will be deleted on {until}."


#: How long it is kept follows from this.
_CLOSED_BY = {
    CloseReason.ENDED.value: "You ended it",
    CloseReason.STAFF.value: "Support staff closed it",
}
_REMOVED = {
    "expired": "Nothing is kept any more: the time for keeping it was over.",
    "user": "Nothing is kept any more: you deleted it.",
    "staff": "Nothing is kept any more: support staff deleted it.",
    "": "Nothing is kept any more: the time for keeping it is over.",
}


def idle_clock_reason(policy: str, idle_timeout: timedelta) -> str:
    """Why a live session has the idle deadline it has."""
    what = "the last client left" if Policy(policy) is Policy.EPHEMERAL else "the last activity"
    return f"A session with the {policy} policy closes {length_in_words(idle_timeout)} after {what}."


def hard_clock_reason(lifetime: timedelta) -> str:
    """Why a live session has the hard deadline it has."""
    return f"No session lasts longer than {length_in_words(lifetime)}."


_ENDED_FOR_STAFF = {
    CloseReason.ENDED: "the user ended it",
    CloseReason.IDLE: "nothing happened for {idle}",
    CloseReason.DETACHED: "nobody was connected to it for {idle}",
    CloseReason.MAX_LIFETIME: "it reached the longest time a session may last",
    CloseReason.SUPERSEDED: "another session took its place",
    CloseReason.INTERRUPTED: "the service was interrupted",
    CloseReason.ERROR: "the service had a fault",
    CloseReason.STAFF: "support staff ended it",
}


def ended_for_staff(reason: str, *, idle_timeout: timedelta) -> str:
    """Why a session is over, to support staff, as the rest of a sentence: "nothing happened for 30 minutes"."""
    return _ENDED_FOR_STAFF[CloseReason(reason)].format(idle=length_in_words(idle_timeout))


_CLOSE_ERRORS = {
    "KeyMissing": "The key that seals it is not available. Operators: check that the keyring is there and complete.",
    "ContentDamaged": (
        "A stored record does not open, or does not hold what it should. It is left exactly as it is. Operators: "
        "compare with a backup."
    ),
    "PayloadTooLarge": "It holds more than one snapshot can carry. This needs a developer.",
    "OperationalError": "The database could not be used at that moment: busy, full or not reachable.",
}


def close_error_in_words(error: str) -> str:
    """What kept a session from being saved, to support staff, from the class of the error."""
    return _CLOSE_ERRORS.get(
        error, f"A fault that nobody foresaw ({error or 'not named'}). Operators: look for this session in the log."
    )


def counted(number: int, noun: str) -> str:
    """A number and what it counts: "1 event", "3 events"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
