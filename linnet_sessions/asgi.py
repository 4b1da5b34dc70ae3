"""The ASGI application: ``uvicorn linnet_sessions.asgi:application``."""

import os
from concurrent.futures import ThreadPoolExecutor

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")

_django = get_asgi_application()

# After Django is set up: these need the app registry.
from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from linnet_sessions.body_limit import BodyLimit  # noqa: E402
from snapshots.services.readiness import exit_unless_ready  # noqa: E402


def _exit_unless_ready() -> None:
    try:
        exit_unless_ready(now=timezone.now())
    finally:
        # This thread asks for nothing more; and a server that forks after the import must not share a pool.
        for connection in connections.all(initialized_only=True):
            connection.close()
            if hasattr(connection, "close_pool"):
                connection.close_pool()


# In a thread, because the server may import this with its event loop running (uvicorn's --workers does).
with ThreadPoolExecutor(1) as _once:
    _once.submit(_exit_unless_ready).result()

application = BodyLimit(_django)
