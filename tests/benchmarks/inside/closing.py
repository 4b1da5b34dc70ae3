"""Closing sessions by the sweep; and the bare pipeline that does the same to rows of its own."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime

import psycopg
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.utils import timezone

from sessions_app.services.sweep import sweep
from snapshots.content import encode_events
from tests.benchmarks import conversation
from tests.benchmarks.inside import making

#: The same tables with the same indexes and checks, but for the references to other tables.
_TABLES = """
    CREATE TABLE bench_journal (LIKE sessions_app_journalbatch INCLUDING ALL);
    CREATE TABLE bench_snapshot (LIKE snapshots_snapshot INCLUDING ALL);
    CREATE TABLE bench_live (session_id uuid PRIMARY KEY);
    CREATE TABLE bench_closed (session_id uuid PRIMARY KEY, closed_at timestamptz NOT NULL);
"""
_ADD_BATCH = """
    INSERT INTO bench_journal (session_id, first_seq, last_seq, sealed, created_at, answered_expires_at)
    VALUES (%s, %s, %s, %s, now(), now())
"""
_ADD_SNAPSHOT = """
    INSERT INTO bench_snapshot (id, owner_id, session_id, annotations, labels, labels_revision, event_count,
        speaker_count, size, started_at, ended_at, created_at)
    VALUES (%s, 1, %s, %s, '', 1, %s, 3, %s, now(), now(), now())
"""
_NONCE = 12

_connection: psycopg.Connection
_bare: dict[uuid.UUID, bytes] = {}  # the sessions to close, each with its key


def connect() -> None:
    """A connection of psycopg's own, and the bare pipeline's tables."""
    global _connection
    _connection = psycopg.connect(os.environ["DATABASE_URL"])
    _connection.execute(_TABLES.encode())
    _connection.commit()


def prepare(count: int, events: int, size: int) -> None:
    """As many sessions to close for each of the two."""
    making.overdue(count, events, size)
    lines = encode_events(conversation.events(events))
    with _connection.cursor() as cursor:
        for _ in range(count):
            session_id, key = uuid.uuid4(), AESGCM.generate_key(256)
            rows = []
            for start in range(0, events, size):
                part = lines[start : start + size]
                nonce = os.urandom(_NONCE)
                sealed = nonce + AESGCM(key).encrypt(nonce, b"\n".join(part), session_id.bytes)
                rows.append((session_id, start + 1, start + len(part), sealed))
            cursor.execute("INSERT INTO bench_live VALUES (%s)", [session_id])
            cursor.executemany(_ADD_BATCH, rows)
            _bare[session_id] = key
    _connection.commit()
    making.vacuum("sessions_app_session", "sessions_app_journalbatch", "snapshots_snapshot", "bench_journal")


def by_sweep(count: int) -> float:
    """Sessions a second, closed by one round of the sweep."""
    begin = time.perf_counter()
    done = sweep(now=timezone.now())
    took = time.perf_counter() - begin
    assert (done.closed, done.put_off) == (count, 0), done
    return count / took


def bare(count: int) -> float:
    """Sessions a second, closed by the bare pipeline: one commit a session."""
    assert len(_bare) == count
    begin = time.perf_counter()
    for session_id, key in _bare.items():
        _close_barely(session_id, key)
    took = time.perf_counter() - begin
    _bare.clear()
    return count / took


def _close_barely(session_id: uuid.UUID, key: bytes) -> None:
    rows = _connection.execute(
        "SELECT last_seq, sealed FROM bench_journal WHERE session_id = %s ORDER BY id", [session_id]
    ).fetchall()
    cipher = AESGCM(key)
    body = b"\n".join(cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], session_id.bytes) for _, sealed in rows)
    nonce = os.urandom(_NONCE)
    smaller = zstandard.ZstdCompressor(level=3).compress(body)
    snapshot = nonce + cipher.encrypt(nonce, smaller, session_id.bytes)
    _connection.execute(_ADD_SNAPSHOT.encode(), [uuid.uuid4(), session_id, snapshot, rows[-1][0], len(snapshot)])
    _connection.execute("INSERT INTO bench_closed VALUES (%s, %s)", [session_id, datetime.now(UTC)])
    _connection.execute("DELETE FROM bench_journal WHERE session_id = %s", [session_id])
    _connection.execute("DELETE FROM bench_live WHERE session_id = %s", [session_id])
    _connection.commit()
