"""The web processes of the harness: ``python -m tests.faults.web PORT CHILDREN``.

Django is loaded once. Each child is forked from there, serves on the one listening socket, and is replaced within
milliseconds when it dies: what waits in the socket's queue goes to the others. No connection to the database is
open at a fork.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

import uvicorn

from tests.faults.process import HARNESS, end_with_parent


def main(port: int, children: int) -> None:
    """Serve until killed."""
    end_with_parent(int(os.environ[HARNESS]))
    application = load()
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(256)
    for _ in range(children):
        fork(application, listening)
    while True:
        os.wait()
        fork(application, listening)


def load() -> Any:
    """The application with its failpoints, and as much of it imported as can be before a fork."""
    from tests.faults import failpoints

    failpoints.install()

    from django.db import connections
    from django.urls import get_resolver

    from linnet_sessions.asgi import application
    from tests.faults import naive

    naive.install()
    assert get_resolver().url_patterns
    connections.close_all()
    return application


def fork(application: Any, listening: socket.socket) -> None:
    """One more child. It dies with its parent."""
    parent = os.getpid()
    if os.fork():
        return
    end_with_parent(parent)
    config = uvicorn.Config(application, lifespan="off", log_config=None, access_log=False, server_header=False)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
