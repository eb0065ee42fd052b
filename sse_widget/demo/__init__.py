"""Something to watch: a small server with streams that need no network.

`url("/ticks")` starts it and gives the address of a stream. Importing this package imports no server; using it needs the
extra `sse-widget[demo]`. The modules of this package know nothing of the rest of sse-widget.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from .server import DemoServer

__all__ = ["stop", "url"]

ENVIRONMENT = "SSE_WIDGET_DEMO_URL"
"""Where `sse-widget demo` tells the kernels it starts which server is theirs."""

_lock = threading.Lock()
_server: DemoServer | None = None


def url(path: str = "/", **query: object) -> str:
    """The address of a demo feed: `url("/ticks")`, `url("/flood", rate=20_000)`.

    It is on the server of `sse-widget demo` in a notebook that this started; elsewhere a server is
    started in this process, once, on loopback and a free port.

    Raises:
        ModuleNotFoundError: the extra `demo` is not installed.
    """
    base = os.environ.get(ENVIRONMENT) or _running()
    address = f"{base.rstrip('/')}/{path.lstrip('/')}"
    if not query:
        return address
    return f"{address}{'&' if '?' in path else '?'}{urlencode(query)}"


def stop() -> None:
    """End the server that `url` started here, and every stream on it; the next `url` starts one."""
    global _server
    with _lock:
        server, _server = _server, None
        if server is not None:
            server.stop()


def _running() -> str:
    global _server
    with _lock:
        if _server is None or not _server.running:
            _server = server_class()()
        return _server.url


def server_class() -> type[DemoServer]:
    """`server.DemoServer`, or an error that says what to install."""
    try:
        from .server import DemoServer
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sse_starlette", "starlette", "uvicorn"):
            raise
        raise ModuleNotFoundError(
            f"the demo server needs {error.name}: pip install 'sse-widget[demo]'", name=error.name
        ) from None
    return DemoServer


# The thread is a daemon, which Python ends wherever it stands; this lets it close its sockets.
atexit.register(stop)
