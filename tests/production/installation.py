"""An installation as production has it, with a door before each server that a test can shut."""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg
import redis
from kombu import Connection

from tests.e2e.stack import Stack, free_port
from tests.faults.proxy import Door

SERVERS = {
    "DATABASE_URL": "postgres://postgres@127.0.0.1:5432/postgres",
    "CELERY_BROKER_URL": "amqp://guest:guest@127.0.0.1:5672//",
    "CACHE_URL": "redis://127.0.0.1:6379/5",
}
REDIS_BROKER = "redis://127.0.0.1:6379/6"
#: How long a pinned session of these tests is idle before it is over. Private ones last.
IDLE_TTL_S = 5
STARTS_PER_MINUTE = 30


class Installation(Stack):
    """Two web processes on one port, one worker, one beat; names in the servers that no other run has."""

    def __init__(self, folder: Path) -> None:
        servers = {name: os.environ.get(name, usual) for name, usual in SERVERS.items()}
        if not servers["DATABASE_URL"].startswith("postgres"):
            servers["DATABASE_URL"] = SERVERS["DATABASE_URL"]
        self.name = f"linnet-production-{secrets.token_hex(6)}"
        self.broker = servers["CELERY_BROKER_URL"]
        self.doors = {name: _door(url) for name, url in servers.items()}
        with patch.dict(os.environ, DATABASE_URL=servers["DATABASE_URL"]):
            super().__init__(
                folder,
                CELERY_BROKER_URL=_through(self.doors["CELERY_BROKER_URL"], self.broker),
                CELERY_TASK_DEFAULT_QUEUE=self.name,
                CACHE_URL=f"{_through(self.doors['CACHE_URL'], servers['CACHE_URL'])}?key_prefix={self.name}",
                DATABASE_POOL_MAX="4",
                API_STARTS_PER_MINUTE=str(STARTS_PER_MINUTE),
                API_WRITES_PER_MINUTE="100000",
                SESSION_PAID_TTL_S=str(IDLE_TTL_S),
                SESSION_MAX_LIVE="1000",
                SWEEP_INTERVAL_S="1",
                LOG_FILE="",
            )
        self.database = self.stored.url
        self.tokens: dict[str, str] = {}

    # --- processes ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the installation and start its processes, side by side."""
        self.open_doors()
        self.make()
        self.start_worker()
        with ThreadPoolExecutor() as pool:
            web = pool.submit(self.start_web)
            users = ("demo", "demo-free")
            self.tokens = dict(zip(users, pool.map(self.token, users), strict=True))
            web.result()

    def start_web(self) -> None:
        command = ["-m", "uvicorn", "linnet_sessions.asgi:application", "--workers", "2", "--lifespan", "off"]
        database = _through(self.doors["DATABASE_URL"], self.database)
        self.launch("web", *command, "--host", "127.0.0.1", "--port", str(self.port), DATABASE_URL=database)
        self.wait(self.well, "the web processes and all they need to be well")

    def start_worker(self, suffix: str = "", **environment: str) -> None:
        """A worker and beat, each a process."""
        celery = ["-m", "celery", "--app", "linnet_sessions"]
        options = ["--concurrency=1", "--loglevel=INFO", "--without-gossip", "--without-mingle"]
        self.launch(f"worker{suffix}", *celery, "worker", f"--hostname={self.name}{suffix}", *options, **environment)
        self.launch(f"beat{suffix}", *celery, "beat", "--loglevel=INFO", "--pidfile=", **environment)

    def end(self, *names: str) -> None:
        """Kill these processes."""
        for name in names:
            self._kill(name)

    def stop(self) -> None:
        super().stop()
        for door in self.doors.values():
            with suppress(OSError):
                door.shut()
        with Connection(self.broker, connect_timeout=5) as connection:
            channel: Any = connection.default_channel
            channel.queue_delete(self.name)
            channel.exchange_delete(self.name)
        with redis.Redis.from_url(REDIS_BROKER) as client:
            for key in client.scan_iter(f"*{self.name}*"):
                client.delete(key)

    # --- doors ----------------------------------------------------------------------------------------

    def open_doors(self) -> None:
        """Open those that are shut."""
        for door in self.doors.values():
            if not door.is_open:
                door.open()

    def shut(self, name: str) -> None:
        """Cut every connection through this door, and refuse new ones."""
        self.doors[name].shut()

    # --- what can be asked ----------------------------------------------------------------------------

    def health(self) -> tuple[int, dict[str, Any]]:
        return self.call("GET", "/health/")

    def well(self) -> bool:
        """Whether each part is, of each web process that answers."""
        try:
            return self.health()[1]["status"] == "ok"
        except (OSError, HTTPException, ValueError):
            return False

    def told(self, part: str, state: str) -> tuple[int, dict[str, Any]]:
        """The answer of health, once a web process tells this state of this part."""
        found: list[tuple[int, dict[str, Any]]] = []

        def tells() -> bool:
            found[:] = [self.health()]
            return bool(found[0][1]["parts"][part]["state"] == state)

        self.wait(tells, f"health to tell that the {part} is {state}")
        return found[0]

    def api(
        self, method: str, path: str, body: Any = None, *, user: str = "demo", **more: str
    ) -> tuple[int, dict[str, Any]]:
        return self.call(method, path, body, token=self.tokens[user], **more)

    def begin(self, policy: str, *, user: str = "demo") -> tuple[str, str]:
        """A session with one event: its id and its lease token."""
        status, started = self.api("POST", "sessions/", {"policy": policy}, user=user)
        assert status == 201, started
        session, lease = started["id"], started["lease"]["token"]
        assert self.append(session, lease, 1)[0] == 201
        return session, lease

    def append(self, session: str, lease: str, number: int) -> tuple[int, dict[str, Any]]:
        """One event, which a retry with the same number does not add again."""
        events = [{"event_type": "tone", "label": "Calm", "confidence": 0.9, "timestamp": number}]
        return self.api("POST", f"sessions/{session}/events/", {"events": events}, lease=lease, key=str(number))

    def row(self, session: str) -> dict[str, Any]:
        """The session's row, past the service."""
        columns = ("state", "close_reason", "closed_at", "expires_at", "close_attempts", "close_error", "sweep_after")
        (row,) = self.stored.rows(f"SELECT {', '.join(columns)} FROM sessions_app_session WHERE id = '{session}'")
        return dict(zip(columns, row, strict=True))

    def wait_closed(self, *sessions: str) -> None:
        """Wait until these are closed, without asking the service, which would close them in place."""

        def closed() -> bool:
            return all(self.row(session)["state"] == "closed" for session in sessions)

        self.wait(closed, "the worker to close what is past its deadline")

    def execute(self, statement: str) -> None:
        """Change the database, past the service."""
        with psycopg.connect(self.database) as connection:
            connection.execute(statement.encode())


class _Door(Door):
    """A door that knows whether it is open."""

    is_open = False

    def open(self) -> None:
        super().open()
        self.is_open = True

    def shut(self) -> None:
        self.is_open = False
        super().shut()


def _door(url: str) -> _Door:
    parts = urlsplit(url)
    usual = {"amqp": 5672, "redis": 6379}.get(parts.scheme, 5432)
    return _Door(free_port(), (parts.hostname or "127.0.0.1", parts.port or usual))


def _through(door: Door, url: str) -> str:
    """The same address by way of the door."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{user}@127.0.0.1:{door.port}" if user else f"127.0.0.1:{door.port}").geturl()
