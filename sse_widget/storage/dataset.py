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
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa

from ..errors import CaptureDamaged, SSEError
from ..events import Gap
from ..tables import SCHEMA, GapLog, believed
from .footer import MAX_BYTES as MAX_FOOTER
from .footer import MAX_NUMBER, Footer, Position
from .part_reader import Newest, PartReader, Wanted
from .stores import FileInfo, Store, place_of

__all__ = ["ROWS", "Checkpoint", "Dataset", "Part"]

T = TypeVar("T")

ROWS = pa.schema(
    [
        pa.field("stream", pa.large_string(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        *SCHEMA,
        # Whether the event had an id line of its own: what tells a replay from news.
        pa.field("has_id", pa.bool_(), nullable=False),
    ]
)
"""The columns of a capture."""

_PART = re.compile(
    r"(?:(?P<shard>[A-Za-z][\w.-]*)/)?(?P<folder>[0-9]{8,15})"
    r"/part-(?P<first>[0-9]{8,15})(?:-(?P<last>[0-9]{8,15}))?\.parquet",
    re.ASCII,
)
_FOLDER = re.compile(r"[0-9]{8,15}")
_SHARD = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)
_MAX_PART = 10**15
# What file managers leave in every folder they show.
_JUNK = {".DS_Store", "Thumbs.db", "desktop.ini"}
# What Parquet itself says of a file: that of a merged one takes some KB beside ours.
_MAX_METADATA = 4 * MAX_FOOTER
_FIRST_TIME, _LAST_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
# Files are merged and removed while others read: the list is made anew then, by a slow reader beside
# a busy writer several times.
_TRIES = 20
_PAUSE = 0.002  # seconds, growing
# Of the footers that are remembered: 20,000 positions of streams, or fewer with many types.
_KNOWN_BYTES = 16 * 2**20


class Part(NamedTuple):
    """One file: part `first`, or all parts from `first` to `last`."""

    shard: str
    first: int
    last: int
    folder: str  # within the place, with the shard
    path: str  # within the place
    size: int


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
        # Parts never change; a path is written once.
        self._footers: dict[str, Footer | CaptureDamaged] = {}
        self._weight = 0

    @property
    def nbytes(self) -> int:
        """About how many bytes are remembered of the files."""
        return self._weight

    def __repr__(self) -> str:
        return f"<Dataset {self.place.name}>"

    def forget(self) -> None:
        """What was read may not be true any more: the folder may be another one by now."""
        self._footers.clear()
        self._weight = 0

    # ------------------------------------------------------------------ what is there

    def parts(self, shard: str | None = None) -> list[Part]:
        """The files of all shards or of one ("" is a plain capture's sequence), oldest first.

        Files of other names are nobody's business here.
        """
        return self._again(lambda: self._parts(shard))

    def folders(self, shard: str = "") -> list[str]:
        """The names of the folders of a sequence, oldest first."""
        return sorted(filter(_FOLDER.fullmatch, self.place.folders(shard)), key=int)

    def _parts(self, shard: str | None) -> list[Part]:
        if shard is None:
            return _of(self.place.walk())
        folders = self.folders(shard)
        return _of([e for f in folders for e in self.place.walk(_inside(shard, f))])

    def only_parts(self, folder: str, parts: list[Part]) -> bool:
        """Whether a folder holds these parts, and nothing that a person could miss."""
        return self.place.names(folder) <= {p.path.rpartition("/")[2] for p in parts} | _JUNK

    def rows(self, part: Part) -> pa.Table:
        """The rows of a part.

        Raises:
            CaptureDamaged: they cannot be believed.
        """
        table = self._rows([part])
        known = self._footers.get(part.path)
        if isinstance(known, CaptureDamaged):
            raise known
        return table

    def foreign_files(self) -> list[str]:
        """Files that are no part of the capture; nothing is done with them."""
        there = self._again(self.place.walk)
        return sorted(e.path for e in there if not _PART.fullmatch(e.path))

    def shards(self) -> list[str]:
        return sorted({part.shard for part in self.parts()})

    def damaged(self) -> list[CaptureDamaged]:
        """What is wrong with the files that cannot be read; all others are read without them."""
        found = self._again(lambda: [self._try(part) for part in self._parts(None)])
        return [e for e in found if isinstance(e, CaptureDamaged)]

    def footer(self, part: Part) -> Footer:
        """
        Raises:
            CaptureTooNew: a newer version wrote it.
            CaptureDamaged: it is cut short, or no Parquet file.
            FileNotFoundError: it was merged or removed meanwhile.
        """
        got = self._try(part)
        if isinstance(got, CaptureDamaged):
            raise got
        return got

    def _try(self, part: Part) -> Footer | CaptureDamaged:
        known = self._footers.get(part.path)
        if known is None:
            try:
                known = self._read_footer(part)
            except CaptureDamaged as e:
                known = e
            self._remember(part, known)
        return known

    def _remember(self, part: Part, known: Footer | CaptureDamaged) -> None:
        before = self._footers.pop(part.path, None)
        self._footers[part.path] = known
        self._weight += _weight(known) - (0 if before is None else _weight(before))
        # A thousand streams have large ones.
        while self._weight > _KNOWN_BYTES and len(self._footers) > 1:
            self._weight -= _weight(self._footers.pop(next(iter(self._footers))))

    def _read_footer(self, part: Part) -> Footer:
        import pyarrow.parquet

        try:
            with self.place.filesystem.open_input_file(self.place.full(part.path)) as file:
                _check_length(file)
                opened = pyarrow.parquet.ParquetFile(
                    file,
                    thrift_string_size_limit=_MAX_METADATA,
                    thrift_container_size_limit=_MAX_METADATA // 64,
                )
                metadata = opened.metadata.metadata
                if not opened.schema_arrow.equals(ROWS, check_metadata=False):
                    raise pa.ArrowInvalid("its columns are not those of a capture")
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as e:
            raise _damaged(part, e) from None
        footer = Footer.decode(metadata, part.path)
        if footer.part != part.last:
            raise _damaged(part, f"its footer says that it is part {footer.part}")
        return footer

    def _rows(
        self, parts: list[Part], wanted: Any = None, columns: list[str] | None = None
    ) -> pa.Table:
        """Rows as they can be believed. A part of which they cannot is left out, from here on too."""
        names = ROWS.names if columns is None else columns
        try:
            rows = self._dataset(parts).to_table(names, filter=wanted)
            return _believed(rows)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as e:
            if len(parts) == 1:
                self._remember(parts[0], _damaged(parts[0], e))
                return ROWS.empty_table().select(names)
        return pa.concat_tables([self._rows([part], wanted, columns) for part in parts])

    # ------------------------------------------------------------------ where to go on

    def checkpoint(self, shard: str = "") -> Checkpoint:
        """Where a sequence goes on: read from the footer of its newest part that can be read.

        Raises:
            ValueError: no name of a shard.
            CaptureTooNew: a newer version wrote it.
        """
        if shard and not _SHARD.fullmatch(shard):
            raise ValueError(f"a shard's name is letters, digits, '_', '.' and '-', not {shard!r}")
        return self._again(lambda: self._checkpoint(shard))

    def _checkpoint(self, shard: str) -> Checkpoint:
        folders = self.folders(shard)
        following: int | None = None
        for folder in reversed(folders):
            inside = _inside(shard, folder)
            parts = _of(self.place.walk(inside))
            for part in reversed(parts):
                following = part.last + 1 if following is None else following
                if following >= _MAX_PART:
                    raise _damaged(part, "no part has such a number")
                footer = self._try(part)
                if isinstance(footer, CaptureDamaged):
                    continue
                # The number of a damaged part is taken all the same.
                if footer.closes or folder != folders[-1]:
                    return Checkpoint(following, _inside(shard, f"{following:08}"), 0, 0, footer)
                size = sum(p.size for p in parts)
                return Checkpoint(following, inside, len(parts), size, footer)
        following = following or 0
        return Checkpoint(following, _inside(shard, f"{following:08}"), 0, 0, None)

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
        return self._again(lambda: self._dataset(self._parts(None), stream))

    def _dataset(self, parts: list[Part], stream: str | None = None) -> Any:
        import pyarrow.compute
        import pyarrow.dataset

        sound = [p for p in parts if not isinstance(self._try(p), CaptureDamaged)]
        if not sound:
            return pyarrow.dataset.dataset(ROWS.empty_table())
        found = pyarrow.dataset.dataset(
            [self.place.full(p.path) for p in sound],
            schema=ROWS,
            format="parquet",
            filesystem=self.place.filesystem,
        )
        if stream is None:
            return found
        return found.filter(pyarrow.compute.field("stream") == stream)

    def read(
        self,
        stream: str | None = None,
        start: int = 0,
        stop: int | None = None,
        *,
        last: int | None = None,
        nbytes: int | None = None,
        shard: str | None = None,
    ) -> pa.Table:
        """Rows in the order they came; of a stream that moved between shards, in that of its shards.

        Args:
            stream: of this one only.
            start, stop: only events with these numbers: from `start` to before `stop`.
            last: at most so many, the newest of them.
            nbytes: with `last`: of at most so many bytes, those of the newest row excepted. It takes
                little more memory than that, however much the files unpack to.
            shard: of this sequence only.
        """
        return self._again(lambda: self._read(stream, start, stop, last, nbytes, shard))

    def _read(
        self,
        stream: str | None,
        start: int,
        stop: int | None,
        last: int | None,
        nbytes: int | None,
        shard: str | None,
    ) -> pa.Table:
        import pyarrow.compute as pc

        parts = self._parts(shard)
        if stream is not None and (start > 0 or stop is not None):
            parts = self._covering(parts, stream, start, stop)
        if last is not None:
            return self._newest(parts, Wanted(stream, start, stop), last, nbytes)
        wanted = None if stream is None else pc.field("stream") == stream
        if start > 0:
            after = pc.field("seq") >= start
            wanted = after if wanted is None else wanted & after
        if stop is not None:
            before = pc.field("seq") < stop
            wanted = before if wanted is None else wanted & before
        return self._rows(parts, wanted)

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
            if isinstance(self._try(part), CaptureDamaged):
                continue
            before = found.copy()
            try:
                with self._open(part) as reader:
                    for group in reversed(range(reader.groups)):
                        found.put_before(map(_believed, reader.tables(group, wanted)))
                        if found.is_full:
                            break
            except FileNotFoundError:
                raise
            except (pa.ArrowException, OSError) as e:
                self._remember(part, _damaged(part, e))
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
                if stream is None or tries >= _TRIES:
                    raise

    def tables_of(
        self, part: Part, wanted: Wanted, columns: list[str] | None = None
    ) -> Iterator[pa.Table]:
        """The rows of one file, in tables of about a mebibyte.

        Raises:
            CaptureDamaged: rows that cannot be believed, here; the file counts as damaged then.
            FileNotFoundError: it was merged or removed meanwhile.
        """
        self.footer(part)
        try:
            with self._open(part) as reader:
                for group in range(reader.groups):
                    for table in map(_believed, reader.tables(group, wanted, columns)):
                        if table.num_rows:
                            yield table
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as e:
            damaged = _damaged(part, e)
            self._remember(part, damaged)
            raise damaged from None

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
            footer = self._try(part)
            if isinstance(footer, Footer):
                return footer.streams[stream].seq if stream in footer.streams else 0
        return 0

    def oldest(self, stream: str) -> int | None:
        """The number of the oldest event of a stream that is still there; None without any."""
        return self._again(lambda: self._oldest(stream))

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
        return self._again(lambda: self._gaps(stream, newest))

    def _gaps(self, stream: str | None, newest: int | None) -> list[tuple[str, Gap]]:
        found = GapLog()
        for part in self._parts(None)[-newest if newest else 0 :]:
            footer = self._try(part)
            if isinstance(footer, Footer):
                for name, gap in footer.gaps:
                    if stream in (None, name):
                        found.add(gap, name)
        return sorted(found.by_stream(), key=lambda pair: pair[1].at)

    def _again(self, read: Callable[[], T]) -> T:
        """Read; from the beginning where a file went away meanwhile, because it was merged."""
        for tries in range(_TRIES - 1):
            try:
                return read()
            except SSEError:
                raise
            except FileNotFoundError:
                time.sleep(_PAUSE * tries)
        return read()


def _of(entries: list[FileInfo]) -> list[Part]:
    """The parts among these files, oldest first."""
    found = []
    for path, size in entries:
        named = _PART.fullmatch(path)
        if named:
            shard, first = named["shard"] or "", int(named["first"])
            last = int(named["last"] or first)
            if last < first:
                continue
            found.append(Part(shard, first, last, _inside(shard, named["folder"]), path, size))
    return sorted(found)


def _check_length(file: Any) -> None:
    """Before Parquet's own reader takes all of it into memory.

    A file ends with four bytes for the length of what it says of itself, and PAR1:
    https://parquet.apache.org/docs/file-format/
    """
    size = file.size()
    if size >= 8:
        length = int.from_bytes(file.read_at(4, size - 8), "little")
        if length > _MAX_METADATA:
            raise pa.ArrowInvalid(f"its metadata is longer than {_MAX_METADATA:,} bytes")


def _believed(rows: pa.Table) -> pa.Table:
    return believed(rows, first=_FIRST_TIME, last=_LAST_TIME, top=MAX_NUMBER)


def _damaged(part: Part, why: object) -> CaptureDamaged:
    return CaptureDamaged(
        f"{part.path} is damaged: {str(why).strip()}",
        hint="It was cut short on its way here. Move it elsewhere, or copy it again.",
    )


def _weight(footer: Footer | CaptureDamaged) -> int:
    """About how many bytes it takes in memory."""
    if isinstance(footer, CaptureDamaged):
        return 1_000
    size = 1_000 + sum(700 + len(gap.text) + len(gap.resumed_from) for _, gap in footer.gaps)
    for position in footer.streams.values():
        size += 700 + len(position.last_event_id)
        size += sum(map(len, position.types)) + 150 * len(position.types)
    return size


def _inside(shard: str, folder: str) -> str:
    return f"{shard}/{folder}" if shard else folder


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
