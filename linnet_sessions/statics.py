"""The apps' own static files, served straight from their packages: there is nothing to collect."""

from __future__ import annotations

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from servestatic.base import ServeStaticBase


def add_static_files(server: ServeStaticBase) -> None:
    """Tell ServeStatic what there is. Of two files of one name the first app's counts, as everywhere in Django."""
    for finder in get_finders():
        for path, storage in finder.list(None):
            url = f"{settings.STATIC_URL}{path}"
            if url not in server.files:
                server.add_file_to_dictionary(url, storage.path(path), root=storage.location)
