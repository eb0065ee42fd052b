"""StreamSet: the streams of a capture by name: which of them can be started, with which options of their own, and
why the others cannot.

A set never changes; other streams are another set. It connects to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..client import Url
from ..errors import SSEError
from ..fleet import StreamTable, named, own_options, shown, sorted_out, told_to

# What a user gives: URLs, or by name a URL or a mapping that says more.
Streams: TypeAlias = Mapping[str, Url | Mapping[str, object]] | Iterable[str]


@dataclass(frozen=True, slots=True)
class _HeadersOf:
    """What gives the headers of one stream. Equal where it is made again for the same one."""

    headers: Callable[[str], object]
    name: str

    def __call__(self) -> object:
        return self.headers(self.name)


@dataclass(frozen=True, slots=True)
class StreamSet:
    """Some streams.

    Attributes:
        good: name -> URL, unmasked, of those that can be begun.
        bad: name -> why not, of the others.
        own: name -> the options of this stream alone.
        shown: name -> URL, masked, of all.
    """

    good: Mapping[str, Url]
    bad: Mapping[str, SSEError]
    own: Mapping[str, Mapping[str, object]]
    shown: Mapping[str, str]

    @classmethod
    def of(
        cls,
        urls: Streams,
        options: Mapping[str, object],
        headers: Callable[[str], object] | None = None,
    ) -> StreamSet:
        """What a user gave, sorted out.

        Args:
            urls: as `SSECapture` takes them.
            options: of all streams, checked.
            headers: asked for the headers of each stream, by its name.

        Raises:
            TypeError: an entry that is none; an unknown option, by name.
            ValueError: no streams at all; an option out of its range.
        """
        streams, own = own_options(named(urls))
        if headers is not None:
            own = {n: {"headers": _HeadersOf(headers, n), **own.get(n, {})} for n in streams}
        good, bad = sorted_out(streams, options, own, unnamed=not isinstance(urls, Mapping))
        urls_shown = {n: shown(url, told_to(n, options, own)) for n, url in streams.items()}
        return cls(good, bad, own, urls_shown)

    def fill(self, table: StreamTable) -> None:
        """Give the table its rows, and say there why some are never begun."""
        table.follow(self.shown)
        for name, error in self.bad.items():
            table.fail(name, error.message, error.hint)
