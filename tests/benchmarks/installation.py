"""An installation to measure: its keyring and secrets, databases copied from one that is migrated, its processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg

from tests.e2e.stack import ROOT, Stack, free_port

DATABASE_URL = "postgres://postgres@127.0.0.1:5432/postgres"
SERVICE = "linnet_sessions.asgi:application"
BARE = "tests.benchmarks.bare.asgi:application"
#: How the Procfile starts the web process.
WEB_OPTIONS = ["--lifespan", "off", "--no-access-log", "--no-server-header"]

_CPUS = sorted(os.sched_getaffinity(0))
#: The processes that are measured, and the one that sends requests. PostgreSQL may use all of them.
MEASURED_CPU, SENDING_CPU = _CPUS[0], _CPUS[-1]


class Request(NamedTuple):
    """One HTTP request, written out before anything is timed."""

    method: str
    path: str
    headers: dict[str, str]
    body: str = ""


class Load(NamedTuple):
    """What came of sending requests for a while. Latencies are in seconds."""

    per_second: float
    median_s: float
    p95_s: float
    mean_s: float


class Worker:
    """A process with the service's code, that does one step at a time: the functions of ``inside/``."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        with log.open("ab") as errors, pinned(MEASURED_CPU):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.inside"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
            )
        self._log = log

    def do(self, step: str, **arguments: Any) -> Any:
        """Run ``inside.<module>.<function>`` with these arguments, and return what it returns."""
        self.begin(step, **arguments)
        return self.result()

    def begin(self, step: str, **arguments: Any) -> None:
        """Start a step and do not wait: ``result`` does."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([step, arguments]) + "\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            tail = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
            raise RuntimeError("\n".join(["A step failed.", *tail]))
        return json.loads(line)

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


class Database:
    """One database, and the processes that use it. Both end with the ``with`` that it comes from."""

    def __init__(self, installation: Installation, url: str, cleanup: ExitStack) -> None:
        self._installation = installation
        self._cleanup = cleanup
        self._webs = 0
        self.url = url
        self.environment = {**installation.environment, "DATABASE_URL": url}

    def worker(self) -> Worker:
        worker = Worker(self.environment, self._installation.out / "inside.log")
        self._cleanup.callback(worker.stop)
        return worker

    @contextmanager
    def fresh_worker(self) -> Iterator[Worker]:
        """A worker that ends with its ``with``."""
        worker = Worker(self.environment, self._installation.out / "inside.log")
        try:
            yield worker
        finally:
            worker.stop()

    def web(self, application: str = SERVICE, **environment: str) -> Web:
        """One web process, as the Procfile starts it, on a processor of its own."""
        self._webs += 1
        name, port = f"{urlsplit(self.url).path[1:]}-web-{self._webs}", free_port()
        command = ["-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port), *WEB_OPTIONS]
        with pinned(MEASURED_CPU):
            process = self._installation.launch(name, *command, **{"DATABASE_URL": self.url, **environment})
        self._cleanup.callback(self._installation.kill, name)
        web = Web(port, process.pid)

        def answers() -> bool:
            assert process.poll() is None, f"A web process ended at its start.\n{self._installation.tail(name)}"
            with suppress(OSError, HTTPException):
                web.send([[Request("GET", "/health/", {})]], seconds=0.05, warmup_s=0)
                return True
            return False

        self._installation.wait(answers, "a web process to answer")
        return web

    def manage(self, *arguments: str) -> str:
        """A management command on this database: what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments[0]} ended with {done.returncode}: {done.stderr[-400:]}")
        return done.stdout.strip()

    def execute(self, *statements: str) -> None:
        """Statements of our own, each outside of a transaction."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def row(self, query: str) -> tuple[Any, ...]:
        with psycopg.connect(self.url) as connection:
            found = connection.execute(query.encode()).fetchone()
        assert found is not None
        return found


class Web(NamedTuple):
    """A web process that listens."""

    port: int
    pid: int

    def send(self, streams: list[list[Request]], *, seconds: float, warmup_s: float = 0.5) -> Load:
        """Send each stream over a connection of its own, again and again, from a process of its own.

        Raises:
            ConnectionError: no answer, or one that is not a 2xx.
        """
        order = {"port": self.port, "seconds": seconds, "warmup_s": warmup_s, "streams": streams}
        with pinned(SENDING_CPU):
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.load"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        told, errors = process.communicate(json.dumps(order), timeout=seconds + warmup_s + 60)
        if process.returncode:
            raise ConnectionError((errors.strip().splitlines() or ["the sending process failed"])[-1])
        return Load(**json.loads(told))


class Installation(Stack):
    """Keyring, secrets, and a migrated database that others are copied from."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("DATABASE_URL", DATABASE_URL)
        super().__init__(
            folder, DJANGO_SETTINGS_MODULE="linnet_sessions.settings", LOG_FILE="", SESSION_MAX_LIVE="1000"
        )
        assert self.stored.url, "The benchmarks need PostgreSQL: set DATABASE_URL to a server, or leave it out."

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A fresh copy of the migrated database; it and all its processes are gone afterwards."""
        copy = self.stored.twin()
        copy.copy(self.stored)
        try:
            with ExitStack() as cleanup:
                yield Database(self, copy.url, cleanup)
        finally:
            copy.drop()

    def kill(self, name: str) -> None:
        self._kill(name)


@contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """Processes that are started inside stay on this processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
