"""Users of each kind, and clients that speak REST as a caller would."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from sessions_app.models import Entitlement, JournalBatch, Preferences, ResumedSnapshot, Session, Ticket
from snapshots.models import SessionKey, Snapshot, UserKey
from tests.factories import EntitlementFactory, UserFactory

TONES = [
    {"event_type": "tone", "label": "Calm", "confidence": 0.9, "speaker_id": "Speaker A", "timestamp": 0.5},
    {"event_type": "tone", "label": "Überrascht", "confidence": 1, "speaker_id": "Speaker B", "timestamp": 2.25},
    {"event_type": "queue", "label": "hold music", "confidence": 0.4, "timestamp": 3},
]

#: Every call of the API with a body that it accepts, by the kind of its address. A test checks that none is missing.
CALLS_ON_LISTS: dict[str, tuple[str, str, Any]] = {
    "list sessions": ("GET", "sessions/", None),
    "start": ("POST", "sessions/", {}),
    "list snapshots": ("GET", "snapshots/", None),
    "preferences": ("GET", "settings/", None),
    "change preferences": ("PATCH", "settings/", {"recent_limit": 3}),
    "panel": ("GET", "settings/panel/", None),
}
CALLS_ON_SESSION: dict[str, tuple[str, str, Any]] = {
    "detail": ("GET", "sessions/{}/", None),
    "delete": ("DELETE", "sessions/{}/", None),
    "history": ("GET", "sessions/{}/events/", None),
    "append": ("POST", "sessions/{}/events/", {"events": TONES}),
    "touch": ("POST", "sessions/{}/touch/", {}),
    "attach": ("POST", "sessions/{}/attach/", None),
    "speakers": ("PATCH", "sessions/{}/speakers/", {"speakers": {"Speaker A": {"name": "Zoë"}}}),
    "end": ("POST", "sessions/{}/end/", None),
    "receipt": ("GET", "sessions/{}/receipt/", None),
    "stream": ("GET", "sessions/{}/stream/", None),
    "ticket": ("POST", "sessions/{}/tickets/", None),
}
CALLS_ON_SNAPSHOT: dict[str, tuple[str, str, Any]] = {
    "metadata": ("GET", "snapshots/{}/", None),
    "retention": ("PATCH", "snapshots/{}/", {"keep": True}),
    "delete": ("DELETE", "snapshots/{}/", None),
    "content": ("GET", "snapshots/{}/content/", None),
    "speakers": ("PATCH", "snapshots/{}/speakers/", {"speakers": {"Speaker A": {"name": "Zoë"}}}),
    "import": ("POST", "snapshots/{}/import/", {}),
}
#: What is no user's call: an annotator's.
CALLS_OF_ANNOTATORS: dict[str, tuple[str, str, Any]] = {
    "bulk append": ("POST", "journal/", {"batches": [{"session": "", "events": TONES}]}),
}
#: The calls that need the lease token.
LEASED = ["append", "touch", "speakers", "end"]


@dataclass
class Api:
    """A REST client of one user. Paths are relative to ``/api/v1/``; ``lease`` is sent as X-Session-Token."""

    user: User
    token: str
    client: Client = field(default_factory=Client)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        lease: str = "",
        content_type: str = "application/json",
        **headers: str,
    ) -> Any:
        headers = {"Authorization": f"Token {self.token}", **headers}
        if lease:
            headers["X-Session-Token"] = lease
        return self.client.generic(
            method,
            path if path.startswith("/") else f"/api/v1/{path}",
            data=body if isinstance(body, bytes) else _encode(body),
            content_type=content_type,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.call("GET", path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        return self.call("POST", path, body, **kwargs)

    def patch(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        return self.call("PATCH", path, body, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Any:
        return self.call("DELETE", path, **kwargs)

    def start(self, **body: Any) -> tuple[str, str]:
        """A fresh session: its id and its lease token."""
        answer = self.post("sessions/", body)
        assert answer.status_code == 201, answer.content
        return answer.json()["id"], answer.json()["lease"]["token"]

    def append(self, session: str, lease: str, events: Any = None, **headers: str) -> Any:
        return self.post(f"sessions/{session}/events/", {"events": events or TONES}, lease=lease, **headers)

    def closed(self, events: Any = None, **body: Any) -> dict[str, Any]:
        """A session with events, ended by its user: the receipt."""
        session, lease = self.start(**body)
        assert self.append(session, lease, events).status_code == 201
        answer = self.post(f"sessions/{session}/end/", lease=lease)
        assert answer.status_code == 200, answer.content
        receipt: dict[str, Any] = answer.json()
        return receipt


def _encode(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


def api_for(user: User) -> Api:
    return Api(user, AuthToken.objects.create(user)[1])


@pytest.fixture
def free(db: None) -> Api:
    """A user without a plan."""
    return api_for(UserFactory())


@pytest.fixture
def paid(db: None) -> Api:
    """A Paid+ user."""
    return api_for(EntitlementFactory().user)


@pytest.fixture
def other(db: None) -> Api:
    """Another Paid+ user, to whom nothing of ``paid`` belongs."""
    return api_for(EntitlementFactory().user)


def problem(response: Any, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Check that this is the problem document that was expected, and return it."""
    assert response["Content-Type"] == "application/problem+json", response.content
    document: dict[str, Any] = response.json()
    assert (response.status_code, document["code"]) == (status, code), document
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    if field is not None:
        assert document["field"] == field, document
    return document


def make_overdue(session_id: Any) -> None:
    """Let time pass: everything about the session happened so long ago that its deadline is a second past."""
    session = Session.objects.get(pk=session_id)
    ago = max(session.expires_at - timezone.now(), timedelta()) + timedelta(seconds=1)
    names = ["started_at", "last_activity_at", "expires_at", "hard_expires_at", "sweep_after"]
    Session.objects.filter(pk=session_id).update(**{name: getattr(session, name) - ago for name in names})


def lapse(user: User) -> None:
    """The user's plan ended a minute ago."""
    Entitlement.objects.filter(user=user).update(valid_until=timezone.now() - timedelta(minutes=1))


def moment(text: str) -> datetime:
    """A time of an answer."""
    return datetime.fromisoformat(text)


def stored() -> dict[str, list[Any]]:
    """Every row that REST calls write, with all its values."""
    models = (Session, JournalBatch, ResumedSnapshot, Preferences, Ticket, Snapshot, SessionKey, UserKey)
    return {model.__name__: list(model._default_manager.order_by("pk").values_list()) for model in models}


@contextmanager
def nothing_written() -> Iterator[None]:
    """Check that what happens inside leaves every row as it was."""
    before = stored()
    yield
    assert stored() == before
