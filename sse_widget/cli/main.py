"""The command `sse-widget`: it runs what the command line names.

`demo` starts the demo server in this process and JupyterLab as a child, prints their addresses once they
answer, and ends both on Ctrl-C. `record` captures streams, `tail` writes the events of one, `replay` serves
a capture, until Ctrl-C; `check` verifies a capture. No logic of streams stands here, and what a command
needs is imported when the command is run.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ..client import COMMAND_LINE, speaking
from ..errors import SSEError, reason_of
from ..visible import visible, visible_name
from .command_line import parser
from .request_options import (
    filter_of_options,
    request_keywords,
)

if TYPE_CHECKING:
    from ..demo.lab import Lab, Notebooks
    from ..demo.server import DemoServer

_DONE, _FAILED, _USAGE = 0, 1, 2


class _Problem(Exception):
    """Something that ends the command with a sentence instead of a traceback."""

    def __init__(self, message: str, code: int = _FAILED) -> None:
        super().__init__(message)
        self.code = code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    for out in (sys.stdout, sys.stderr):
        if isinstance(
            out, io.TextIOWrapper
        ):  # a terminal that lacks a character is no reason to end
            out.reconfigure(errors="backslashreplace")
    options = parser().parse_args(argv)
    try:
        with _signals() as stop:
            return _COMMANDS[options.command](options, stop)
    except _Problem as problem:
        if getattr(options, "log_format", "text") == "json":
            from .json_log import JsonLog

            JsonLog(sys.stderr, str).say("refused", str(problem), level="error")
        else:
            print(f"sse-widget: {visible(str(problem), lines=True)}", file=sys.stderr)
        return problem.code


class _Stop:
    """How often we were asked to stop. A plain count: a lock taken in a signal handler can be held
    by the very code that it interrupted."""

    def __init__(self) -> None:
        self.count = 0

    def asked(self) -> bool:
        return self.count > 0

    def hurry(self) -> bool:
        return self.count > 1

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


@contextmanager
def _signals() -> Iterator[_Stop]:
    """Ctrl-C, a polite kill and a closed terminal all end the command in order."""
    stop = _Stop()
    names = [signal.SIGINT, signal.SIGTERM]
    # Under nohup it is ignored, and stays so.
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        names.append(signal.SIGHUP)
    before = {name: signal.signal(name, stop) for name in names}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _replay(options: argparse.Namespace, stop: _Stop) -> int:
    from ..errors import CaptureError
    from ..recordings import CaptureServer
    from ..storage import Dataset

    if Path(options.capture).expanduser().is_file():
        raise _Problem(
            f"{options.capture} is a file: captures are served; SSEStream.replay plays files"
        )
    _must_exist(options.capture)
    try:
        server = CaptureServer(Dataset(options.capture), options.port, options.speed)
    except CaptureError as error:
        raise _Problem(str(error)) from None
    except OSError as error:
        raise _Problem(_taken(options.port, "--port", error), _USAGE) from None
    try:
        if not server.streams:
            raise _Problem(f"there is no capture in {options.capture}")
        for name, events in server.streams.items():
            _say(f"{server.url_of(name)}  {events:,} events of {visible_name(name)}")
        _say("Ctrl-C ends it.")
        while not stop.asked():
            time.sleep(0.1)
        return _DONE
    finally:
        server.stop()


def _must_exist(capture: str) -> None:
    if "://" not in capture and not Path(capture).expanduser().exists():
        raise _Problem(f"there is no such folder: {capture}")


def _check(options: argparse.Namespace, stop: _Stop) -> int:
    from ..errors import CaptureError
    from ..storage import Dataset
    from .check import check_capture

    _must_exist(options.capture)
    try:
        is_sound = check_capture(Dataset(options.capture), stop=stop.asked)
    except (CaptureError, OSError) as error:
        raise _Problem(reason_of(error) if isinstance(error, OSError) else str(error)) from None
    return _DONE if is_sound else _FAILED


def _demo(options: argparse.Namespace, stop: _Stop) -> int:
    server = _start_server(options.port, options.replay_dir)
    try:
        _say(f"Demo feeds:  {server.url}/")
        if options.no_lab:
            _say("Ctrl-C ends it.")
            while not stop.asked():
                time.sleep(0.1)
            return _DONE
        return _with_lab(options, server, stop)
    finally:
        server.stop()


def _record(options: argparse.Namespace, stop: _Stop) -> int:
    from .record_command import PortTaken, run

    try:
        with speaking(COMMAND_LINE):
            return _DONE if run(options, stop.asked) else _FAILED
    except (SSEError, ValueError, TypeError, ModuleNotFoundError) as error:
        raise _Problem(str(error), _USAGE) from None
    except PortTaken as error:
        raise _Problem(_taken(error.port, "--metrics", error.why), _USAGE) from None


def _tail(options: argparse.Namespace, stop: _Stop) -> int:
    from .tail import Lines, tail

    bodies = [one for one in options.json if one.lstrip()[:1] in ("{", "[", "@")]
    paths = [one for one in options.json if one not in bodies]
    try:
        if len(bodies) > 1:
            raise ValueError("--json names two bodies: a request has one")
        told = request_keywords(options, bodies[0] if bodies else None)
        if options.last_event_id is not None:
            told["last_event_id"] = options.last_event_id
        passing = filter_of_options(options)
        with speaking(COMMAND_LINE):
            went_well = tail(
                options.url,
                told,
                Lines(sys.stdout, paths, raw=options.raw),
                stop=stop.asked,
                passing=passing,
                count=options.n,
                duration=options.duration.total_seconds() if options.duration else None,
            )
    except BrokenPipeError:  # `| head`: who reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _DONE
    except (SSEError, ValueError, TypeError) as error:
        raise _Problem(str(error), _USAGE) from None
    return _DONE if went_well else _FAILED


def _start_server(port: int, replay_dir: Path | None) -> DemoServer:
    from .. import demo

    try:
        return demo.server_class()(port, replay_dir)
    except ModuleNotFoundError as error:
        raise _Problem(str(error)) from None
    except OSError as error:
        raise _Problem(_taken(port, "--port", error), _USAGE) from None


def _taken(port: int, option: str, error: OSError) -> str:
    return (
        f"port {port} cannot be used ({reason_of(error)}): "
        f"give another one with {option}, or leave it out for a free one"
    )


def _with_lab(options: argparse.Namespace, server: DemoServer, stop: _Stop) -> int:
    from ..demo import ENVIRONMENT
    from ..demo.lab import Lab, Notebooks, free_port
    from ..demo.server import bind

    if options.lab_port:
        try:
            bind(options.lab_port).close()
        except OSError as error:
            raise _Problem(_taken(options.lab_port, "--lab-port", error), _USAGE) from None
    try:
        notebooks = Notebooks(options.notebook_dir)
    except FileNotFoundError as error:
        raise _Problem(str(error)) from None
    try:
        lab = Lab(notebooks.folder, options.lab_port or free_port(), {ENVIRONMENT: server.url})
    except ModuleNotFoundError as error:
        notebooks.remove()
        raise _Problem(str(error)) from None
    try:
        return _watch(lab, notebooks, stop, browser=not options.no_browser)
    finally:
        lab.stop(stop.hurry)
        if not notebooks.remove():
            _say(f"Your notebooks are kept in {notebooks.folder}")


def _watch(lab: Lab, notebooks: Notebooks, stop: _Stop, *, browser: bool) -> int:
    """From the start of Lab to its end."""
    _say("Starting JupyterLab ...")
    ready = lab.wait_ready(stop.asked)
    if ready:
        url = lab.url(notebooks.first)
        _say(f"JupyterLab:  {url}")
        _say(f"Notebooks:   {notebooks.folder}")
        _say("Ctrl-C ends both.")
        if browser and _has_display():
            webbrowser.open(url)
        while lab.running and not stop.asked():
            time.sleep(0.1)
    if stop.asked():
        return _DONE
    what = "ended" if ready else "did not start" if not lab.running else "does not answer"
    raise _Problem(f"JupyterLab {what}. Its last words:\n{lab.last_words()}")


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin") or os.environ.get("BROWSER"):
        return True
    # Without one, webbrowser takes a text browser, which takes this terminal.
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _say(line: str) -> None:
    # Names in a capture are somebody else's words. Flushed: somebody may read this through a pipe,
    # waiting for the address.
    print(visible(line), flush=True)


if __name__ == "__main__":
    sys.exit(main())


_COMMANDS: dict[str, Callable[[argparse.Namespace, _Stop], int]] = {
    "check": _check,
    "demo": _demo,
    "record": _record,
    "replay": _replay,
    "tail": _tail,
}
