"""A real HTTP server that plays the licence server, and misbehaves as it is told."""

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Answering = Callable[[socket.socket], None]


def answer(status: str, body: bytes, *headers: str) -> Answering:
    """A whole answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return lambda peer: peer.sendall(head.encode() + body)


def says(document: Any) -> Answering:
    return answer("200 OK", json.dumps(document).encode(), "Content-Type: application/json")


def drip(begin: bytes, drop: bytes) -> Answering:
    """The beginning at once, and then some bytes every 0.2 s, for ever."""

    def answering(peer: socket.socket) -> None:
        peer.sendall(begin)
        while True:
            time.sleep(0.2)
            peer.sendall(drop)

    return answering


def silence(peer: socket.socket) -> None:
    time.sleep(10)


class LicenceServer:
    """Takes connections one after the other. ``asked`` has each request: path, headers and document."""

    def __init__(self) -> None:
        self.answering: Answering = says({"tier": "free"})
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        # Only a shutdown wakes the thread that waits for a connection.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def again(self) -> None:
        """Back, at the same address."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(peer, self.answering), daemon=True).start()

    def _answer(self, peer: socket.socket, answering: Answering) -> None:
        with peer, suppress(OSError), peer.makefile("rb") as reading:
            path = reading.readline().split()[1].decode()
            headers = {}
            while line := reading.readline().strip():
                name, _, value = line.decode().partition(": ")
                headers[name.lower()] = value
            document = json.loads(reading.read(int(headers["content-length"])))
            self.asked.append((path, headers, document))
            answering(peer)
