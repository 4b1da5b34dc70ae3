"""The bus: from whoever commits something, to the processes with open streams of that session.

Publishing never fails and never waits. What the bus loses, streams learn from the database.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from sessions_app.conf import conf
from sessions_app.live import redis_bus
from sessions_app.live.messages import Batch, Event, Message

log = logging.getLogger(__name__)

#: Sessions whose latest service event is remembered for streams that open late.
REMEMBERED = 10_000


class Receiver(Protocol):
    """Something that holds open streams."""

    def take(self, messages: Sequence[Message]) -> None:
        """Called in the publisher's thread: must not wait."""


class LocalBus:
    """Inside one process. Nobody listens: one look into a dictionary."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._receivers: dict[uuid.UUID, tuple[Receiver, ...]] = {}
        self._service: OrderedDict[uuid.UUID, Event] = OrderedDict()

    def subscribe(self, session_id: uuid.UUID, receiver: Receiver) -> None:
        with self._lock:
            self._receivers[session_id] = (*self._receivers.get(session_id, ()), receiver)

    def unsubscribe(self, session_id: uuid.UUID, receiver: Receiver) -> None:
        with self._lock:
            left = tuple(one for one in self._receivers.get(session_id, ()) if one is not receiver)
            if left:
                self._receivers[session_id] = left
            else:
                self._receivers.pop(session_id, None)

    def publish(self, messages: Sequence[Message]) -> None:
        by_receiver: dict[int, tuple[Receiver, list[Message]]] = {}
        for message in messages:
            if isinstance(message, Batch) and message.live:
                self._remember(message)
            for receiver in self._receivers.get(message.session_id, ()):
                by_receiver.setdefault(id(receiver), (receiver, []))[1].append(message)
        for receiver, theirs in by_receiver.values():
            receiver.take(theirs)

    def latest_service(self, session_id: uuid.UUID) -> Event | None:
        """The latest service event of a session, if one is remembered."""
        return self._service.get(session_id)

    def forget(self, session_id: uuid.UUID) -> None:
        """The session is over."""
        self._service.pop(session_id, None)

    def _remember(self, batch: Batch) -> None:
        for _, event in batch.live:
            if event["event_type"] == "service":
                with self._lock:
                    self._service[batch.session_id] = event
                    self._service.move_to_end(batch.session_id)
                    while len(self._service) > REMEMBERED:
                        self._service.popitem(last=False)


local = LocalBus()
_publishers: dict[str, redis_bus.Publisher] = {}


def publish(messages: Sequence[Message]) -> None:
    """Tell whoever listens. Call it once the transaction is committed."""
    try:
        local.publish(messages)
        url = conf.live_bus_url
        if url:
            publisher = _publishers.get(url) or _publishers.setdefault(url, redis_bus.Publisher(url))
            publisher.publish(messages)
    except Exception as error:  # noqa: BLE001  (whatever it is: what is committed must be answered as such)
        # The class alone: the text of an unforeseen error may quote content.
        log.warning("live_publish_failed error=%s", type(error).__name__)
