"""The last minute of a capture that has run for long: read back from a folder that was generated.

`python -m tests.bench.history 100000000` does the same for a hundred million events, which `make heavy` calls;
a report generates as many as take a few seconds. Parts are as large as a busy stream writes them, a second
each. Read through a new `Dataset` each time, so that nothing is remembered, and once more through the same.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sse_widget import EventBatch
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.writer import Writer

from ..helpers.measured import measured
from .measure import Report, table, verdict

__all__ = ["generate", "report"]

_EVENTS, _PART = 2_000_000, 50_000
_MOST_S = 1.0
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(seconds=60)


def generate(to: Path, events: int, together: int = _PART) -> datetime:
    """Writes a capture of one stream, `together` events a second; returns when the last of them came."""
    writer = Writer(Dataset(to))
    data = [f'{{"price":{n % 1000},"n":{n}}}' for n in range(together)]
    types, has_id = ["message"] * together, [True] * together
    at = _BEGAN
    for first in range(0, events, together):
        at += timedelta(seconds=1)
        ids = [str(n) for n in range(first, first + together)]
        writer.add("ticks", EventBatch(types, data, ids, has_id, received_at=at))
        writer.commit()
    writer.close()
    return at


def _timed(read: Callable[[], int]) -> tuple[float, int]:
    start = time.process_time()
    found = read()
    return time.process_time() - start, found


def report(events: int = _EVENTS) -> Report:
    """The table, and what it should say."""
    folder = Path(tempfile.mkdtemp(prefix="sse-widget-bench-"))
    try:
        end = generate(folder / "capture", events)
        since = end - _MINUTE + timedelta(seconds=1)
        again = Dataset(folder / "capture")

        # Of so many a second a minute is more than anybody has as a table at once: one column of it.
        def minute(capture: Dataset) -> int:
            return int(capture.read("ticks", since=since, columns=["seq"]).num_rows)

        ways: dict[str, Callable[[], int]] = {
            "`read(since=)`": lambda: minute(Dataset(folder / "capture")),
            "`read(last=100_000)`": lambda: int(
                Dataset(folder / "capture").read("ticks", last=100_000).num_rows
            ),
            "`history`, its rows counted": lambda: int(
                Dataset(folder / "capture").dataset("ticks").count_rows()
            ),
            "`read(since=)`, by who has read before": lambda: minute(again),
        }
        minute(again)
        found = {name: _timed(read) for name, read in ways.items()}
    finally:
        shutil.rmtree(folder)
    rows = [[n, f"{took * 1e3:,.0f}", f"{rows:,}"] for n, (took, rows) in found.items()]
    verdicts = [
        verdict(f"{events:,} events: {n}", took, "<", _MOST_S, " s")
        for n, (took, _) in found.items()
    ]
    text = "\n\n".join(
        [
            f"## Reading back: the last minute of a capture of {events:,} events, in one part a second",
            table(["", "ms of CPU", "rows"], rows),
            f"Aim: under {_MOST_S:g} s of CPU.",
        ]
    )
    return Report(text, verdicts)


if __name__ == "__main__":
    made = report(int(sys.argv[1]) if len(sys.argv) > 1 else _EVENTS)
    print(made.text)
    for name, value, aim, met in made.verdicts:
        measured(name, f"{value} (aim {aim}{'' if met else ', not met'})")
