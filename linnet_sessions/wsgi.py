"""The WSGI application, for servers that speak WSGI only. Streams need ASGI."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")

_django = get_wsgi_application()

# After Django is set up: these need the app registry.
from servestatic import ServeStatic  # noqa: E402

from linnet_sessions.page_headers import add_to_static_files  # noqa: E402
from linnet_sessions.startup import check_at_start  # noqa: E402
from linnet_sessions.statics import add_static_files  # noqa: E402

check_at_start()

application = ServeStatic(_django, add_headers_function=add_to_static_files)
add_static_files(application)
