"""Django behind ASGI, with the whole of a request in one thread.

Everything that this service does for a request is synchronous. Django's own ASGI handler would make a thread for each
request, a database connection for each thread, and change between thread and event loop several times on the way
(docs/adr/0017 has the measurement). Here a request waits for one of a fixed number of threads, and stays in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from typing import Any

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]


class ThreadedHandler(ASGIHandler):
    """The ASGI application. A request that is being worked on is finished, even if its caller has gone.

    Args:
        threads: how many requests are worked on at a time.
    """

    def __init__(self, threads: int) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"only HTTP is spoken here, not {scope['type']}")
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        loop = asyncio.get_running_loop()
        for message in await loop.run_in_executor(self._threads, self._respond, scope, body):
            await send(message)

    async def read_body(self, receive: Receive) -> BytesIO:
        """The whole body, in memory: ``BodyLimit`` has let in no more than fits, and nothing is written to disk.

        Raises:
            RequestAborted: the caller left before the end of it.
        """
        body = BytesIO()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestAborted
            body.write(message.get("body", b""))
            if not message.get("more_body", False):
                body.seek(0)
                return body

    def _respond(self, scope: Message, body: BytesIO) -> list[Message]:
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, response = self.create_request(scope, body)
        if request is not None:
            response = self.get_response(request)
            response._handler_class = self.__class__
        with closing(response):  # sends request_finished
            return _messages(response)


def _messages(response: HttpResponseBase) -> list[Message]:
    headers = [(name.encode("ascii"), value.encode("latin1")) for name, value in response.items()]
    headers += [
        (b"Set-Cookie", cookie.output(header="").encode("ascii").strip()) for cookie in response.cookies.values()
    ]
    return [
        {"type": "http.response.start", "status": response.status_code, "headers": headers},
        {"type": "http.response.body", "body": b"".join(response)},
    ]
