"""The ASGI application: ``uvicorn linnet_sessions.asgi:application``."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")

_django = get_asgi_application()

# After Django is set up: these need the app registry.
from django.utils import timezone  # noqa: E402

from linnet_sessions.body_limit import BodyLimit  # noqa: E402
from snapshots.services.readiness import exit_unless_ready  # noqa: E402

exit_unless_ready(now=timezone.now())

application = BodyLimit(_django)
