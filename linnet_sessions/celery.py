"""The Celery application. The database is the queue; Celery only wakes the sweep and the purge."""

import os

from celery import Celery
from celery.signals import import_modules, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")

app = Celery("linnet_sessions")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@import_modules.connect
def refuse_to_start_with_wrong_settings(**_kwargs: object) -> None:
    """Beat and workers alike: this signal comes before either asks the database for anything."""
    from linnet_sessions.startup import check_settings

    check_settings()


@worker_init.connect
def refuse_to_start_without_keys(**_kwargs: object) -> None:
    """A worker that can't seal would put off every session it meets, so it does not start. Beat needs no keys."""
    from linnet_sessions.startup import check_vault

    check_vault()
