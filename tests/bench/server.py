"""A server of event streams that costs next to nothing: `python -m tests.bench.server`.

A process of its own, so that its work is in nobody's CPU time. It prints its port, serves on
loopback, and ends with its standard input. Paths:

- `/own/<n>`: n ticks at full speed, each its own HTTP chunk;
- `/coalesced/<n>`: the same bytes in HTTP chunks of 16 KiB;
- `/paced/<rate>`: `rate` ticks a second, each its own HTTP chunk, until the client goes;
- `/timed/<rate>`: as many events of 60 bytes that say when they were sent;
- `/keyed/<rate>`: `rate` trades of a thousand symbols a second, in chunks as they come;
- `/keyed-at/<rate>`: the same, and each says when it was sent;
- `/endless/<n>`: n times `BLOCK` ticks in HTTP chunks of 16 KiB.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .workloads import keyed, pieces, ticks

__all__ = ["BLOCK", "served"]

BLOCK = 40_000
_TRADES = 50_000

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def _framed(chunks: list[bytes]) -> list[bytes]:
    return [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        kind, number = head.split(b" ", 2)[1].decode().partition("?")[0].strip("/").split("/")
        writer.write(_HEAD)
        if kind == "paced":
            [tick] = _framed(ticks(1))
            await _pace(writer, float(number), lambda first, last: tick * (last - first))
        elif kind == "timed":
            await _pace(writer, float(number), _timed)
        elif kind in ("keyed", "keyed-at"):
            trades, made = keyed(_TRADES), _trades if kind == "keyed" else _trades_at
            await _pace(writer, float(number), lambda first, last: made(trades, first, last))
        elif kind == "endless":
            block = b"".join(_framed(pieces(ticks(BLOCK), 2**14)))
            for _ in range(int(number)):
                writer.write(block)
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        else:
            chunks = pieces(ticks(int(number)), None if kind == "own" else 2**14)
            body = b"".join(_framed(chunks)) + b"0\r\n\r\n"
            for start in range(0, len(body), 2**16):
                writer.write(body[start : start + 2**16])
                await writer.drain()
    except (OSError, EOFError):
        pass  # the client went
    finally:
        writer.close()


async def _pace(
    writer: asyncio.StreamWriter, rate: float, made: Callable[[int, int], bytes]
) -> None:
    """What is due, every few milliseconds; `made` encodes events from one number to another."""
    loop = asyncio.get_running_loop()
    start, sent = loop.time(), 0
    while not writer.is_closing():
        due = int((loop.time() - start) * rate) + 1
        if due > sent:
            writer.write(made(sent, due))
            await writer.drain()
        sent = due
        await asyncio.sleep(max(start + due / rate - loop.time(), 0.0005 if rate < 5e3 else 0.004))


def _timed(first: int, last: int) -> bytes:
    form = f'id: %d\ndata: {{"n": %d, "at": {time.time() * 1000:.2f}, "text": "lorem ipsum dolor"}}\n\n'
    return _framed(["".join([form % (n, n) for n in range(first + 1, last + 1)]).encode()])[0]


def _trades_at(trades: list[bytes], first: int, last: int) -> bytes:
    """Each says when it was sent, in its first field after the symbol."""
    sent = b'","sent":%.1f,' % (time.time() * 1000)
    body = b"".join([trades[n % _TRADES].replace(b'",', sent, 1) for n in range(first, last)])
    return _framed([body])[0]


def _trades(trades: list[bytes], first: int, last: int) -> bytes:
    return _framed([b"".join([trades[n % _TRADES] for n in range(first, last)])])[0]


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # whoever is still being served is gone too


@contextmanager
def served(module: str = "tests.bench.server") -> Iterator[str]:
    """The origin of a running server: of this one, or of another that is started and ends alike."""
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        try:
            process.communicate("", timeout=60)
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve())
