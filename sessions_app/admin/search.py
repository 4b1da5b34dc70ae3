"""Finding a row by an id that somebody pasted, whole or its beginning, with or without hyphens and spaces."""

from __future__ import annotations

import re
import uuid

_HEX = re.compile(r"[0-9a-f]{4,32}")


def id_range(text: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """The first and the last UUID that begin as this text does; None when it is no beginning of a UUID.

    A range serves every database alike, with the index, however it stores a UUID.
    """
    digits = re.sub(r"[\W_]", "", text.lower().removeprefix("urn:uuid:"))
    if not _HEX.fullmatch(digits):
        return None
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
