"""The bulk append's service without HTTP; and the same sealed rows inserted with nothing around it."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable

import psycopg
from django.utils import timezone

from sessions_app.events import read_events
from sessions_app.models import JournalBatch
from sessions_app.services.bulk import BulkBatch, append_many
from sessions_app.services.journal import Appended
from tests.benchmarks import conversation

_ROW = """
    INSERT INTO sessions_app_journalbatch (session_id, first_seq, last_seq, sealed, created_at, answered_expires_at)
    VALUES (%s, %s, %s, %s, now(), now())
"""

_rows: dict[int, list[tuple[uuid.UUID, bytes]]] = {}
_next_seq = 1


def prepare(sessions: list[str], size: int) -> None:
    """Have the service seal a batch of ``size`` events for each session, and keep the rows that it made."""
    global _next_seq
    last = JournalBatch.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    _append(sessions, size)
    rows = JournalBatch.objects.filter(pk__gt=last).order_by("pk").values_list("session_id", "sealed", "last_seq")
    made = list(rows)
    assert len(made) == len(sessions)
    _rows[size] = [(session_id, bytes(sealed)) for session_id, sealed, _ in made]
    # Numbers that the service does not reach meanwhile: it goes on counting from where it is.
    _next_seq = max(_next_seq, 1_000_000)


def rows_by_executemany(size: int, seconds: float) -> float:
    """Events a second: each transaction inserts a request's worth of rows."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:

        def insert() -> None:
            global _next_seq
            first, _next_seq = _next_seq, _next_seq + size
            rows = [(session_id, first, _next_seq - 1, sealed) for session_id, sealed in _rows[size]]
            with connection.cursor() as cursor:
                cursor.executemany(_ROW.encode(), rows)
            connection.commit()

        return _per_second(insert, seconds) * size * len(_rows[size])


def events_by_service(sessions: list[str], size: int, seconds: float) -> float:
    """Events a second: the service's function, called with events that were read before."""
    batch = read_events(conversation.events(size), max_timestamp_s=43_200)
    batches = [BulkBatch(session, batch) for session in sessions]

    def append() -> None:
        results = append_many(batches=batches, now=timezone.now())
        assert all(isinstance(result, Appended) for result in results)

    return _per_second(append, seconds) * size * len(sessions)


def _append(sessions: list[str], size: int) -> None:
    batch = read_events(conversation.events(size), max_timestamp_s=43_200)
    append_many(batches=[BulkBatch(session, batch) for session in sessions], now=timezone.now())


def _per_second(work: Callable[[], None], seconds: float) -> float:
    """How often a second, after a few times that do not count."""
    for _ in range(3):
        work()
    begin = time.perf_counter()
    times = 0
    while (now := time.perf_counter()) < begin + seconds:
        work()
        times += 1
    return times / (now - begin)
