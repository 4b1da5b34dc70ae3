"""Telling open streams what was committed. Each call takes effect when the transaction around it is committed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction

from sessions_app.events import EventBatch
from sessions_app.live import bus
from sessions_app.live.messages import Batch, Changed, Message
from sessions_app.models import Session
from sessions_app.models.journal import NewBatch
from sessions_app.models.locked import AnySession
from snapshots.crypto import SessionCipher


def appended(session: AnySession, row: NewBatch, batch: EventBatch, cipher: SessionCipher) -> Batch:
    """What is told of a stored batch."""
    return Batch(
        session_id=session.pk,
        first_seq=row.first_seq,
        events=batch.events,
        live=batch.live,
        epoch=session.epoch,
        expires_at=row.answered_expires_at,
        sealed=row.sealed,
        cipher=cipher,
    )


def publish_appended(session: Session, row: NewBatch, batch: EventBatch, cipher: SessionCipher) -> None:
    """Events were appended."""
    publish([appended(session, row, batch, cipher)])


def publish_moved(session: Session, *, epoch: int | None = None, expires_at: datetime | None = None) -> None:
    """The deadline moved, or somebody attached."""
    publish([Changed(session.pk, epoch=epoch, expires_at=expires_at)])


def publish_closed(session_id: uuid.UUID) -> None:
    """The session is over: streams look at the database."""
    publish([Changed(session_id)])


def publish(messages: Sequence[Message]) -> None:
    """Tell it after the commit, and never if there is none."""
    if messages:
        transaction.on_commit(partial(bus.publish, messages), robust=True)
