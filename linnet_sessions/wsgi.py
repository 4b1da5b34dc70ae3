"""The WSGI application, for servers that speak WSGI only."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")

application = get_wsgi_application()

# After Django is set up: it needs the app registry.
from linnet_sessions.startup import check_at_start  # noqa: E402

check_at_start()
