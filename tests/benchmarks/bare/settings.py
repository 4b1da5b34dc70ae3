"""The service's settings for the database and the server; no middleware, no routes of the service."""

import os
from datetime import timedelta

from linnet_sessions.settings import *  # noqa: F403

MIDDLEWARE = []
ROOT_URLCONF = "tests.benchmarks.bare.urls"
REST_FRAMEWORK = {"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]}
REST_KNOX = {
    "TOKEN_TTL": timedelta(hours=10),
    "TOKEN_PREFIX": "lna_",
    "AUTO_REFRESH": True,
    # 0: the expiry moves with every request, as a lease's deadline does. knox's own default is 60.
    "MIN_REFRESH_INTERVAL": int(os.environ.get("BENCH_KNOX_INTERVAL_S", "0")),
}
