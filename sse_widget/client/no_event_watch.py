"""NoEventWatch: notices that bytes come on a connection, and no event.

It keeps the beginning of what came since the last event, looks at it when there is much of it or when time
has passed, and says once what is wrong with it. It ends nothing: the stream goes on, and the first event
withdraws what was said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..protocol import why_no_event
from ..runtime import look_at

# So many bytes without an event are looked at, half a second after they came (a large event may be on its
# way). Less is looked at so many seconds after the connection opened, where it brought no event at all:
# between the events of a stream in order, a server may well send lines that mean nothing.
_BYTES, SETTLE_S = 4096, 0.5
LOOK_S = 5.0
_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")


class NoEventWatch:
    """Watches the connections of one source.

    Args:
        tell: called with a plain sentence, and with "" when that is over.

    Attributes:
        clean: there is nothing to take back, and nothing kept: what came last had an event.
        last: the bytes that held the last event.
    """

    __slots__ = (
        "_any",
        "_begins",
        "_sample",
        "_settle",
        "_tell",
        "_tick",
        "_told",
        "clean",
        "last",
    )

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._tick: asyncio.TimerHandle | None = None
        self._settle: asyncio.TimerHandle | None = None
        self._begin()

    def _begin(self) -> None:
        self._begins = False  # what is known is of the connection before
        self.clean = False
        self.last = b""
        self._any = False  # this connection brought an event
        self._sample = b""
        self._told = False

    def start(self) -> None:
        """A connection opened. What is known of the one before stays known until bytes come."""
        self.stop()
        self._begins, self.clean = True, False
        self._look_later()

    def stop(self) -> None:
        """It is gone."""
        for timer in (self._tick, self._settle):
            if timer is not None:
                timer.cancel()
        self._tick = self._settle = None

    def event(self) -> None:
        """An event came: all is well."""
        if self._begins:
            last = self.last
            self._begin()
            self.last = last
        if self._settle is not None:
            self._settle.cancel()
            self._settle = None
        self.clean = self._any = True
        self._sample = b""
        if self._told:
            self._told = False
            self._tell("")

    def came(self, chunk: bytes) -> None:
        """Bytes came that completed no event."""
        if self._begins:
            self._begin()
        if self.clean:
            self.clean = False
            self._sample = self._after_last()
        missing = _BYTES - len(self._sample)
        if missing > 0:
            self._sample += chunk[:missing]
            if len(chunk) >= missing:
                self._settle = asyncio.get_running_loop().call_later(SETTLE_S, self._look)

    def _after_last(self) -> bytes:
        """What follows the last event in its own bytes, where the next one should begin."""
        last, begins = self.last, 0
        for end in _BLANK_LINES:
            # Of each form only what is behind the one before is sought: a chunk may be long.
            at = last.rfind(end, max(begins - len(end), 0))
            begins = max(begins, at + len(end)) if at >= 0 else begins
        # Where it began in the middle of the blank line, the rest of that stands first.
        return last[begins : begins + _BYTES] if begins else last.lstrip(b"\r\n")[:_BYTES]

    @property
    def why(self) -> str:
        """What is wrong with what came since the last event, as a sentence; "" where nothing is."""
        sample = self._after_last() if self.clean else self._sample
        why = why_no_event(sample) if sample else ""
        return f"Bytes came, but no event: {why}." if why else ""

    def _look(self) -> None:
        self._settle = None
        why = self.why
        if why:
            self._told = True
            self._tell(why)

    def _look_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._tick = loop.call_at(look_at(loop.time(), LOOK_S), self._look_now_and_then)

    def _look_now_and_then(self) -> None:
        self._look_later()
        if not (self._any or self._begins) or (self.clean and len(self._after_last()) >= _BYTES):
            self._look()
