"""The Celery application of the harness's workers and beat: the service's own, with failpoints and its own queue."""

from __future__ import annotations

import os

import django
from kombu import Queue

from linnet_sessions.celery import app
from tests.faults import QUEUE, failpoints, naive
from tests.faults.process import HARNESS, end_with_parent

#: An unused queue removes itself, so that nothing of a run stays in the broker.
QUEUE_EXPIRES_S = 120
PURGE_EVERY_S = 3

end_with_parent(int(os.environ[HARNESS]))
failpoints.install()
django.setup()
naive.install()

_queue = os.environ[QUEUE]
app.conf.update(
    task_queues=[Queue(_queue, routing_key=_queue, expires=QUEUE_EXPIRES_S)],
    task_default_queue=_queue,
    task_default_routing_key=_queue,
    task_default_exchange="",
    worker_enable_remote_control=False,
    # The purge as often as a short run needs it.
    beat_schedule={
        name: {**entry, "schedule": min(entry["schedule"], PURGE_EVERY_S), "options": {"expires": PURGE_EVERY_S}}
        for name, entry in app.conf.beat_schedule.items()
    },
)
