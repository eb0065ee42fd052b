"""The footers of a capture's files: each is read once, and remembered.

A part never changes, and its name is given once, so what was read of it stays true as long as the file of
this name has the same size and the same time. What is remembered is bounded: whole footers, which are large
where there are a thousand streams, apart from the facts that questions about all of history are answered by.
Any thread may ask.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import pyarrow as pa

from ..errors import CaptureDamaged
from .footer import MAX_BYTES, Footer
from .part_facts import PartFacts, StreamNames, facts_of, row_groups
from .part_schema import ROWS, Part, damaged
from .store import Store

V = TypeVar("V")
_Key = tuple[str, int, int]

# What Parquet itself says of a file: that of a merged one takes some KB beside ours.
_MAX_METADATA = 4 * MAX_BYTES
# Of the footers that are remembered: 20,000 positions of streams, or fewer with many types.
_FOOTER_BYTES = 16 * 2**20
# Of the facts: those of a month of a thousand streams (8 KB each) with room to spare.
_FACTS_BYTES = 64 * 2**20


class Footers:
    """Of the files in one place."""

    def __init__(self, place: Store) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._footers: _Remembered[Footer] = _Remembered(_FOOTER_BYTES)
        self._facts: _Remembered[PartFacts | CaptureDamaged] = _Remembered(_FACTS_BYTES)
        # The names of a thousand streams are the same in each of their parts.
        self._names: dict[tuple[str, ...], StreamNames] = {}

    @property
    def nbytes(self) -> int:
        """About how many bytes are remembered."""
        return self._footers.nbytes + self._facts.nbytes

    def forget(self, parts: Iterable[Part] | None = None) -> None:
        """What was read of all files may not be true any more; or these are gone."""
        with self._lock:
            if parts is not None:
                for key in map(_key, parts):
                    self._footers.drop(key)
                    self._facts.drop(key)
                return
            self._footers.clear()
            self._facts.clear()
            self._names.clear()

    def mark_damaged(self, part: Part, why: CaptureDamaged) -> None:
        """Rows of this part cannot be believed, whatever its footer says."""
        with self._lock:
            self._footers.drop(_key(part))
            self._facts.put(_key(part), why, _DAMAGED_BYTES)

    def facts(self, part: Part) -> PartFacts | CaptureDamaged:
        """What the end of a file says of its rows; or why that cannot be known.

        Raises:
            CaptureTooNew: a newer version wrote it.
            FileNotFoundError: it was merged or removed meanwhile.
        """
        with self._lock:
            known = self._facts.get(_key(part))
        return self._read(part)[1] if known is None else known

    def footer(self, part: Part, *, remember: bool = True) -> Footer | CaptureDamaged:
        """The whole footer, which is remembered where it may be asked for again. Raises as `facts` does."""
        with self._lock:
            whole = self._footers.get(_key(part))
            facts = self._facts.get(_key(part))
        if isinstance(facts, CaptureDamaged):
            return facts
        return self._read(part, remember)[0] if whole is None else whole

    def _read(
        self, part: Part, remember: bool = False
    ) -> tuple[Footer, PartFacts] | tuple[CaptureDamaged, CaptureDamaged]:
        key = _key(part)
        try:
            metadata = self._metadata(part)
            footer = Footer.decode(metadata.metadata, part.path)
            if footer.part != part.last:
                raise damaged(part, f"its footer says that it is part {footer.part}")
            groups = row_groups(metadata)
        except CaptureDamaged as why:
            with self._lock:
                self._facts.put(key, why, _DAMAGED_BYTES)
            return why, why
        with self._lock:
            names = tuple(footer.streams)
            shared = self._names.get(names)
            of_names = 0
            if shared is None:
                of_names = sum(200 + len(name) for name in names)
                if len(self._names) >= _NAMES_KEPT:
                    self._names.clear()
                shared = self._names[names] = StreamNames(names)
            facts = facts_of(footer, groups, shared)
            if remember:
                self._footers.put(key, footer, _weight(footer))
            self._facts.put(key, facts, facts.nbytes + of_names)
        return footer, facts

    def _metadata(self, part: Part) -> Any:
        import pyarrow.parquet

        try:
            with self._place.filesystem.open_input_file(self._place.full(part.path)) as file:
                _check_length(file)
                opened = pyarrow.parquet.ParquetFile(
                    file,
                    thrift_string_size_limit=_MAX_METADATA,
                    thrift_container_size_limit=_MAX_METADATA // 64,
                )
                if not opened.schema_arrow.equals(ROWS, check_metadata=False):
                    raise pa.ArrowInvalid("its columns are not those of a capture")
                return opened.metadata
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as e:
            raise damaged(part, e) from None


# Of different lists of names: each is held by the facts that need it.
_NAMES_KEPT = 100
_DAMAGED_BYTES = 1_000


class _Remembered(Generic[V]):
    """The latest of some values, up to so many bytes of them, and one at least."""

    def __init__(self, most: int) -> None:
        self.nbytes = 0
        self._most = most
        self._known: OrderedDict[_Key, tuple[V, int]] = OrderedDict()

    def get(self, key: _Key) -> V | None:
        known = self._known.get(key)
        return None if known is None else known[0]

    def put(self, key: _Key, value: V, nbytes: int) -> None:
        self.drop(key)
        self._known[key] = value, nbytes
        self.nbytes += nbytes
        while self.nbytes > self._most and len(self._known) > 1:
            self.nbytes -= self._known.popitem(last=False)[1][1]

    def drop(self, key: _Key) -> None:
        before = self._known.pop(key, None)
        if before is not None:
            self.nbytes -= before[1]

    def clear(self) -> None:
        self._known.clear()
        self.nbytes = 0


def _key(part: Part) -> _Key:
    return part.path, part.size, part.modified


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


def _weight(footer: Footer) -> int:
    """About how many bytes it takes in memory."""
    size = 1_000 + sum(700 + len(gap.text) + len(gap.resumed_from) for _, gap in footer.gaps)
    for position in footer.streams.values():
        size += 700 + len(position.last_event_id)
        size += sum(map(len, position.types)) + 150 * len(position.types)
    return size
