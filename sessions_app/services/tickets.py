"""Tickets for streams: made for one session, good for one use within a minute."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.crypto import salted_hmac

from sessions_app.errors import InvalidSession, NotAuthenticated
from sessions_app.models import Ticket
from sessions_app.services.credentials import Credential, CredentialKind
from sessions_app.services.holding import as_uuid, find_live

PREFIX = "lnt_"
LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh ticket. ``ticket`` is shown this once."""

    ticket: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whom a ticket let in, and by what that user had been known."""

    owner_id: int
    credential: Credential


def issue(*, owner_id: int, session_id: Any, credential: Credential, now: datetime) -> Issued:
    """A ticket for the stream of one of the user's live sessions.

    Raises:
        InvalidSession: unknown, malformed, or somebody else's.
        SessionExpired: the session is over.
    """
    session = find_live(owner_id=owner_id, session_id=session_id, now=now)
    ticket = PREFIX + secrets.token_urlsafe(32)
    expires_at = now + LIFETIME
    Ticket.objects.create(
        mac=_mac(ticket),
        session=session,
        expires_at=expires_at,
        credential_kind=credential.kind.value,
        credential_reference=credential.reference,
        credential_expires_at=credential.expires_at,
    )
    return Issued(ticket, expires_at)


def redeem(*, session_id: Any, ticket: str, now: datetime) -> Admitted:
    """Use a ticket up. Of two that come at once, one is let in.

    Raises:
        NotAuthenticated: no such ticket for this session, or not any more: told apart nowhere.
    """
    try:
        found = Ticket.objects.filter(mac=_mac(ticket), session=as_uuid(session_id), expires_at__gt=now)
    except (InvalidSession, UnicodeEncodeError):
        raise NotAuthenticated from None
    row = found.select_related("session").only("session__owner_id", *_CREDENTIAL).first()
    if row is None or not Ticket.objects.filter(pk=row.pk).delete()[0]:
        raise NotAuthenticated
    kind = CredentialKind(row.credential_kind)
    credential = Credential(kind, row.credential_reference, row.credential_expires_at)
    return Admitted(row.session.owner_id, credential)


def purge(*, now: datetime) -> int:
    """Remove tickets that nobody used in time. Returns how many."""
    return Ticket.objects.filter(expires_at__lte=now).delete()[0]


_CREDENTIAL = ("credential_kind", "credential_reference", "credential_expires_at")


def _mac(ticket: str) -> bytes:
    return salted_hmac("sessions_app.stream.ticket", ticket, algorithm="sha256").digest()
