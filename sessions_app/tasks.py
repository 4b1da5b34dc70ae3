"""What beat wakes. Tasks carry no arguments and no results; running one twice is harmless."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from sessions_app.services import guests, retention, tickets
from sessions_app.services import sweep as sweeping


@shared_task(name="sessions_app.tasks.sweep")
def sweep() -> None:
    """Close what is past its deadline."""
    sweeping.sweep(now=timezone.now())


@shared_task(name="sessions_app.tasks.purge_snapshots")
def purge_snapshots() -> None:
    """Destroy snapshots and tickets past their time, and guests of a demo; give snapshots of lapsed plans an end."""
    now = timezone.now()
    tickets.purge(now=now)
    for _ in retention.purge(which=retention.PurgeFilter(), now=now):
        pass
    guests.purge(now=now)
    # Last: it asks for plans, and what knows them may be down.
    retention.release_lapsed(now=now)
