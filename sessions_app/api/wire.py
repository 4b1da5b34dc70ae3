"""The addresses of Linnet's own front end: at the root, without trailing slashes, beside ``/api/``."""

from __future__ import annotations

from sessions_app.conf import conf

#: Where a user is asked for: ``/session/start``, ``/sessions/history`` and so on.
WIRE_PREFIXES = ("/session/", "/sessions/")
HEALTH = "/health"
MODE_HEADER = "X-Linnet-Mode"


def is_wire(path: str) -> bool:
    """Whether this address belongs to the front end's contract, be there something or not."""
    return path.startswith(WIRE_PREFIXES) or path == HEALTH


def mode_header() -> tuple[str, str]:
    """What each answer at these addresses carries, whatever it says."""
    return MODE_HEADER, conf.mode.value
