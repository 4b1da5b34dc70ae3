"""What the tests of Linnet's own front end share."""

import uuid
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.utils import timezone

from sessions_app.services.timeline import earlier_events
from sessions_app.services.tokens import issue_annotator_token
from tests.integration.conftest import Api


def start(api: Api, **body: Any) -> str:
    """A session of the front end: its id."""
    answer = api.post("/session/start", body)
    assert answer.status_code == 200, answer.content
    session: str = answer.json()["session_id"]
    return session


def append(api: Api, session: str, events: Any) -> None:
    """Events come from the annotator, which needs nobody's lease."""
    header = {"Authorization": f"Token {issue_annotator_token(name='annotator', now=timezone.now())}"}
    for first in range(0, len(events), 500):
        body = {"batches": [{"session": session, "events": events[first : first + 500]}]}
        answer = api.call("POST", "journal/", body, **header)
        assert answer.status_code == 200, answer.content
        assert [result["status"] for result in answer.json()["results"]] == [201], answer.json()


def detail(api: Api, session: str) -> dict[str, Any]:
    """What the REST API says about it."""
    found: dict[str, Any] = api.get(f"sessions/{session}/").json()
    return found


def pages(prelude: Callable[[Any], tuple[Iterable[Any], Any]]) -> list[list[Any]]:
    """What a stream shows first, page by page."""
    found: list[list[Any]] = []
    place, more = None, True
    while more:
        events, place = prelude(place)
        found.append(list(events))
        more = place is not None
    return found


def earlier(api: Api, session: Any) -> list[list[Any]]:
    """The events that come before a session's own, page by page."""
    return pages(partial(earlier_events, owner_id=api.user.pk, session_id=uuid.UUID(str(session)), now=timezone.now()))
