"""The command `sse-widget`: it reads the command line and runs what it names.

`demo` starts the demo server in this process and JupyterLab as a child, prints their addresses once they
answer, and ends both on Ctrl-C. `record` captures streams and `replay` serves a capture, until Ctrl-C.
No logic of streams stands here, and what a command needs is imported when the command is run.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import re
import signal
import sys
import time
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..client import COMMAND_LINE, Proxy, check_url, check_verify, proxy_of, speaking
from ..errors import InvalidURL, SSEError, reason_of
from ..filters import EventFilter
from ..masking import mask_url
from ..storage import Capture, span
from ..visible import visible, visible_name

if TYPE_CHECKING:
    from ..demo.lab import Lab, Notebooks
    from ..demo.server import DemoServer

__all__ = ["main"]

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
    _add_record(commands)
    return parser


def _add_record(commands: Any) -> None:
    record = commands.add_parser(
        "record",
        help="capture streams into a folder",
        description="Capture event streams into a folder of Parquet files, and go on with one that "
        "is there already. Ctrl-C ends it, with all that came on disk.",
        epilog="exit codes: 0 all that came is on disk and no stream failed; 1 a stream failed, had "
        "no connection when it ended, brought "
        "bytes that held no event, or something could not be written, and which; 2 the command line is "
        "wrong.",
    )
    record.add_argument("urls", nargs="+", metavar="[NAME=]URL", type=_stream)
    record.add_argument("--to", required=True, metavar="DIR", help="folder or URL of the capture")
    record.add_argument(
        "--duration", type=_duration, metavar="TIME", help="such as 90s, 30m, 12h or 7d"
    )
    record.add_argument("--filter", metavar="TEXT", help="only events with this text in their data")
    record.add_argument(
        "--type", action="append", metavar="TYPE", help="only events of this type; may be repeated"
    )
    record.add_argument(
        "--header",
        action="append",
        default=[],
        type=_headers,
        metavar="NAME:VALUE",
        help="sent along; may be repeated. @FILE reads such lines: a command line can be seen by all",
    )
    record.add_argument(
        "--proxy",
        metavar="URL",
        type=_proxy,
        help="go through this proxy of HTTP or SOCKS (else what HTTPS_PROXY and the like say)",
    )
    trust = record.add_mutually_exclusive_group()
    trust.add_argument(
        "--cacert",
        metavar="FILE",
        type=_certificates,
        help="trust these certificates (PEM) and no others",
    )
    trust.add_argument(
        "--insecure", action="store_true", help="check no certificate: anybody can listen"
    )
    record.add_argument(
        "--keep", type=_duration, metavar="TIME", help="remove what is older than this"
    )
    record.set_defaults(run=_record)


_NAMED = re.compile(r"(?P<name>[\w .-]+)=(?P<url>https?://.*)", re.DOTALL)


def _stream(text: str) -> tuple[str | None, str]:
    named = _NAMED.fullmatch(text)
    name, url = (named["name"], named["url"]) if named else (None, text)
    try:
        check_url(url)
    except InvalidURL as error:
        raise argparse.ArgumentTypeError(f"{error.message}. {error.hint}") from None
    return name, url


def _duration(text: str) -> timedelta:
    try:
        found = span(f"{text}s" if text.replace(".", "", 1).isdigit() else text)
    except (ValueError, TypeError):
        found = None
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: give a time such as 90s, 30m, 12h or 7d")
    return found


def _headers(text: str) -> list[tuple[str, str]]:
    """One header, or those of a file. What is wrong is told without the value: it may be secret."""
    lines = [text]
    if text.startswith("@"):
        try:
            lines = Path(text[1:]).read_text("utf-8").splitlines()
        except OSError as error:
            raise argparse.ArgumentTypeError(f"{text}: {reason_of(error)}") from None
    pairs = [line.partition(":") for line in lines if line.strip()]
    if not all(colon and name.strip() for name, colon, _ in pairs):
        raise argparse.ArgumentTypeError('give a header as "Name: value"')
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _proxy(text: str) -> Proxy:
    try:
        return proxy_of(text, "--proxy")
    except InvalidURL as error:
        raise argparse.ArgumentTypeError(f"{error.message}. {error.hint}") from None


def _certificates(text: str) -> str:
    try:
        check_verify("it", text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{text}: give a port from 1 to 65535")
    return port


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
    if sys.platform != "win32":
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

    path, shown = Path(options.capture).expanduser(), visible(options.capture)
    if path.is_file():
        raise _Problem(f"{shown} is a file: captures are served; SSEStream.replay plays files")
    if "://" not in options.capture and not path.exists():
        raise _Problem(f"there is no such folder: {shown}")
    try:
        server = CaptureServer(Dataset(options.capture), options.port, options.speed)
    except CaptureError as error:
        raise _Problem(str(error)) from None
    except OSError as error:
        raise _Problem(_taken(options.port, "--port", error), _USAGE) from None
    try:
        if not server.streams:
            raise _Problem(f"there is no capture in {visible(options.capture)}")
        for name, events in server.streams.items():
            _say(f"{server.url_of(name)}  {events:,} events of {visible_name(name)}")
        _say("Ctrl-C ends it.")
        while not stop.asked():
            time.sleep(0.1)
        return _DONE
    finally:
        server.stop()


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
    from ..capture import SSECapture
    from .record import record

    urls = _urls_of(options)
    wanted = None
    if options.filter is not None or options.type:
        wanted = EventFilter(types=options.type or None, text=options.filter or "")
    try:
        with speaking(COMMAND_LINE):
            capture = SSECapture(
                urls,
                to=Capture(options.to, keep=options.keep),
                filter=wanted,
                headers=[pair for pairs in options.header for pair in pairs] or None,
                proxy=options.proxy,
                verify=False if options.insecure else options.cacert,
            )
    except (SSEError, ValueError, TypeError) as error:
        raise _Problem(str(error), _USAGE) from None
    duration = options.duration.total_seconds() if options.duration else None
    return _DONE if record(capture, stop=stop.asked, duration=duration) else _FAILED


def _urls_of(options: argparse.Namespace) -> dict[str, str] | list[str]:
    """The streams to record, by name where any has one."""
    unnamed = [url for name, url in options.urls if name is None]
    named = {name: url for name, url in options.urls if name is not None}
    if len(named) + len(unnamed) < len(options.urls):
        raise _Problem("two streams have one name", _USAGE)
    return named | {mask_url(url): url for url in unnamed} if named else unnamed


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
