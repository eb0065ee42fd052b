"""Where the time of a flood goes: a profile of the thread that reads, as text.

20,000 events a second, each its own HTTP chunk, into an `SSEStream` whose page is a stand-in that
acknowledges; then 100,000 a second as they come. `make profile` writes docs/profile.md with it.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import re
import threading
import time
from typing import Any

from .server import served

__all__ = ["report"]

_FEEDS = (
    ("paced", 20_000, "each its own HTTP chunk"),
    ("timed", 100_000, "in chunks as they come"),
)
_HEAD = """# Where the time of a flood goes

Made by `make profile`: the thread that reads, under cProfile, sorted by the time of each function
itself. `poll` is waiting for the socket, which costs nothing."""
_WHY = """## What is left

Where each event is its own HTTP chunk, three calls of aiohttp a chunk (`feed_data`,
`end_http_chunk_receiving`, `_read_nowait_chunk`) are most of it. They are what its HTTP parser,
which is C, calls back into Python for each chunk. Ours is a call a read: reading at intervals makes
that some 33 a second, whatever comes.

Where chunks hold many events, most is one `re.split` a chunk, which makes the very strings that
are kept; then `RecordBatch`es for the window and six buffers for the page, both a copy in C. No
function of ours runs once an event: what grows with the rate is making each event's text, and
copying it twice, into the window and onto the wire."""
_SECONDS = 5.0
_LINES = 22


def _profiled(url: str, seconds: float) -> tuple[str, int, float, float]:
    """The profile, how many events came, CPU seconds of the thread without and with profiling."""
    from sse_widget import SSEStream
    from sse_widget.runtime import loop as background

    stream: Any = SSEStream(url)

    def heard(content: dict[str, Any]) -> None:
        data = {"method": "custom", "content": content}
        stream.comm.handle_msg({"content": {"data": data}, "buffers": []})

    # A page that paints at once.
    stream.send = lambda content, buffers=None: heard({"kind": "ack", "n": content["n"]})
    heard({"kind": "hello", "page": "profile"})
    while not stream.stats.received:
        time.sleep(0.01)
    time.sleep(0.5)
    profile = cProfile.Profile()
    noted: list[float] = []

    def clock() -> None:
        noted.append(time.thread_time())

    for begin, end in ((clock, clock), (profile.enable, profile.disable)):
        before = stream.stats.received
        background.call(clock)
        background.call(begin)
        time.sleep(seconds)
        while stream.stats.received == before:  # a machine that is busy elsewhere
            time.sleep(seconds)
        background.call(end)
        background.call(clock)
        done = threading.Event()
        background.call(done.set)
        done.wait()
        events = stream.stats.received - before
    stream.close()
    text = io.StringIO()
    pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime").print_stats(_LINES)
    plain = noted[2] - noted[1]
    return text.getvalue(), events, plain, noted[-1] - noted[-2]


def _tidy(text: str) -> str:
    """Without addresses and empty lines."""
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(line for line in lines if not line.lstrip().startswith(("List", "Ordered")))


def report(seconds: float = _SECONDS) -> str:
    """Markdown."""
    parts = []
    with served() as origin:
        for kind, rate, title in _FEEDS:
            text, events, plain, _ = _profiled(f"{origin}/{kind}/{rate}", seconds)
            cost = plain / events * 1e6
            parts.append(
                f"## {rate:,} events/s, {title}\n\n"
                f"{cost:.2f} µs of CPU an event, {plain / seconds:.1%} of a core, not profiled. "
                f"Profiled:\n\n```text\n{_tidy(text)}\n```"
            )
    return "\n\n".join([_HEAD, *parts, _WHY])


if __name__ == "__main__":
    print(report())
