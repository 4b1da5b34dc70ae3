"""The baselines as an ASGI application, for the same server as the service's."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.bare.settings"

from django.core.asgi import get_asgi_application

application = get_asgi_application()
