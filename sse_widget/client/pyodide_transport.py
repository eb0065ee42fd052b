"""The HTTP client in a browser, where Python runs in Pyodide: httpx over the page's own `fetch`.

There are no sockets there. The browser follows redirects, keeps cookies and proxies, checks
certificates and undoes compression itself, and it lets a page read only servers that allow it (CORS).
So `verify=` and `proxy=` have nothing to say here, and a refused redirect is not told from a server
that is not there. It makes clients and decides nothing else; `aiohttp_transport` is its twin elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import httpx

from .transport_errors import FetchFailed, NoAnswer

# A page may not set them (https://fetch.spec.whatwg.org/#forbidden-request-header), or the browser knows
# better.
_FORBIDDEN = {"accept-encoding", "connection", "content-length", "cookie", "host", "user-agent"}
# Of the body as it travelled, which the browser has undone.
_UNDONE = {"content-encoding", "content-length", "transfer-encoding"}


def fetch_client() -> httpx.AsyncClient:
    """An httpx client over the browser's `fetch`.

    Raises:
        ModuleNotFoundError: this is not Pyodide.
    """
    return httpx.AsyncClient(transport=_Transport())


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self) -> None:
        self._js: Any = import_module("js")
        self._ffi: Any = import_module("pyodide.ffi")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        abort = self._js.AbortController.new()
        options = {
            "method": request.method,
            "headers": [[k, v] for k, v in request.headers.multi_items() if k not in _FORBIDDEN],
            "cache": "no-store",
            "signal": abort.signal,
        }
        if body := await request.aread():
            options["body"] = self._ffi.to_js(body)
        timeout = request.extensions.get("timeout", {}).get("connect")
        try:
            async with asyncio.timeout(timeout):
                response = await self._js.fetch(str(request.url), self._object(options))
        except TimeoutError as e:
            abort.abort()
            raise NoAnswer from e
        except self._ffi.JsException as e:
            raise FetchFailed(str(e)) from e
        except BaseException:
            abort.abort()
            raise
        headers = [(k, v) for k, v in response.headers if k not in _UNDONE]
        return httpx.Response(
            response.status,
            headers=headers,
            stream=_Body(response.body, abort, self._ffi.JsException),
        )

    def _object(self, options: dict[str, Any]) -> Any:
        return self._ffi.to_js(options, dict_converter=self._js.Object.fromEntries)


class _Body(httpx.AsyncByteStream):
    """The body as it comes; closing it ends the request."""

    def __init__(self, body: Any, abort: Any, failure: type[Exception]) -> None:
        self._body = body
        self._abort = abort
        self._failure = failure

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._body is None:  # of a 204
            return
        reader = self._body.getReader()
        try:
            while not (piece := await reader.read()).done:
                yield piece.value.to_bytes()
        except self._failure as e:
            raise httpx.ReadError(str(e)) from e

    async def aclose(self) -> None:
        self._abort.abort()
