"""The service's own settings, and addresses and a task of ours beside its own."""

from linnet_sessions.settings import *  # noqa: F403

ROOT_URLCONF = "tests.e2e.unforeseen.urls"
CELERY_IMPORTS = ["tests.e2e.unforeseen.tasks"]
