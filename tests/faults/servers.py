"""PostgreSQL, Redis and RabbitMQ of the harness's own: it may kill them, and nobody else uses them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.e2e.stack import free_port
from tests.faults.process import children_of

START_TIMEOUT_S = 60
#: Where Debian and others put server programs that are in no search path.
ELSEWHERE = ("/usr/lib/postgresql/*/bin", "/usr/lib/rabbitmq/bin", "/usr/local/pgsql/bin")


class Server:
    """One server in a folder of its own, on a port that only this run knows. ``kill`` ends it as a crash would."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name
        self.folder.mkdir()
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user = self._owner()
        os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)

    @property
    def url(self) -> str:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def start(self) -> None:
        """Start it on what it left behind. Does not wait: a server that is coming up is a fault like another."""
        self._process = self._begin(self.command())

    def kill(self) -> None:
        """SIGKILL to the server and to every process it made."""
        process, self._process = self._process, None
        if process is None:
            return
        family = [process.pid, *children_of(process.pid)]
        for pid in [*family, *(grandchild for child in family[1:] for grandchild in children_of(child))]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(timeout=15)

    def stop(self) -> None:
        """End it for good, so that it leaves nothing in the system."""
        self.kill()

    def wait(self) -> None:
        """Until it answers on its port."""
        until = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if self._process is None or self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self.name} did not start:\n{self._log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2):
            return True
        return False

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _owner(self) -> pwd.struct_passwd:
        """Whose process it is: ours."""
        return pwd.getpwuid(os.geteuid())

    def _begin(self, command: list[str]) -> subprocess.Popen[bytes]:
        root = os.geteuid() == 0
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self._user.pw_uid if root else None,
                group=self._user.pw_gid if root else None,
            )


class Postgres(Server):
    """It refuses to run as root, so there it runs as the user that its package made."""

    name = "postgres"

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        if not (self.folder / "data").exists():
            program, options = _program("initdb"), ["--auth=trust", "--username=postgres", "--encoding=UTF8"]
            if self._begin([program, f"--pgdata={self.folder / 'data'}", *options]).wait(timeout=START_TIMEOUT_S):
                raise RuntimeError(f"initdb failed:\n{self._log.read_text(errors='replace')[-4000:]}")
        super().start()

    def command(self) -> list[str]:
        # A crash must find what a commit promised, so everything that makes it durable stays as it is.
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}"]
        return [_program("postgres"), "-D", str(self.folder / "data"), *(x for s in settings for x in ("-c", s))]

    def answers(self) -> bool:
        # It listens before it has recovered.
        with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=2):
            return True
        return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # its fast shutdown: gives its shared memory back
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=15)
        super().stop()

    def _owner(self) -> pwd.struct_passwd:
        return pwd.getpwnam("postgres") if os.geteuid() == 0 else super()._owner()


class Redis(Server):
    """Without persistence, as it is meant to be used: it holds nothing that may not be lost."""

    name = "redis"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        options = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no"}
        return [_program("redis-server"), *(word for name, value in options.items() for word in (f"--{name}", value))]


class RabbitMQ(Server):
    """With a port mapper of its own, so that it meets no other node of this machine."""

    name = "rabbitmq"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._mapper = free_port()
        self._distribution = free_port()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def command(self) -> list[str]:
        return [_program("rabbitmq-server")]

    def environment(self) -> dict[str, str]:
        return {
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "faults@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
        }

    def stop(self) -> None:
        super().stop()
        # The mapper is a daemon: no child of the node's.
        self._begin([_program("epmd"), "-kill"]).wait(timeout=15)


class Servers:
    """The three of one run."""

    def __init__(self, folder: Path) -> None:
        self.postgres, self.redis, self.rabbitmq = Postgres(folder), Redis(folder), RabbitMQ(folder)

    @property
    def all(self) -> tuple[Server, ...]:
        return self.postgres, self.redis, self.rabbitmq

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Servers]:
        """Start them side by side, and remove them with all they hold."""
        with tempfile.TemporaryDirectory(prefix="linnet-faults-servers-") as name:
            Path(name).chmod(0o711)  # another user finds its own folder in it, and reads no more
            servers = cls(Path(name))
            try:
                for server in servers.all:
                    server.start()
                for server in servers.all:
                    server.wait()
                yield servers
            finally:
                for server in servers.all:
                    server.stop()


def _program(name: str) -> str:
    """The newest installed program of this name.

    Raises:
        RuntimeError: there is none.
    """
    folders = [str(folder) for pattern in ELSEWHERE for folder in sorted(Path("/").glob(pattern[1:]), reverse=True)]
    # Not the other way about: Debian's wrapper in the search path becomes another user and knows only one node.
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ["PATH"]]))
    if found is None:
        raise RuntimeError(f"{name} was not found: the harness needs PostgreSQL, Redis and RabbitMQ installed.")
    return found
