"""JsonLog: the log of `record` for programs: one JSON object on each line.

Each has `time` (UTC), `level`, `event` and `message`; the other fields depend on `event`. Log records and warnings
of libraries become objects too, so that every line can be parsed. No line holds a secret of a stream: text of
streams was masked where it came from, and text of libraries is masked here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

from ..errors import message_of
from ..fleet import CaptureStats
from .record_log import Fact, StreamState, Throttle, plural

_FAULTY = ("failed",)


class JsonLog:
    """Writes to a stream of text; see `Log`.

    Args:
        out: where to.
        hide: takes secrets out of what libraries say.
    """

    def __init__(self, out: TextIO, hide: Callable[[str], str]) -> None:
        self._out = out
        self._hide = hide
        self._lock = threading.Lock()
        self._throttle = Throttle()

    @contextmanager
    def running(self) -> Iterator[None]:
        """What others say on standard error is an object too meanwhile."""
        root, handler = logging.getLogger(), _Handler(self)
        root.addHandler(handler)
        logging.captureWarnings(True)
        try:
            yield
        except Exception as error:
            words = "".join(traceback.format_exception(error))
            self.say("crashed", message_of(error), level="error", traceback=self._hide(words))
            raise SystemExit(1) from None
        finally:
            logging.captureWarnings(False)
            root.removeHandler(handler)

    def progress(
        self, stats: CaptureStats, gone: float, duration: float | None, trouble: str
    ) -> None:
        if not self._throttle.is_due((stats.streams, stats.open, trouble)):
            return
        text = f"{stats.open:,} of {plural(stats.streams, 'stream')} open"
        self.say(
            "progress",
            f"{text}. {trouble}" if trouble else text,
            level="warning" if trouble else "info",
            uptime=round(gone, 1),
            trouble=trouble,
            **_of(stats),
        )

    def streams(self, changed: list[StreamState], more: int) -> None:
        for one in changed:
            level = "error" if one.state in _FAULTY else "warning" if one.text else "info"
            message = f"{one.stream}: {one.state}"
            self.say(
                "stream",
                f"{message}. {one.text}" if one.text else message,
                level=level,
                stream=one.stream,
                state=one.state,
                detail=one.text,
            )
        if more:
            self.say("streams", f"{plural(more, 'more stream')} changed", count=more)

    def say(self, event: str, text: str, *, level: str = "info", **facts: Fact) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {"time": now, "level": level, "event": event, "message": text, **facts}
        # ASCII: an odd character of a server reaches no terminal, and halves of pairs are no fault.
        line = json.dumps(told, allow_nan=False)
        with self._lock, contextlib.suppress(OSError, ValueError):
            print(line, file=self._out, flush=True)

    def ended(
        self, stats: CaptureStats, to: str, took: float, odd: list[StreamState], trouble: str
    ) -> None:
        for one in odd:
            self.streams([one], 0)
        if trouble:
            self.say("trouble", trouble, level="error")
        self.say(
            "ended",
            f"{plural(stats.written, 'event')} of {plural(stats.streams, 'stream')} are in {to}",
            level="error" if stats.pending else "info",
            to=to,
            uptime=round(took, 1),
            **_of(stats),
        )

    def of_library(self, record: logging.LogRecord) -> None:
        """What a library logged, without the secrets of streams."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f": {record.exc_info[1]!r}"
        self.say("library", self._hide(text), level=record.levelname.lower(), logger=record.name)


class _Handler(logging.Handler):
    def __init__(self, log: JsonLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._log.of_library(record)
        except Exception:  # arguments that do not fit its format
            self._log.say("library", "a message that cannot be read", logger=record.name)


def _of(stats: CaptureStats) -> dict[str, Fact]:
    return {name: getattr(stats, name) for name in CaptureStats.__slots__}
