"""`sse-widget tail`: the log of one stream on a terminal, a line an event.

Events go to standard output, changes of the connection to standard error. Text of a server is written as visible
text wherever a terminal reads it, so that it cannot control the terminal; into a file or a pipe `--raw` writes
data as it came. `EventSource` decides about reconnecting.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TextIO

from ..client import EventSource
from ..errors import SSEError, hint_of, message_of
from ..events import Event, State
from ..filters import EventFilter
from ..payload import read_object, reader_of
from ..visible import visible, visible_name

_LOOK_S = 0.1
_TYPE_CHARS, _LEAST_CHARS = 24, 7
# Colours of the 256 of a terminal that are told apart, on dark and on light.
_COLOURS = (33, 35, 37, 69, 71, 74, 98, 130, 132, 136, 139, 161, 166, 167, 172, 173)


class Lines:
    """An event as a line.

    Args:
        out: where the lines go.
        paths: what is written of the JSON; nothing for the data itself.
        raw: data or values alone, without time and type.
    """

    def __init__(self, out: TextIO, paths: Sequence[str] = (), *, raw: bool = False) -> None:
        self._out = out
        self._readers = [reader_of(path) for path in paths]
        self._raw = raw
        self._terminal = out.isatty()
        self._coloured = self._terminal and not os.environ.get("NO_COLOR")
        self._width = _LEAST_CHARS

    def write(self, event: Event) -> bool:
        """Write this event; False where it has none of the values that are asked for."""
        text = event.data
        if self._readers:
            row = read_object(text)
            values = [reader(row) for reader in self._readers]
            if all(value is None for value in values):
                return False
            text = "\t".join(map(_written, values))
        if self._raw:
            # What a pipe reads is data: whatever is on its other side has its own rules.
            line = visible(text, lines=True) if self._terminal else text
        else:
            line = f"{self._head(event)} {visible(text)}"
        print(line, file=self._out, flush=True)
        return True

    def _head(self, event: Event) -> str:
        at = (event.received_at or datetime.now().astimezone()).astimezone()
        name = visible_name(event.type, _TYPE_CHARS)
        self._width = max(self._width, len(name))
        padded = name.ljust(self._width)
        if self._coloured:
            colour = _COLOURS[zlib.crc32(event.type.encode("utf-8", "replace")) % len(_COLOURS)]
            padded = f"\x1b[38;5;{colour}m{padded}\x1b[0m"
        return f"{at:%H:%M:%S}.{at.microsecond // 1000:03} {padded}"


def _written(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def tail(
    url: str,
    told: dict[str, Any],
    lines: Lines,
    *,
    stop: Callable[[], bool],
    passing: EventFilter | None = None,
    count: int | None = None,
    duration: float | None = None,
) -> bool:
    """Write events until a stop is asked for, `count` were written, or the time or the stream is over.

    Args:
        told: options of `EventSource`.
        passing: which events are written.
        duration: seconds; None for no limit.

    Returns:
        Whether all went well: the stream did not fail, and the server answered at all. Why not is
        written to standard error.

    Raises:
        SSEError, TypeError, ValueError: the URL or an option cannot be used.
    """
    source = EventSource(url, **told)
    end = None if duration is None else time.monotonic() + duration
    return asyncio.run(_tail(source, lines, stop, passing, count, end))


async def _tail(
    source: EventSource,
    lines: Lines,
    stop: Callable[[], bool],
    passing: EventFilter | None,
    count: int | None,
    end: float | None,
) -> bool:
    source.add_event_listener("error", _Trouble(source))
    watching = asyncio.create_task(_watch(source, stop, end))
    written = 0
    try:
        async for batch in source.batches():
            for event in batch:
                if passing is None or passing.matches(event):
                    written += lines.write(event)
                if written == count or stop():
                    return True
    except SSEError:
        pass  # the status says it
    finally:
        watching.cancel()
        await source.aclose()
    return _went_well(source)


async def _watch(source: EventSource, stop: Callable[[], bool], end: float | None) -> None:
    """Close the source when a stop is asked for, or the time is over."""
    # A signal handler may only count: it is asked.
    while True:
        if stop() or (end is not None and time.monotonic() >= end):
            source.close()
            return
        await asyncio.sleep(_LOOK_S)


class _Trouble:
    """Says why a connection ended, once for each reason."""

    def __init__(self, source: EventSource) -> None:
        self._source = source
        self._said = ""

    def __call__(self, _: object) -> None:
        status = self._source.status
        why = visible(status.note or (message_of(status.error) if status.error else ""))
        if why and why != self._said and status.state is State.WAITING:
            self._said = why
            print(f"{why} (trying again)", file=sys.stderr, flush=True)


def _went_well(source: EventSource) -> bool:
    status = source.status
    failed = status.state is State.FAILED
    error = status.error or (source.errors[-1] if source.errors else None)
    if not failed and (source.stats.connects or error is None):
        if status.note:
            print(visible(status.note), file=sys.stderr)
        return not status.note
    if error is not None:
        hint = hint_of(error)
        print(
            visible(f"{message_of(error)}. {hint}" if hint else message_of(error)), file=sys.stderr
        )
    return False
