"""Events as an event stream, written and read: `.sse`, by WHATWG HTML 9.2.5.

Parsed, it gives the same types, data and last event IDs. When an event was received is in a comment before it,
as `: received_at=<ISO 8601>`, written where it differs from the one before. It opens no file.
"""

from __future__ import annotations

import contextlib
import re
from datetime import datetime
from typing import IO

import pyarrow as pa

from ..protocol import EventStreamParser, why_no_event
from ..visible import visible
from .rows import ROWS, EventColumns, Reached, iso_times, slices, time_of

_TIME = re.compile(rb"^: ?received_at=([0-9T:.+Z-]+)\r?\n", re.MULTILINE)
_FIELDS = frozenset({b"data", b"event", b"id", b"retry"})
_LINE_END = re.compile(rb"\r\n|\r|\n")


def write_sse(table: pa.Table, file: IO[bytes], reached: Reached) -> None:
    last_at = last_id = ""
    for some in slices(table, ROWS, reached):
        lines: list[str] = []
        columns = (some[name].to_pylist() for name in ("seq", "type", "last_event_id", "data"))
        for at, seq, kind, id_, data in zip(iso_times(some), *columns, strict=True):
            if at != last_at:
                lines.append(f": received_at={at}\n")
                last_at = at
            if id_ != last_id:
                _check(seq, "last_event_id", id_, "\0\r\n")
                lines.append(f"id: {id_}\n")
                last_id = id_
            if kind != "message":
                _check(seq, "type", kind, "\r\n")
                lines.append(f"event: {kind}\n")
            if "\r" in data:
                _check(seq, "data", data, "\r")
            lines.append("data: " + data.replace("\n", "\ndata: ") + "\n\n")
        file.write("".join(lines).encode())


def write_events(table: pa.Table, file: IO[bytes]) -> None:
    """These rows as an event stream, with their times in comments."""
    write_sse(table, file, lambda row: None)


def _check(seq: int, name: str, value: str, refused: str) -> None:
    """Events of a stream never have these; those of a foreign file may."""
    for char in refused:
        if char in value:
            raise ValueError(
                f"event {seq}: no event stream can carry {char!r} in its {name}; "
                "save as .ndjson or .parquet, which keep it"
            )
    if name == "type" and not value:
        raise ValueError(
            f"event {seq}: no event stream can carry an empty type; "
            "save as .ndjson or .parquet, which keep it"
        )


def read_sse(content: bytes, name: str) -> pa.Table:
    """An event has the time of the latest comment before its end."""
    columns = EventColumns()
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
                at = time_of(mark[1].decode(), name)
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
