"""A door in front of the broker that can be shut: what goes through is cut, and who knocks is refused."""

from __future__ import annotations

import contextlib
import socket
import threading

CHUNK = 65_536


class Door:
    """Passes connections on to another address while it is open."""

    def __init__(self, port: int, target: tuple[str, int]) -> None:
        self.port = port
        self._target = target
        self._listening: socket.socket | None = None
        self._through: set[socket.socket] = set()
        self._lock = threading.Lock()

    def open(self) -> None:
        listening = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self._listening = listening
        threading.Thread(target=self._accept, args=[listening], daemon=True).start()

    def shut(self) -> None:
        """Refuse new connections and cut those that are there."""
        listening, self._listening = self._listening, None
        with self._lock:
            ends, self._through = self._through, set()
        for end in [*([listening] if listening else []), *ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                inner = listening.accept()[0]
            except OSError:
                return
            try:
                outer = socket.create_connection(self._target, timeout=5)
            except OSError:
                inner.close()
                continue
            outer.settimeout(None)
            with self._lock:
                self._through |= {inner, outer}
            for source, sink in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._pass, args=[source, sink], daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._through -= {source, sink}
