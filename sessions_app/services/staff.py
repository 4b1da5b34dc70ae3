"""What support staff can do to a session. They see metadata and never content."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from sessions_app.errors import InvalidTransition
from sessions_app.lease import CloseReason
from sessions_app.models import Session
from sessions_app.services.closing import close
from sessions_app.services.sealing import vault_unavailable
from snapshots.errors import VaultError


def end_as_staff(*, session_id: uuid.UUID, now: datetime) -> Session:
    """Close a live session now, saving its snapshot as its policy says.

    Raises:
        InvalidTransition: it is closed already.
        VaultUnavailable: it can't be saved now; it stays as it is.
    """
    with transaction.atomic():
        session = Session.objects.lock(session_id)
        if session.is_closed:
            raise InvalidTransition("The session is closed already.")
        overdue = session.is_overdue(now)
        try:
            close(session, reason=session.reason_at_deadline if overdue else CloseReason.STAFF, now=now)
        except VaultError as error:
            raise vault_unavailable(error) from None
    return session


def release_from_quarantine(*, session_id: uuid.UUID, now: datetime) -> None:
    """Let the sweep try again at once, with all its tries.

    Raises:
        InvalidTransition: it is not in quarantine.
    """
    released = Session.objects.filter(pk=session_id, quarantined_at__isnull=False).update(
        quarantined_at=None, close_attempts=0, sweep_after=now
    )
    if not released:
        raise InvalidTransition("The session is not in quarantine.")
