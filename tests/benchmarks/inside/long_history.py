"""One long snapshot, opened and parsed in memory; and what closing a long session costs in memory."""

from __future__ import annotations

import gc
import json
import time
import uuid
from pathlib import Path
from typing import Any

from django.utils import timezone
from knox.models import AuthToken

from sessions_app.models import Session
from sessions_app.services.sweep import sweep
from snapshots.models import Snapshot
from snapshots.services.keys import session_cipher
from tests.benchmarks import conversation
from tests.benchmarks.inside import making

_KIB = 1024


def overdue(events: int, size: int) -> str:
    """A session that is due, with so many events."""
    return str(making.overdue(1, events, size)[0])


def close() -> None:
    """Close the one session that is due."""
    done = sweep(now=timezone.now())
    assert (done.closed, done.put_off) == (1, 0), done


def owner(session: str) -> dict[str, Any]:
    """The snapshot of a closed session, and a token of its user's."""
    snapshot = Snapshot.objects.metadata().get(session_id=uuid.UUID(session))
    return {"snapshot": str(snapshot.pk), "token": AuthToken.objects.create(snapshot.owner)[1]}


def parse_in_memory(snapshot: str, seconds: float) -> float:
    """Seconds to decrypt, decompress and parse it, the sealed bytes and the key being at hand; the mean of many."""
    row = Snapshot.objects.get(pk=uuid.UUID(snapshot))
    cipher = session_cipher(owner_id=row.owner_id, session_id=row.session_id)
    count, sealed = row.event_count, bytes(row.annotations)
    begin = time.perf_counter()
    times = 0
    while not times or time.perf_counter() < begin + seconds:
        _, events = cipher.open_annotations(count, count, sealed).split(b"\n", 1)
        parsed = json.loads(b"[" + events.replace(b"\n", b",") + b"]")
        assert len(parsed) == count
        times += 1
    return (time.perf_counter() - begin) / times


def memory_gained_by_closing() -> float:
    """Bytes by which the peak of resident memory while closing is above what is resident before."""
    assert Session.objects.filter(sweep_after__lte=timezone.now(), state="active").count() == 1
    gc.collect()
    # Forget the peaks of loading the code, which would hide this one.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    close()
    return float(_status("VmHWM") - before)


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * _KIB
    raise LookupError(name)


def json_bytes(events: int) -> float:
    """The size of so many events as plain JSON."""
    plain = json.dumps(conversation.events(events), ensure_ascii=False, separators=(",", ":"))
    return float(len(plain.encode()))
