"""The command `sse-widget`: it reads the command line and runs what it names.

`demo` starts the demo server in this process and JupyterLab as a child, prints their addresses once they
answer, and ends both on Ctrl-C. `record` captures streams, `tail` writes the events of one, `replay` serves
a capture, until Ctrl-C; `check` verifies a capture. No logic of streams stands here, and what a command
needs is imported when the command is run.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import signal
import sys
import time
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..client import COMMAND_LINE, speaking
from ..errors import SSEError, reason_of
from ..visible import visible, visible_name
from .request_options import (
    add_filter,
    add_request,
    duration,
    filter_of_options,
    request_keywords,
    stream,
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
    options = _parser().parse_args(argv)
    try:
        with _signals() as stop:
            return int(options.run(options, stop))
    except _Problem as problem:
        if getattr(options, "log_format", "text") == "json":
            from .json_log import JsonLog

            JsonLog(sys.stderr, str).say("refused", str(problem), level="error")
        else:
            print(f"sse-widget: {visible(str(problem), lines=True)}", file=sys.stderr)
        return problem.code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sse-widget", description="Live Server-Sent Events in a notebook."
    )
    parser.add_argument("--version", action="version", version=f"sse-widget {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="a demo server and JupyterLab with the quickstart notebook",
        description="Start a demo server and JupyterLab with the quickstart notebook. "
        "Ctrl-C ends both.",
    )
    demo.add_argument("--port", type=_port, default=0, help="port of the demo server (a free one)")
    demo.add_argument("--lab-port", type=_port, default=0, help="port of JupyterLab (a free one)")
    demo.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    demo.add_argument("--no-lab", action="store_true", help="the demo server alone")
    demo.add_argument(
        "--replay-dir",
        type=_folder,
        metavar="DIR",
        help="serve the recorded streams (*.sse) in DIR at /replay/",
    )
    demo.add_argument(
        "--notebook-dir",
        type=_folder,
        metavar="DIR",
        help="open DIR as it is (otherwise a temporary copy of the demo notebooks)",
    )
    demo.set_defaults(run=_demo)
    replay = commands.add_parser(
        "replay",
        help="serve a capture as an event stream again",
        description="Serve the streams of a capture on loopback, as they were recorded. "
        "Ctrl-C ends it.",
    )
    replay.add_argument("capture", metavar="DIR", help="folder or URL of a capture")
    replay.add_argument("--port", type=_port, default=0, help="port of the server (a free one)")
    replay.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        help='how much faster than recorded, such as 10, or "max": all at once',
    )
    replay.set_defaults(run=_replay)
    _add_check(commands)
    _add_record(commands)
    _add_tail(commands)
    return parser


def _add_check(commands: Any) -> None:
    check = commands.add_parser(
        "check",
        help="verify a capture and say what is wrong with it",
        description="Read every file of a capture and say what is wrong: files that cannot be read, "
        "numbers of parts or events that are missing or there twice, footers that do not match their "
        "rows. Nothing is changed, and a writer may go on meanwhile.",
        epilog="exit codes: 0 nothing is wrong; 1 something is, and what, or there is no capture; 2 the "
        "command line is wrong.",
    )
    check.add_argument("capture", metavar="DIR", help="folder or URL of a capture")
    check.set_defaults(run=_check)


def _add_record(commands: Any) -> None:
    record = commands.add_parser(
        "record",
        help="capture streams into a folder",
        description="Capture event streams into a folder of Parquet files, and go on with one that "
        "is there already. Ctrl-C ends it, with all that came on disk. SIGHUP makes it read --config "
        "and --list again: new streams begin, the others go on.",
        epilog="exit codes: 0 all that came is on disk and no stream failed; 1 a stream failed, had "
        "no connection when it ended, brought "
        "bytes that held no event, or something could not be written, and which; 2 the command line is "
        "wrong.",
    )
    record.add_argument("urls", nargs="*", metavar="[NAME=]URL", type=stream)
    record.add_argument(
        "--config",
        metavar="FILE",
        help="streams and options from a file: TOML, or an mcp.json; the command line wins",
    )
    record.add_argument(
        "--list",
        metavar="FILE",
        help="more streams from a file: a URL or NAME=URL on each line",
    )
    record.add_argument("--to", metavar="DIR", help="folder or URL of the capture")
    record.add_argument(
        "--duration", type=duration, metavar="TIME", help="such as 90s, 30m, 12h or 7d"
    )
    record.add_argument(
        "--keep", type=duration, metavar="TIME", help="remove what is older than this"
    )
    service = record.add_argument_group("as a service")
    service.add_argument(
        "--metrics",
        type=_place,
        metavar="[HOST:]PORT",
        help="serve /metrics for Prometheus and /healthz, for this machine alone unless a HOST is given "
        "(0: a free port)",
    )
    service.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="what is written on standard error: lines for a person, or a JSON object on each line",
    )
    add_filter(record)
    add_request(record)
    record.add_argument(
        "--json", metavar="JSON", help="a body of JSON; @FILE reads it, @- from standard input"
    )
    record.set_defaults(run=_record)


def _add_tail(commands: Any) -> None:
    tail = commands.add_parser(
        "tail",
        help="the log of a stream on a terminal",
        description="Write the events of a stream as they come, a line an event: time, type and data. "
        "It reconnects and resumes. Ctrl-C ends it.",
        epilog="exit codes: 0 it ended as it should; 1 the stream failed, was never answered, or brought "
        "bytes that held no event, and why; 2 the command line is wrong.",
    )
    tail.add_argument("url", metavar="URL", type=_url)
    tail.add_argument("-n", type=_count, metavar="COUNT", help="end after so many events")
    tail.add_argument("--duration", type=duration, metavar="TIME", help="end after so long")
    tail.add_argument(
        "--json",
        action="append",
        default=[],
        metavar="PATH",
        help="write the value at this path of the JSON, such as price or choices[0].text; may be "
        "repeated. What begins with { [ or @ is a body to send, as for curl",
    )
    tail.add_argument(
        "--raw", action="store_true", help="data or values alone, without time and type: for a pipe"
    )
    tail.add_argument("--last-event-id", metavar="ID", help="begin after this event")
    add_filter(tail)
    add_request(tail)
    tail.set_defaults(run=_tail)


def _url(text: str) -> str:
    return stream(text)[1]


def _count(text: str) -> int:
    count = int(text) if text.isascii() and text.isdigit() else 0
    if not count:
        raise argparse.ArgumentTypeError(f"{text}: give a number of events above 0")
    return count


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{text}: give a port from 1 to 65535")
    return port


def _place(text: str) -> tuple[str, int]:
    """A host, loopback where none is named, and a port."""
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "127.0.0.1", _port(port)


def _speed(text: str) -> float:
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise argparse.ArgumentTypeError(f'{text}: give a number above 0, or "max"')
    return speed


def _folder(text: str) -> Path:
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there is no such folder")
    return folder.resolve()


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
