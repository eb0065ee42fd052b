"""Captured events as a folder of Parquet files, read back.

A capture is one *sequence* of parts or several (its shards), each numbered 0, 1, 2, ... A part is a file
that was created only if it was absent, so a writer that could not create part n has lost the sequence; the
footer of a part says how far each stream is. Folders hold some hundreds of parts each, and are merged and
removed as wholes. All functions block: call them off the loop. No network and no widget is known here.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa

from ..errors import CaptureDamaged, SSEError
from ..events import Gap
from ..tables import GapLog
from .footer import Footer, Position
from .footer_cache import Footers
from .part_facts import PartFacts, Wanted, microseconds_of
from .part_reader import Newest, PartReader
from .part_schema import (
    MAX_PART,
    ROWS,
    Part,
    believed_rows,
    damaged,
    inside,
    is_folder,
    is_part,
    is_shard,
    parts_of,
)
from .store import Store
from .stores import place_of

T = TypeVar("T")
K = TypeVar("K", Footer, PartFacts)

# What file managers leave in every folder they show.
_JUNK = {".DS_Store", "Thumbs.db", "desktop.ini"}
# Files are merged and removed while others read: the list is made anew then, by a slow reader beside
# a busy writer several times.
TRIES = 40
# Seconds, longer with each try, 7.4 in all: where a folder is exchanged by two renames, a disk that is busy with what
# others write may take as long between them.
PAUSE = 0.01


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a sequence goes on.

    Attributes:
        part: the number of the next part.
        folder: the folder it belongs into.
        parts: how many parts this folder has, and `bytes` how large they are.
        footer: that of the newest part that can be read; None where there is none.
    """

    part: int
    folder: str
    parts: int
    bytes: int
    footer: Footer | None

    @property
    def streams(self) -> dict[str, Position]:
        return dict(self.footer.streams) if self.footer else {}


class Dataset:
    """The files of a capture.

    Args:
        to: a folder, or a URL of a store whose put is atomic. Nothing is made or changed here.

    Raises:
        CaptureError: a file, or a store that cannot hold a capture.
    """

    def __init__(self, to: str | os.PathLike[str]) -> None:
        self.place: Store = place_of(to)
        self._footers = Footers(self.place)

    @property
    def nbytes(self) -> int:
        """About how many bytes are remembered of the files."""
        return self._footers.nbytes

    def __repr__(self) -> str:
        return f"<Dataset {self.place.name}>"

    def forget(self, parts: Iterable[Part] | None = None) -> None:
        """What was read of all files may not be true any more: the folder may be another one by now. Or
        these are gone, and nobody will ask for them."""
        self._footers.forget(parts)

    # ------------------------------------------------------------------ what is there

    def parts(self, shard: str | None = None) -> list[Part]:
        """The files of all shards or of one ("" is a plain capture's sequence), oldest first.

        Files of other names are passed over.
        """
        return self.again(lambda: self._parts(shard))

    def folders(self, shard: str = "") -> list[str]:
        """The names of the folders of a sequence, oldest first."""
        return sorted(filter(is_folder, self.place.folders(shard)), key=int)

    def _parts(self, shard: str | None) -> list[Part]:
        if shard is None:
            return parts_of(self.place.walk())
        folders = self.folders(shard)
        return parts_of([e for f in folders for e in self.place.walk(inside(shard, f))])

    def only_parts(self, folder: str, parts: list[Part]) -> bool:
        """Whether a folder holds these parts, and nothing that a user could miss."""
        return self.place.names(folder) <= {p.path.rpartition("/")[2] for p in parts} | _JUNK

    def rows(self, part: Part) -> pa.Table:
        """The rows of a part.

        Raises:
            CaptureDamaged: they cannot be believed.
        """
        table = self._rows([part])
        self.facts(part)
        return table

    def foreign_files(self) -> list[str]:
        """Files that are no part of the capture; nothing is done with them."""
        there = self.again(self.place.walk)
        return sorted(e.path for e in there if not is_part(e.path))

    def shards(self) -> list[str]:
        return sorted({part.shard for part in self.parts()})

    def damaged(self, shard: str | None = None) -> list[CaptureDamaged]:
        """What is wrong with the files of all shards or of one that cannot be read; all others are read
        without them."""
        found = self.again(lambda: [self._footers.facts(part) for part in self._parts(shard)])
        return [e for e in found if isinstance(e, CaptureDamaged)]

    def footer(self, part: Part, *, remember: bool = True) -> Footer:
        """What a file says of itself; it is remembered where it may be asked for again.

        Raises:
            CaptureTooNew: a newer version wrote it.
            CaptureDamaged: it is cut short, or no Parquet file.
            FileNotFoundError: it was merged or removed meanwhile.
        """
        return _sound(self._footers.footer(part, remember=remember))

    def facts(self, part: Part) -> PartFacts:
        """What the end of a file says of its rows. Raises as `footer` does."""
        return _sound(self._footers.facts(part))

    def sound(self, parts: list[Part]) -> list[tuple[Part, PartFacts]]:
        """Those that can be read, and what the end of each says."""
        both = [(part, self._footers.facts(part)) for part in parts]
        return [(part, known) for part, known in both if isinstance(known, PartFacts)]

    def advancing(self, stream: str | None, parts: list[Part]) -> list[tuple[Part, PartFacts]]:
        """Those of some parts, in order, in which a stream went on, or that have rows of any."""
        found = []
        before: dict[str, int] = {}
        for part, facts in self.sound(parts):
            seq = 0 if stream is None else facts.seq(stream)
            if facts.rows and (stream is None or seq != before.get(part.shard, 0)):
                found.append((part, facts))
            before[part.shard] = seq
        return found

    def _rows(
        self, parts: list[Part], wanted: Any = None, columns: list[str] | None = None
    ) -> pa.Table:
        """Rows as they can be believed. A part of which they cannot is left out, from here on too."""
        names = ROWS.names if columns is None else columns
        try:
            rows = self._dataset(parts).to_table(names, filter=wanted)
            return believed_rows(rows)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as e:
            if len(parts) == 1:
                self._footers.mark_damaged(parts[0], damaged(parts[0], e))
                return ROWS.empty_table().select(names)
        return pa.concat_tables([self._rows([part], wanted, columns) for part in parts])

    # ------------------------------------------------------------------ where to go on

    def checkpoint(self, shard: str = "") -> Checkpoint:
        """Where a sequence goes on: read from the footer of its newest part that can be read.

        Raises:
            ValueError: no name of a shard.
            CaptureTooNew: a newer version wrote it.
        """
        if shard and not is_shard(shard):
            raise ValueError(f"a shard's name is letters, digits, '_', '.' and '-', not {shard!r}")
        return self.again(lambda: self._checkpoint(shard))

    def _checkpoint(self, shard: str) -> Checkpoint:
        folders = self.folders(shard)
        following: int | None = None
        for folder in reversed(folders):
            within = inside(shard, folder)
            parts = parts_of(self.place.walk(within))
            for part in reversed(parts):
                following = part.last + 1 if following is None else following
                if following >= MAX_PART:
                    raise damaged(part, "no part has such a number")
                footer = self._footers.footer(part)
                if isinstance(footer, CaptureDamaged):
                    continue
                # The number of a damaged part is taken all the same.
                if footer.closes or folder != folders[-1]:
                    return Checkpoint(following, inside(shard, f"{following:08}"), 0, 0, footer)
                size = sum(p.size for p in parts)
                return Checkpoint(following, within, len(parts), size, footer)
        following = following or 0
        return Checkpoint(following, inside(shard, f"{following:08}"), 0, 0, None)

    def streams(self) -> dict[str, Position]:
        """How far each stream is, of all shards."""
        found: dict[str, Position] = {}
        for shard in self.shards():
            for name, position in self.checkpoint(shard).streams.items():
                # A stream that moved between shards is further in the one it is in now.
                if name not in found or found[name].seq < position.seq:
                    found[name] = position
        return found

    # ------------------------------------------------------------------ reading

    def dataset(self, stream: str | None = None) -> Any:
        """Everything, or one stream, as a `pyarrow.dataset.Dataset`: each row once.

        It is what is there now. Where files are merged or removed before it is read, reading it
        raises FileNotFoundError, never half an answer: ask for another one then.
        """
        return self.again(lambda: self._dataset(self._parts(None), stream))

    def _dataset(self, parts: list[Part], stream: str | None = None) -> Any:
        import pyarrow.compute
        import pyarrow.dataset

        form, filesystem = pyarrow.dataset.ParquetFileFormat(), self.place.filesystem
        # With what is true of the rows of each file: one that a filter excludes is not opened.
        fragments = [
            form.make_fragment(self.place.full(part.path), filesystem, facts.promise())
            for part, facts in self.advancing(stream, parts)
        ]
        if not fragments:
            return pyarrow.dataset.dataset(ROWS.empty_table())
        whole = pyarrow.dataset.FileSystemDataset(fragments, ROWS, form, filesystem)
        if stream is None:
            return whole
        return whole.filter(pyarrow.compute.field("stream") == stream)

    def read(
        self,
        stream: str | None = None,
        start: int = 0,
        stop: int | None = None,
        *,
        last: int | None = None,
        nbytes: int | None = None,
        shard: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        columns: list[str] | None = None,
    ) -> pa.Table:
        """Rows in the order they came; of a stream that moved between shards, in that of its shards.

        Args:
            stream: of this one only.
            start, stop: only events with these numbers: from `start` to before `stop`.
            last: at most so many, the newest of them.
            nbytes: with `last`: of at most so many bytes, those of the newest row excepted. It takes
                little more memory than that, however much the files unpack to.
            shard: of this sequence only.
            since, until: only events that came from `since` to before `until`; aware.
            columns: only these; all of them with `last`.
        """
        wanted = Wanted(stream, start, stop, microseconds_of(since), microseconds_of(until))
        return self.again(lambda: self._read(wanted, last, nbytes, shard, columns))

    def _read(
        self,
        wanted: Wanted,
        last: int | None,
        nbytes: int | None,
        shard: str | None,
        columns: list[str] | None,
    ) -> pa.Table:
        parts = self._parts(shard)
        stream, start, stop = wanted.stream, wanted.start, wanted.stop
        if stream is not None and (start > 0 or stop is not None):
            parts = self._covering(parts, stream, start, stop)
        if wanted.has_times:
            parts = [p for p, facts in self.sound(parts) if facts.may_hold(wanted)]
        if last is not None:
            return self._newest(parts, wanted, last, nbytes)
        if stream is not None:
            parts = [part for part, _ in self.advancing(stream, parts)]
        return self._rows(parts, wanted.expression(), columns)

    def _newest(self, parts: list[Part], wanted: Wanted, last: int, nbytes: int | None) -> pa.Table:
        if wanted.stream is not None:
            of: dict[str, list[Part]] = {}
            for part in parts:
                of.setdefault(part.shard, []).append(part)
            # By the newest file of each shard that can be read.
            stream = wanted.stream
            parts = [p for s in of.values() if self._reached(stream, s, len(s) - 1) for p in s]
        found = Newest(last, math.inf if nbytes is None else nbytes)
        for part in reversed(parts):
            if found.is_full:
                break
            if isinstance(self._footers.facts(part), CaptureDamaged):
                continue
            before = found.copy()
            try:
                with self._open(part) as reader:
                    for group in reversed(range(reader.groups)):
                        found.put_before(map(believed_rows, reader.tables(group, wanted)))
                        if found.is_full:
                            break
            except FileNotFoundError:
                raise
            except (pa.ArrowException, OSError) as e:
                self._footers.mark_damaged(part, damaged(part, e))
                found = before
        return pa.concat_tables([ROWS.empty_table(), *found.tables])

    def tables(
        self,
        stream: str | None = None,
        start: int = 0,
        stop: int | None = None,
        *,
        columns: list[str] | None = None,
    ) -> Iterator[pa.Table]:
        """The same rows as `read`, in tables of about a mebibyte, each when it is asked for; files that
        are merged meanwhile are found again, where it is one stream that is read.

        Args:
            columns: only these; `seq` among them where it is one stream.
        """
        tries = 0
        while True:
            parts = self.parts()
            if stream is not None:
                parts = self._covering(parts, stream, start, stop)
            try:
                for part in parts:
                    with contextlib.suppress(CaptureDamaged):
                        for table in self.tables_of(part, Wanted(stream, start, stop), columns):
                            yield table
                            if stream is not None:
                                start, tries = table["seq"][-1].as_py() + 1, 0
                return
            except FileNotFoundError:
                tries += 1
                if stream is None or tries >= TRIES:
                    raise
                time.sleep(PAUSE * (tries - 1))

    def tables_of(
        self, part: Part, wanted: Wanted, columns: list[str] | None = None
    ) -> Iterator[pa.Table]:
        """The rows of one file, in tables of about a mebibyte.

        Raises:
            CaptureDamaged: rows that cannot be believed, here; the file counts as damaged then.
            FileNotFoundError: it was merged or removed meanwhile.
        """
        with self.reading(part) as reader:
            for group in range(reader.groups):
                for table in map(believed_rows, reader.tables(group, wanted, columns)):
                    if table.num_rows:
                        yield table

    @contextlib.contextmanager
    def reading(self, part: Part) -> Iterator[PartReader]:
        """One file, opened. What cannot be read in it, or believed, raises as in `tables_of`."""
        self.facts(part)
        try:
            with self._open(part) as reader:
                yield reader
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as e:
            why = damaged(part, e)
            self._footers.mark_damaged(part, why)
            raise why from None

    @contextlib.contextmanager
    def _open(self, part: Part) -> Iterator[PartReader]:
        with self.place.filesystem.open_input_file(self.place.full(part.path)) as file:
            yield PartReader(file, ROWS)

    def _covering(self, parts: list[Part], stream: str, start: int, stop: int | None) -> list[Part]:
        """The parts that may hold these numbers of a stream: found by halving, so that few
        footers are read."""
        found: list[Part] = []
        for shard in sorted({p.shard for p in parts}):
            some = [p for p in parts if p.shard == shard]
            reached = partial(self._reached, stream, some)
            a = _first(len(some), lambda i: reached(i) > start)  # noqa: B023 (called at once)
            b = len(some)
            if stop is not None:
                b = _first(b, lambda i: reached(i) >= stop) + 1  # noqa: B023
            found += some[a:b]
        return found

    def _reached(self, stream: str, parts: list[Part], i: int) -> int:
        """The number after the last one that parts 0 to `i` have of a stream."""
        for part in reversed(parts[: i + 1]):
            facts = self._footers.facts(part)
            if isinstance(facts, PartFacts):
                return facts.seq(stream)
        return 0

    def oldest(self, stream: str) -> int | None:
        """The number of the oldest event of a stream that is still there; None without any."""
        return self.again(lambda: self._oldest(stream))

    def _oldest(self, stream: str) -> int | None:
        import pyarrow.compute as pc

        parts = self._parts(None)
        for part in self._covering(parts, stream, 0, None):
            seqs = self._rows([part], pc.field("stream") == stream, ["seq"])["seq"]
            if len(seqs):
                return int(pc.min(seqs).as_py())
        return None

    def gaps(
        self, stream: str | None = None, *, newest: int | None = None
    ) -> list[tuple[str, Gap]]:
        """The holes of all streams or of one, as (stream, gap), oldest first.

        Args:
            newest: read only so many files, the newest.
        """
        return self.again(lambda: self._gaps(stream, newest))

    def _gaps(self, stream: str | None, newest: int | None) -> list[tuple[str, Gap]]:
        found = GapLog()
        for part in self._parts(None)[-newest if newest else 0 :]:
            footer = self._footers.footer(part)
            if isinstance(footer, Footer):
                for name, gap in footer.gaps:
                    if stream in (None, name):
                        found.add(gap, name)
        return sorted(found.by_stream(), key=lambda pair: pair[1].at)

    def again(self, read: Callable[[], T]) -> T:
        """Read; from the beginning where a file went away meanwhile, because it was merged."""
        for tries in range(TRIES - 1):
            try:
                return read()
            except SSEError:
                raise
            except FileNotFoundError:
                time.sleep(PAUSE * tries)
        return read()


def _sound(known: K | CaptureDamaged) -> K:
    if isinstance(known, CaptureDamaged):
        raise known
    return known


def _first(n: int, is_true: Callable[[int], bool]) -> int:
    """The first of 0 .. n-1 from which on it is true; n where it never is."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if is_true(middle):
            high = middle
        else:
            low = middle + 1
    return low
