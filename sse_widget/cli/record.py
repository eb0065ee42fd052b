"""`sse-widget record`: runs a capture without a notebook, from its start to its end.

It decides when a recording is over, whether it went well, and what changed when its files were read again, and
tells a `Log`. Whether a stream is well is decided by the capture.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..capture import SSECapture
from ..errors import SSEError
from ..storage import Capture
from .record_log import Log, StreamState
from .recorded_streams import Wanted

if TYPE_CHECKING:
    import pandas as pd

_TICK_S = 0.1
_SHOW_S = 0.25
_LOOK_S = 2.0
# Streams whose change of state is told one by one, of one look.
_MOST_TOLD = 20
# Of the time, looks take at most one part in so many: one at ten thousand streams takes a while.
_SHARE = 20


class Recording:
    """The capture of what is wanted, now and after it is read again.

    Args:
        wanted: what is to be recorded.

    Attributes:
        capture: as it is now.
        secrets: what no log may tell of it.

    Raises:
        SSEError, ValueError, TypeError: something that is wanted cannot be.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.secrets = wanted.secrets()
        self.capture = _begun(wanted)

    def change(self, wanted: Wanted) -> str:
        """Record this from here on; says what is other.

        Where the streams alone are others, those that stay keep their connections. Otherwise all connect
        again and go on after what is on disk.

        Raises:
            SSEError, ValueError, TypeError: it cannot be; all goes on as it was.
        """
        before = set(self.capture)
        if self.wanted.differs_in_streams_alone(wanted):
            self.capture.set_streams(wanted.streams)
            how = "the others were not touched"
        else:
            self.capture.close()
            try:
                self.capture = _begun(wanted)
            except BaseException:
                self.capture = _begun(self.wanted)
                raise
            how = "options are others, so all streams connected again"
        self.wanted, self.secrets = wanted, wanted.secrets()
        now = set(_names(wanted, self.capture))
        return f"{len(now - before):,} new, {len(before - now):,} gone; {how}"


def _begun(wanted: Wanted) -> SSECapture:
    to = Capture(wanted.to, keep=wanted.keep)
    return SSECapture(wanted.streams, to=to, filter=wanted.passing, **wanted.told)


def _names(wanted: Wanted, capture: SSECapture) -> list[str]:
    """The names of the streams that are wanted: a row of one that leaves stays for a moment."""
    streams = wanted.streams
    return list(streams) if isinstance(streams, dict) else list(capture)


def record(
    recording: Recording,
    log: Log,
    *,
    stop: Callable[[], bool],
    read_again: Callable[[], Wanted | None] = lambda: None,
) -> bool:
    """Let it run until it is asked to stop, the time is over, or every stream has ended; close it.

    Args:
        stop: whether to end now.
        read_again: what to record from now on, where the files are to be read again; else None. Raises ValueError.

    Returns:
        Whether all went well: no stream failed, none brought bytes without events, none was without
        a connection at the end because of an error, and all that came is on disk.
    """
    begun = time.monotonic()
    looked = _Look()
    unconnected: list[StreamState] = []
    try:
        with log.running():
            while recording.capture.running and not stop():
                gone = time.monotonic() - begun
                limit = recording.wanted.duration
                duration = None if limit is None else limit.total_seconds()
                if duration is not None and gone >= duration:
                    break
                _reload(recording, log, read_again)
                looked.now_and_then(recording.capture, log)
                trouble = recording.capture.trouble or looked.odd
                asked = time.monotonic()
                log.progress(recording.capture.stats, gone, duration, trouble)
                took = time.monotonic() - asked
                until = asked + max(_SHOW_S, min(8 * took, 1.0))
                _wait(until, lambda: stop() or not recording.capture.running)
            unconnected = _unconnected(recording.capture.streams)
            recording.capture.stop()
    finally:
        recording.capture.close()
    return _tell(recording.capture, unconnected, time.monotonic() - begun, log)


def _reload(recording: Recording, log: Log, read_again: Callable[[], Wanted | None]) -> None:
    try:
        wanted = read_again()
        if wanted is not None:
            log.say("reloaded", f"Read again: {recording.change(wanted)}")
    except (SSEError, ValueError, TypeError) as error:
        log.say(
            "reload_refused",
            f"Read again, and refused: {error}. All goes on as it was",
            level="error",
        )


class _Look:
    """What was seen of the streams, and when."""

    def __init__(self) -> None:
        self.odd = ""
        self._due = time.monotonic() + _LOOK_S
        self._states: dict[str, tuple[str, str]] = {}

    def now_and_then(self, capture: SSECapture, log: Log) -> None:
        """Tell the log of streams that are in another state than they were."""
        if time.monotonic() < self._due:
            return
        begun = time.monotonic()
        rows = capture.streams
        odd = [*_notes(rows), *_unconnected(rows)]
        self.odd = f"{odd[0].stream}: {odd[0].text}" if odd else ""
        said = {one.stream: one.text for one in [*odd, *_failed(rows)]}
        states = {
            str(name): (_settled(state), said.get(str(name), ""))
            for name, state in rows["state"].items()
        }
        known, self._states = self._states, states
        self._due = time.monotonic() + max(_LOOK_S, _SHARE * (time.monotonic() - begun))
        changed = [StreamState(n, *state) for n, state in states.items() if known.get(n) != state]
        log.streams(changed[:_MOST_TOLD], len(changed[_MOST_TOLD:]))


def _settled(state: str) -> str:
    """A stream that is quiet is open, and one that waits for an attempt or makes it is the same in a log."""
    return {"quiet": "open", "waiting": "connecting"}.get(state, state)


def _notes(rows: pd.DataFrame) -> list[StreamState]:
    """The streams of which something is odd."""
    odd = rows[rows["note"] != ""]
    return [
        StreamState(str(name), state, note)
        for name, state, note in zip(odd.index, odd["state"], odd["note"], strict=True)
    ]


def _unconnected(rows: pd.DataFrame) -> list[StreamState]:
    """The streams that wait for another attempt because of an error, or make it."""
    between = rows["state"].isin(["waiting", "connecting"])
    return _said(rows[between & (rows["error"] != "")])


def _failed(rows: pd.DataFrame) -> list[StreamState]:
    return _said(rows[rows["state"] == "failed"])


def _said(rows: pd.DataFrame) -> list[StreamState]:
    """Of each its error and its hint, in a line."""
    return [
        StreamState(str(name), state, f"{error}. {hint}" if hint else error)
        for name, state, error, hint in zip(
            rows.index, rows["state"], rows["error"], rows["hint"], strict=True
        )
    ]


def _wait(until: float, over: Callable[[], bool]) -> None:
    while time.monotonic() < until and not over():
        time.sleep(_TICK_S)


def _tell(capture: SSECapture, unconnected: list[StreamState], took: float, log: Log) -> bool:
    """What is on disk now, and what went wrong."""
    stats = capture.stats
    # Of a stream that has ended there is a note where what came held no event.
    rows = capture.streams
    odd = [*_failed(rows), *_notes(rows), *unconnected]
    log.ended(stats, capture.to, took, odd, capture.trouble)
    return not (odd or capture.trouble or stats.pending)
