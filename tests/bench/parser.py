"""Bytes in memory into events: every reader, five workloads, four ways to cut them.

Ours gives columns; reading each of them as an `Event` costs more, and is shown in a table of its
own. What a ratio should reach depends on the cell.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from .measure import Report, Times, Verdict, compare, table, verdict
from .peers import NAMES, OURS, Peer, installed
from .workloads import CUTS, WORKLOADS, pieces

__all__ = ["agree", "aim", "linear", "report"]

_LINEAR = 1.25

_SINGLE = {"ticks, 30 B": 1.4, "JSON with ids, 1.6 KB": 1.4, "token deltas, 340 B": 1.4}
_COALESCED = {"ticks, 30 B": 5.0, "20-line events": 2.0, "token deltas, 340 B": 1.5}
# One byte at a time is slow for everybody: a part of each stream is enough.
_BYTEWISE = 100_000


def aim(workload: str, cut: str) -> float:
    """Times the fastest peer that ours should be in this cell."""
    if cut == "1 byte":
        return 0.5
    return (_SINGLE if cut == "one event" else _COALESCED).get(workload, 0.8)


def _events(workload: str, cut: str) -> list[bytes]:
    make, n = WORKLOADS[workload]
    events = make(n)
    if CUTS[cut] == 1:
        size = sum(map(len, events)) // n
        events = events[: max(_BYTEWISE // size, 1)]
    return events


def agree(readers: list[Peer], chunks: list[bytes]) -> int:
    """All of them read the same events from these chunks; returns how many.

    Raises:
        AssertionError: one does not, and its time would say nothing.
    """
    events = OURS.rows(chunks)
    for reader in readers:
        if reader.rows(chunks) != events:
            raise AssertionError(f"{reader.name} reads other events than {OURS.name}")
    return len(events)


def _cell(workload: str, cut: str) -> tuple[list[str], Verdict]:
    """A row of the table, and whether ours is where it should be."""
    chunks = pieces(_events(workload, cut), CUTS[cut])
    readers = {reader.name: reader for reader in (OURS, *installed())}
    n = agree(list(readers.values()), chunks)
    times: Times = compare(
        {name: functools.partial(reader.read, chunks) for name, reader in readers.items()},
        rounds=7 if CUTS[cut] == 1 else 15,
    )
    fastest = times.fastest(but=OURS.name)
    costs = [f"{times.median(name) / n * 1e6:.2f}" for name in readers]
    ratio, wanted = times.ratio(OURS.name, fastest), aim(workload, cut)
    met = verdict(f"{workload}, {cut}: times the fastest peer", ratio, "≥", wanted)
    return [f"{workload}, {cut}", *costs, f"{ratio:.2f}", f"{wanted:g}"], met


def linear() -> dict[int, float]:
    """One event in chunks of 1,460 bytes: its MiB -> milliseconds a MiB."""
    costs = {}
    for size in (1, 4):
        chunks = pieces([b"data: " + b"x" * (size * 2**20) + b"\n\n"], 1460)
        times = compare({"": functools.partial(OURS.read, chunks)}, rounds=9)
        costs[size] = times.median("") * 1e3 / size
    return costs


def _as_events() -> list[list[str]]:
    """What it costs to make an object of each event, as `async for` does."""
    from sse_widget.protocol import EventStreamParser

    def objects(chunks: list[bytes]) -> None:
        feed = EventStreamParser().feed
        for chunk in chunks:
            for _ in feed(chunk):
                pass

    rows = []
    fastest = installed()[0]
    for cut in ("one event", "16 KiB"):
        chunks = pieces(_events("ticks, 30 B", cut), CUTS[cut])
        contenders: dict[str, Callable[[], object]] = {
            "columns": lambda chunks=chunks: OURS.read(chunks),  # type: ignore[misc]
            "objects": lambda chunks=chunks: objects(chunks),  # type: ignore[misc]
            fastest.name: lambda chunks=chunks: fastest.read(chunks),  # type: ignore[misc]
        }
        times = compare(contenders)
        n = len(OURS.rows(chunks))
        costs = [f"{times.median(name) / n * 1e6:.2f}" for name in contenders]
        rows.append([f"ticks, 30 B, {cut}", *costs])
    return [["", "sse-widget, columns", "sse-widget, objects", fastest.name], *rows]


def report() -> Report:
    """The table, and what it should say."""
    cells = [_cell(workload, cut) for workload in WORKLOADS for cut in CUTS]
    rows, verdicts = [row for row, _ in cells], [met for _, met in cells]
    peers = [peer.name for peer in installed()]
    verdicts.append(verdict("peers that read the same", len(peers), "≥", len(NAMES), digits=0))
    head = ["", OURS.name, *peers, "times the fastest", "aim"]
    as_head, *as_rows = _as_events()
    costs = linear()
    grows = costs[4] / costs[1]
    verdicts.append(verdict("an event of 4 MiB, a MiB, beside 1 MiB", grows, "≤", _LINEAR))
    text = "\n\n".join(
        [
            "## Parser: bytes into events, µs of CPU per event",
            table(head, rows),
            table(as_head, as_rows),
            "One large event in chunks of 1,460 bytes, ms a MiB: "
            + ", ".join(f"{cost:.1f} where it has {size} MiB" for size, cost in costs.items())
            + ".",
        ]
    )
    return Report(text, verdicts)
