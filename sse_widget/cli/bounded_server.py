"""An HTTP server for a few local requests that no client can hold up: threads and time are bounded.

At most so many connections are open. One more takes the place of the oldest that has not sent its request yet; where all
others are being answered, the newcomer is hung up on. Each has some seconds to send its request, and some to read the answer,
however slowly it does so. Who is hung up on may ask again. What is answered is the WSGI application's.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

# Connections that are open at a time: a thread each.
MOST_OPEN = 16
# Seconds in which a request is sent; and in which its answer is read.
PATIENCE_S = 10.0
# Seconds: so long is waited until a connection that was hung up on is gone.
_LEAVING_S = 1.0

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(slots=True)
class _Client:
    socket: socket.socket
    asks: bool = False  # its request is here
    begun: float = field(default_factory=time.monotonic)

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):  # it went meanwhile
            self.socket.shutdown(socket.SHUT_RDWR)


class BoundedServer(socketserver.ThreadingMixIn, WSGIServer):
    """Serves one application.

    Args:
        address: host and port; port 0 for a free one.
        application: what answers; called on several threads.
        patience_s: seconds to send a request, and to read an answer.

    Raises:
        OSError: the port cannot be used.
    """

    daemon_threads = True
    # On Windows another process could take a port of ours; elsewhere a port may be used again at once.
    allow_reuse_address = sys.platform != "win32"
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], application: Application, patience_s: float = PATIENCE_S
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._patience_s = patience_s
        self._clients: dict[int, _Client] = {}
        self._changed = threading.Condition()
        super().__init__(address, _Handler)
        self.set_app(application)

    def server_bind(self) -> None:
        # Not the base class's, which asks for the name of the address: that may take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(self._patience_s)
        with self._changed:
            if len(self._clients) >= MOST_OPEN:
                for client in self._clients.values():
                    if not client.asks:
                        client.hang_up()
                        break
                self._changed.wait_for(lambda: len(self._clients) < MOST_OPEN, _LEAVING_S)
            is_served = len(self._clients) < MOST_OPEN
            if is_served:
                self._clients[id(request)] = _Client(request)
        if is_served:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def asks(self, request: object) -> None:
        """This connection has sent its request."""
        client = self._clients.get(id(request))
        if client is not None:
            client.asks = True

    def service_actions(self) -> None:
        """Called about twice a second: hang up on those whose time is over."""
        with self._changed:
            for client in self._clients.values():
                if not client.asks and time.monotonic() - client.begun > self._patience_s:
                    client.hang_up()

    def shutdown_request(self, request: Any) -> None:
        with self._changed:
            self._clients.pop(id(request), None)
            self._changed.notify()
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asks may go before the answer."""


class _Handler(WSGIRequestHandler):
    def parse_request(self) -> bool:
        is_sound = super().parse_request()
        assert isinstance(self.server, BoundedServer)
        self.server.asks(self.request)
        return is_sound

    def log_message(self, format: str, *args: object) -> None:
        """A request is no news."""
