"""The flood: as many events a second as somebody asks for, at little cost.

Events are encoded a block at a time from a template in which only the leading digits of the number
change; one block leaves every few milliseconds. Knows ASGI and `history`, no other feed.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from .history import RETRY_MS, Schedule

_TICK = 0.01
_MARK = b"\0"  # stands for the leading digits of the number; cannot occur in what we send
_MAX_BLOCK = 256 * 1024
_PAD = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do "


def _shape(size: int) -> int:
    """How many trailing digits of the number a template spells out: 10 ** n events a template."""
    return 3 if size <= 256 else 2 if size <= 2_560 else 1 if size <= 25_600 else 0


@lru_cache(maxsize=64)
def _template(size: int, head: int, digits: int) -> tuple[bytes, ...]:
    """The events of one block, whose numbers have `head` leading digits to be filled in."""
    pieces = []
    for low in range(10**digits):
        # Without leading digits the number itself is short: 7, not 007.
        tail = f"{low:0{digits}d}" if head and digits else str(low) if digits else ""
        number = "\0" + tail if head else tail
        width = head + len(tail)
        shell = len('{"n": , "text": ""}') + width
        if size >= shell:
            pad = (_PAD * (size // len(_PAD) + 1))[: size - shell]
            data = f'{{"n": {number}, "text": "{pad}"}}'
        else:
            data = "x" * size
        pieces.append(f"id: {number}\ndata: {data}\n\n".encode())
    return tuple(pieces)


def encoded(first: int, last: int, size: int) -> bytes:
    """Events `first` to `last` (both inclusive), each with `size` bytes of data."""
    digits = _shape(size)
    span = 10**digits
    out = []
    number = first
    while number <= last:
        block, low = divmod(number, span)
        until = min(last, (block + 1) * span - 1)
        lead = str(block).encode() if block else b""
        pieces = _template(size, len(lead), digits)[low : low + until - number + 1]
        out.append(b"".join(pieces).replace(_MARK, lead))
        number = until + 1
    return b"".join(out)


class FloodResponse(Response):
    """Sends the flood from event `first` on, to `last` if given.

    A client that reads slower than the rate gets its events later, never fewer: they are made when
    the socket takes them, so nothing piles up here.
    """

    def __init__(
        self,
        rate: float,
        size: int,
        first: int,
        last: int | None,
        stopping: asyncio.Event,
        headers: dict[str, str],
    ) -> None:
        self._rate = rate
        self._size = size
        self._first = first
        self._last = last
        self._stopping = stopping
        # As StreamingResponse does it: no super().__init__, which would announce an empty body.
        self.status_code = 200
        self.background = None
        self.init_headers(headers)
        # A block must stay small enough that a reader sees a stream and not a download.
        self._most = max(1, _MAX_BLOCK // (size + 24))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        ended = {
            asyncio.create_task(_disconnected(receive)),
            asyncio.create_task(self._stopping.wait()),
        }
        try:
            await self._stream(send, ended)
        finally:
            for task in ended:
                task.cancel()
            await asyncio.gather(*ended, return_exceptions=True)

    async def _stream(self, send: Send, ended: set[asyncio.Task[bool]]) -> None:
        clock = asyncio.get_running_loop().time
        schedule = Schedule(self._rate, self._first, clock())
        number = self._first
        body = f"retry: {RETRY_MS}\n\n".encode()
        while not any(task.done() for task in ended):
            now = clock()
            newest = schedule.newest(now)
            if self._last is not None:
                newest = min(newest, self._last)
            until = min(newest, number + self._most - 1)
            if until >= number:
                await send(_body(body + encoded(number, until, self._size)))
                body = b""
                number = until + 1
            if self._last is not None and number > self._last:
                break
            # Behind: give the loop a turn and go on; else sleep a tick, or until the next is due.
            pause = 0.0 if until < newest else max(_TICK, schedule.wait(number, clock()))
            if pause > _TICK:
                await asyncio.wait(ended, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _body(data: bytes) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": True}


async def _disconnected(receive: Receive) -> bool:
    while (await receive())["type"] != "http.disconnect":
        pass
    return True
