"""Kills by plan, and starts again at once what died."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

import psycopg

from tests.faults.installation import WEB_GROUPS, WORKERS, Installation
from tests.faults.plan import Fault
from tests.faults.process import children_of
from tests.faults.servers import Server

LOOK_EVERY_S = 0.05
#: A process that does not come up is not started more often than this.
RESTART_GAP_S = 0.5
OUTAGE_S = (0.3, 2.0)
#: How often one looks for a backend of ours: most live for a few milliseconds.
BACKEND_LOOKS = 60
BACKEND_LOOK_GAP_S = 0.004
BUSY_BACKENDS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = %s AND pid <> pg_backend_pid() AND state IN ('active', 'idle in transaction')
"""
#: These interrupt no process of ours, so they don't count as kills.
OUTAGES = {"broker outage"}


class Supervisor:
    """``start`` everything, ``disturb`` until told otherwise, ``calm`` again."""

    def __init__(self, installation: Installation, plan: Iterator[Fault]) -> None:
        self.installation = installation
        self.done: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.restarts = 0
        self._plan = plan
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._began: dict[str, float] = {}
        self._watching = threading.Event()
        self._disturbing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sessions: psycopg.Connection | None = None
        database = urlsplit(installation.environment["DATABASE_URL"])
        self._database, self._server = database.path.strip("/"), database._replace(path="/postgres").geturl()

    # --- the processes --------------------------------------------------------------------------------

    def start(self) -> None:
        for name in self.installation.commands():
            self._begin(name)
        for number, port in enumerate(self.installation.ports):
            self.installation.wait(partial(self._well, f"web-{number}", port), "the web processes to be well")
        workers = [process for name, process in self._processes.items() if name.startswith("worker")]
        self.installation.wait(lambda: all(any(children_of(p.pid)) for p in workers), "the workers to be ready")
        self._watching.set()
        self._run(self._watch)

    def _well(self, name: str, port: int) -> bool:
        ended = self._processes[name].poll() is not None
        assert not ended, f"{name} ended at its start.\n{self.installation.tail(name)}"
        return self.installation.answers(port)

    def _begin(self, name: str) -> None:
        self._began[name] = time.monotonic()
        self._processes[name] = self.installation.begin(name)

    def _watch(self) -> None:
        while self._watching.is_set():
            for name, process in list(self._processes.items()):
                if process.poll() is not None and time.monotonic() - self._began[name] > RESTART_GAP_S:
                    self._begin(name)
                    self.restarts += 1
            time.sleep(LOOK_EVERY_S)

    def disturb(self) -> None:
        """Begin with the faults, those from outside and the failpoints."""
        self._disturbing.set()
        self.installation.arm(armed=True)
        self._run(self._kill)

    def calm(self) -> None:
        """No fault from now on; what died is still started again."""
        self._disturbing.clear()
        self.installation.arm(armed=False)
        self._threads[-1].join()

    def stop(self) -> None:
        self._disturbing.clear()
        self._watching.clear()
        for thread in self._threads:
            thread.join()
        if self._sessions is not None:
            self._sessions.close()

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self._threads.append(thread)

    # --- the faults -----------------------------------------------------------------------------------

    def kills(self) -> int:
        """Killed processes and backends, by whomever."""
        return sum(n for kind, n in self.done.items() if kind not in OUTAGES) + len(self.installation.hits())

    def _kill(self) -> None:
        for fault in self._plan:
            due = time.monotonic() + fault.after_s
            while (left := due - time.monotonic()) > 0 and self._disturbing.is_set():
                time.sleep(min(left, LOOK_EVERY_S))
            if not self._disturbing.is_set():
                return
            counted = self.done if self._do(fault) else self.missed
            counted[fault.kind] += 1

    def _do(self, fault: Fault) -> bool:
        match fault.kind:
            case "web child":
                return self._kill_child(f"web-{int(fault.pick * WEB_GROUPS)}", fault.pick * WEB_GROUPS % 1)
            case "pool child":
                return self._kill_child(f"worker-{int(fault.pick * WORKERS)}", fault.pick * WORKERS % 1)
            case "web group":
                return self._kill_group(f"web-{int(fault.pick * WEB_GROUPS)}")
            case "worker group":
                return self._kill_group(f"worker-{int(fault.pick * WORKERS)}")
            case "beat":
                return self._kill_group("beat")
            case "terminated backend":
                return self._on_backend(fault.pick, "SELECT pg_terminate_backend(%s)")
            case "killed backend":
                return self._on_backend(fault.pick, "")
            case "broker outage":
                self.installation.door.shut()
                time.sleep(_outage_s(fault.pick))
                self.installation.door.open()
                return True
            case "postgres killed":
                return self._kill_server(self.installation.servers.postgres, fault.pick)
            case "redis killed":
                return self._kill_server(self.installation.servers.redis, fault.pick)
            case "rabbitmq killed":
                return self._kill_server(self.installation.servers.rabbitmq, fault.pick)
        raise AssertionError(fault.kind)

    @staticmethod
    def _kill_server(server: Server, pick: float) -> bool:
        """Kill it with all its processes, and start it again on what it left on disk."""
        server.kill()
        time.sleep(_outage_s(pick))
        server.start()
        return True

    def _kill_child(self, name: str, pick: float) -> bool:
        children = sorted(children_of(self._processes[name].pid))
        if not children:
            return False
        try:
            os.kill(children[int(pick * len(children))], signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def _kill_group(self, name: str) -> bool:
        if self._processes[name].poll() is not None:
            return False
        self.installation.kill_group(name)
        return True

    def _on_backend(self, pick: float, statement: str) -> bool:
        """End a backend that works for us: as an administrator would, or by its process."""
        with suppress(psycopg.OperationalError):
            if self._sessions is None or self._sessions.closed:
                self._sessions = psycopg.connect(self._server, autocommit=True)
            for _ in range(BACKEND_LOOKS):
                pids = sorted(pid for (pid,) in self._sessions.execute(BUSY_BACKENDS, [self._database]))
                if pids:
                    chosen = pids[int(pick * len(pids))]
                    if statement:
                        row = self._sessions.execute(statement.encode(), [chosen]).fetchone()
                        return bool(row and row[0])
                    os.kill(chosen, signal.SIGKILL)
                    return True
                time.sleep(BACKEND_LOOK_GAP_S)
        return False


def _outage_s(pick: float) -> float:
    return OUTAGE_S[0] + pick * (OUTAGE_S[1] - OUTAGE_S[0])
