"""Where a record belongs: authenticated with the record, never stored in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(4, "big") + encoded


@lru_cache(maxsize=1024)
def _scope(*parts: str) -> bytes:
    # Kept, because a session's records are opened one after the other, and differ in their positions only.
    return b"".join(_text(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Context:
    """The one place at which a record may be opened.

    Take ``owner`` from the authenticated side, never from the row that holds the record: a row that was moved
    to another user would vouch for itself. Nothing that changes (state, deadline, tier) belongs in here.
    """

    deployment: str  # a UUID; keeps two installations that share a key apart
    owner: str
    session: str  # "" for what belongs to the owner as a whole
    kind: str
    position: tuple[int, ...]  # each from 0 to 2⁶⁴ - 1

    def encode(self) -> bytes:
        """Return bytes that no other context gives: every part carries its own length.

        Raises:
            OverflowError: a position is negative or does not fit 64 bits.
            UnicodeEncodeError: a text holds a lone surrogate.
        """
        position = b"".join([number.to_bytes(8, "big") for number in self.position])
        scope = _scope(self.deployment, self.owner, self.session, self.kind)
        return scope + len(self.position).to_bytes(4, "big") + position
