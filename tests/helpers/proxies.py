"""Small proxies on loopback: one of HTTP that tunnels, and one of SOCKS 4 and 5."""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
from collections.abc import Callable

from .scripted import Peer

__all__ = ["Socks", "tunnels"]


def pump(one: socket.socket, two: socket.socket) -> None:
    """Both ways, until either ends."""

    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for sock in (source, target):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=copy, args=(two, one), daemon=True)
    back.start()
    copy(one, two)
    back.join(5)


def tunnels(port: int, user: str = "", password: str = "") -> Callable[[Peer], None]:
    """A script: a proxy that opens a tunnel to this port, whatever host was asked for."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()

    def script(peer: Peer) -> None:
        if user and peer.request.headers.get("proxy-authorization") != f"Basic {token}":
            return peer.answer(
                "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="p"\r\n'
            )
        assert peer.request.method == "CONNECT"
        peer.send("HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port)) as server:
            pump(peer.sock, server)

    return script


class Socks:
    """A SOCKS proxy that connects to one port of loopback, whatever host it is asked for.

    Args:
        port: where it connects to.
        user, password: what it wants; nothing where they are empty.
        reply: of SOCKS 5: 0 is granted.
    """

    def __init__(self, port: int, user: str = "", password: str = "", reply: int = 0) -> None:
        self._target = port
        self._wanted = (user, password)
        self._reply = reply
        self.asked: list[tuple[int, str, int]] = []  # version, host and port of each request
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []

    def __enter__(self) -> Socks:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._open.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), sock:
            version = self._read(sock, 1)[0]
            granted = self._five(sock) if version == 5 else self._four(sock)
            if granted:
                with socket.create_connection(("127.0.0.1", self._target)) as server:
                    pump(sock, server)

    def _five(self, sock: socket.socket) -> bool:
        """RFC 1928 and RFC 1929."""
        methods = self._read(sock, self._read(sock, 1)[0])
        method = 2 if self._wanted[0] else 0
        if method not in methods:
            sock.sendall(b"\5\xff")
            return False
        sock.sendall(bytes([5, method]))
        if method == 2:
            self._read(sock, 1)
            user = self._read(sock, self._read(sock, 1)[0]).decode()
            password = self._read(sock, self._read(sock, 1)[0]).decode()
            good = (user, password) == self._wanted
            sock.sendall(b"\1\0" if good else b"\1\1")
            if not good:
                return False
        kind = self._read(sock, 4)[3]
        size = {1: 4, 4: 16}.get(kind) or self._read(sock, 1)[0]
        raw = self._read(sock, size)
        host = raw.decode() if kind == 3 else socket.inet_ntop({1: 2, 4: 10}[kind], raw)
        (port,) = struct.unpack("!H", self._read(sock, 2))
        self.asked.append((5, host, port))
        sock.sendall(bytes([5, self._reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        return self._reply == 0

    def _four(self, sock: socket.socket) -> bool:
        """SOCKS 4 and 4A."""
        _, port, address = struct.unpack("!BH4s", self._read(sock, 7))
        self._text(sock)
        host = socket.inet_ntoa(address)
        if address[:3] == b"\0\0\0" and address[3]:
            host = self._text(sock)
        self.asked.append((4, host, port))
        sock.sendall(b"\0\x5a" + b"\0" * 6)
        return True

    def _text(self, sock: socket.socket) -> str:
        found = b""
        while (byte := self._read(sock, 1)) != b"\0":
            found += byte
        return found.decode()

    def _read(self, sock: socket.socket, size: int) -> bytes:
        found = b""
        while len(found) < size:
            more = sock.recv(size - len(found))
            if not more:
                raise EOFError
            found += more
        return found
