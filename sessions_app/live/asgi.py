"""ASGI middleware around Django: runs the streams that views handed over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sessions_app.live.handover import SCOPE_KEY, StreamRequest, ended
from sessions_app.live.hub import hub_of_this_loop

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class Streams:
    """Passes everything through, until Django has answered a request with a stream."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        start: Message | None = None

        async def passed_on(message: Message) -> None:
            nonlocal start
            if SCOPE_KEY not in scope:
                await send(message)
            elif message["type"] == "http.response.start":
                start = message

        await self.application(scope, receive, passed_on)
        wanted: StreamRequest | None = scope.pop(SCOPE_KEY, None)
        if wanted is None:
            return
        try:
            if start is not None:
                await self._stream(wanted, start, scope, receive, send)
        finally:
            ended(wanted)

    async def _stream(
        self, wanted: StreamRequest, start: Message, scope: Message, receive: Receive, send: Send
    ) -> None:
        # Django took the response for a short one.
        start["headers"] = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
        if start["status"] != 200 or scope["method"] == "HEAD":
            # A middleware answered something else after all; or only the headers are wanted.
            await send(start)
            await send({"type": "http.response.body"})
            return
        await hub_of_this_loop().serve(wanted, start, receive, send)
