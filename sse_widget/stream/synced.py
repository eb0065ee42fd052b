"""What Python and the pages of a stream both write: the filter, and the columns of the log.

Each write of Python has a revision. A page's write counts only where the page had seen the latest one, so
that two who write at once end with the same value. Nothing here knows a comm: the widget gives the functions that
read and write a value.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import InvalidFilter
from ..filters import EventFilter
from ..notebook import Message
from .traits import without_revision

_EVERYTHING = EventFilter().to_wire()


class SyncedFilter:
    """The filter, as the kernel's value and as it travels.

    Args:
        read: the kernel's value.
        use: makes another one the kernel's.
        write: tells the pages.
    """

    def __init__(
        self,
        read: Callable[[], EventFilter],
        use: Callable[[EventFilter], None],
        write: Callable[[Message], None],
    ) -> None:
        self._read, self._use, self._write = read, use, write
        self._revision = 0
        self._told = _EVERYTHING

    def written(self, now: EventFilter) -> None:
        """The kernel's value changed."""
        wire = now.to_wire()
        if self._told == wire:
            return  # the page's own write, being taken over
        self._told = wire
        self._revision += 1
        self._tell()

    def page_wrote(self, wire: Message) -> None:
        """What travels changed; a page wrote it where it has an author."""
        if not wire.get("by"):
            return
        try:
            # Written before the page saw what Python wrote since: Python's write stands.
            if wire.get("rev") != self._revision:
                raise InvalidFilter("out of date")
            told = EventFilter.from_wire(without_revision(wire))
            # A key that the page left out has its default.
            if told.to_wire() == {**_EVERYTHING, **without_revision(wire)}:
                self._told = told.to_wire()
            self._use(told)
        except (InvalidFilter, TypeError, ValueError, KeyError):
            self._told = self._read().to_wire()
            self._tell()

    def _tell(self) -> None:
        self._write({**self._told, "rev": self._revision, "by": ""})


class SyncedColumns:
    """The columns of the log and of `df`. A write of a page is answered with what holds then, and
    `heard` in what travels says which write that was.

    Args:
        read: the paths that are columns.
        use: makes others the columns.
        write: tells the pages.
    """

    def __init__(
        self,
        read: Callable[[], list[str]],
        use: Callable[[list[str]], None],
        write: Callable[[Message], None],
    ) -> None:
        self._read, self._use, self._write = read, use, write
        self._revision = 0

    def written(self) -> None:
        """Python wrote them: the page's write before it no longer counts."""
        self._revision += 1
        self._tell()

    def page_wrote(self, wire: Message) -> None:
        """What travels changed; a page wrote it where it has an author."""
        page = wire.get("by")
        if not page:
            return
        try:
            if wire.get("rev") == self._revision:
                self._use(wire["paths"])
        except (TypeError, ValueError, KeyError):
            pass  # no list of names: what holds stays, and the page is told
        self._tell(heard=[page, wire.get("n")])

    def _tell(self, **more: list[object]) -> None:
        self._write({"paths": self._read(), "rev": self._revision, "by": "", **more})
