"""What every process does once before it works: see that the vault opens, and leave no connection behind."""

from django.db import connections
from django.utils import timezone

from snapshots.services.readiness import exit_unless_ready


def check_at_start() -> None:
    """Stop the process with one sentence when the vault can't be used.

    The connections that this took are closed, and their pool: processes are forked from this one, and two of them
    must never speak on one socket.
    """
    try:
        exit_unless_ready(now=timezone.now())
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close()
            if hasattr(connection, "close_pool"):
                connection.close_pool()
