"""The three ways in which an installation runs."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Whose users they are: Linnet's cloud's, passing visitors, or the one person whose machine it is."""

    CLOUD = "cloud"
    DEMO = "demo"
    SELF_HOSTED = "self-hosted"


def mode_of(*, cloud: bool, demo: bool) -> Mode:
    """The mode that the two switches choose. Both at once is refused at start; until then ``cloud`` holds."""
    if cloud:
        return Mode.CLOUD
    return Mode.DEMO if demo else Mode.SELF_HOSTED
