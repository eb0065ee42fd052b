"""Two checkouts side by side: what this one costs, times what another one does.

python -m tests.bench.versus PATH [SECTION ...]

PATH is the root of another checkout, such as one that `git worktree add` made of an older commit. Each
of the two has a process of its own, which runs one task at a time: both run each task once a round,
the one and the other first in turn, and only times of the same round are divided by each other. Both are given
the same bytes, by this checkout's workloads and server. It uses public names, and a few modules by the names
they have had; a task that one of the two cannot do is left out.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["compare_checkouts", "table_of"]

_ROOT = Path(__file__).parents[2]
_ROUNDS = 9
_MOST = 1.03
# Does its work once, and returns the CPU seconds of it.
Task = Callable[[], float]


def _timed(fn: Callable[[], object], times: int = 1) -> Task:
    def run() -> float:
        start = time.process_time()
        for _ in range(times):
            fn()
        return time.process_time() - start

    return run


def _first_of(*names: str) -> Any:
    """The first of these names, `module:name`, that there is."""
    for name in names:
        module, _, attribute = name.partition(":")
        try:
            return getattr(importlib.import_module(f"sse_widget.{module}"), attribute)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"none of {', '.join(names)}")


# ------------------------------------------------------------------ tasks, made in the worker


def _parser(_: str) -> Iterator[tuple[str, Task]]:
    from sse_widget import EventStreamParser

    from .workloads import WORKLOADS, pieces

    def columns(chunks: list[bytes]) -> None:
        feed = EventStreamParser().feed
        for chunk in chunks:
            batch = feed(chunk)
            _ = batch.types, batch.data, batch.last_event_ids

    def events(chunks: list[bytes]) -> None:
        feed = EventStreamParser().feed
        for chunk in chunks:
            for _ in feed(chunk):
                pass

    for workload, (make, n) in WORKLOADS.items():
        for cut, size in (("one event", None), ("16 KiB", 2**14)):
            chunks = pieces(make(n), size)
            for read in (columns, events):
                name = f"{workload}, {cut}: {read.__name__}"
                yield name, _timed(functools.partial(read, chunks), 4)


def _receive(origin: str) -> Iterator[tuple[str, Task]]:
    from sse_widget import EventSource

    async def read(url: str) -> None:
        async with EventSource(url, reconnect=False) as source:
            async for batch in source.batches():
                _ = batch.types, batch.data, batch.last_event_ids

    for kind, n in (("own", 20_000), ("coalesced", 200_000)):
        url = f"{origin}/{kind}/{n}"
        yield f"{n:,} events, {kind}", _timed(lambda url=url: asyncio.run(read(url)))  # type: ignore[misc]


def _batches(n: int, together: int) -> list[Any]:
    from sse_widget import EventBatch

    now, data = datetime.now(UTC), '{"symbol":"BTC","price":42.25,"number":12345678}'
    return [
        EventBatch(
            ["trade"] * together,
            [data] * together,
            [""] * together,
            [False] * together,
            received_at=now,
        )
        for _ in range(n // together)
    ]


def _window(n: int, together: int, most: int) -> Any:
    window = _first_of("tables:RollingWindow", "window:RollingWindow")(most, 2**40)
    for batch in _batches(n, together):
        window.append(batch)
    return window


def _append(_: str) -> Iterator[tuple[str, Task]]:
    made = _first_of("tables:RollingWindow", "window:RollingWindow")
    for together, n in ((1, 20_000), (5, 50_000), (100, 200_000)):
        batches = _batches(n, together)

        def fill(batches: list[Any] = batches, most: int = n // 2) -> None:
            append = made(most, 2**40).append
            for batch in batches:
                append(batch)

        yield f"{n:,} events, {together} at a time", _timed(fill)


def _df(_: str) -> Iterator[tuple[str, Task]]:
    window = _window(300_000, 100, 200_000)
    yield "100 frames of 200,000 events", _timed(lambda: window.read().frame(), 100)
    to_dataframe = _first_of("tables:to_dataframe", "frames:to_dataframe")
    held = _window(20_000, 100, 20_000).read()

    def expand() -> None:
        try:
            to_dataframe(held, json=True)
        except TypeError:
            to_dataframe(held, None, json=True)

    yield "JSON columns of 20,000 events", _timed(expand)


def _start(origin: str) -> Iterator[tuple[str, Task]]:
    from sse_widget import SSEStream

    url = f"{origin}/paced/0.0001"

    def made(clock: Callable[[], float]) -> float:
        took = 0.0
        for _ in range(20):
            start = clock()
            stream = SSEStream(url)
            took += clock() - start
            stream.close()
        return took

    yield "20 times `SSEStream(url)`, its own thread", lambda: made(time.thread_time)
    yield "20 times `SSEStream(url)`, all threads", lambda: made(time.process_time)

    def and_closed() -> None:
        stream = SSEStream(url)
        while stream.status.state == "connecting":
            time.sleep(0.0005)
        stream.close()

    yield "20 streams made, connected and closed", _timed(and_closed, 20)


def _acknowledged(url: str) -> Any:
    """A stream with a page that paints at once."""
    from sse_widget import SSEStream

    stream: Any = SSEStream(url, reconnect=False)

    def heard(content: dict[str, Any]) -> None:
        data = {"method": "custom", "content": content}
        stream.comm.handle_msg({"content": {"data": data}, "buffers": []})

    stream.send = lambda content, buffers=None: heard({"kind": "ack", "n": content["n"]})
    heard({"kind": "hello", "page": "versus"})
    return stream


def _page(origin: str) -> Iterator[tuple[str, Task]]:
    encode = _first_of("notebook.wire:encode", "wire:encode")
    snapshot = _first_of("tables:Snapshot", "window:Snapshot")
    for rows in (1, 10, 800):
        table = _window(10_000, 10, 10_000).read().table.slice(0, rows)
        shown = functools.partial(encode, snapshot(0, table))
        yield f"{rows} rows to the wire, a thousand times", _timed(shown, 1000)

    def flood(n: int) -> float:
        start = time.process_time()
        stream = _acknowledged(f"{origin}/coalesced/{n}")
        while stream.stats.received < n:
            time.sleep(0.02)
        took = time.process_time() - start
        stream.close()
        return took

    def paced(rate: int, seconds: float) -> float:
        stream = _acknowledged(f"{origin}/paced/{rate}")
        while stream.stats.received < rate / 2:
            time.sleep(0.02)
        before, start = stream.stats.received, time.process_time()
        time.sleep(seconds)
        took, came = time.process_time() - start, stream.stats.received - before
        stream.close()
        return took / came

    yield "200,000 events at full speed, shown", lambda: flood(200_000)
    yield "20,000 events/s, shown, an event", lambda: paced(20_000, 0.7)
    yield "100 events/s, shown, an event", lambda: paced(100, 1.0)


def _import(_: str) -> Iterator[tuple[str, Task]]:
    import resource

    root = str(Path(importlib.import_module("sse_widget").__file__ or "").parents[1])

    def imported(code: str) -> float:
        def used() -> float:
            spent = resource.getrusage(resource.RUSAGE_CHILDREN)
            return spent.ru_utime + spent.ru_stime

        code = f"import sys; sys.path.insert(0, {root!r})\n{code}"
        with tempfile.TemporaryDirectory() as folder:
            # A user's modules are compiled once; here a variable may say that they never are.
            compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}
            for _ in range(2):
                start = used()
                command = [sys.executable, "-c", code]
                subprocess.run(command, check=True, env={**os.environ, **compiled})
                took = used() - start
        return took

    for code in ("from sse_widget import SSEStream", "from sse_widget import EventSource"):
        yield f"`{code}`", functools.partial(imported, code)


_SECTIONS: dict[str, Callable[[str], Iterator[tuple[str, Task]]]] = {
    "parser": _parser,
    "receive": _receive,
    "append": _append,
    "df": _df,
    "start": _start,
    "page": _page,
    "import": _import,
}


# ------------------------------------------------------------------ two workers, and who asks them


def _work(root: str, section: str, origin: str) -> None:
    """Names its tasks, then runs each that it is told to and says what it took."""
    if sys.platform == "linux":
        # Both on one core: that of a neighbour that is busy may be half as fast as the other.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sys.path.insert(0, root)
    importlib.import_module("sse_widget")  # from there, and with it all that it imports later
    sys.path.pop(0)
    tasks = dict(_SECTIONS[section](origin))
    print("\t".join(tasks), flush=True)
    for line in sys.stdin:
        print(tasks[line.rstrip("\n")](), flush=True)


class _Worker:
    """One checkout, which has its own interpreter."""

    def __init__(self, root: Path, section: str, origin: str) -> None:
        code = (
            f"import sys; sys.path.append({str(_ROOT)!r}); import tests.bench.versus as v; "
            f"v._work({str(root)!r}, {section!r}, {origin!r})"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.tasks = self._line().split("\t")

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a checkout cannot do this section: its error stands above")
        return line.rstrip("\n")

    def run(self, task: str) -> float:
        """CPU seconds of a task."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{task}\n")
        self._process.stdin.flush()
        return float(self._line())

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


def compare_checkouts(
    ours: Path, other: Path, section: str, rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Task -> the CPU seconds of each round, of our checkout and of the other one."""
    from .server import served

    with served() as origin:
        workers = [_Worker(root.resolve(), section, origin) for root in (ours, other)]
        try:
            found = {}
            for task in (t for t in workers[0].tasks if t in workers[1].tasks):
                times: tuple[list[float], list[float]] = ([], [])
                for n in range(-1, rounds):
                    for which in (0, 1) if n % 2 else (1, 0):
                        took = workers[which].run(task)
                        if n >= 0:  # else to get warm
                            times[which].append(took)
                found[task] = times
            return found
        finally:
            for worker in workers:
                worker.end()


def _ratio(times: tuple[list[float], list[float]]) -> float:
    return statistics.median(a / b for a, b in zip(*times, strict=True))


def table_of(found: dict[str, tuple[list[float], list[float]]]) -> str:
    """Of each task what both take, and how many times as long ours does: by the median of the
    rounds, and by the least of each, which a busy machine moves less."""
    from .measure import table

    rows = []
    for task, times in found.items():
        medians = [f"{statistics.median(some) * 1e3:.4g}" for some in times]
        ratio, least = _ratio(times), min(times[0]) / min(times[1])
        slower = "slower" if min(ratio, least) > _MOST else ""
        rows.append([task, *medians, f"{ratio:.2f}", f"{least:.2f}", slower])
    return table(["", "this, ms", "the other, ms", "times", "of the least", ""], rows)


def main(arguments: list[str]) -> int:
    other, *sections = arguments or [""]
    unknown = set(sections) - set(_SECTIONS)
    if not (Path(other) / "sse_widget").is_dir() or unknown:
        print(f"{__doc__}\nSections: {', '.join(_SECTIONS)}.", file=sys.stderr)
        return 2
    for section in sections or _SECTIONS:
        found = compare_checkouts(_ROOT, Path(other), section, _ROUNDS)
        print(f"## {section}", table_of(found), sep="\n\n", end="\n\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
