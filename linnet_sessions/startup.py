"""What every process does once before it works: look at its settings, see that the vault opens, leave no connection."""

from django.core.checks import run_checks
from django.db import connections
from django.utils import timezone

from snapshots.services.readiness import exit_unless_ready


def check_settings() -> None:
    """Stop the process with a sentence for each wrong setting, as ``manage.py`` does before a command.

    Raises:
        SystemExit: there is one.
    """
    wrong = [message for message in run_checks() if message.is_serious()]
    if wrong:
        told = "\n".join(f"{message.msg} {message.hint or ''}".rstrip() for message in wrong)
        raise SystemExit(f"Linnet Sessions did not start.\n{told}")


def check_vault() -> None:
    """Stop the process with one sentence when the vault can't be used.

    The connections that this took are closed, and their pool: processes are forked from this one, and two of them
    must never speak on one socket.

    Raises:
        SystemExit: it can't.
    """
    try:
        exit_unless_ready(now=timezone.now())
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close()
            if hasattr(connection, "close_pool"):
                connection.close_pool()
