"""Searching the files of a capture, newest first, a few matches at a time.

A search reads only as its matches are taken, says how far it is, and ends when it is cancelled. It holds the
matches of one row group, at most a bounded number of bytes, whatever a file unpacks to. It blocks: it must not
be read on the loop.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from ..errors import CaptureDamaged
from ..filters import EventFilter
from ..payload import text_sizes
from .dataset import Dataset
from .part_facts import PartFacts, Wanted, microseconds_of
from .part_reader import PartReader
from .part_schema import Part, believed_rows

# Matches that are held, of one row group.
_HELD_BYTES = 32 * 2**20
# A file that was merged while it was searched is found again under another name, so many times.
_TRIES = 20


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """How far a search is.

    Attributes:
        searched: events of the files that were looked through.
        events: of so many files as may hold what is sought, by their ends.
        found: how many matched.
        since: nothing newer than this is left to look at, in microseconds since 1970; None before the
            first file is done.
        done: all was looked at, or it was cancelled.
    """

    searched: int = 0
    events: int = 0
    found: int = 0
    since: int | None = None
    done: bool = False


class Search:
    """Finds events in the files of a capture. Iterating gives tables of the rows that match, with the columns of
    a capture, newest file first, and newest row last in each table; an empty one now and then, so that
    whoever takes them can look at the clock.

    Args:
        dataset: the files, as they are when the search begins.
        filter: which events.
        stream: of this one; None for all.
    """

    def __init__(self, dataset: Dataset, filter: EventFilter, stream: str | None = None) -> None:
        self._dataset = dataset
        self._filter = filter
        self._wanted = Wanted(
            stream, since=microseconds_of(filter.since), until=microseconds_of(filter.until)
        )
        self._cancelled = threading.Event()
        self._tables = self._search()
        self._progress = SearchProgress()

    @property
    def progress(self) -> SearchProgress:
        """How far it is. Any thread may look."""
        now = self._progress
        return replace(now, done=True) if self.cancelled else now

    def cancel(self) -> None:
        """End it soon: what was found stays. Any thread may call this."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def __iter__(self) -> Iterator[pa.Table]:
        return self._tables

    def _search(self) -> Iterator[pa.Table]:
        left = _Left(self._dataset, self._wanted)
        for _ in range(_TRIES):
            try:
                yield from self._search_files(left)
                break
            except FileNotFoundError:
                continue
        self._tell(done=True)

    def _search_files(self, left: _Left) -> Iterator[pa.Table]:
        rows = left.list_files()
        self._tell(events=self.progress.searched + rows)
        while not self.cancelled and (found := left.newest()) is not None:
            part, facts = found
            for table in self._search_part(part, left.unsearched_of(part)):
                self._tell(found=self.progress.found + table.num_rows)
                yield table
                if self.cancelled:
                    return
            left.done(part)
            since = self.progress.since if facts.span is None else facts.span[0]
            self._tell(searched=self.progress.searched + facts.rows, since=since)

    def _search_part(self, part: Part, newest: PartFacts | None) -> Iterator[pa.Table]:
        with contextlib.suppress(CaptureDamaged), self._dataset.reading(part) as reader:
            for group in reversed(range(reader.groups)):
                yield from self._backwards(reader, group, newest)

    def _backwards(
        self, reader: PartReader, group: int, newest: PartFacts | None
    ) -> Iterator[pa.Table]:
        """The matches of one row group, the newest first. Where they are too large to be held it is read
        once more for each part of them."""
        stop: int | None = None
        while stop is None or stop > 0:
            held: deque[tuple[pa.Table, int]] = deque()
            dropped = size = seen = 0
            for table in self._matches(reader, group, newest):
                if stop is not None:
                    table = table.slice(0, max(stop - seen, 0))
                seen += table.num_rows
                taken = int(text_sizes(table).sum()) + 100 * table.num_rows
                held.append((table, taken))
                size += taken
                while size > _HELD_BYTES and len(held) > 1:
                    first, of_first = held.popleft()
                    dropped += first.num_rows
                    size -= of_first
            if self.cancelled:
                return
            for table, _ in reversed(held):
                yield table
            stop = dropped

    def _matches(
        self, reader: PartReader, group: int, newest: PartFacts | None
    ) -> Iterator[pa.Table]:
        for table in map(believed_rows, reader.tables(group, self._wanted)):
            if self.cancelled:
                return
            if newest is not None:
                table = table.filter(_before(newest, table))
            mask = self._filter.mask(table)
            yield table if mask is None else table.filter(mask)

    def _tell(
        self,
        *,
        searched: int | None = None,
        events: int | None = None,
        found: int | None = None,
        since: int | None = None,
        done: bool = False,
    ) -> None:
        now = self._progress
        self._progress = SearchProgress(
            now.searched if searched is None else searched,
            now.events if events is None else events,
            now.found if found is None else found,
            now.since if since is None else since,
            done or now.done,
        )


class _Left:
    """Which files are left to search, by sequence, while others merge and remove them.

    A file that is gone when it is to be opened was merged, mostly: its rows are then in a larger one, with
    rows of newer files that were searched already.
    """

    def __init__(self, dataset: Dataset, wanted: Wanted) -> None:
        self._dataset = dataset
        self._wanted = wanted
        self._files: dict[str, list[tuple[Part, PartFacts]]] = {}
        # Of each sequence the newest file that was left when the list was last made.
        self._newest: dict[str, tuple[Part, PartFacts]] = {}
        self._finished: set[str] = set()

    def list_files(self) -> int:
        """Look what is there; how many rows it has."""
        self._newest.update((name, files[-1]) for name, files in self._files.items())
        self._files = {}
        for part, facts in self._dataset.advancing(self._wanted.stream, self._dataset.parts()):
            newest = self._newest.get(part.shard)
            was_searched = newest is not None and part.first > newest[0].last
            if part.shard in self._finished or was_searched or not facts.may_hold(self._wanted):
                continue
            self._files.setdefault(part.shard, []).append((part, facts))
        return sum(facts.rows for files in self._files.values() for _, facts in files)

    def newest(self) -> tuple[Part, PartFacts] | None:
        """The next one: the newest, whichever sequence it is of."""
        if not self._files:
            return None
        shard = max(self._files, key=lambda name: _ended(self._files[name][-1][1]))
        return self._files[shard][-1]

    def unsearched_of(self, part: Part) -> PartFacts | None:
        """Of a file that was merged meanwhile: how far each stream was in those of its rows that were not
        searched yet; None where no row of it was."""
        newest = self._newest.get(part.shard)
        return newest[1] if newest is not None and part.last > newest[0].last else None

    def done(self, part: Part) -> None:
        """This one was searched."""
        self._files[part.shard].pop()
        if not self._files[part.shard]:
            del self._files[part.shard]
            self._finished.add(part.shard)


def _ended(facts: PartFacts) -> int:
    return 0 if facts.span is None else facts.span[1]


def _before(newest: PartFacts, table: pa.Table) -> pa.Array:
    """Which rows are of this part or an older one: by how far each stream was."""
    coded = table["stream"].combine_chunks().dictionary_encode()
    reached = np.array([newest.seq(name) for name in coded.dictionary.to_pylist()], np.int64)
    rows = table["seq"].to_numpy() < reached[coded.indices.to_numpy()]
    return pa.array(rows)
