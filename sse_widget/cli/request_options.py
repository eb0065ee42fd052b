"""The options of a request for `record` and `tail`, under the names that curl has for them.

It reads the command line and the files named there. An error message repeats no value that may be secret.
"""

from __future__ import annotations

import argparse
import getpass
import json
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..client import Proxy, check_url, check_verify, proxy_of
from ..errors import InvalidFilter, InvalidURL
from ..filters import EventFilter
from ..storage import span


def add_request(parser: argparse.ArgumentParser) -> None:
    """The options about the request, to `record` and `tail` alike."""
    group = parser.add_argument_group("the request, as for curl")
    add = group.add_argument
    add("-X", "--request", metavar="METHOD", help="GET, or POST where there is a body")
    add("-d", "--data", metavar="DATA", help="a body; @FILE reads it, @- from standard input")
    add(
        "-H",
        "--header",
        action="append",
        default=[],
        type=header_pairs,
        metavar="NAME:VALUE",
        help="sent along; may be repeated. @FILE reads such lines: a command line can be seen by all",
    )
    add(
        "-u",
        "--user",
        metavar="USER:PASSWORD",
        help="Basic authentication; without :PASSWORD it is asked for",
    )
    add(
        "-x",
        "--proxy",
        metavar="URL",
        type=_proxy,
        help="go through this proxy of HTTP or SOCKS (else what HTTPS_PROXY and the like say)",
    )
    trust = group.add_mutually_exclusive_group()
    trust.add_argument(
        "--cacert",
        metavar="FILE",
        type=_certificates,
        help="trust these certificates (PEM) and no others",
    )
    trust.add_argument(
        "-k", "--insecure", action="store_true", help="check no certificate: anybody can listen"
    )
    add(
        "--idle-timeout",
        type=duration,
        metavar="TIME",
        help="connect again after so long without a byte, such as 30s",
    )
    add(
        "--stop-when",
        action="append",
        metavar="TEXT",
        help="end after an event whose data or type is this text; may be repeated",
    )


def add_filter(parser: argparse.ArgumentParser) -> None:
    """The options about which events."""
    group = parser.add_argument_group("which events")
    group.add_argument("--filter", metavar="TEXT", help="only events with this text in their data")
    group.add_argument(
        "--type", action="append", metavar="TYPE", help="only events of this type; may be repeated"
    )
    group.add_argument(
        "--where",
        action="append",
        type=condition,
        metavar="CONDITION",
        help="only events whose JSON meets this, such as 'price > 100', 'symbol in BTC,ETH', "
        "'error exists'; may be repeated",
    )


def request_keywords(options: argparse.Namespace, body: str | None = None) -> dict[str, Any]:
    """What was given of `add_request`, as options of `EventSource`.

    Args:
        body: JSON to send, or @FILE, of an option that each command has its own name for.

    Raises:
        ValueError: something that cannot be used.
    """
    headers = [pair for pairs in options.header for pair in pairs]
    told = _body(options.data, body, headers)
    told |= {
        "headers": headers or None,
        "method": options.request,
        "auth": None if options.user is None else _login(options.user),
        "proxy": options.proxy,
        "verify": False if options.insecure else options.cacert,
        "stop_when": options.stop_when or None,
    }
    if options.idle_timeout is not None:
        told["idle_timeout"] = options.idle_timeout.total_seconds()
    return {name: value for name, value in told.items() if value is not None}


def _body(data: str | None, as_json: str | None, headers: list[tuple[str, str]]) -> dict[str, Any]:
    """The body, and among the headers its type, as curl would say it."""
    if data is not None and as_json is not None:
        raise ValueError("--data and --json exclude each other: a request has one body")
    if as_json is not None:
        try:
            return {"json": json.loads(_text_of(as_json))}
        except json.JSONDecodeError:
            raise ValueError("--json is no JSON") from None
    if data is None:
        return {}
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    return {"content": _text_of(data)}


def filter_of_options(options: argparse.Namespace) -> EventFilter | None:
    """What was given of `add_filter`; None where nothing was."""
    if options.filter is None and not options.type and not options.where:
        return None
    return EventFilter(
        types=options.type or None, text=options.filter or "", where=options.where or ()
    )


# ---------------------------------------------------------------------- one value each


_NAMED = re.compile(r"(?P<name>[\w .-]+)=(?P<url>https?://.*)", re.DOTALL)


def stream(text: str) -> tuple[str | None, str]:
    """The name of a stream, if it has one, and its URL."""
    named = _NAMED.fullmatch(text)
    name, url = (named["name"], named["url"]) if named else (None, text)
    try:
        check_url(url)
    except InvalidURL as error:
        raise argparse.ArgumentTypeError(f"{error.message}. {error.hint}") from None
    return name, url


def duration(text: str) -> timedelta:
    """A length of time; a bare number is seconds."""
    try:
        found = span(f"{text}s" if text.replace(".", "", 1).isdigit() else text)
    except (ValueError, TypeError):
        found = None
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: give a time such as 90s, 30m, 12h or 7d")
    return found


def header_pairs(text: str) -> list[tuple[str, str]]:
    """One header, or those of a file. What is wrong is told without the value: it may be secret."""
    lines = [text]
    if text.startswith("@"):
        try:
            lines = Path(text[1:]).read_text("utf-8").splitlines()
        except OSError as error:
            raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    pairs = [line.partition(":") for line in lines if line.strip()]
    if not all(colon and name.strip() for name, colon, _ in pairs):
        raise argparse.ArgumentTypeError('give a header as "Name: value"')
    return [(name.strip(), value.strip()) for name, _, value in pairs]


_CONDITION = re.compile(
    r"\s*(?P<path>.*?\S)\s*(?:(?P<sign>==|!=|<=|>=|=|<|>)|\s(?P<word>in|contains|exists)(?=\s|$))\s*"
    r"(?P<value>.*?)\s*",
    re.DOTALL,
)


def condition(text: str) -> tuple[str, str, object]:
    """A condition on a field: a path, an operator and a value, which is JSON or else text."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: give a condition such as 'price > 100'")
    path, op, written = found["path"], found["sign"] or found["word"], found["value"]
    value: object = _json_or_text(written)
    if op == "in" and not isinstance(value, list):
        value = [_json_or_text(part.strip()) for part in written.split(",")]
    elif op == "exists":
        value = True if written == "" else value
    one = (path, "==" if op == "=" else op, value)
    try:
        EventFilter(where=[one])
    except (InvalidFilter, TypeError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return one


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text_of(given: str) -> str:
    """The text, or that of the file it names."""
    if given == "@-":
        return sys.stdin.read()
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "no UTF-8"
        raise ValueError(f"{given}: {why}") from None


def _login(given: str) -> tuple[str, str]:
    user, colon, password = given.partition(":")
    if not colon:
        if not sys.stdin.isatty():
            raise ValueError("--user has no password: give USER:PASSWORD")
        password = getpass.getpass(f"Password for {user}: ")
    return user, password


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
