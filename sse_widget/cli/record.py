"""`sse-widget record`: a capture without a notebook, with a line that reports its progress.

In a terminal the line is updated in place (by rich, where that is installed). Elsewhere a plain line is
written now and then, and when something changes. This module decides only when a recording is over and
whether it went well. What streams and files said is written as `visible` text, so that a terminal obeys
nothing of it.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from ..capture import SSECapture
from ..fleet import CaptureStats
from ..visible import visible, visible_name

__all__ = ["record"]

_TICK = 0.1
_LIVE = 0.25
_PLAIN = 10.0
_NOTES = 2.0


def record(capture: SSECapture, *, stop: Callable[[], bool], duration: float | None = None) -> bool:
    """Let it run until it is asked to stop, the time is over, or every stream has ended; close it.

    Args:
        stop: whether somebody asked to.
        duration: seconds; None for no limit.

    Returns:
        Whether all went well: no stream failed, none brought bytes without events, none was without
        a connection at the end because of an error, and all that came is on disk.
    """
    out = sys.stderr
    begun = time.monotonic()
    note, due = "", begun + _NOTES
    try:
        with _progress(out) as show:
            while capture.running and not stop():
                gone = time.monotonic() - begun
                if duration is not None and gone >= duration:
                    break
                if time.monotonic() >= due:
                    odd = [*_notes(capture), *_unconnected(capture)]
                    note, due = next(iter(odd), ""), time.monotonic() + _NOTES
                trouble = visible(capture.trouble) or note
                show(_line(capture.stats, gone, duration), trouble)
                _wait(lambda: stop() or not capture.running)
            unconnected = _unconnected(capture)
            capture.stop()
    finally:
        capture.close()
    return _tell(capture, unconnected, time.monotonic() - begun, out)


def _notes(capture: SSECapture) -> list[str]:
    """What is odd about a stream, a line each."""
    notes = capture.streams["note"]
    return [f"{visible_name(str(n))}: {visible(note)}" for n, note in notes.items() if note]


def _unconnected(capture: SSECapture) -> list[str]:
    """Which streams wait for another attempt because of an error, or make it, a line each."""
    rows = capture.streams
    between = rows["state"].isin(["waiting", "connecting"])
    waiting = rows.index[between & (rows["error"] != "")]
    return [_said(str(name), capture[str(name)].error or rows["error"][name]) for name in waiting]


def _said(name: str, error: str) -> str:
    """An error and its hint, in a line."""
    return f"{visible_name(name)}: {'. '.join(map(visible, error.splitlines()))}"


def _wait(over: Callable[[], bool]) -> None:
    end = time.monotonic() + _LIVE
    while time.monotonic() < end and not over():
        time.sleep(_TICK)


def _tell(capture: SSECapture, unconnected: list[str], took: float, out: TextIO) -> bool:
    """What is on disk now, and what went wrong."""
    stats = capture.stats
    failed = [name for name, state in capture.streams["state"].items() if state == "failed"]
    for name in failed:
        print(_said(str(name), capture[str(name)].error), file=out)
    # Of a stream that has ended there is one where what came held no event.
    notes = _notes(capture)
    for note in [*notes, *unconnected]:
        print(note, file=out)
    if capture.trouble:
        print(visible(capture.trouble), file=out)
    if stats.pending:
        print(f"{stats.pending:,} {_plural('event', stats.pending)} could not be written", file=out)
    print(
        f"{stats.written:,} {_plural('event', stats.written)} of {stats.streams:,} {_plural('stream', stats.streams)} "
        f"are in {visible(capture.to)} ({_clock(took)})",
        file=out,
        flush=True,
    )
    return not (failed or notes or unconnected or capture.trouble or stats.pending)


def _line(stats: CaptureStats, gone: float, duration: float | None) -> str:
    parts = [
        f"{stats.open:,} of {stats.streams:,} open",
        f"{stats.received:,} {_plural('event', stats.received)}",
        f"{stats.rate:,.0f}/s",
        f"{stats.written:,} on disk",
    ]
    if stats.gaps:
        parts.append(f"{stats.gaps:,} {_plural('gap', stats.gaps)}")
    if stats.failed:
        parts.append(f"{stats.failed:,} failed")
    parts.append(_clock(gone) + (f" of {_clock(duration)}" if duration is not None else ""))
    return " · ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _plural(word: str, n: int) -> str:
    return word if n == 1 else f"{word}s"


Show = Callable[[str, str], None]


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
    due = 0.0
    said: tuple[str, str] | None = None

    def show(line: str, trouble: str) -> None:
        nonlocal due, said
        now = time.monotonic()
        state = (line.partition(" · ")[0], trouble)
        if now < due and state == said:
            return
        due, said = now + _PLAIN, state
        print(f"{line}  {trouble}".rstrip(), file=out, flush=True)

    return show
