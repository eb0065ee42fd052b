"""A scripted server on a raw socket: each connection follows the script it is given.

    def drop(peer):
        peer.stream("id: 1\\ndata: a\\n\\n")   # status line, headers and these bytes
        peer.reset()                           # RST, not FIN

    with Server(drop, Peer.hold) as server:
        ... EventSource(server.url) ...
        server.requests[1].headers["last-event-id"] == "1"

Scripts run in threads of their own, one a connection, in the order connections come; the last one
serves all further connections. Nothing here sleeps: scripts wait for the other side or for the
test.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
UNTIL_CLOSED = HEAD + "Connection: close\r\n\r\n"
CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n\r\n"


@dataclass
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    raw_headers: list[tuple[bytes, bytes]] = field(default_factory=list)


class Peer:
    """One connection, from the server's side."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self.sock = sock
        self.server = server
        self.request = self._read_request()

    def _read_request(self) -> Asked:
        raw = b""
        while b"\r\n\r\n" not in raw:
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("no request came")
            raw += more
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        method, target, _ = first.decode("latin-1").split(" ")
        pairs = [tuple(part.strip() for part in line.split(b":", 1)) for line in lines]
        headers = {k.decode("latin-1").lower(): v.decode("utf-8", "replace") for k, v in pairs}
        while len(body) < int(headers.get("content-length", "0")):
            body += self.sock.recv(65536)
        return Asked(method, target, headers, body, pairs)

    def send(self, data: bytes | str) -> None:
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def answer(self, status: str, headers: str = "", body: bytes | str = b"") -> None:
        """A whole answer with a Content-Length; `headers` are lines that end in CRLF."""
        body = body.encode() if isinstance(body, str) else body
        # Said, or a client that asks again at once finds the connection half closed now and then.
        headers += f"Connection: close\r\nContent-Length: {len(body)}\r\n"
        self.send(f"HTTP/1.1 {status}\r\n{headers}\r\n")
        self.send(body)

    def stream(self, data: bytes | str = b"", headers: str = "") -> None:
        """The head of an event stream that ends with the connection, and its first bytes."""
        self.send(UNTIL_CLOSED.replace("\r\n\r\n", f"\r\n{headers}\r\n"))
        self.send(data)

    def chunk(self, data: bytes | str) -> None:
        """One chunk of a chunked body (send `CHUNKED` first)."""
        data = data.encode() if isinstance(data, str) else data
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def reset(self) -> None:
        """End by RST, as a killed process or a broken network does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def hold(self) -> None:
        """Stay open until the client goes."""
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                pass
        self.server.left(self)


class Server:
    """Listens on loopback; `url` is where."""

    def __init__(
        self,
        *scripts: Callable[[Peer], object],
        tls: Path | None = None,
        wants_certificate: bool = False,
    ) -> None:
        self.scripts = scripts
        self._tls: ssl.SSLContext | None = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(tls)
            if wants_certificate:
                self._tls.verify_mode = ssl.CERT_REQUIRED
                self._tls.load_verify_locations(tls)
        self.requests: list[Asked] = []
        self.asked: queue.Queue[Asked] = queue.Queue()  # requests as they come
        self.gone: queue.Queue[Peer] = queue.Queue()  # peers whose client went while held
        self.failures: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.url = f"{self.origin}/events"

    def __enter__(self) -> Server:
        thread = threading.Thread(target=self._accept, daemon=True)
        self._threads.append(thread)
        thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        # shutdown wakes the accept; close alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        assert not self.failures, self.failures

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._open)

    def left(self, peer: Peer) -> None:
        """The client of this peer went."""
        self._open.discard(peer.sock)  # first: who hears of it may count those that are open
        self.gone.put(peer)

    def _accept(self) -> None:
        n = 0
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(sock)
            script = self.scripts[min(n, len(self.scripts) - 1)]
            n += 1
            thread = threading.Thread(target=self._serve, args=(sock, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, script: Callable[[Peer], object]) -> None:
        try:
            if self._tls is not None:
                self._open.discard(sock)
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.add(sock)
            peer = Peer(sock, self)
            self.requests.append(peer.request)
            self.asked.put(peer.request)
            script(peer)
        except OSError:
            pass  # the client went first, which some tests are about
        except BaseException as e:
            self.failures.append(e)
        finally:
            self._open.discard(sock)
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def sends(data: bytes | str, *, then: str = "end") -> Callable[[Peer], None]:
    """A script: an event stream of these bytes; then "end" it cleanly, "reset" or "hold" it."""

    def script(peer: Peer) -> None:
        peer.stream(data)
        if then != "end":
            getattr(peer, then)()

    return script


def sends_after(go: threading.Event, data: bytes | str) -> Callable[[Peer], None]:
    """A script: the head of an event stream, these bytes once the test says so, and then "hold"."""

    def script(peer: Peer) -> None:
        peer.stream()
        go.wait()
        peer.send(data)
        peer.hold()

    return script


def answers(status: str, headers: str = "", body: bytes | str = b"") -> Callable[[Peer], None]:
    """A script: one plain HTTP answer."""
    return lambda peer: peer.answer(status, headers, body)


def free_port() -> int:
    """A port where nothing listens.

    Below those that the system gives to connections and to servers that ask for any: of the thousands
    that other tests have open meanwhile none gets it before it is used.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
