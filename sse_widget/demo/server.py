"""The demo server as a thread: a socket on loopback, uvicorn on it, a clean end.

Starts and stops one server at a time, quietly: no log, no signal handler, no open stream that holds
the end up. What is served is `app`; this is the one module here that knows uvicorn.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import create_app

_GRACE = 0.5  # seconds a stream has to end by itself


class _Protocol(H11Protocol):
    """Lets a request see its connection, so that /flaky can cut it like a network does."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self.app_state: dict[str, Any] = {**self.app_state, "transport": transport}


class _Uvicorn(uvicorn.Server):
    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=_Protocol,
                ws="none",
                lifespan="off",
                # None leaves the logging of this process alone: it may be somebody's kernel.
                log_config=None,
                access_log=False,
                server_header=False,
            )
        )
        self.ready = threading.Event()
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # sse-starlette ends its streams when uvicorn's signal handler ran, which it never does in a
        # thread; so ours watch an event. A stream whose reader has stalled hangs in a write and
        # sees no event: uvicorn would wait for it for ever.
        self._app.state.stopping.set()
        asyncio.get_running_loop().call_later(_GRACE, self._abort)
        await super().shutdown(sockets)

    def _abort(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def bind(port: int = 0) -> socket.socket:
    """A loopback socket on that port, 0 for a free one.

    Raises:
        OSError: the port is in use, or not ours to use.
    """
    sock = socket.socket()
    try:
        if sys.platform != "win32":
            # A port whose last server just ended is free; on Windows this would share a used one.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    return sock


class DemoServer:
    """A running demo server; `stop()` ends it and waits until it has ended."""

    def __init__(self, port: int = 0, replay_dir: Path | None = None) -> None:
        sock = bind(port)
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self._server = _Uvicorn(create_app(replay_dir))
        self._error: BaseException | None = None
        # A daemon: a script that forgets to stop it must still be able to end.
        self._thread = threading.Thread(
            target=self._run, args=(sock,), name="sse-widget-demo", daemon=True
        )
        self._thread.start()
        self._server.ready.wait()
        if self._error is not None:
            raise RuntimeError(f"the demo server did not start: {self._error}") from self._error

    def _run(self, sock: socket.socket) -> None:
        try:
            self._server.run([sock])
        except BaseException as error:
            self._error = error
        finally:
            sock.close()
            self._server.ready.set()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
