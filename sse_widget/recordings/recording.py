"""Files that `export` wrote, and captures -> timed events again, for something that plays them.

It reads event streams, NDJSON and Parquet, packed by gzip or not, also from elsewhere as far as they say
what an event is, and gives the same events in the same order each time. It does not play them: `player` does.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from .. import storage
from ..basics import whole
from ..checks import told
from ..protocol import EventStreamParser, why_no_event
from ..tables import SCHEMA, believed, utc_time
from ..visible import quoted, visible, visible_name

__all__ = ["Recording"]

_TIME = re.compile(rb"^: ?received_at=([0-9T:.+Z-]+)\r?\n", re.MULTILINE)
_ROWS = 4096
_FIELDS = frozenset({b"data", b"event", b"id", b"retry"})
_LINE_END = re.compile(rb"\r\n|\r|\n")
_GZIP = b"\x1f\x8b"
# A recording is played from memory; a few MiB of gzip can hold thousands of times their size.
_UNPACKED_BYTES = 2 * 2**30


class Recording:
    """Events and when they came.

    Args:
        content: the path of a file, or the bytes of one, or the folder or URL of a capture. A file
            named `.sse`, `.ndjson` or `.parquet` is that; of any other name (`.txt`, `.jsonl`, `.log`,
            none) and of bytes, the beginning tells. What is packed by gzip is unpacked, whatever its
            name. The last event of a stream needs no blank line: the end of a file is no broken
            connection. Where gzip says that a file was cut, its whole events are read, and `is_cut`.
        speed: how much faster than they came they come again; `math.inf` is at once.

    Raises:
        ValueError: content that is not what its format says, or no recording at all, and what it is; a
            speed that is not above 0; a stream that is not in the capture, or none was named where it
            has several. The message says where.
        TypeError: neither a path nor bytes.
        OSError: the file cannot be read. FileNotFoundError: there is no such file or folder.
    """

    def __init__(
        self,
        content: str | os.PathLike[str] | bytes,
        speed: float = 1.0,
        stream: str | None = None,
    ) -> None:
        if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not speed > 0:
            raise ValueError(f"speed must be a number above 0, not {told(speed)}")
        self.speed = speed
        self.is_cut = False  # the end of the file is missing
        self.table: pa.Table  # received_at is null where the recording does not say
        if isinstance(content, (str, os.PathLike)) and is_capture(content):
            self.name, self.size, self.table = _read_capture(content, stream)
            return
        if stream is not None:
            raise ValueError(f"a file has no streams with names: {stream!r} is none of it")
        if isinstance(content, (bytes, bytearray, memoryview)):
            self.name, kind, content = "bytes", "", bytes(content)
        elif isinstance(content, (str, os.PathLike)):
            path = _there(content)
            self.name, content = path.name, path.read_bytes()
            kind = Path(path.name.lower().removesuffix(".gz")).suffix
        else:
            raise TypeError(f"a path or bytes can be replayed, not {type(content).__name__}")
        if kind == ".csv":
            raise ValueError(
                f"{visible(self.name)}: a .csv file cannot be replayed, for it does not keep all that an "
                "event is; .sse, .ndjson and .parquet files do"
            )
        self.size = len(content)
        plain, self.is_cut = _unpacked(content, visible(self.name))
        kind = kind if kind in _READERS else _kind_of(plain)
        if self.is_cut and kind == ".ndjson":
            plain = plain[: plain.rfind(b"\n") + 1]
        elif not self.is_cut and kind == ".sse":
            # The last event may lack its line end and its blank line: a file that ends is no connection
            # that broke, so what is there of it is all of it.
            plain += b"\n\n"
        self.table = _READERS[kind](plain, self.name)


def _there(content: str | os.PathLike[str]) -> Path:
    """The path, where something is there."""
    path = Path(content).expanduser()
    if not path.exists():
        named = os.fspath(content)
        what = "file" if path.suffix else "file or folder"
        if named.endswith(("/", os.sep)):
            what = "folder"
        raise FileNotFoundError(errno.ENOENT, f"there is no such {what}", named)
    return path


def _unpacked(content: bytes, name: str) -> tuple[bytes, bool]:
    """What gzip has packed, once or several times, and whether its end is missing.

    Raises:
        ValueError: it is no gzip, or unpacks to more than is reasonable.
    """
    is_cut = False
    for _ in range(8):
        if not content.startswith(_GZIP):
            break
        members: list[bytes] = []
        room = _UNPACKED_BYTES
        while content.startswith(_GZIP):
            inflater = zlib.decompressobj(wbits=31)
            try:
                members.append(inflater.decompress(content, room))
            except zlib.error as error:
                raise ValueError(f"{name} is no gzip file that can be read: {error}") from None
            room -= len(members[-1])
            if room <= 0:
                raise ValueError(
                    f"{name} unpacks to more than {_UNPACKED_BYTES >> 30} GiB: replay a part of it"
                )
            is_cut = is_cut or not inflater.eof
            content = inflater.unused_data
        content = b"".join(members)
    return content, is_cut


def is_capture(content: str | os.PathLike[str]) -> bool:
    """Whether this names a folder or a store rather than a file."""
    return "://" in os.fspath(content) or Path(content).expanduser().is_dir()


def _read_capture(to: str | os.PathLike[str], stream: str | None) -> tuple[str, int, pa.Table]:
    dataset = storage.Dataset(to)
    parts = dataset.parts()
    if not parts:
        raise ValueError(f"there is no capture in {os.fspath(to)}")
    streams = [name for name, position in dataset.streams().items() if position.seq]
    if stream is None and len(streams) > 1:
        raise ValueError(f"this capture has several streams: name one of {_listed(streams)}")
    if stream is not None and stream not in streams:
        raise ValueError(f"no stream {stream!r} in this capture, which has {_listed(streams)}")
    # A name or a masked URL: safe to show.
    name = os.fspath(to).rstrip("/").rpartition("/")[2]
    rows = dataset.read(stream or (streams[0] if streams else None))
    return name, sum(part.size for part in parts), rows.select(SCHEMA.names)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(map(quoted, names[:5])) + more


def _kind_of(content: bytes) -> str:
    if content.startswith(b"PAR1"):
        return ".parquet"
    begin = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return ".ndjson" if begin == b"{" else ".sse"


class _Columns:
    """Events on their way into a table."""

    def __init__(self) -> None:
        self._done: list[pa.RecordBatch] = []
        self._new()

    def _new(self) -> None:
        self.at: list[datetime | None] = []
        self.types: list[str] = []
        self.ids: list[str] = []
        self.data: list[str] = []

    def seal(self, at_least: int = _ROWS) -> None:
        if len(self.at) >= at_least:
            columns = (self.at, self.types, self.ids, self.data)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)]
            self._done.append(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
            self._new()

    def table(self) -> pa.Table:
        self.seal(1)
        # Not without a chunk, which functions of pyarrow before 26.0.1 do not survive.
        return pa.Table.from_batches(self._done) if self._done else _SCHEMA.empty_table()


_SCHEMA = pa.schema([pa.field("received_at", SCHEMA.field(0).type), *list(SCHEMA)[1:]])


def _read_sse(content: bytes, name: str) -> pa.Table:
    """An event has the time of the latest comment before its end."""
    columns = _Columns()
    # It was let in once; the limit was the client's.
    parser = EventStreamParser(max_event_bytes=max(len(content), 1))
    at: datetime | None = None
    start = 0

    def read(piece: bytes) -> None:
        batch = parser.feed(piece)
        columns.at += [at] * len(batch)
        columns.types += batch.types
        columns.ids += batch.last_event_ids
        columns.data += batch.data
        columns.seal()

    for mark in [*_TIME.finditer(content), None]:
        end = len(content) if mark is None else mark.start()
        while start < end:
            piece = content[start : min(start + 2**20, end)]
            start += len(piece)
            read(piece)
        if mark is not None:
            # A comment that only looks like ours is none of ours.
            with contextlib.suppress(ValueError):
                at = _time(mark[1].decode(), name)
    table = columns.table()
    if not table.num_rows:
        _check_fields(content, name)
    return table


def _check_fields(content: bytes, name: str) -> None:
    """Bytes without events are a recording where a line is a field or a comment."""
    lines = _LINE_END.split(content.removeprefix(b"\xef\xbb\xbf"))
    if any(line[:1] == b":" or line.partition(b":")[0] in _FIELDS for line in lines):
        return
    if any(line.strip() for line in lines):
        why = why_no_event(content[:4096]) or "no line has a field name such as 'data:'"
        raise ValueError(f"{visible(name)} holds no event stream: {why}")


def _read_ndjson(content: bytes, name: str) -> pa.Table:
    columns = _Columns()
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where}: no JSON: {error}") from None
        if not isinstance(row, dict) or not isinstance(row.get("data"), str):
            raise ValueError(f'{where}: an event is an object with text in "data"')
        kind, id_, at = row.get("type"), row.get("last_event_id"), row.get("received_at")
        for key, value in (("type", kind), ("last_event_id", id_), ("received_at", at)):
            if value is not None and not isinstance(value, str):
                raise ValueError(f"{where}: {key} must be text, not {value!r}")
        columns.at.append(None if at is None else _time(at, where))
        # What JSON can spell and a stream cannot becomes what a parser makes of it.
        columns.types.append(whole(kind or "message"))
        columns.ids.append(whole(id_ or ""))
        columns.data.append(whole(row["data"]))
        columns.seal()
    return columns.table()


def _read_parquet(content: bytes, name: str) -> pa.Table:
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        there = file.schema_arrow.names
        if "data" not in there:
            raise ValueError(
                f"{name} has no column 'data' (it has {', '.join(map(visible_name, there)) or 'none'}): "
                "the files that save() writes can be replayed"
            )
        names = [f.name for f in _SCHEMA if f.name in there]
        # pyarrow 18 cannot read what has no rows at all.
        empty = pa.schema([file.schema_arrow.field(name) for name in names]).empty_table()
        table = file.read(names) if file.num_row_groups else empty
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{name} is no Parquet file that can be read: {visible(str(error))}"
        ) from None
    arrays = []
    for field in _SCHEMA:
        default = "message" if field.name == "type" else ""
        if field.name not in there:
            null = pa.nulls(table.num_rows, field.type)
            arrays.append(null if field.name == "received_at" else null.fill_null(default))
            continue
        column = table[field.name]
        column = _cast(column, field, name)
        arrays.append(column if field.name == "received_at" else column.fill_null(default))
    try:
        return believed(pa.table(arrays, schema=_SCHEMA), nullable=["received_at"])
    except pa.ArrowException as error:
        raise ValueError(f"{name}: {visible(str(error))}") from None


def _cast(column: pa.ChunkedArray, field: pa.Field, name: str) -> pa.ChunkedArray:
    """A column of a file as ours is.

    Raises:
        ValueError: it holds something else.
    """
    if field.name == "received_at" and not pa.types.is_timestamp(column.type):
        raise ValueError(f"{name}: received_at must be a time, not {visible(str(column.type))}")
    try:
        # A time without a zone is UTC, which is what a cast makes of it.
        return column.cast(field.type, safe=field.name != "received_at")
    except pa.ArrowException as error:
        raise ValueError(
            f"{name}: {field.name} must be {field.type}: {visible(str(error))}"
        ) from None


def _time(text: str, where: str) -> datetime:
    try:
        return utc_time(text)
    except ValueError:
        raise ValueError(f"{where}: received_at is no ISO 8601 time: {text!r}") from None


_READERS: dict[str, Callable[[bytes, str], pa.Table]] = {
    ".sse": _read_sse,
    ".ndjson": _read_ndjson,
    ".parquet": _read_parquet,
}
