"""The form of a part of a capture: the columns of its rows, and the name of its file.

`docs/capture-format.md` describes both. Pure.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa

from ..errors import CaptureDamaged
from ..tables import SCHEMA, believed
from .footer import MAX_NUMBER
from .store import FileInfo

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

MAX_PART = 10**15
_PART = re.compile(
    r"(?:(?P<shard>[A-Za-z][\w.-]*)/)?(?P<folder>[0-9]{8,15})"
    r"/part-(?P<first>[0-9]{8,15})(?:-(?P<last>[0-9]{8,15}))?\.parquet",
    re.ASCII,
)
_FOLDER = re.compile(r"[0-9]{8,15}")
FIRST_TIME, LAST_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Between these an event can have come."""
_SHARD = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)


class Part(NamedTuple):
    """One file: part `first`, or all parts from `first` to `last`."""

    shard: str
    first: int
    last: int
    folder: str  # within the place, with the shard
    path: str  # within the place
    size: int
    modified: int = 0  # ns since 1970, as the file system says; 0 where it does not


def parts_of(entries: list[FileInfo]) -> list[Part]:
    """The parts among these files, oldest first."""
    found = []
    for path, size, modified in entries:
        named = _PART.fullmatch(path)
        if named:
            shard, first = named["shard"] or "", int(named["first"])
            last = int(named["last"] or first)
            if last < first:
                continue
            folder = inside(shard, named["folder"])
            found.append(Part(shard, first, last, folder, path, size, modified))
    return sorted(found)


def is_part(path: str) -> bool:
    return _PART.fullmatch(path) is not None


def is_folder(name: str) -> bool:
    return _FOLDER.fullmatch(name) is not None


def is_shard(name: str) -> bool:
    return _SHARD.fullmatch(name) is not None


def inside(shard: str, folder: str) -> str:
    return f"{shard}/{folder}" if shard else folder


def damaged(part: Part, why: object) -> CaptureDamaged:
    """That a part cannot be read, and why."""
    return CaptureDamaged(
        f"{part.path} is damaged: {str(why).strip()}",
        hint="It was cut short on its way here. Move it elsewhere, or copy it again.",
    )


def believed_rows(rows: pa.Table) -> pa.Table:
    """The same rows.

    Raises:
        pyarrow.ArrowInvalid: one of them holds what no capture can.
    """
    return believed(rows, first=FIRST_TIME, last=LAST_TIME, top=MAX_NUMBER)
