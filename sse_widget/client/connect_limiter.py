"""How many attempts to connect may be under way at one host at a time.

A thousand streams of one server that all begin, or come back, at once would be an attack on it. An
attempt that gets no answer gives its place up after `hold_timeout`, so that a dead address holds up no
other stream. A client is known by duck type, as in `connection`.
"""

from __future__ import annotations

import asyncio
from typing import Any

AT_ONCE = 32
PATIENCE = 2.0


class ConnectLimiter:
    """An httpx-compatible client, shared by many streams, that connects a few at a time.

    Args:
        client: what sends the requests.
        at_once: attempts under way at one host.
        patience: seconds an attempt without an answer keeps its place.
    """

    # It calls the extension "sse_widget.sent" of a request when its turn has come.
    tells_when_sent = True

    def __init__(self, client: Any, at_once: int = AT_ONCE, hold_timeout: float = PATIENCE) -> None:
        self._client = client
        self._at_once = at_once
        self._patience = hold_timeout
        self._hosts: dict[tuple[str, int | None], asyncio.Semaphore] = {}

    def __getattr__(self, name: str) -> Any:
        """What a client knows beside sending: its query values, its cookies, its base URL."""
        return getattr(self._client, name)

    def build_request(self, *args: Any, **options: Any) -> Any:
        return self._client.build_request(*args, **options)

    async def send(self, request: Any, **options: Any) -> Any:
        """Send it when it is its turn; returns with the head of the answer."""
        host = (request.url.host, request.url.port)
        places = self._hosts.setdefault(host, asyncio.Semaphore(self._at_once))
        await places.acquire()
        tell = getattr(request, "extensions", {}).get("sse_widget.sent")
        if tell is not None:
            tell()
        overdue = asyncio.get_running_loop().call_later(self._patience, places.release)
        try:
            return await self._client.send(request, **options)
        finally:
            if overdue.when() > asyncio.get_running_loop().time() and not overdue.cancelled():
                overdue.cancel()
                places.release()

    async def aclose(self) -> None:
        await self._client.aclose()
