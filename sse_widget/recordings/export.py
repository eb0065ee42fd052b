"""A snapshot -> a file: .csv, .ndjson, .parquet or .sse, by the suffix of its name.

A file is there whole or not at all: it is written beside its place, under a temporary name, and
moved there at the end. The formats are `csv_file`, `ndjson_file`, `parquet_file` and `sse_file`; `recording` reads
files back.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from .. import storage
from ..checks import truth
from ..filters import EventFilter, filter_of
from ..payload import paths_of
from ..tables import Snapshot
from .csv_file import write_csv
from .json_fields import with_fields
from .ndjson_file import write_ndjson
from .parquet_file import write_parquet
from .progress import Progress
from .rows import TABLE_SCHEMA, Reached
from .sse_file import write_sse

if TYPE_CHECKING:
    import pandas as pd


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
            write(table, file, progress.update)
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


def _writer(
    path: Path, paths: Sequence[str], csv_formulas: bool
) -> Callable[[pa.Table, IO[bytes], Reached], None]:
    """What writes a file of this name.

    Raises:
        ValueError: an option that this format has not.
    """
    write = FORMATS[path.suffix.lower()]
    if write is write_csv:
        return partial(write_csv, paths=paths, formulas=csv_formulas)
    if csv_formulas:
        raise ValueError(f"csv_formulas is an option of .csv; {path.suffix} keeps every text")
    return partial(write_parquet, paths=paths) if write is write_parquet else write


FORMATS: dict[str, Callable[[pa.Table, IO[bytes], Reached], None]] = {
    ".csv": write_csv,
    ".ndjson": write_ndjson,
    ".parquet": write_parquet,
    ".sse": write_sse,
}
