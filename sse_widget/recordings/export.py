"""A snapshot -> a file: .csv, .ndjson, .parquet or .sse, by the suffix of its name.

A file is there whole or not at all: it is written beside its place, under a temporary name, and
moved there at the end. Reading files back is `recorded`'s business.

`.sse` is an event stream by WHATWG HTML 9.2.5: parsed, it gives the same types, data and last
event IDs. When an event was received is in a comment before it, as `: received_at=<ISO 8601>`,
written where it differs from the one before.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from json.encoder import encode_basestring
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import storage
from ..checks import truth
from ..filters import EventFilter, filter_of
from ..payload import (
    SLICE_BYTES,
    Written,
    bounded_slices,
    free_name,
    paths_of,
    payloads,
    written_values,
)
from ..tables import SCHEMA, Snapshot, to_dataframe
from .fields import with_fields
from .progress import Progress

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMATS", "TABLE_SCHEMA", "arrow_table", "check_path", "save", "write_events"]

TABLE_SCHEMA = pa.schema([pa.field("seq", pa.int64(), nullable=False), *SCHEMA])
"""The columns of `.csv` and `.parquet` files, and of the Arrow stream."""

_ROWS = 4096
_GROUP = 2**17  # rows of a row group: those of Parquet are meant to be large
_GROUP_BYTES = 64 * 2**20


def arrow_table(
    snapshot: Snapshot, paths: Sequence[str] = (), frame: pd.DataFrame | None = None
) -> pa.Table:
    """The snapshot with the numbers of its events as a first column, `seq`; with a typed column for each
    of these paths of the payloads as the last ones, where `frame` is the snapshot with those columns."""
    seq = pa.array(np.arange(snapshot.first, snapshot.stop, dtype=np.int64))
    table = snapshot.table.add_column(0, TABLE_SCHEMA.field(0), seq)
    return table if frame is None else with_fields(table, paths, frame)


def check_path(path: str | os.PathLike[str]) -> Path:
    """`path`, if a file can be written there.

    Raises:
        ValueError: its suffix names no format.
        FileNotFoundError: its folder does not exist.
        IsADirectoryError: it is a folder.
        PermissionError: it is a link that another user made, in a folder that is not theirs.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        named = f"not {path.suffix!r}" if path.suffix else "and it has none"
        raise ValueError(f"the suffix of {path.name!r} says how to save: {known}; {named}")
    if storage.is_somebody_elses(path):
        raise PermissionError(errno.EACCES, "a link that somebody else made", str(path))
    # A link stays one: what it leads to is replaced.
    path = path.resolve()
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    return path


def save(
    snapshot: Snapshot,
    path: str | os.PathLike[str],
    filter: EventFilter | Iterable[str] | None = None,
    *,
    columns: str | Iterable[str] = (),
    csv_formulas: bool = False,
) -> Path:
    """Write these events to `path`; a file that is there is replaced, at once and only when the
    new one is complete.

    Args:
        snapshot: the events.
        filter: only what this filter lets through; a set of texts is event types.
        path: its suffix says how: `.csv` (a header, then quoted as RFC 4180 says), `.ndjson` (an
            object a line), `.parquet`, `.sse`.
        columns: keys or dotted paths of the payloads that become columns of a `.parquet`, typed, and of a
            `.csv`, as they were written; the other formats have them in `data`.
        csv_formulas: a `.csv` has every text as it came. Else one that a spreadsheet would run as a
            formula (it begins with =, +, -, @, a tab or a line end) begins with an apostrophe, as
            OWASP advises against CSV injection.

    Returns:
        The absolute path of the file.

    Raises:
        TypeError: `filter` is neither an EventFilter nor event types, or `csv_formulas` no bool.
        ValueError: the suffix names no format; `csv_formulas` for another one than `.csv`; or, for `.sse`, an event that no event stream can
            carry (one that came from elsewhere); the message says which.
        OSError: the file cannot be written: no such folder, no permission, a full disk. What was
            there before is there still.
    """
    path = check_path(path)
    passing = filter_of("filter", filter)
    write = _writer(path, paths_of("columns", columns), truth("csv_formulas", csv_formulas))
    table = arrow_table(snapshot)
    mask = passing.mask(table)
    if mask is not None:
        table = table.filter(mask)
    # In the same folder, so that moving it is one step; hidden, so that nobody takes it for done.
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file, Progress(table.num_rows, f"saving {path.name}") as progress:
            write(table, file, progress.reached)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError):
            error.add_note(f"{path} was not written; what was there before is there still.")
        raise
    storage.sync_folder(path.parent)
    return path


Reached = Callable[[int], None]


def _writer(
    path: Path, paths: Sequence[str], csv_formulas: bool
) -> Callable[[pa.Table, IO[bytes], Reached], None]:
    """What writes a file of this name.

    Raises:
        ValueError: an option that this format has not.
    """
    write = FORMATS[path.suffix.lower()]
    if write is _write_csv:
        return partial(_write_csv, paths=paths, formulas=csv_formulas)
    if csv_formulas:
        raise ValueError(f"csv_formulas is an option of .csv; {path.suffix} keeps every text")
    return partial(_write_parquet, paths=paths) if write is _write_parquet else write


def _slices(
    table: pa.Table, rows: int, reached: Reached, nbytes: int = SLICE_BYTES
) -> Iterator[pa.Table]:
    """Not by rows alone: written as text, an event may take six times its size."""
    written = 0
    for some in bounded_slices(table, rows=rows, nbytes=nbytes):
        yield some
        written += some.num_rows
        reached(written)


# OWASP, "CSV Injection": what makes a formula of a cell that begins with it.
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"


def _write_csv(
    table: pa.Table,
    file: IO[bytes],
    reached: Reached,
    *,
    paths: Sequence[str] = (),
    formulas: bool = False,
) -> None:
    """The same bytes as the page's "Save shown"."""
    taken = set(TABLE_SCHEMA.names)
    names = [*TABLE_SCHEMA.names, *(free_name(path, taken) for path in paths)]
    file.write(b",".join(_quoted(_texts(names), formulas).to_pylist()) + b"\n")
    for some in _slices(table, _ROWS, reached):
        cells = [
            some["seq"].cast(pa.string()).cast(pa.large_binary()),
            _quoted(_texts(_iso(some)), formulas=True),
            *(_quoted(some[name], formulas) for name in ("type", "last_event_id", "data")),
            *(_cells(values, formulas) for values in written_values(payloads(some["data"]), paths)),
        ]
        whole = [
            cell.combine_chunks() if isinstance(cell, pa.ChunkedArray) else cell for cell in cells
        ]
        lines = pc.binary_join_element_wise(*whole, pa.scalar(b",", pa.large_binary()))
        file.write(b"\n".join(lines.to_pylist()) + b"\n")


def _texts(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def _quoted(texts: pa.Array | pa.ChunkedArray, formulas: bool) -> pa.Array | pa.ChunkedArray:
    """Texts as cells, in quotes."""
    if not formulas:
        begins = pc.match_substring_regex(texts, _FORMULA)
        if pc.any(begins).as_py():
            texts = pc.if_else(begins, _between("'", texts, ""), texts)
    return _between('"', pc.replace_substring(texts, '"', '""'), '"').cast(pa.large_binary())


def _between(
    before: str, texts: pa.Array | pa.ChunkedArray, after: str
) -> pa.Array | pa.ChunkedArray:
    first, last, nothing = (pa.scalar(text, pa.large_string()) for text in (before, after, ""))
    return pc.binary_join_element_wise(first, texts, last, nothing)


def _cells(values: list[Written | None], formulas: bool) -> pa.Array:
    """Values as cells: a text, an object and a list in quotes, a number as it is, nothing where there is none."""
    texts = _texts(["" if value is None else value.text for value in values])
    bare = [value is None or not (value.is_string or value.text[0] in "[{") for value in values]
    return pc.if_else(
        pa.array(bare, pa.bool_()), texts.cast(pa.large_binary()), _quoted(texts, formulas)
    )


def _write_parquet(
    table: pa.Table, file: IO[bytes], reached: Reached, *, paths: Sequence[str] = ()
) -> None:
    import pyarrow.parquet

    if paths:
        rows = Snapshot(0, table.drop_columns("seq"))
        table = with_fields(table, paths, to_dataframe(rows, columns=paths))
    with pyarrow.parquet.ParquetWriter(file, table.schema, compression="zstd") as writer:
        for some in _slices(table, _GROUP, reached, _GROUP_BYTES):
            writer.write_table(some)


def _write_ndjson(table: pa.Table, file: IO[bytes], reached: Reached) -> None:
    quoted = encode_basestring
    for some in _slices(table, _ROWS, reached):
        lines = [
            f'{{"seq":{seq},"received_at":"{at}","type":{quoted(kind)},'
            f'"last_event_id":{quoted(id_)},"data":{quoted(data)}}}\n'
            for seq, at, kind, id_, data in zip(
                some["seq"].to_pylist(),
                _iso(some),
                some["type"].to_pylist(),
                some["last_event_id"].to_pylist(),
                some["data"].to_pylist(),
                strict=True,
            )
        ]
        file.write("".join(lines).encode())


def write_sse(table: pa.Table, file: IO[bytes], reached: Reached) -> None:
    last_at = last_id = ""
    for some in _slices(table, _ROWS, reached):
        lines: list[str] = []
        columns = (some[name].to_pylist() for name in ("seq", "type", "last_event_id", "data"))
        for at, seq, kind, id_, data in zip(_iso(some), *columns, strict=True):
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


def _iso(table: pa.Table) -> list[str]:
    """When these events were received, as ISO 8601 with microseconds, UTC."""
    return [at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for at in table["received_at"].to_pylist()]


FORMATS: dict[str, Callable[[pa.Table, IO[bytes], Reached], None]] = {
    ".csv": _write_csv,
    ".ndjson": _write_ndjson,
    ".parquet": _write_parquet,
    ".sse": write_sse,
}
