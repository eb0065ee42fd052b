"""Bytes in memory into events: every reader, five workloads, four ways to cut them.

Events beside events: each reader is iterated, and gives an object an event. Ours gives columns too,
which stand beside it, taken apart as one who uses them would. Three columns are limits: nobody who
cuts bytes at blank lines, or decodes them, by what Python has for it is faster than that; and ours cannot be
faster than decoding and making the objects that it returns, as if finding the lines cost nothing. What a ratio
should reach depends on the cell.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from sse_widget import EventStreamParser

from .measure import Report, Times, Verdict, compare, table, verdict
from .peers import COLUMNS, NAMES, OURS, Peer, installed
from .workloads import CUTS, WORKLOADS, pieces

__all__ = ["agree", "aim", "linear", "report"]

_LINEAR = 1.25

# Times the fastest peer: events, columns.
_AIMS = {"1 byte": (1.0, 1.0), "one event": (1.3, 2.0)}
_COALESCED = {"ticks, 30 B": (4.0, 8.0), "20-line events": (2.0, 2.0)}
_SPLIT, _DECODE = "`bytes.split` alone", "decoding alone"
_MAKE = "decoding, and making the events, alone"
# One byte at a time is slow for everybody: a part of each stream is enough.
_BYTEWISE = 100_000


def aim(workload: str, cut: str) -> tuple[float, float]:
    """Times the fastest peer that our events and our columns should be in this cell."""
    return _AIMS.get(cut) or _COALESCED.get(workload, (2.0, 1.5))


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


def _split(chunks: list[bytes]) -> None:
    for chunk in chunks:
        chunk.split(b"\n\n")


def _decode(chunks: list[bytes]) -> None:
    for chunk in chunks:
        chunk.decode("utf-8", "replace")


def _maker(chunks: list[bytes]) -> Callable[[], None]:
    """Decodes each chunk, and makes the batch and the events that come of it, which are known."""
    feed = EventStreamParser().feed
    made = [(chunk, feed(chunk)) for chunk in chunks]
    known = [
        (chunk, type(b), b.types, b.data, b.last_event_ids, b.has_id, b.faults, b.comments)
        for chunk, b in made
    ]

    def make() -> None:
        for chunk, batch, types, data, ids, own, faults, comments in known:
            chunk.decode("utf-8", "replace")
            for _ in batch([*types], [*data], [*ids], [*own], faults, comments):
                pass

    return make


def _cell(workload: str, cut: str) -> tuple[list[str], list[Verdict]]:
    """A row of the table, and whether ours are where they should be."""
    chunks = pieces(_events(workload, cut), CUTS[cut])
    readers = {reader.name: reader for reader in (OURS, COLUMNS, *installed())}
    n = agree(list(readers.values()), chunks)
    contenders = {name: functools.partial(reader.read, chunks) for name, reader in readers.items()}
    contenders |= {
        _SPLIT: functools.partial(_split, chunks),
        _DECODE: functools.partial(_decode, chunks),
        _MAKE: _maker(chunks),
    }
    times: Times = compare(contenders, rounds=7 if CUTS[cut] == 1 else 11)
    fastest = min((peer.name for peer in installed()), key=times.median)
    costs = [f"{times.median(name) / n * 1e6:.2f}" for name in contenders]
    title, shown, verdicts = f"{workload}, {cut}", [], []
    wanted = zip((OURS, COLUMNS), ("events", "columns"), aim(workload, cut), strict=True)
    for reader, what, limit in wanted:
        ratio = times.ratio(reader.name, fastest)
        shown += [f"{ratio:.2f}", f"{limit:g}"]
        name = f"{title}: {what}, times the fastest peer"
        verdicts.append(verdict(name, ratio, "≥", limit))
    return [title, *shown, *costs], verdicts


def linear() -> dict[int, float]:
    """One event in chunks of 1,460 bytes: its MiB -> milliseconds a MiB."""
    costs = {}
    for size in (1, 4):
        chunks = pieces([b"data: " + b"x" * (size * 2**20) + b"\n\n"], 1460)
        times = compare({"": functools.partial(OURS.read, chunks)}, rounds=9)
        costs[size] = times.median("") * 1e3 / size
    return costs


def report() -> Report:
    """The table, and what it should say."""
    cells = [_cell(workload, cut) for workload in WORKLOADS for cut in CUTS]
    rows, verdicts = [row for row, _ in cells], [met for _, some in cells for met in some]
    peers = [peer.name for peer in installed()]
    verdicts.append(verdict("peers that read the same", len(peers), "≥", len(NAMES), digits=0))
    ratios = ["events, times the fastest", "aim", "columns, times the fastest", "aim"]
    head = ["", *ratios, f"{OURS.name}, events", COLUMNS.name, *peers, _SPLIT, _DECODE, _MAKE]
    costs = linear()
    grows = costs[4] / costs[1]
    verdicts.append(verdict("an event of 4 MiB, a MiB, beside 1 MiB", grows, "≤", _LINEAR))
    text = "\n\n".join(
        [
            "## Parser: bytes into events beside the events of others, µs of CPU per event",
            table(head, rows),
            "One large event in chunks of 1,460 bytes, ms a MiB: "
            + ", ".join(f"{cost:.1f} where it has {size} MiB" for size, cost in costs.items())
            + ".",
        ]
    )
    return Report(text, verdicts)
