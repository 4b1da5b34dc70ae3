"""From a Django view to the event loop: the view says what is to be streamed, and is done.

Django keeps a thread for each request that it handles, and a view's connection lasts as long as the view. So the view
only authorises. Its response carries the headers, and what is to be streamed is left in the request's scope, where
:class:`sessions_app.live.asgi.Streams` finds it once Django has finished.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from django.http import HttpRequest, HttpResponse

from sessions_app.conf import conf
from sessions_app.errors import TooManyStreams
from sessions_app.live.messages import Event
from sessions_app.live.shapes import Shape, native
from sessions_app.live.sse import HEARTBEAT
from sessions_app.services.credentials import Credential
from sessions_app.services.following import Followed

SCOPE_KEY = "linnet.stream"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class StreamRequest:
    """What is to be streamed: one for each stream, so that no two are the same.

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


class _Handed:
    """The streams of this process that were handed over and have not ended, by user.

    Weak: of a request that was given up between the view and the stream, nobody says that it has ended.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_owner: dict[int, WeakSet[StreamRequest]] = {}

    def add(self, stream: StreamRequest) -> None:
        with self._lock:
            theirs = self._by_owner.setdefault(stream.followed.owner_id, WeakSet())
            if len(theirs) >= conf.max_open_streams:
                raise TooManyStreams(conf.max_open_streams)
            theirs.add(stream)

    def discard(self, stream: StreamRequest) -> None:
        with self._lock:
            theirs = self._by_owner.get(stream.followed.owner_id)
            if theirs is not None:
                theirs.discard(stream)
                if not theirs:
                    del self._by_owner[stream.followed.owner_id]


_handed = _Handed()


def hand_over(request: HttpRequest, stream: StreamRequest) -> HttpResponse:
    """The answer of a view that opens a stream.

    Without ASGI there is nobody to hand it to: the client gets an empty stream, and comes back for another.

    Raises:
        TooManyStreams: the user has as many open in this process as one may.
    """
    scope = getattr(request, "scope", None)
    if scope is not None:
        _handed.add(stream)
        scope[SCOPE_KEY] = stream
    return HttpResponse(
        HEARTBEAT,
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


def ended(stream: StreamRequest) -> None:
    """What was handed over is over: the user may open another."""
    _handed.discard(stream)
