"""Sets `record` up from its command line: which log, which endpoints, which signal reads the files again.

It connects the parts; `record` runs the capture and decides when it is over.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

from .json_log import JsonLog
from .record import Recording, record
from .record_log import Log
from .recorded_streams import Wanted, WantedReader
from .sighup import has_terminal, is_hangup
from .text_log import TextLog


class PortTaken(Exception):
    """The port of the endpoints cannot be used."""

    def __init__(self, port: int, why: OSError) -> None:
        super().__init__(port, why)
        self.port, self.why = port, why


def run(options: argparse.Namespace, stop: Callable[[], bool]) -> bool:
    """Record as the command line says; whether all went well.

    Args:
        stop: whether to end now.

    Raises:
        SSEError, ValueError, TypeError: something that is wanted cannot be.
        ModuleNotFoundError: the endpoints need a package.
        PortTaken: their port cannot be used.
    """
    reader = WantedReader(options)
    with _rereads(reader) as (asked, hung_up):
        recording = Recording(reader.read())
        try:
            log = _log(options.log_format, sys.stderr, recording)

            def read_again() -> Wanted | None:
                return reader.read() if asked() else None

            with _endpoints(options.metrics, recording, log):
                return record(
                    recording, log, stop=lambda: stop() or hung_up(), read_again=read_again
                )
        finally:
            recording.capture.close()


def _log(kind: str, out: TextIO, recording: Recording) -> Log:
    if kind == "json":
        return JsonLog(out, lambda text: recording.secrets.hide(text))
    return TextLog(out)


@contextmanager
def _endpoints(place: tuple[str, int] | None, recording: Recording, log: Log) -> Iterator[None]:
    """The endpoints, where they are asked for."""
    if place is None:
        yield
        return
    from .metrics import MetricsServer

    try:
        server = MetricsServer(*place, lambda: recording.capture)
    except OSError as error:
        raise PortTaken(place[1], error) from None
    try:
        log.say("endpoints", f"{server.url}/metrics and {server.url}/healthz", url=server.url)
        yield
    finally:
        server.stop()


Asked = Callable[[], bool]


@contextmanager
def _rereads(reader: WantedReader) -> Iterator[tuple[Asked, Asked]]:
    """Whether files are to be read again, since this was asked last; and whether the terminal is gone."""
    if sys.platform == "win32":
        yield (lambda: False), (lambda: False)
        return
    had_terminal = has_terminal()
    # A plain list: a lock taken in a signal handler can be held by the very code that it interrupted.
    came: list[bool] = []
    gone: list[bool] = []
    before = signal.getsignal(signal.SIGHUP)

    def hear(number: int, frame: FrameType | None) -> None:
        if is_hangup(had_terminal) or not reader.files:
            gone.append(before is not signal.SIG_IGN)  # nohup: it outlives its terminal
        else:
            came.append(True)

    def asked() -> bool:
        if not came:
            return False
        came.clear()
        return True

    signal.signal(signal.SIGHUP, hear)
    try:
        yield asked, lambda: any(gone)
    finally:
        signal.signal(signal.SIGHUP, before)
