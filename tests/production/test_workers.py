"""Workers of two installations on one machine and one broker."""

from __future__ import annotations

from typing import Any

import pytest
from kombu import Connection

from tests.production.installation import Installation

pytestmark = pytest.mark.production


def test_installations_share_a_broker_by_a_queue_and_a_node_name_each(stack: Installation) -> None:
    queue = f"{stack.name}-neighbour"
    command = ["-m", "celery", "--app", "linnet_sessions", "worker", "--concurrency=1", "--loglevel=INFO"]
    options = ["--without-gossip", "--without-mingle", f"--hostname={queue}@%h"]

    def said(name: str, words: str) -> bool:
        return words in stack.tail(name)

    try:
        neighbour = stack.launch("neighbour", *command, *options, CELERY_TASK_DEFAULT_QUEUE=queue)
        stack.wait(lambda: said("neighbour", " ready."), "the neighbour's worker to be ready")
        stack.launch("namesake", *command, *options, CELERY_TASK_DEFAULT_QUEUE=queue)
        assert stack.ended("namesake") != 0
        assert said("namesake", "ResourceLocked")
        assert neighbour.poll() is None
        session, _ = stack.begin("pinned")
        stack.wait_closed(session)
    finally:
        stack.end("neighbour")
        with Connection(stack.broker, connect_timeout=5) as connection:
            channel: Any = connection.default_channel
            channel.queue_delete(queue)
            channel.exchange_delete(queue)
