"""The receipt of a closed session: what was saved, until when, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions_app.errors import InvalidTransition
from sessions_app.models import Session
from sessions_app.services.closing import snapshot_of
from sessions_app.services.holding import find_session
from sessions_app.wording import kept_because
from snapshots.errors import VaultError
from snapshots.models import Snapshot
from snapshots.services.snapshots import find_snapshot, open_snapshot


@dataclass(frozen=True, slots=True)
class Receipt:
    """A closed session and what is kept of it. ``withheld`` is None when the snapshot can't be opened now."""

    session: Session
    snapshot: Snapshot | None
    withheld: dict[str, int] | None

    @property
    def kept_because(self) -> str:
        return kept_because(
            self.session.policy,
            self.session.close_reason,
            has_snapshot=self.snapshot is not None,
            expires_at=self.snapshot.expires_at if self.snapshot else None,
            removed=self.session.snapshot_removed_because,
        )


def read_receipt(*, owner_id: int, session_id: Any, now: datetime) -> Receipt:
    """The receipt of one of the user's sessions.

    Raises:
        InvalidSession: unknown, malformed, or somebody else's.
        InvalidTransition: it is still live, or could not be saved yet.
    """
    return receipt_of(find_session(owner_id=owner_id, session_id=session_id, now=now), now=now)


def receipt_of(session: Session, *, now: datetime) -> Receipt:
    """The receipt of this session, from what is stored.

    Raises:
        InvalidTransition: there is none yet.
    """
    if not session.is_closed:
        if session.is_overdue(now):
            raise InvalidTransition(
                "The session is over, but it could not be saved yet. Nothing is lost; saving is tried again by "
                "itself. Ask again later."
            )
        raise InvalidTransition("The session is live. End it to get its receipt.")
    snapshot = snapshot_of(session, now=now)
    return Receipt(session, snapshot, _withheld(snapshot, now=now) if snapshot else {})


def _withheld(snapshot: Snapshot, *, now: datetime) -> dict[str, int] | None:
    try:
        full = find_snapshot(owner_id=snapshot.owner_id, snapshot_id=snapshot.pk, now=now, with_content=True)
        opened = open_snapshot(owner_id=snapshot.owner_id, snapshot=full)
    except (VaultError, Snapshot.DoesNotExist):
        # It does not open now, or it was deleted while we were reading.
        return None
    withheld: dict[str, int] = opened.content.head["withheld"]
    return withheld
