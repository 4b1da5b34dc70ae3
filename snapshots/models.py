"""The vault's rows: wrapped keys, the canary, and the snapshots. No row holds a plain key or plain content."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q


class KeyCanary(models.Model):
    """A known secret wrapped under one key-encryption key: tells at start whether that key is the right one."""

    key_id = models.UUIDField(primary_key=True)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.key_id)


class UserKey(models.Model):
    """One random key a user, wrapped under a key-encryption key. Without it nothing of the user's opens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kek_id = models.UUIDField(db_index=True)
    wrapped = models.BinaryField()
    stored_bytes = models.PositiveBigIntegerField(default=0, help_text="Sum of the sizes of the snapshots.")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.id)


class SessionKey(models.Model):
    """One random key a session, wrapped under its user's key. Destroying it destroys the content."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_key = models.ForeignKey(UserKey, on_delete=models.PROTECT, related_name="+")
    session_id = models.UUIDField(unique=True)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.id)


@dataclass(frozen=True, slots=True)
class WrappedKeys:
    """A session's key and its user's, as the two rows hold them."""

    id: uuid.UUID
    session_id: uuid.UUID
    wrapped: bytes | memoryview
    user_key_id: uuid.UUID
    owner_id: int
    user_wrapped: bytes | memoryview

    @classmethod
    def of(cls, row: SessionKey) -> WrappedKeys:
        """Those of a row that came with its user's."""
        user_key = row.user_key
        return cls(row.id, row.session_id, row.wrapped, user_key.id, user_key.owner_id, user_key.wrapped)


class SnapshotQuerySet(models.QuerySet["Snapshot"]):
    """Start from :meth:`owned_by`: another user's id is then simply not found."""

    def owned_by(self, owner_id: int) -> Self:
        return self.filter(owner_id=owner_id)

    def available_at(self, now: datetime) -> Self:
        """Still within its retention. One that is past it is gone for everyone, purged or not."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))

    def expired_at(self, now: datetime) -> Self:
        return self.filter(expires_at__lte=now)

    def metadata(self) -> Self:
        """Without the sealed blobs, which only opening needs."""
        return self.defer("annotations", "labels")


class Snapshot(models.Model):
    """The sealed, self-contained history and speaker labels of one closed session."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    session_id = models.UUIDField(unique=True)
    annotations = models.BinaryField(editable=False)
    labels = models.BinaryField(editable=False)
    labels_revision = models.PositiveIntegerField()
    event_count = models.PositiveIntegerField()
    speaker_count = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField(help_text="Sealed bytes.")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: kept by the user.")

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        permissions = [
            ("keep_snapshot", "Can keep a snapshot beyond its retention"),
            ("purge_snapshot", "Can purge a snapshot before its retention is over"),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at", "-id"], name="snapshot_owner_newest"),
            models.Index(fields=["-created_at", "-id"], name="snapshot_newest"),  # for support staff
            models.Index(fields=["expires_at"], name="snapshot_expiry", condition=Q(expires_at__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                name="snapshot_expires_after_birth",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=models.F("created_at")),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_kept(self) -> bool:
        return self.expires_at is None
