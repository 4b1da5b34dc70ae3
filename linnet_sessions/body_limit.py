"""Refuse oversized bodies before Django reads them.

Django spools a request's body to a temporary file before any view or middleware sees it: somebody's words would
touch the disk unsealed. Here a body is refused by its Content-Length, which the server enforces, or for the lack
of one: Django would take it for none, and what it asks for would be lost quietly.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sessions_app.api.parsers import JOURNAL_PATH, body_too_large
from sessions_app.api.problems import problem_http
from sessions_app.api.wire import is_wire, mode_header
from sessions_app.errors import LengthRequired, LinnetError
from sessions_app.jsonbody import MAX_BODY_BYTES, MAX_JOURNAL_BYTES

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class BodyLimit:
    """ASGI middleware around the whole application."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        problem = _problem(scope) if scope["type"] == "http" else None
        if problem is None:
            await self.application(scope, receive, send)
        else:
            await _refuse(problem, send, path=scope["path"])


def _problem(scope: Message) -> LinnetError | None:
    headers = dict(scope["headers"])
    limit = MAX_JOURNAL_BYTES if scope["path"] == JOURNAL_PATH else MAX_BODY_BYTES
    if b"transfer-encoding" in headers:
        return LengthRequired()
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > limit:
        return body_too_large(limit)
    return None


async def _refuse(problem: LinnetError, send: Send, *, path: str) -> None:
    response = problem_http(problem)
    if is_wire(path):
        name, value = mode_header()
        response[name] = value
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    # The body is not read, so the connection can't be used again.
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
