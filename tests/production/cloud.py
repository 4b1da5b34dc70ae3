"""An installation in Linnet's cloud, as it is behind a proxy, and a server that stands for Linnet's annotator."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import jwt

from tests.e2e.stack import free_port
from tests.production.installation import Installation
from tests.production.proxy import NAME, ORIGIN

SECRET = secrets.token_hex(24)
REDIS = "redis://127.0.0.1:6379/8"
LARGE = 16 * 1024 * 1024


class Cloud(Installation):
    """Two web processes with ports of their own, as on two machines. No worker: nothing here waits for one.

    The door before the database is that of ``other`` alone.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment |= {
            "CLOUD_MODE": "true",
            "DIRECTUS_JWT_SECRET": SECRET,
            "TRUSTED_PROXIES": "127.0.0.1",
            "ALLOWED_HOSTS": f"{NAME},127.0.0.1",
            "CSRF_TRUSTED_ORIGINS": ORIGIN,
            "LIVE_BUS_URL": REDIS,
        }
        self.ports = {"web": self.port, "other": free_port()}
        self.annotator = ""

    def start(self) -> None:
        self.open_doors()
        self.make()
        for name in self.ports:
            self.start_one(name)
        self.annotator = self.manage("issue_annotator_token", "proxy").stdout.strip()
        self.wait(self.well, "both web processes to be well")

    def start_one(self, name: str) -> None:
        """One web process, by the command of docs/operations.md."""
        command = ["-m", "uvicorn", "linnet_sessions.asgi:application", "--lifespan", "off", "--no-access-log"]
        options = ["--no-server-header", "--no-proxy-headers", "--host", "127.0.0.1", "--port", str(self.ports[name])]
        database = urlsplit(self.database)
        if name == "other":
            user = database.netloc.rpartition("@")[0]
            database = database._replace(netloc=f"{user}@127.0.0.1:{self.doors['DATABASE_URL'].port}")
        self.launch(name, *command, *options, DATABASE_URL=database.geturl())

    def well(self) -> bool:
        """Whether both web processes answer, and have what sessions need."""
        try:
            return all(self.straight(name, "GET", "/health/")[0] == 200 for name in self.ports)
        except (OSError, HTTPException):
            return False

    def straight(
        self, name: str, method: str, path: str, body: bytes | None = None, *, source: str = "127.0.0.1", **headers: str
    ) -> tuple[int, bytes]:
        """One request past the proxy, to this web process."""
        port, sent = self.ports[name], {key.replace("_", "-"): value for key, value in headers.items()}
        with closing(HTTPConnection("127.0.0.1", port, timeout=20, source_address=(source, 0))) as connection:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return response.status, response.read()


def login(user: str) -> str:
    """Linnet's cookie of this user of the cloud."""
    return jwt.encode({"id": user, "exp": int(time.time()) + 3600}, SECRET, algorithm="HS256")


def browser(user: str) -> dict[str, str]:
    """What the browser of this user sends from a page of our own."""
    return {"Cookie": f"cf_session={login(user)}", "Origin": ORIGIN}


class Heard(NamedTuple):
    """A request that reached the annotator. Header names are in small letters."""

    method: str
    path: str
    headers: dict[str, str]


class Annotator:
    """Answers everything, and remembers it.

    Paths that end with ``/drop`` get no answer, those with ``/slow`` the second half when ``go_on`` is set, and those
    with ``/large`` more than the system keeps for a reader that is slow.
    """

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.heard: list[Heard] = []
        #: How long each connection was idle when its other end closed it, in seconds.
        self.idle_s: list[float] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"annotator": self}))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    annotator: Annotator
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.rfile.read(int(headers.get("content-length", 0)))
        self.annotator.heard.append(Heard(self.command, self.path, headers))
        if self.path.split("?")[0].endswith("/drop"):
            self.close_connection = True
        elif self.path.endswith("/slow"):
            self.send_response(200)
            self.send_header("Content-Length", "9")
            self.end_headers()
            self.wfile.write(b"anno")
            self.annotator.go_on.wait(5)
            self.wfile.write(b"tator")
        elif (headers.get("upgrade"), headers.get("connection", "").lower()) == ("websocket", "upgrade"):
            self._echo(headers["sec-websocket-key"])
        else:
            content = bytes(LARGE) if self.path.endswith("/large") else b"annotator"
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            answered = time.monotonic()
            if not self.rfile.peek(1):  # type: ignore[attr-defined]
                self.annotator.idle_s.append(time.monotonic() - answered)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815

    def _echo(self, key: str) -> None:
        """Agree to a WebSocket, then send back each byte that comes."""
        proof = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(proof).decode())
        self.end_headers()
        while data := self.connection.recv(4096):
            self.connection.sendall(data)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nothing: what came is in ``heard``."""
