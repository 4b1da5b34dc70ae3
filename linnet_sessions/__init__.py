"""Composition: settings, URLs and the entry points of the web and worker processes."""

from linnet_sessions.celery import app as celery_app

__all__ = ["celery_app"]
