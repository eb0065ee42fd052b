"""Addresses: which streams a capture has: their names, and those that cannot be used, with the reason.

It connects to nothing. Imports `request` and `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..client import check_url
from ..errors import InvalidURL, SSEError, mask_url

__all__ = ["named", "shown", "sorted_out"]


def named(urls: Any) -> dict[str, Any]:
    """Name -> URL, in the order they were given; nothing is checked yet but names."""
    if isinstance(urls, str):
        urls = [urls]
    if isinstance(urls, Mapping):
        for name in urls:
            if not isinstance(name, str) or not name:
                raise TypeError(f"a stream's name must be a text, not {name!r}")
        found = dict(urls)
    else:
        found = {}
        for url in urls:
            name = base = mask_url(url) if isinstance(url, str) else repr(url)
            n = 1
            while name in found:
                n += 1
                name = f"{base} ({n})"
            found[name] = url
    if not found:
        raise ValueError("no streams: give a list of URLs, or a mapping of names to URLs")
    return found


def sorted_out(
    urls: Mapping[str, Any], options: Mapping[str, Any], *, unnamed: bool
) -> tuple[dict[str, str], dict[str, SSEError]]:
    """The streams that can be begun, and the others with the reason."""
    good: dict[str, str] = {}
    bad: dict[str, SSEError] = {}
    taken: dict[Any, str] = {}
    masked: dict[str, str] = {}
    for name, url in urls.items():
        try:
            address = check_url(url, options.get("params"))
        except InvalidURL as error:
            bad[name] = error
            continue
        same = (str(address.url), address.auth)
        if same in taken:
            bad[name] = InvalidURL(
                f"the same URL as {taken[same]!r}: it is captured once", url=address.masked
            )
        elif unnamed and address.masked in masked:
            # Its name would depend on the order of the list, and with it the place it resumes at.
            bad[name] = InvalidURL(
                f"differs from {masked[address.masked]!r} in a secret alone",
                url=address.masked,
                hint='Give both a name: SSECapture({"first": url, "second": url}, to=...).',
            )
        else:
            good[name] = str(url).strip()
            taken[same] = masked[address.masked] = name
    return good, bad


def shown(url: Any, options: Mapping[str, Any]) -> str:
    try:
        return check_url(url, options.get("params")).masked
    except InvalidURL as error:
        return error.url or repr(url)
