"""TextLog: the log of `record` for people: a line that is updated in place in a terminal (by rich, where that is
installed); elsewhere a plain line every ten seconds and when something changes.

Text from streams and files is written as `visible` text, so that it cannot control a terminal.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from ..fleet import CaptureStats
from ..visible import visible, visible_name
from .record_log import Fact, StreamState, Throttle, plural

# Seconds: in a terminal what was said stays below the line for so long.
_SAID_S = 10.0

Show = Callable[[str, str], None]


class TextLog:
    """Writes to a stream of text; see `Log`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._show: Show | None = None
        self._said, self._said_until = "", 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        with _progress(self._out) as self._show:
            try:
                yield
            finally:
                self._show = None

    def progress(
        self, stats: CaptureStats, gone: float, duration: float | None, trouble: str
    ) -> None:
        if self._show is not None:
            if time.monotonic() < self._said_until:
                trouble = self._said
            self._show(_line(stats, gone, duration), visible(trouble))

    def streams(self, changed: list[StreamState], more: int) -> None:
        """The line and its trouble say that."""

    def say(self, event: str, text: str, *, level: str = "info", **facts: Fact) -> None:
        if self._show is not None and self._live:
            self._said, self._said_until = text, time.monotonic() + _SAID_S
            return
        with contextlib.suppress(OSError):
            print(visible(text), file=self._out, flush=True)

    def ended(
        self, stats: CaptureStats, to: str, took: float, odd: list[StreamState], trouble: str
    ) -> None:
        lines = [f"{visible_name(one.stream)}: {visible(one.text)}" for one in odd]
        if trouble:
            lines.append(visible(trouble))
        if stats.pending:
            lines.append(f"{plural(stats.pending, 'event')} could not be written")
        lines.append(
            f"{plural(stats.written, 'event')} of {plural(stats.streams, 'stream')} "
            f"are in {visible(to)} ({_clock(took)})"
        )
        for line in lines:
            print(line, file=self._out)
        self._out.flush()


def _line(stats: CaptureStats, gone: float, duration: float | None) -> str:
    parts = [
        f"{stats.open:,} of {stats.streams:,} open",
        plural(stats.received, "event"),
        f"{stats.rate:,.0f}/s",
        f"{stats.written:,} on disk",
    ]
    if stats.gaps:
        parts.append(plural(stats.gaps, "gap"))
    if stats.failed:
        parts.append(f"{stats.failed:,} failed")
    parts.append(_clock(gone) + (f" of {_clock(duration)}" if duration is not None else ""))
    return " · ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


@contextmanager
def _progress(out: TextIO) -> Iterator[Show]:
    """Shows one line and what troubles: live in a terminal, else as lines of a log."""
    if not out.isatty():
        yield _plain(out)
        return
    try:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text
    except ModuleNotFoundError:
        with _rewritten(out) as show:
            yield show
        return
    with Live(
        console=Console(file=out), auto_refresh=False, transient=True, redirect_stdout=False
    ) as live:

        def show(line: str, trouble: str) -> None:
            text = Text("● ", "red" if trouble else "green", no_wrap=True, overflow="ellipsis")
            text.append(line, "default")
            if trouble:
                text.append(f"\n  {trouble}", "red")
            live.update(text, refresh=True)

        yield show


@contextmanager
def _rewritten(out: TextIO) -> Iterator[Show]:
    width = 0

    def show(line: str, trouble: str) -> None:
        nonlocal width
        text = f"{line}  {trouble}".rstrip()
        print(f"\r{text.ljust(width)}", end="", file=out, flush=True)
        width = len(text)

    yield show
    with contextlib.suppress(OSError):
        print(f"\r{' ' * width}\r", end="", file=out, flush=True)


def _plain(out: TextIO) -> Show:
    throttle = Throttle()

    def show(line: str, trouble: str) -> None:
        if throttle.is_due((line.partition(" · ")[0], trouble)):
            print(f"{line}  {trouble}".rstrip(), file=out, flush=True)

    return show
