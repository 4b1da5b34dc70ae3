"""nginx as ``deploy/nginx.conf`` has it, as a process of its own, and a client that speaks TLS to it."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.front_end import Answer
from tests.e2e.stack import ROOT, free_port

EXAMPLE = ROOT / "deploy" / "nginx.conf"
#: The name in the example. It stays, so that what depends on the name is tested too.
NAME = "sessions.example.org"
ORIGIN = f"https://{NAME}"
#: Clients have another address than nginx, which is the one that the service trusts.
CLIENT = "127.0.0.2"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
#: What newer versions say of the one way to HTTP/2 that older ones know too.
TOLERATED = 'the "listen ... http2" directive is deprecated'


class Proxy:
    """``start`` it, use it, ``stop`` it. All that it writes is below the folder."""

    def __init__(self, folder: Path, *, sessions: list[int], annotator: int) -> None:
        self.folder = folder
        self.port, self.plain = free_port(), free_port()
        self.logs, self.temporary, self.pages = (folder / name for name in ("log", "temporary", "pages"))
        for made in (self.logs, self.temporary, self.pages):
            made.mkdir(parents=True)
        _make_certificate(folder)
        self._context = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
        (folder / "site.conf").write_text(self._site(sessions, annotator))
        (folder / "nginx.conf").write_text(self._around())
        self._process: subprocess.Popen[bytes] | None = None

    # --- the configuration ----------------------------------------------------------------------------

    def _site(self, sessions: list[int], annotator: int) -> str:
        """The example with what belongs to this machine put in, and nothing else changed."""
        text = EXAMPLE.read_text()
        for there, here, times in [
            ("listen 80;", f"listen 127.0.0.1:{self.plain};", 1),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl", 1),
            ("server 127.0.0.1:8522;", f"server 127.0.0.1:{annotator};", 1),
            (f"/etc/ssl/{NAME}/fullchain.pem", str(self.folder / "fullchain.pem"), 1),
            (f"/etc/ssl/{NAME}/key.pem", str(self.folder / "key.pem"), 1),
            ("/var/log/nginx/linnet-sessions.log", str(self.logs / "access.log"), 2),
            ("/var/www/linnet", str(self.pages), 1),
        ]:
            assert text.count(there) == times, f"{EXAMPLE} has {there!r} {text.count(there)} times, not {times}."
            text = text.replace(there, here)
        line = re.compile(r"^    server 127\.0\.0\.1:8000(.*;)$", re.MULTILINE)
        text, found = line.subn(
            lambda one: "\n".join(f"    server 127.0.0.1:{port}{one[1]}" for port in sessions), text
        )
        assert found == 1, f"{EXAMPLE} has {found} lines with the web process's address, not 1."
        assert text.count(f"server_name {NAME};") == 2, f"{EXAMPLE} is for another name than {NAME}."
        left = [line for line in text.splitlines() if re.search(r"/(etc|var|usr)/", line)]
        assert not left, f"{EXAMPLE} has paths that are not replaced here: {left}"
        return text

    def _around(self) -> str:
        """The rest, with what Debian's own nginx.conf has in its http block."""
        # Workers run as whoever runs the tests, for the folder is closed to others. Only root can say so.
        user = f"user {pwd.getpwuid(os.getuid()).pw_name} root;" if os.getuid() == 0 else ""
        paths = "".join(f"    {kind}_temp_path {self.temporary / kind};\n" for kind in TEMPORARY)
        return (
            f"{user}\ndaemon off;\nworker_processes 1;\npid {self.folder / 'nginx.pid'};\n"
            f"error_log {self.logs / 'error.log'};\nevents {{ worker_connections 768; }}\nhttp {{\n"
            f"    sendfile on;\n    tcp_nopush on;\n    gzip on;\n    default_type application/octet-stream;\n"
            f"    types {{ text/html html; text/javascript js; }}\n"
            f"    access_log {self.logs / 'default.log'};\n{paths}    include {self.folder / 'site.conf'};\n}}\n"
        )

    # --- the process ----------------------------------------------------------------------------------

    def command(self, *options: str) -> list[str]:
        # Debian has it where only root looks.
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if program is None:
            pytest.fail("There is no nginx here: apt-get install --no-install-recommends nginx", pytrace=False)
        return [program, "-e", "stderr", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), *options]

    def complaints(self) -> list[str]:
        """What ``nginx -t`` has against the configuration."""
        done = subprocess.run(self.command("-t"), capture_output=True, encoding="utf-8", timeout=20, check=False)
        lines = [line for line in done.stderr.splitlines() if TOLERATED not in line]
        return [line for line in lines if done.returncode or "[" in line]

    def start(self) -> None:
        with (self.folder / "nginx.out").open("ab") as out:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        until = time.monotonic() + 20
        while True:
            said = (self.folder / "nginx.out").read_text()
            assert self._process.poll() is None, f"nginx ended at its start.\n{said}"
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < until, f"nginx does not listen.\n{said}"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, by the signal on which nginx ends its workers first."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(timeout=15)

    # --- what can be asked ----------------------------------------------------------------------------

    def connection(self, *, source: str = CLIENT, window: int = 0, timeout_s: float = 20) -> HTTPSConnection:
        """A connection to the TLS port. Requests on it name no port, as on 443."""
        return _Connection(self.port, self._context, source=source, window=window, timeout_s=timeout_s)

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        """One request. A body that is bytes, or an iterator of bytes, is sent as it is."""
        sent = dict(headers or {})
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        data = json.dumps(body).encode() if isinstance(body, dict | list) else body
        with closing(self.connection(**more)) as connection:
            with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):  # refused before it is all sent
                connection.request(method, path, data, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())

    def spool(self) -> dict[str, int]:
        """When something was last made or removed in each folder for what doesn't fit into memory.

        The folders look empty always: nginx removes a file's name as soon as it has opened it.
        """
        return {str(folder): folder.stat().st_mtime_ns for folder in self.temporary.rglob("")}

    def written(self) -> str:
        """All that is in its logs."""
        return "".join(file.read_text() for file in sorted(self.logs.iterdir()))


class _Connection(HTTPSConnection):
    def __init__(self, port: int, context: ssl.SSLContext, *, source: str, window: int, timeout_s: float) -> None:
        super().__init__(NAME, timeout=timeout_s, context=context)
        self._to, self._from, self._window, self._tls = port, source, window, context

    def connect(self) -> None:
        plain = socket.socket()
        try:
            if self._window:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._window)
            plain.settimeout(self.timeout)
            plain.bind((self._from, 0))
            plain.connect(("127.0.0.1", self._to))
            self.sock = self._tls.wrap_socket(plain, server_hostname=NAME)
        except BaseException:
            plain.close()
            raise


def _make_certificate(folder: Path) -> None:
    """A key and a certificate that vouches for itself, good for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
