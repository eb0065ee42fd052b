"""A server of event streams that costs next to nothing: `python -m tests.bench.server`.

A process of its own, so that its work is in nobody's CPU time. It prints its port, serves on
loopback, and ends with its standard input. Paths:

- `/own/<n>`: n ticks at full speed, each its own HTTP chunk;
- `/coalesced/<n>`: the same bytes in HTTP chunks of 16 KiB;
- `/paced/<rate>`: one tick at a time, `rate` a second, until the client goes.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .workloads import pieces, ticks

__all__ = ["served"]

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def _framed(chunks: list[bytes]) -> list[bytes]:
    return [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        kind, number = head.split(b" ", 2)[1].decode().strip("/").split("/")
        writer.write(_HEAD)
        if kind == "paced":
            await _pace(writer, float(number))
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


async def _pace(writer: asyncio.StreamWriter, rate: float) -> None:
    [tick] = _framed(ticks(1))
    loop = asyncio.get_running_loop()
    start, sent = loop.time(), 0
    while not writer.is_closing():
        due = int((loop.time() - start) * rate) + 1
        writer.write(tick * (due - sent))
        await writer.drain()
        sent = due
        await asyncio.sleep(max(start + due / rate - loop.time(), 0.0005))


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # whoever is still being served is gone too


@contextmanager
def served() -> Iterator[str]:
    """The origin of a running server."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.server"],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.communicate("", timeout=10)


if __name__ == "__main__":
    asyncio.run(_serve())
