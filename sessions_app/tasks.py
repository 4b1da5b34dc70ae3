"""What beat wakes. Tasks carry no arguments and no results; running one twice is harmless."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from sessions_app.services import retention, upkeep
from sessions_app.services import sweep as sweeping


@shared_task(name="sessions_app.tasks.sweep")
def sweep() -> None:
    """Close what is past its deadline."""
    sweeping.sweep(now=timezone.now())


@shared_task(name="sessions_app.tasks.purge_snapshots")
def purge_snapshots() -> None:
    """Destroy snapshots past their time, then clear away what else is past its own."""
    now = timezone.now()
    for _ in retention.purge(which=retention.PurgeFilter(), now=now):
        pass
    upkeep.tidy(now=now)
