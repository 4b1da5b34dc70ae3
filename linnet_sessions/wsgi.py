"""The WSGI application, for servers that speak WSGI only."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")

application = get_wsgi_application()

# After Django is set up: both need the app registry.
from django.utils import timezone  # noqa: E402

from snapshots.services.readiness import exit_unless_ready  # noqa: E402

exit_unless_ready(now=timezone.now())
