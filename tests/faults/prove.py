"""What the database and the API hold in the end, beside what the clients were told."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from typing import Any

from tests.faults.installation import Installation
from tests.faults.ledger import Ledger, SessionRecord

EXPORT_ATTEMPTS = 5


@dataclass
class Findings:
    """The counts of what must not be. ``lost``: acknowledged events that are not stored exactly once at their place,
    and what is stored that nobody sent or that should be gone."""

    acknowledged_events: int = 0
    lost: int = 0
    double_snapshots: int = 0
    late_or_fenced_writes_accepted: int = 0
    unclosed: int = 0
    sessions: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        return self.lost + self.double_snapshots + self.late_or_fenced_writes_accepted + self.unclosed

    def note(self, session: str, text: str) -> None:
        self.notes.append(f"{session}: {text}")


@dataclass
class Stored:
    """The database's rows by session."""

    states: dict[str, tuple[str, str, int, str, int]]
    snapshots: dict[str, list[tuple[str, int]]]
    journal: dict[str, list[tuple[int, int]]]
    keys: set[str]

    @classmethod
    def of(cls, installation: Installation) -> Stored:
        states = {
            str(row[0]): row[1:]
            for row in installation.query(
                "SELECT id, state, close_reason, last_seq, close_error, close_attempts FROM sessions_app_session"
            )
        }
        snapshots: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        for pk, session, events in installation.query("SELECT id, session_id, event_count FROM snapshots_snapshot"):
            snapshots[str(session)].append((str(pk), events))
        journal: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for session, first, last in installation.query(
            "SELECT session_id, first_seq, last_seq FROM sessions_app_journalbatch ORDER BY id"
        ):
            journal[str(session)].append((first, last))
        keys = {str(session) for (session,) in installation.query("SELECT session_id FROM snapshots_sessionkey")}
        return cls(states, snapshots, journal, keys)


def unfinished(installation: Installation) -> tuple[int, int]:
    """How many sessions are still live in the database, and how many snapshots wait for the purge."""
    ((live, expired),) = installation.query(
        "SELECT (SELECT count(*) FROM sessions_app_session WHERE state <> 'closed'),"
        " (SELECT count(*) FROM snapshots_snapshot WHERE expires_at <= now())"
    )
    return live, expired


def prove(installation: Installation, ledger: Ledger) -> Findings:
    """Compare all of it. Every session is past its deadline by now."""
    stored = Stored.of(installation)
    found = Findings(acknowledged_events=ledger.acknowledged_events(), sessions=len(stored.states))
    ports = cycle(installation.ports)
    for record in ledger.sessions.values():
        _times(record, found)
        state = stored.states.get(record.id)
        if state is None:
            found.lost += max(1, sum(len(write.events) for write in record.acknowledged()))
            found.note(record.id, "was acknowledged and is not there")
            continue
        if state[0] == "closed":
            _closed(record, stored, found, ports, installation.tokens[record.client])
        else:
            _still_live(record, stored, found)
    _whole_database(stored, found, known=set(ledger.sessions))
    return found


def _times(record: SessionRecord, found: Findings) -> None:
    late, fenced = record.late(), record.fenced()
    found.late_or_fenced_writes_accepted += len({id(write) for write in [*late, *fenced]})
    for word, writes in (("late", late), ("fenced", fenced)):
        for write in writes:
            by = write.sent_at - record.deadline_at(write.sent_at)
            found.note(record.id, f"{word} {write.kind} accepted (epoch {write.epoch}, {by:+.3f} s of the deadline)")
    if record.wrong_reads:
        found.lost += record.wrong_reads
        found.note(record.id, f"{record.wrong_reads} acknowledged events missing from a history that was read later")


def _whole_database(stored: Stored, found: Findings, *, known: set[str]) -> None:
    for session, (state, _reason, last_seq, error, attempts) in stored.states.items():
        snapshots = stored.snapshots.get(session, [])
        found.double_snapshots += max(0, len(snapshots) - 1)
        if len(snapshots) > 1:
            found.note(session, f"{len(snapshots)} snapshots")
        if state != "closed":
            found.unclosed += 1
            found.note(session, f"not closed (error {error or 'none'}, {attempts} attempts)")
        elif stored.journal.get(session):
            found.lost += 1
            found.note(session, "closed, and its journal is still there")
        if session not in known and last_seq:
            found.lost += last_seq
            found.note(session, f"{last_seq} events in a session that no client knows")
    for session in stored.keys - stored.snapshots.keys():
        if stored.states.get(session, ("closed",))[0] == "closed":
            found.lost += 1
            found.note(session, "its snapshot is gone, and its key is still there")
    for session in stored.snapshots.keys() - stored.states.keys():
        found.lost += 1
        found.note(session, "a snapshot without a session")


def _closed(record: SessionRecord, stored: Stored, found: Findings, ports: Iterator[int], token: str) -> None:
    """Every snapshot of the session is exported by the API as its user would."""
    acknowledged = sum(len(write.events) for write in record.acknowledged())
    snapshots = stored.snapshots.get(record.id, [])
    if record.must_be_gone and snapshots:
        found.lost += 1
        found.note(record.id, "its snapshot should be gone by its user's wish, and is still there")
        return
    if not snapshots and record.may_be_gone:
        return
    if not snapshots:
        found.lost += max(1, acknowledged)
        found.note(record.id, f"closed without a snapshot, {acknowledged} events acknowledged")
        return
    snapshot, count = snapshots[0]
    status, document = _export(next(ports), token, snapshot)
    if status != 200:
        found.lost += max(1, acknowledged)
        found.note(record.id, f"its snapshot does not open: {status} {document.get('code')}")
        return
    rows = document["events"]
    if not [row["seq"] for row in rows] == list(range(1, count + 1)) == list(range(1, stored.states[record.id][2] + 1)):
        found.lost += 1
        found.note(record.id, "the snapshot's events are not numbered as the session says")
    _events(record, [row["label"] for row in rows], found)


def _events(record: SessionRecord, labels: list[str], found: Findings) -> None:
    """Each acknowledged event once and at its place; each other one that was sent at most once, its batch whole."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for seq, label in enumerate(labels, start=1):
        places[label].append(seq)
    for write in (write for write in record.writes if write.kind == "append"):
        held = [places.pop(name, []) for name in write.events]
        if write.answered_at is not None:
            wrong = sum(seqs != [write.first_seq + index] for index, seqs in enumerate(held))
        elif any(held):
            start = held[0][0] if held[0] else 0
            wrong = sum(seqs != [start + index] for index, seqs in enumerate(held))
        else:
            wrong = 0
        if wrong:
            found.lost += wrong
            answered = "acknowledged" if write.answered_at is not None else "unanswered"
            at = f"{write.first_seq}-{write.last_seq}" if write.first_seq else "nowhere"
            found.note(record.id, f"{wrong} events of an {answered} batch are not where they belong ({at}): {held}")
    if places:
        found.lost += len(places)
        found.note(record.id, f"{len(places)} events that nobody sent")
    _order(record, found)


def _order(record: SessionRecord, found: Findings) -> None:
    """What was acknowledged before something else was sent comes before it."""
    latest_sent = 0.0
    for write in record.acknowledged():
        if write.answered_at is not None and write.answered_at < latest_sent:
            found.lost += 1
            found.note(record.id, f"the batch at {write.first_seq} comes after one that was sent later")
        latest_sent = max(latest_sent, write.sent_at)


def _still_live(record: SessionRecord, stored: Stored, found: Findings) -> None:
    """Nobody can read it any more and no snapshot is there: at least the journal must hold each number once."""
    times: defaultdict[int, int] = defaultdict(int)
    for first, last in stored.journal.get(record.id, []):
        for seq in range(first, last + 1):
            times[seq] += 1
    for write in record.acknowledged():
        wrong = sum(times[seq] != 1 for seq in range(write.first_seq, write.last_seq + 1))
        if wrong:
            found.lost += wrong
            found.note(
                record.id,
                f"{wrong} acknowledged events of {write.first_seq}-{write.last_seq} not exactly once in the journal",
            )


def _export(port: int, token: str, snapshot: str) -> tuple[int, dict[str, Any]]:
    status, document = 0, {}
    for attempt in range(EXPORT_ATTEMPTS):
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            headers = {"Authorization": f"Token {token}"}
            connection.request("GET", f"/api/v1/snapshots/{snapshot}/content/", headers=headers)
            response = connection.getresponse()
            status, document = response.status, json.loads(response.read())
        except (OSError, HTTPException, ValueError):
            status = 0
        finally:
            connection.close()
        if 0 < status < 500:
            break
        time.sleep(0.2 * (attempt + 1))
    return status, document
