"""A fast stream, and a person who looks at all of it every second.

`make test` does it for a few seconds; `make heavy` sets SSE_WIDGET_ROLLING_SECONDS to ten minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pyarrow as pa

from sse_widget import EventFilter, SSEStream
from sse_widget.events import State

from ..helpers.measured import measured

SECONDS = int(os.environ.get("SSE_WIDGET_ROLLING_SECONDS", "3"))
RATE = 20_000
HELD = 100_000
_SERVE = "import sys, sse_widget.demo as d; print(d.url(), flush=True); sys.stdin.read()"


@contextmanager
def demo() -> Iterator[str]:
    """The demo server in a process of its own: its memory is not ours."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", _SERVE], stdin=pipe, stdout=pipe) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield server.stdout.readline().decode().strip().rstrip("/")
        finally:
            server.stdin.close()


def look(stream: SSEStream, n: int) -> int:
    """What a person asks for; how many rows there were."""
    df = stream.df
    seq = df.index
    assert len(df) <= HELD
    # Ids count up from 1: every event is there, once, at its number.
    assert (df["last_event_id"].astype("int64") == seq + 1).all()
    assert df["n"].notna().all()
    stats = stream.stats
    assert stats.received == stats.held + stats.evicted + stats.cleared
    assert stats.received >= len(df) + seq[0] if len(df) else True
    if n % 5 == 0:
        part = stream.to_dataframe(last=1000, json=True)
        assert len(part) == min(1000, stats.held) or len(part) >= 1
    if n % 7 == 0:
        assert len(pa.table(stream)) <= HELD
        assert len(stream.view_df) <= HELD
    return len(df)


def test_looking_every_second_at_a_fast_stream():
    me = psutil.Process()
    memory: list[float] = []
    took: list[float] = []
    with demo() as origin:
        stream = SSEStream(f"{origin}/flood?rate={RATE}&seconds={SECONDS}", max_events=HELD)
        stream.columns = ["n"]
        stream.filter = EventFilter(text="7")
        n = 0
        while stream.status.state not in (State.CLOSED, State.FAILED):
            n += 1
            start = time.perf_counter()
            look(stream, n)
            took.append(time.perf_counter() - start)
            memory.append(me.memory_info().rss / 2**20)
            time.sleep(max(0.0, 1.0 - took[-1]))
        assert look(stream, 5 * 7) == min(RATE * SECONDS, HELD)
        stats = stream.stats
        stream.close()
    assert stats.received == RATE * SECONDS
    assert stats.oversize == stats.duplicates == 0
    took.sort()
    half = len(memory) // 2
    early, late = memory[half // 2 : half], memory[-max(half // 2, 1) :]
    measured(
        "a window that rolls",
        f"{stats.received:,} events in {n} s, {stats.evicted:,} evicted, {stats.connects} connection; "
        f"a look took {took[len(took) // 2] * 1e3:.0f} ms, at most {took[-1] * 1e3:.0f} ms; "
        f"MiB resident at the beginning {memory[0]:.0f}, by quarters "
        + ", ".join(f"{max(memory[i * n // 4 : (i + 1) * n // 4] or [0]):.0f}" for i in range(4)),
    )
    if SECONDS >= 60:  # the window has filled up long before
        assert max(late) - max(early) < 32
