"""Which HTTP client a stream uses: one that was handed over, one that a factory makes, or ours.

Clients are known by what they can do (httpx, httpx2 and a test's own work), and what cannot work is
refused by name: a blocking client would hold up the one thread of all streams. It sends nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
from http.cookiejar import Cookie, DefaultCookiePolicy
from typing import Any
from urllib.request import Request as PlainRequest

from .. import runtime
from ..runtime import CallThread
from .certificates import Verify
from .proxies import Proxy

_WANTED = "an httpx-compatible async client, or a callable that makes one"
_MAKE_ONE = "client=lambda: httpx.AsyncClient(...)"


def is_client(option: Any) -> bool:
    """Whether this is a client, and no factory of clients: a class has the methods of its clients,
    and is the most natural factory."""
    return hasattr(option, "build_request") and not isinstance(option, type)


def check_client(name: str, option: Any) -> None:
    """Refuse what is no client and makes none.

    Raises:
        TypeError: by the name of the option, with what to give instead.
        ValueError: the client is closed.
    """
    kind = option if isinstance(option, type) else type(option)
    what = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    if what == "aiohttp.ClientSession":
        raise TypeError(
            f"{name} must be {_WANTED}, not an aiohttp session: leave it out, the client that is "
            "used then is built on aiohttp"
        )
    if hasattr(option, "build_request"):
        if not _is_async(option):
            raise TypeError(
                f"{name} must be {_WANTED}; {what} is a blocking one: it would hold up all streams. "
                f"Give an AsyncClient, or {_MAKE_ONE}"
            )
        if getattr(option, "is_closed", False) is True:
            raise ValueError(f"{name} is closed already: give one that is open, or {_MAKE_ONE}")
    elif not callable(option):
        raise TypeError(f"{name} must be {_WANTED}, not {type(option).__name__}")
    elif inspect.iscoroutinefunction(option) or inspect.iscoroutinefunction(
        getattr(option, "__call__", None)  # noqa: B004
    ):
        raise TypeError(f"{name} must not be an async function: {_MAKE_ONE} is a plain one")


def _is_async(client: Any) -> bool:
    # httpx's blocking client has close() alone. A test's own may have neither.
    return hasattr(client, "aclose") or inspect.iscoroutinefunction(getattr(client, "send", None))


async def make_client(
    option: Any, calls: CallThread, verify: Verify = True, proxy: Proxy | None = None
) -> Any:
    """The client to use: the one handed over, one that a factory makes, or ours, which has this
    `verify` and `proxy`.

    A client that is made here is one stream's, or one capture's. It keeps no cookie that a server
    sets: a stream has its own jar (`cookies`).

    Args:
        calls: where a factory is called, if this is the background loop.

    Raises:
        TypeError: the factory made something else.
    """
    if is_client(option):
        return option
    if option is None:
        made: Any = _our_client(verify, proxy)
    else:
        if runtime.is_loop_thread():
            # In a tuple: what can be awaited is refused below, not awaited there.
            (made,) = await calls.call(lambda: (option(),), on_loop=True)
        else:
            made = option()
        if inspect.isawaitable(made):
            getattr(made, "close", _nothing)()
            raise TypeError(f"client= made an awaitable, not a client: {_MAKE_ONE} is a plain one")
        check_client("what client= made", made)
        if not is_client(made):
            raise TypeError(f"client= made {type(made).__name__}, not {_WANTED}")
    with contextlib.suppress(AttributeError, TypeError):
        made.cookies.jar.set_policy(_KeepsNothing())
    return made


def _our_client(verify: Verify, proxy: Proxy | None) -> Any:
    # Imported when first needed: it takes a fifth of a second. And in a browser there are no sockets.
    if sys.platform == "emscripten":
        from .pyodide_transport import fetch_client

        return fetch_client()
    from .aiohttp_transport import default_client

    return default_client(verify, proxy)


def load_our_client() -> None:
    """Import what our own client needs, so that the first connection need not."""
    if sys.platform != "emscripten":
        importlib.import_module(f"{__package__}.aiohttp_transport")


class _KeepsNothing(DefaultCookiePolicy):
    """Sends the cookies that are there, and takes none."""

    def set_ok(self, cookie: Cookie, request: PlainRequest) -> bool:
        return False


def _nothing() -> None: ...
