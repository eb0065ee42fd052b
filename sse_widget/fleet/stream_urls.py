"""Which streams a capture has: their names and URLs, and those that cannot be used, with the reason.

It connects to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..client import Request, SourceOptions, Url, address_text
from ..errors import CaptureError, InvalidURL, SSEError
from ..masking import mask_url
from ..storage import check_stream_name
from ..visible import visible_name
from .per_stream import told_to


def named(urls: Any) -> dict[str, Any]:
    """Name -> URL, in the order they were given; nothing is checked yet but names."""
    if isinstance(urls, str):
        urls = [urls]
    if isinstance(urls, Mapping):
        for name in urls:
            if not isinstance(name, str) or not name:
                raise TypeError(f"a stream's name must be text, not {type(name).__name__}")
        found = dict(urls)
    else:
        found = {}
        for url in urls:
            name = base = _name_of(url)
            n = 1
            while name in found:
                n += 1
                name = f"{base} ({n})"
            found[name] = url
    if not found:
        raise ValueError("no streams: give a list of URLs, or a mapping of names to URLs")
    return dict(_named(name, url) for name, url in found.items())


def _named(name: str, url: Any) -> tuple[str, Any]:
    """A name that cannot be used is a row that says why, under one that can be shown."""
    try:
        return check_stream_name(name), url
    except ValueError as error:
        return visible_name(name, 200), _Misnamed(url, str(error))


class _Misnamed(NamedTuple):
    """Stands for the URL of a stream whose name cannot be used."""

    url: Any
    why: str


def _name_of(url: Any) -> str:
    """A stream without a name has its URL for one, without secrets. What is none is told by its
    type alone: it may hold a token."""
    try:
        return mask_url(address_text(url))
    except InvalidURL:
        return f"({type(url).__name__})"


def sorted_out(
    urls: Mapping[str, Any],
    options: Mapping[str, Any],
    own: Mapping[str, Mapping[str, Any]],
    *,
    unnamed: bool,
) -> tuple[dict[str, Url], dict[str, SSEError]]:
    """The streams that can be begun, and the others with the reason."""
    good: dict[str, Url] = {}
    bad: dict[str, SSEError] = {}
    taken: dict[Any, str] = {}
    masked: dict[str, str] = {}
    for name, url in urls.items():
        if isinstance(url, _Misnamed):
            bad[name] = CaptureError(url.why, hint="Give it another name.")
            continue
        try:
            request = _request(url, told_to(name, options, own))
        except InvalidURL as error:
            bad[name] = error
            continue
        if callable(request.url):
            if unnamed:
                bad[name] = InvalidURL(
                    "a URL that is asked for has no name of its own",
                    hint='Give it one: SSECapture({"name": function}, to=...).',
                )
            else:
                good[name] = request.url
            continue
        address = request.address
        same: object = request.url if address is None else (address.text, address.auth)
        if name in own:  # the same address may be asked twice, with other credentials
            same = (same, repr(sorted(own[name].items())))
        if same in taken:
            bad[name] = InvalidURL(
                f"the same URL as {taken[same]!r}: it is captured once", url=request.masked
            )
        elif unnamed and request.masked in masked:
            # Its name would depend on the order of the list, and with it the place it resumes at.
            bad[name] = InvalidURL(
                f"differs from {masked[request.masked]!r} in a secret alone",
                url=request.masked,
                hint='Give both a name: SSECapture({"first": url, "second": url}, to=...).',
            )
        else:
            good[name] = request.url
            taken[same] = masked[request.masked] = name
    return good, bad


def _request(url: Any, options: Mapping[str, Any]) -> Request:
    known = {name: options[name] for name in ("client", "params") if name in options}
    return Request.of(url, SourceOptions(**known))


def shown(url: Any, options: Mapping[str, Any]) -> str:
    """What may be shown of a stream's URL, whether it is one or not."""
    if isinstance(url, _Misnamed):
        url = url.url
    try:
        return _request(url, options).masked
    except InvalidURL as error:
        return error.url or _name_of(url)
