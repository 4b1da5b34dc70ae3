"""The ASGI application: ``uvicorn linnet_sessions.asgi:application``."""

import os
from concurrent.futures import ThreadPoolExecutor

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linnet_sessions.settings")

django.setup(set_prefix=False)

# After Django is set up: these need the app registry.
from django.conf import settings  # noqa: E402
from servestatic import ServeStaticASGI  # noqa: E402

from linnet_sessions.body_limit import BodyLimit  # noqa: E402
from linnet_sessions.handler import ThreadedHandler  # noqa: E402
from linnet_sessions.memory import settle  # noqa: E402
from linnet_sessions.page_headers import add_to_static_files  # noqa: E402
from linnet_sessions.startup import check_settings, check_vault  # noqa: E402
from linnet_sessions.statics import add_static_files  # noqa: E402
from sessions_app.live.asgi import Streams  # noqa: E402

# In a thread, because the server may import this with its event loop running (uvicorn's --workers does).
with ThreadPoolExecutor(1) as _once:
    _once.submit(check_settings).result()
    _once.submit(check_vault).result()

application = ServeStaticASGI(
    BodyLimit(Streams(ThreadedHandler(settings.WEB_THREADS))), add_headers_function=add_to_static_files
)
add_static_files(application)
settle()
