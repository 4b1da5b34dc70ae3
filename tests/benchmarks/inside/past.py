"""Users with many or few past sessions, each with its snapshot."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone

from sessions_app.models import Session
from snapshots.models import Snapshot, UserKey
from snapshots.services.keys import create_session_key
from tests.benchmarks.inside import making

#: Sealed bytes of one snapshot: what some ten minutes of conversation come to.
SNAPSHOT_BYTES = 4096


def user_with(count: int) -> dict[str, Any]:
    """A user with so many closed sessions, an hour apart, whose snapshots are all still kept."""
    user = making.users(1)[0]
    owner = user["id"]
    begun = "now() - i * interval '1 hour'"
    making.insert_select(
        Session,
        {
            "id": "gen_random_uuid()",
            "owner_id": str(owner),
            "policy": "'pinned'",
            "tier": "'paid'",
            "state": "'closed'",
            "close_reason": "'idle'",
            "started_at": begun,
            "last_activity_at": f"{begun} + interval '10 minutes'",
            "idle_timeout": "interval '30 minutes'",
            "expires_at": f"{begun} + interval '40 minutes'",
            "sweep_after": f"{begun} + interval '40 minutes'",
            "closed_at": f"{begun} + interval '40 minutes'",
            "hard_expires_at": f"{begun} + interval '12 hours'",
            "last_seq": "400",
            "speaker_count": "3",
        },
        f"generate_series(1, {count}) AS i",
    )
    # Random bytes, which the database can't compress, as a sealed record's are; told apart by their first 16.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT decode(string_agg(md5(random()::text), ''), 'hex') FROM generate_series(1, %s)",
            [SNAPSHOT_BYTES // 16 - 1],
        )
        blob = bytes(cursor.fetchone()[0]).hex()
    making.insert_select(
        Snapshot,
        {
            "id": "gen_random_uuid()",
            "owner_id": str(owner),
            "session_id": "s.id",
            "annotations": f"decode(md5(s.id::text) || '{blob}', 'hex')",
            "labels": "decode(repeat('00', 612), 'hex')",
            "labels_revision": "1",
            "event_count": "s.last_seq",
            "speaker_count": "s.speaker_count",
            "size": str(SNAPSHOT_BYTES + 612),
            "started_at": "s.started_at",
            "ended_at": "s.closed_at",
            "created_at": "s.closed_at",
            "expires_at": "now() + interval '30 days'",
        },
        f"sessions_app_session AS s WHERE s.owner_id = {owner}",
    )
    newest = Session.objects.owned_by(owner).values_list("pk", flat=True)[0]
    create_session_key(owner_id=owner, session_id=newest, now=timezone.now())
    UserKey.objects.filter(owner_id=owner).update(stored_bytes=count * (SNAPSHOT_BYTES + 612))
    making.vacuum("sessions_app_session", "snapshots_snapshot")
    return user
