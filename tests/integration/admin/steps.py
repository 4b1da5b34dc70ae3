"""Sessions in every standing, and what a page says without its markup."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sessions_app.models import JournalBatch, Session
from sessions_app.services import sweep as sweeping
from snapshots.models import SessionKey, Snapshot, UserKey
from tests.integration.conftest import Api

SESSIONS = "/admin/sessions_app/session/"
SNAPSHOTS = "/admin/snapshots/snapshot/"
PLANS = "/admin/sessions_app/entitlement/"
SCHEDULE = "/admin/django_celery_beat/periodictask/"

TOPIC = "canary-topic-4711"
LABEL = "CanaryTone"
SPEAKER = "Canary Speaker"
SETTING = "xx-CANARY"
EVENTS = [{"event_type": "tone", "label": LABEL, "confidence": 0.5, "speaker_id": "Speaker A", "timestamp": 1}]


def staff_client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def live(api: Api, **body: Any) -> str:
    """A live session with content that no page may show."""
    session, lease = api.start(**{"topic": TOPIC, "target_lang": SETTING, **body})
    assert api.append(session, lease, EVENTS).status_code == 201
    labels = {"speakers": {"Speaker A": {"name": SPEAKER}}}
    assert api.patch(f"sessions/{session}/speakers/", labels, lease=lease).status_code == 200
    return session


def move_back(session: str, by: timedelta) -> None:
    """As if the session, with all its times, had been that long ago."""
    row = Session.objects.get(pk=session)
    for name in ("started_at", "last_activity_at", "expires_at", "hard_expires_at", "sweep_after"):
        setattr(row, name, getattr(row, name) - by)
    row.save()


def closed_by_sweep(api: Api, **body: Any) -> str:
    session = live(api, **body)
    move_back(session, timedelta(hours=1))
    sweeping.sweep(now=timezone.now())
    return session


def damaged(api: Api, *, tries: int) -> str:
    """An overdue session whose closing failed that often, because its journal is damaged."""
    session = live(api, topic="")
    move_back(session, timedelta(hours=1))
    JournalBatch.objects.filter(session=session).update(sealed=b"\0" * 64)
    now = timezone.now()
    for _ in range(tries):
        Session.objects.filter(pk=session).update(sweep_after=now)
        sweeping.sweep(now=now)
    return session


def text(response: Any) -> str:
    """What a page says, without its markup."""
    assert response.status_code == 200, response.status_code
    page = re.sub(r"<(style|script).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return _plain(page)


def _plain(markup: str) -> str:
    return " ".join(unescape(re.sub(r"</?span[^>]*>", "", re.sub(r"<(?!/?span)[^>]*>", " ", markup))).split())


def rows(response: Any) -> list[str]:
    """The ids of the rows that a list shows."""
    assert response.status_code == 200, response.status_code
    return [str(row.pk) for row in response.context["cl"].result_list]


def act(client: Client, address: str, action: str, *pks: str, **more: str) -> Any:
    return client.post(address, {"action": action, "_selected_action": list(pks), **more}, follow=True)


def told(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def canaries() -> list[str]:
    """What must be on no page: content, what a call was about, and bytes of keys."""
    found = [LABEL, SPEAKER, SETTING]
    blobs = [*UserKey.objects.values_list("wrapped", flat=True), *SessionKey.objects.values_list("wrapped", flat=True)]
    blobs += Snapshot.objects.values_list("annotations", flat=True)
    blobs += Session.objects.filter(token_mac__isnull=False).values_list("token_mac", flat=True)
    found += [bytes(blob).hex()[:32] for blob in blobs] + [repr(bytes(blob))[2:20] for blob in blobs]
    return found + list(User.objects.exclude(password="").values_list("password", flat=True))


def sealed_columns(queries: CaptureQueriesContext) -> list[str]:
    """The queries that read a blob, the lease or the topic out of the database."""
    names = re.compile(r'"(labels|annotations|sealed|wrapped|token_mac|topic|settings)"')
    return [query["sql"] for query in queries if names.search(query["sql"])]
