"""An installation of the service for the harness: its database, its users, and the commands of its processes."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg

from tests.e2e.stack import ROOT, Stack, free_port
from tests.faults import QUEUE, failpoints, naive
from tests.faults.process import HARNESS, children_of
from tests.faults.proxy import Door
from tests.faults.servers import Servers

WEB_GROUPS, WEB_CHILDREN, WORKERS = 2, 2, 2
IDLE_TTL_S = 3
MAX_LIFETIME_S = 20
NO_UNIQUE_SNAPSHOT = """
    SELECT conname FROM pg_constraint WHERE conrelid = 'snapshots_snapshot'::regclass AND contype = 'u'
"""


class Installation(Stack):
    """A stack whose processes start through the harness's own modules, with a door before the broker."""

    def __init__(self, folder: Path, servers: Servers, *, seed: int, rate: float, variant: str) -> None:
        door = free_port()
        with patch.dict(os.environ, DATABASE_URL=servers.postgres.url):
            super().__init__(
                folder,
                **{
                    "CELERY_BROKER_URL": f"amqp://guest:guest@127.0.0.1:{door}//",
                    "CACHE_URL": f"{servers.redis.url}/0",
                    "LIVE_BUS_URL": f"{servers.redis.url}/1",
                    # High enough to be reached by nobody, but counted.
                    "API_WRITES_PER_MINUTE": "1000000",
                    "API_STARTS_PER_MINUTE": "1000000",
                    "DJANGO_SETTINGS_MODULE": "linnet_sessions.settings",
                    "LOG_FILE": "",
                    "SESSION_IDLE_TTL_S": str(IDLE_TTL_S),
                    "SESSION_PAID_TTL_S": str(IDLE_TTL_S),
                    "SESSION_PRIVATE_TTL_S": str(IDLE_TTL_S),
                    "SESSION_MAX_LIFETIME_S": str(MAX_LIFETIME_S),
                    "SESSION_MAX_LIVE": "1000",
                    "SWEEP_INTERVAL_S": "1",
                    HARNESS: str(os.getpid()),
                    QUEUE: f"linnet-faults-{secrets.token_hex(6)}",
                    failpoints.RATE: str(rate),
                    failpoints.SEED: str(seed),
                    failpoints.HITS: str(folder / "hits"),
                    failpoints.ARMED: str(folder / "armed"),
                    **({naive.NAIVE: variant} if variant else {}),
                },
            )
        self.folder = folder
        self.variant = variant
        self.servers = servers
        self.door = Door(door, ("127.0.0.1", servers.rabbitmq.port))
        self.ports = [free_port() for _ in range(WEB_GROUPS)]
        self.tokens: list[str] = []
        self.annotators: list[str] = []
        self._starts: Counter[str] = Counter()

    # --- the parts ------------------------------------------------------------------------------------

    def prepare(self, users: int) -> None:
        """Database, keyring and users; no process yet."""
        self.stored.create()
        self.manage("bootstrap")
        made = subprocess.run(
            [sys.executable, "-m", "tests.faults.users", str(users)],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            check=True,
            timeout=120,
        )
        self.tokens, self.annotators = json.loads(made.stdout)
        if self.variant == "snapshot_first":
            with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
                for (name,) in connection.execute(NO_UNIQUE_SNAPSHOT).fetchall():
                    connection.execute(f'ALTER TABLE snapshots_snapshot DROP CONSTRAINT "{name}"'.encode())
        self.door.open()

    def commands(self) -> dict[str, list[str]]:
        """Every process by its name."""
        celery = ["-m", "celery", "--app", "tests.faults.worker"]
        pool = ["--concurrency=2", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        return {
            **{
                f"web-{i}": ["-m", "tests.faults.web", str(port), str(WEB_CHILDREN)]
                for i, port in enumerate(self.ports)
            },
            **{f"worker-{i}": [*celery, "worker", "--hostname", f"{i}@faults", *pool] for i in range(WORKERS)},
            "beat": [*celery, "beat", "--loglevel=WARNING", "--pidfile="],
        }

    def begin(self, name: str) -> subprocess.Popen[bytes]:
        """Start this process, whose random numbers are told from those of earlier ones by their count."""
        self._starts[name] += 1
        return self.launch(name, *self.commands()[name], **{failpoints.ROLE: f"{name}:{self._starts[name]}"})

    def answers(self, port: int) -> bool:
        """Whether the web processes on this port are well."""
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health/")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def kill_group(self, name: str) -> None:
        """A whole process, with what it forked."""
        process = self._processes[name]
        children = list(children_of(process.pid))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def stop(self) -> None:
        self.door.shut()
        for name in list(self._processes):
            self.kill_group(name)
        super().stop()

    # --- arming and counting --------------------------------------------------------------------------

    def arm(self, *, armed: bool) -> None:
        """Whether failpoints kill."""
        flag = Path(self.environment[failpoints.ARMED])
        if armed:
            flag.touch()
        else:
            flag.unlink(missing_ok=True)

    def hits(self) -> list[str]:
        """The failpoints at which a process killed itself."""
        file = Path(self.environment[failpoints.HITS])
        return file.read_text().splitlines() if file.exists() else []

    def query(self, query: str) -> list[tuple[Any, ...]]:
        """As ``rows``, again and again while the server is coming back."""
        found: list[list[tuple[Any, ...]]] = []

        def asked() -> bool:
            with suppress(psycopg.OperationalError):
                found.append(self.stored.rows(query))
            return bool(found)

        self.wait(asked, "the database to answer")
        return found[0]
