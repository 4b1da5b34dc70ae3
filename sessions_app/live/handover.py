"""From a Django view to the event loop: the view says what is to be streamed, and is done.

Django keeps a thread for each request that it handles, and a view's connection lasts as long as the view. So the view
only authorises. Its response carries the headers, and what is to be streamed is left in the request's scope, where
:class:`sessions_app.live.asgi.Streams` finds it once Django has finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from sessions_app.live.messages import Event
from sessions_app.live.shapes import Shape, native
from sessions_app.live.sse import HEARTBEAT
from sessions_app.services.credentials import Credential
from sessions_app.services.following import Followed

SCOPE_KEY = "linnet.stream"


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What is to be streamed.

    Args:
        followed: the session, from :func:`sessions_app.services.following.follow`.
        credential: what let the client in (``request.identity.credential``); asked for again while the stream is
            open. None: nothing to ask for.
        shape: how each event is shown.
        prelude: earlier events that are shown first, without ids, in pages: it takes a place (None: the beginning), and
            returns events and the next place (None: that was all). Called in a thread, with a connection; with the
            same place again when the database did not answer. Leave it out when ``followed.resumed`` says that the
            client was shown them before.
        lease_events: whether deadlines, notices and ends are told.
    """

    followed: Followed
    credential: Credential | None = None
    shape: Shape = native
    prelude: Callable[[Any], tuple[Iterable[Event], Any]] | None = None
    lease_events: bool = True


def hand_over(request: HttpRequest, stream: StreamRequest) -> HttpResponse:
    """The answer of a view that opens a stream.

    Without ASGI there is nobody to hand it to: the client gets an empty stream, and comes back for another.
    """
    scope = getattr(request, "scope", None)
    if scope is not None:
        scope[SCOPE_KEY] = stream
    return HttpResponse(
        HEARTBEAT,
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )
