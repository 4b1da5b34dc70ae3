"""The Celery application of the harness's workers and beat: the service's own, with failpoints and its own queue."""

from __future__ import annotations

import os

import django
from kombu import Queue

from linnet_sessions.celery import app
from tests.faults import QUEUE, failpoints, naive

#: An unused queue removes itself, so that nothing of a run stays in the broker.
QUEUE_EXPIRES_S = 120

failpoints.install()
django.setup()
naive.install()

_queue = os.environ[QUEUE]
app.conf.task_queues = [Queue(_queue, routing_key=_queue, expires=QUEUE_EXPIRES_S)]
app.conf.task_default_queue = app.conf.task_default_routing_key = _queue
app.conf.task_default_exchange = ""
app.conf.worker_enable_remote_control = False
