"""The journal: append-only, sealed batches of a live session's events."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q

from sessions_app.models.session import Session


class Counted:
    """How many events a batch holds, by its numbers."""

    @property
    def count(self: Any) -> int:
        return int(self.last_seq - self.first_seq + 1)


@dataclass(slots=True)
class NewBatch(Counted):
    """The columns of a batch that is to be stored. Making the model's object of them would cost ten times as much."""

    session_id: uuid.UUID
    first_seq: int
    last_seq: int
    sealed: bytes
    created_at: datetime
    answered_expires_at: datetime
    idempotency_mac: bytes | None = None
    body_mac: bytes | None = None


class JournalBatch(Counted, models.Model):
    """One acknowledged append. Its events have the numbers ``first_seq`` to ``last_seq``.

    A batch of which everything was withheld ends one before it begins: it is kept so that a retry gets the same
    answer.
    """

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="+")
    first_seq = models.PositiveIntegerField()
    last_seq = models.PositiveIntegerField()
    sealed = models.BinaryField()
    created_at = models.DateTimeField()
    answered_expires_at = models.DateTimeField(help_text="The deadline this append was answered with.")
    idempotency_mac = models.BinaryField(max_length=32, null=True)
    body_mac = models.BinaryField(max_length=32, null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                name="journal_one_batch_per_seq",
                fields=["session", "last_seq"],
                condition=Q(last_seq__gte=F("first_seq")),
            ),
            models.UniqueConstraint(
                name="journal_one_batch_per_key",
                fields=["session", "idempotency_mac"],
                condition=Q(idempotency_mac__isnull=False),
            ),
            models.CheckConstraint(
                name="journal_seq_in_order", condition=Q(first_seq__gte=1, last_seq__gte=F("first_seq") - 1)
            ),
            models.CheckConstraint(
                name="journal_key_has_body",
                condition=Q(idempotency_mac__isnull=True, body_mac__isnull=True)
                | Q(idempotency_mac__isnull=False, body_mac__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} {self.first_seq}–{self.last_seq}"
