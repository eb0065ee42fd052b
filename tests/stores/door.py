"""A door before a store's server: all requests go through it, and a test may shut it, or answer in the server's
place. It speaks HTTP/1.1 and knows nothing of stores.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

__all__ = ["Answer", "Door", "Wanted"]

_HOP = {"connection", "transfer-encoding", "keep-alive", "date", "server", "content-length"}


class Wanted(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]


Forward = Callable[[Wanted], Answer]


class Door:
    """Listens on loopback.

    Args:
        port: of the server behind it.

    Attributes:
        handle: called with a request and the way to the server; gives the answer.
        asked: how many requests came.
    """

    def __init__(self, port: int) -> None:
        self._behind = port
        self.handle: Callable[[Wanted, Forward], Answer] = lambda wanted, forward: forward(wanted)
        self.asked = 0
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Let requests through; at the same port as before."""
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def shut(self) -> None:
        """Nobody listens any more: connections are refused."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def forward(self, wanted: Wanted) -> Answer:
        """Ask the server."""
        with self._lock:
            self.asked += 1
        behind = http.client.HTTPConnection("127.0.0.1", self._behind, timeout=60)
        try:
            behind.request(wanted.method, wanted.path, wanted.body, wanted.headers)
            answer = behind.getresponse()
            body = answer.read()
            return Answer(answer.status, body, dict(answer.getheaders()))
        finally:
            behind.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], door: Door) -> None:
        self.door = door
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """The client went, which some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        wanted = Wanted(self.command, self.path, dict(self.headers.items()), self._body())
        answer = self.server.door.handle(wanted, self.server.door.forward)
        self.send_response(answer.status)
        length = str(len(answer.body))
        for name, value in answer.headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
            elif name.lower() == "content-length" and self.command == "HEAD":
                length = value
        self.send_header("Content-Length", length)
        # Each on a connection of its own, so that a door that is shut is shut for all.
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.close_connection = True

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            # It goes on in one piece.
            del self.headers["Transfer-Encoding"]
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _serve  # noqa: N815

    def log_message(self, format: str, *args: object) -> None: ...
