"""One installation of the service in a folder of its own: web process, worker with beat, database, keyring, broker."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

from tests.e2e.database import database_of_this_run, make_with_tables

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 40
TAIL_LINES = 40


class Stack:
    """``start`` it, use it, ``stop`` it. Every process writes into a file of its own below ``out``.

    The database is a SQLite file in the folder; or, where the test run itself is on PostgreSQL, a database that is
    made for this stack and dropped with it. Where nothing that is tested needs a ``worker``, none is started.
    """

    def __init__(self, folder: Path, *, worker: bool = True, **environment: str) -> None:
        self.var = folder / "var"
        self.out = folder / "out"
        self.inputs = folder / "inputs"
        for made in (self.var, self.out, self.inputs):
            made.mkdir(parents=True)
        self.port = free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands = 0
        self._has_worker = worker
        self._tokens: dict[str, str] = {}
        self.stored = database_of_this_run(self.var / "db.sqlite3")
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ},
            "PYTHONUNBUFFERED": "1",
            "LINNET_ENV_FILE": str(folder / "no.env"),
            "LINNET_VAR": str(self.var),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "PORT": str(self.port),
            # One user of a test does more in a minute than one person.
            "API_WRITES_PER_MINUTE": "0",
            "API_STARTS_PER_MINUTE": "0",
            "SIGN_IN_TRIES_PER_MINUTE": "0",
            **({"DATABASE_URL": self.stored.url} if self.stored.url else {}),
            **environment,
        }

    # --- processes ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the installation, start its processes, and wait until the web process is well."""
        self.make()
        if self._has_worker:
            self.start_worker()
        self.start_web()

    def make(self) -> None:
        """Make the installation: its database and all that the first run adds."""
        make_with_tables(self.stored, lambda: self.manage("migrate", "--no-input"))
        self.manage("bootstrap")

    def running(self) -> Iterator[Self]:
        """Start it, give it out, and stop it whatever happens: what a fixture yields from."""
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def start_web(self) -> None:
        process = self.launch("web", *web_command(self.port))

        def well() -> bool:
            assert process.poll() is None, f"The web process ended at its start.\n{self.tail('web')}"
            try:
                return self.call("GET", "/health/")[0] == 200
            except (OSError, HTTPException):
                return False

        self.wait(well, "the web process to be well")

    def start_worker(self) -> None:
        """Start the worker and beat. Nothing waits for them: what they do is waited for where it matters."""
        self.launch("worker", *worker_command(self.var))

    def launch(self, name: str, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a process in a process group of its own; its output goes to ``out/<name>.log``."""
        with (self.out / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes[name] = process
        return process

    def ended(self, name: str, *, timeout_s: float = START_TIMEOUT_S) -> int:
        """Wait for a process that ends by itself. Returns its exit code."""
        code = self._processes[name].wait(timeout=timeout_s)
        del self._processes[name]
        return code

    def pid(self, name: str) -> int:
        """The id of a process that was launched under this name."""
        return self._processes[name].pid

    def kill_web(self) -> None:
        """End the web process at once: it can neither finish a request nor tidy up."""
        self._kill("web")

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        # The whole group, so that no child goes on. One that has ended already leaves an empty group.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=15)

    def stop(self) -> None:
        """Kill every process, then remove the database. Files stay, for whoever looks into a failure."""
        for name in list(self._processes):
            self._kill(name)
        self.stored.drop()

    def manage(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end, and check its exit code."""
        self._commands += 1
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        (self.out / f"manage-{self._commands}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        assert done.returncode == code, f"manage.py {arguments[0]} ended with {done.returncode}:\n{done.stderr}"
        return done

    def replay(self, recordings: list[dict[str, Any]], *options: str) -> list[str]:
        """Play recordings into the service by its own command. Returns the lines on standard output."""
        file = self.inputs / f"{secrets.token_hex(4)}.jsonl"
        file.write_text("".join(json.dumps(recording) + "\n" for recording in recordings), encoding="utf-8")
        return self.manage("replay", str(file), *options).stdout.splitlines()

    # --- what can be asked ----------------------------------------------------------------------------

    def token(self, user: str = "demo") -> str:
        """An API token of this user, made when it is first asked for: a command takes seconds to start."""
        if user not in self._tokens:
            self._tokens[user] = self.manage("issue_token", user).stdout.strip()
        return self._tokens[user]

    @cached_property
    def annotator_token(self) -> str:
        """The credential of an annotator."""
        return self.manage("issue_annotator_token", "e2e").stdout.strip()

    def call(
        self, method: str, path: str, body: Any = None, *, token: str = "", lease: str = "", key: str = ""
    ) -> tuple[int, dict[str, Any]]:
        """One request: status and document. Paths that don't start with a slash are below ``/api/v1/``.

        Raises:
            OSError, HTTPException: no answer, or half of one.
        """
        with self.request(method, path, body, token=token, lease=lease, key=key) as connection:
            return answer_of(connection)

    @contextmanager
    def request(
        self, method: str, path: str, body: Any = None, *, token: str = "", lease: str = "", key: str = ""
    ) -> Iterator[HTTPConnection]:
        """A connection on which the request was sent, and nothing was read yet."""
        wanted = {"Authorization": token and f"Token {token}", "X-Session-Token": lease, "Idempotency-Key": key}
        headers = {"Content-Type": "application/json"} | {name: value for name, value in wanted.items() if value}
        data = b"" if body is None else json.dumps(body).encode()
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path if path.startswith("/") else f"/api/v1/{path}", data, headers)
            yield connection

    def at_rest(self) -> Iterator[tuple[str, bytes]]:
        """All that is written down outside of the inputs: every file, and a database that is no file."""
        for file in [*self.var.rglob("*"), *self.out.rglob("*")]:
            if file.is_file():
                try:
                    yield str(file), file.read_bytes()
                except FileNotFoundError:  # a message that was taken from the broker meanwhile
                    continue
        yield from self.stored.dump()

    @staticmethod
    def wait(done: Callable[[], bool], what: str, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Ask again and again until it is so."""
        until = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < until, f"Waited {timeout_s} s for {what}."
            time.sleep(0.1)

    def tail(self, name: str) -> str:
        """The last lines that a process wrote."""
        file = self.out / f"{name}.log"
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
        return "\n".join(lines[-TAIL_LINES:])


def web_command(port: int) -> list[str]:
    return ["-m", "uvicorn", "linnet_sessions.asgi:application", "--host", "127.0.0.1", "--port", str(port)]


def worker_command(var: Path) -> list[str]:
    scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
    files = [f"--pidfile={var / 'worker.pid'}", f"--schedule={var / 'beat-schedule'}"]
    options = ["--beat", "--concurrency=1", "--loglevel=INFO", f"--scheduler={scheduler}", *files]
    return ["-m", "celery", "--app", "linnet_sessions", "worker", *options]


def answer_of(connection: HTTPConnection) -> tuple[int, dict[str, Any]]:
    """Read the answer: status and document."""
    response = connection.getresponse()
    body = response.read()
    return response.status, json.loads(body) if body else {}


def free_port() -> int:
    """A port below those that the system gives to outgoing connections, so that none of them takes it meanwhile."""
    while True:
        # Not `random`: parallel test processes share its seed.
        port = 20_000 + secrets.randbelow(12_000)
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
