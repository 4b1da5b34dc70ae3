"""The streams' own way to the database: a few threads, whose connections are given back after each piece of work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

#: Threads, and so the most connections, that the streams of a process use at a time for what they show; and those of
#: what is asked for all of them at once, which never waits behind somebody's long history.
READING, WATCHING = 2, 1
#: All of them: the pool has a connection for each.
THREADS = READING + WATCHING


class Database:
    """Runs pieces of work, one after another in each of its threads."""

    def __init__(self, *, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="live-database")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do this in a thread, and give its connection back."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, _and_give_back, partial(work, *args, **kwargs))


def _and_give_back(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connections.close_all()
