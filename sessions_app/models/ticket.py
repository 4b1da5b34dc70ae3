"""Tickets: one-use permissions to open one session's stream, for clients that can send no headers."""

from __future__ import annotations

from django.db import models

from sessions_app.models.session import Session


class Ticket(models.Model):
    """One ticket that was not used yet. Only a keyed MAC of it is stored.

    ``credential_*`` is what its user came with: the stream that it opens lasts no longer than that.
    """

    mac = models.BinaryField(max_length=32, unique=True, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField(db_index=True)
    credential_kind = models.CharField(max_length=16, editable=False)
    credential_reference = models.CharField(max_length=128, blank=True, editable=False)
    credential_expires_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"a ticket for {self.session_id}"
