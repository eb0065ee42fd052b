"""The options of one stream of many: its headers, and other options of `EventSource`, for it alone.

A stream is given as a URL, or as a mapping in the shape of an entry of an `mcp.json`. This module brings both
into one form, and connects to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..checks import takes_arguments
from ..client import SourceOptions
from ..visible import quoted

# One client serves all streams.
_SHARED = ("client", "verify", "proxy")
# What such files say of a server that is no option of ours: the transport is an event stream.
_IGNORED = ("type", "transport")


def own_options(streams: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Name -> URL, and name -> the options that this stream has of its own, checked.

    Raises:
        TypeError: an entry without a URL, or an option that there is none of, by name.
        ValueError: an option out of its range.
    """
    urls: dict[str, Any] = {}
    own: dict[str, dict[str, Any]] = {}
    for name, given in streams.items():
        if not isinstance(given, Mapping):
            urls[name] = given
            continue
        entry = {key: value for key, value in given.items() if key not in _IGNORED}
        if "url" not in entry:
            raise TypeError(
                f'{_stream(name)} has no "url": give {{"url": ..., "headers": {{...}}}}'
            )
        urls[name] = entry.pop("url")
        for key in _SHARED:
            if key in entry:
                raise TypeError(f"{_stream(name)} has {key}=, which is one for all streams")
        own[name] = SourceOptions.of(_stream(name), entry).keywords(entry)
    return urls, own


def headers_by_name(options: Mapping[str, Any]) -> Callable[[str], Any] | None:
    """The option `headers`, where it is a function of a stream's name; else None."""
    headers: Callable[[str], Any] | None = options.get("headers")
    if not callable(headers) or takes_arguments(headers, 0) or not takes_arguments(headers, 1):
        return None
    return headers


def told_to(
    name: str, options: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The options of one stream: its own, and those of all. Of the headers its own win by name."""
    mine = own.get(name, {})
    told = {**options, **mine}
    common, headers = options.get("headers"), mine.get("headers")
    if common and headers and not callable(common) and not callable(headers):
        taken = {key.lower() for key, _ in headers}
        told["headers"] = (*(pair for pair in common if pair[0].lower() not in taken), *headers)
    if "json" in mine or "content" in mine:  # a request has one body
        told = {k: v for k, v in told.items() if k not in ("json", "content") or k in mine}
    return told


def _stream(name: str) -> str:
    return f"the stream {quoted(name)}"
