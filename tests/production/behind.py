"""The web processes of one installation, and an nginx before them for each thing that is tried."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack

from tests.e2e.event_source import EventSource
from tests.e2e.front_end import Answer
from tests.production.cloud import Annotator, Cloud, Heard, browser
from tests.production.proxy import Proxy

PAGE, SCRIPT = b"<!doctype html>the front end", b"export default 'the front end'"


class Behind:
    """All that the tests of the proxy use."""

    def __init__(self, cloud: Cloud, annotator: Annotator, running: ExitStack) -> None:
        self.cloud, self.annotator = cloud, annotator
        self._running = running
        web, other = cloud.ports["web"], cloud.ports["other"]
        self.proxy = self._proxy("one", web)
        self.two = self._proxy("two", web, other)
        #: Two machines that lose their database together.
        self.shared_fate = self._proxy("shared-fate", other, other)
        #: Before the annotator alone, which remembers what it is asked.
        self.mirror = self._proxy("mirror", annotator.port)

    def _proxy(self, name: str, *sessions: int) -> Proxy:
        proxy = Proxy(self.cloud.out.parent / name, sessions=list(sessions), annotator=self.annotator.port)
        (proxy.pages / "index.html").write_bytes(PAGE)
        (proxy.pages / "app.js").write_bytes(SCRIPT)
        self._running.callback(proxy.stop)
        proxy.start()
        return proxy

    def begin(self, user: str = "", policy: str = "ephemeral") -> tuple[dict[str, str], str, str]:
        """A session of a user: what their browser sends, with the lease's token, the session's path and its id."""
        sent = browser(user or secrets.token_hex(4))
        answer = self.proxy.call("POST", "/api/v1/sessions/", {"policy": policy}, sent)
        assert answer.status == 201, answer.body
        session, lease = answer.json()["id"], answer.json()["lease"]["token"]
        return {**sent, "X-Session-Token": lease}, f"/api/v1/sessions/{session}/", session

    def mark(self, sent: dict[str, str], path: str, number: int) -> float:
        """Append a marker. Returns when it was acknowledged."""
        events = [{"event_type": "marker", "label": f"{number}", "timestamp": number}]
        answer = self.proxy.call("POST", f"{path}events/", {"events": events}, sent)
        assert answer.status == 201, answer.body
        return time.monotonic()

    def stream(self, sent: dict[str, str], path: str) -> EventSource:
        return EventSource(0, f"{path}stream/", connection=self.proxy.connection(timeout_s=30), cookie=sent["Cookie"])

    def heard(self, path: str) -> Heard:
        """What the annotator was asked at this address."""
        (found,) = (one for one in self.annotator.heard if one.path == path)
        return found


def refused(answer: Answer, status: int, code: str) -> None:
    """Check that this is a problem document, whoever wrote it."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer.body
    document = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["detail"]
    assert document["type"] == f"/api/docs/errors/#{code}"
