"""The arguments of a widget of streams: which are traits, which contradict each other, and what of them may be
shown.

Pure functions; they keep nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

import ipywidgets

from .. import recordings, storage
from ..checks import shown_value
from ..client import Request, SourceKeywords, SourceOptions, Url, unknown_option
from .resume_command import CommandParts, command_parts

if TYPE_CHECKING:
    from ..recordings import Recording
    from ..storage import Capture


def check_replay(options: SourceKeywords, capture: object, *, paced: bool) -> None:
    """Refuse what a replay has no use for.

    Raises:
        TypeError: by name.
    """
    if options:
        raise TypeError(f"a replay has no option {min(options)!r}: it asks no server")
    if not paced:
        raise TypeError("a replay has no option 'exact_times': its times are the recorded ones")
    if capture is not None:
        raise TypeError("a replay has no option 'capture': what it plays is kept already")


def shown_url(url: Url | Recording, told: SourceOptions) -> str:
    """The address, without secrets."""
    if isinstance(url, recordings.Recording):
        return recordings.Player(url).url
    return Request.of(url, told).masked


def check_named(capture: str | os.PathLike[str] | Capture) -> None:
    """Refuse a capture in which a stream whose URL is asked for would have no name.

    Raises:
        ValueError: it has none.
    """
    if storage.capture_of(capture).stream is None:
        raise ValueError(
            "capture= names a stream after its URL, and this one is asked for on every attempt: "
            'capture=Capture(folder, stream="a name")'
        )


def outline(url: object, options: SourceOptions) -> CommandParts:
    """What may be shown of the request, so that a user can ask the same elsewhere."""
    found = options.outline()
    if callable(url):
        found["unknown"] = ["the function of url=", *found["unknown"]]
    return command_parts(**found)


def split_traits(options: SourceKeywords, owner: str, *own: str) -> dict[str, object]:
    """Take the traits of a DOMWidget out of `options`; refuse what neither they nor `EventSource`
    nor the `owner` know, by name."""
    known = SourceKeywords.__annotations__
    dom = {n for n in ipywidgets.DOMWidget.class_trait_names() if not n.startswith("_")}
    dom -= {"comm", "keys", "log"}
    given = cast("dict[str, object]", options)
    traits = {name: given.pop(name) for name in list(given) if name in dom}
    for name in options:
        if name not in known:
            raise unknown_option(owner, name, [*known, *dom, *own])
    return traits


def plotted(path: str | None, by: str | None) -> dict[str, str]:
    """The paths of a chart, as the page is told them; "" for none.

    Raises:
        TypeError: one is no text.
        ValueError: one is empty.
    """
    for name, value in (("path", path), ("by", by)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} must be a key or dotted path, not {shown_value(value)}")
        if value == "":
            raise ValueError(f'{name} must be a key or dotted path such as "price", not ""')
    return {"path": path or "", "by": by or ""}
