"""The ASGI application: ``uvicorn linnet_sessions.asgi:application``."""

import os
from concurrent.futures import ThreadPoolExecutor

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")

_django = get_asgi_application()

# After Django is set up: these need the app registry.
from linnet_sessions.body_limit import BodyLimit  # noqa: E402
from linnet_sessions.startup import check_at_start  # noqa: E402

# In a thread, because the server may import this with its event loop running (uvicorn's --workers does).
with ThreadPoolExecutor(1) as _once:
    _once.submit(check_at_start).result()

application = BodyLimit(_django)
