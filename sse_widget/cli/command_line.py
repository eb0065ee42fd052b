"""The command line of `sse-widget`: its commands, their options, and the form of each argument.

It reads the arguments, and refuses those that cannot be; `main` runs what they name. It starts nothing.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from .._version import __version__
from .request_options import add_filter, add_request, duration, stream


def parser() -> argparse.ArgumentParser:
    """The parser of the command line; what it parses names its `command`."""
    whole = argparse.ArgumentParser(
        prog="sse-widget", description="Live Server-Sent Events in a notebook."
    )
    whole.add_argument("--version", action="version", version=f"sse-widget {__version__}")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
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
    demo.set_defaults(command="demo")
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
    replay.set_defaults(command="replay")
    _add_check(commands)
    _add_record(commands)
    _add_tail(commands)
    return whole


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
    check.set_defaults(command="check")


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
    record.set_defaults(command="record")


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
    tail.set_defaults(command="tail")


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
