"""The Celery application. The database is the queue; Celery only wakes the sweep and the purge."""

import os

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")

app = Celery("linnet_sessions")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def refuse_to_start_without_keys(**_kwargs: object) -> None:
    """A worker that can't seal would put off every session it meets, so it does not start."""
    from linnet_sessions.startup import check_at_start

    check_at_start()
