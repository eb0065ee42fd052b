"""Compaction: many small files of a capture become few large ones, and old ones go, while others read.

The invariant, at every instant and for every reader, also if the process is killed between any two lines: a
committed row is in exactly one visible file. A folder that is no longer written to is replaced by one with
the same rows in one file, by *exchanging* the two names, which the system does in one step; a folder is
removed by one rename. A reader that had listed the small files meets "no such file", never half or double
the rows. Where names cannot be exchanged (other systems, object stores) small files stay.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import CaptureDamaged
from .dataset import ROWS, Dataset, Part
from .footer import Footer
from .part import part_writer
from .stores import LocalStore, discard, sync_folder

__all__ = ["Compacted", "compact"]

# A temporary file of a writer that lives is younger.
_LEFT_BEHIND = 600.0
# Rows are gathered into row groups of about this size.
_GROUP_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was done: how many folders were merged and removed, and what a person should know."""

    merged: int = 0
    removed: int = 0
    notes: tuple[str, ...] = ()


def compact(
    dataset: Dataset,
    shard: str = "",
    *,
    keep: timedelta | None = None,
    keep_bytes: int | None = None,
    merge: bool = True,
) -> Compacted:
    """Merge and remove whole folders of one sequence; never the newest, which is the checkpoint.

    Does nothing where somebody else is at it. It blocks, for as long as it takes to read and
    write the folders that were closed since.

    Args:
        keep: folders whose newest row is older than this are removed.
        keep_bytes: the oldest folders are removed while the sequence is larger than this.
        merge: folders that are closed are merged.

    Raises:
        CaptureTooNew: a newer version wrote there; nothing was changed.
    """
    place = dataset.place
    with _alone(place, shard) as alone:
        if not alone:
            return Compacted()
        if isinstance(place, LocalStore):
            _sweep(place, shard)
        folders = _folders(dataset.parts(shard))
        removed = _expire(dataset, folders, keep, keep_bytes)
        merged, trouble = 0, ""
        if merge and isinstance(place, LocalStore) and folders:
            merged, trouble = _merge(dataset, place, shard, folders)
    notes = [str(e.message) for e in dataset.damaged()]
    foreign_files = dataset.foreign_files()
    if foreign_files:
        notes.append(
            f"{len(foreign_files):,} other files are left alone, such as {foreign_files[0]}"
            if len(foreign_files) > 1
            else f"another file is left alone: {foreign_files[0]}"
        )
    if trouble:
        notes.append(trouble)
    return Compacted(merged, removed, tuple(notes))


def _folders(parts: list[Part]) -> dict[str, list[Part]]:
    """The parts by folder, oldest first."""
    folders: dict[str, list[Part]] = {}
    for part in parts:
        folders.setdefault(part.folder, []).append(part)
    return folders


@contextlib.contextmanager
def _alone(place: Any, shard: str) -> Iterator[bool]:
    """Nobody else tidies this sequence meanwhile. The system lets go of it when we die."""
    try:
        import fcntl
    except ImportError:
        fcntl = None  # type: ignore[assignment]
    if fcntl is None or not isinstance(place, LocalStore) or not (place.root / shard).is_dir():
        yield True
        return
    handle = os.open(place.root / shard, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def _sweep(place: LocalStore, shard: str) -> None:
    """What processes that were killed have left beside the folder: nobody sees it."""
    for left in place.staging.iterdir():
        with contextlib.suppress(OSError):
            old = time.time() - left.stat().st_mtime > _LEFT_BEHIND
            if left.name.startswith((f"merge-{shard}@", "gone-")) or old:
                discard(left)


# ---------------------------------------------------------------------- removing


def _expire(
    dataset: Dataset,
    folders: dict[str, list[Part]],
    keep: timedelta | None,
    keep_bytes: int | None,
) -> int:
    size = sum(part.size for parts in folders.values() for part in parts)
    removed = 0
    newest = _at(dataset, next(reversed(folders.values()), []))
    # By the older of two clocks: one that was set wrong must not remove what is new.
    now = min(datetime.now(UTC), newest) if newest else datetime.now(UTC)
    for folder in list(folders)[:-1]:
        at = _at(dataset, folders[folder])
        too_old = keep is not None and at is not None and at < now - keep
        if not too_old and (keep_bytes is None or size <= keep_bytes):
            break
        dataset.place.remove(folder)
        size -= sum(part.size for part in folders.pop(folder))
        removed += 1
    return removed


def _at(dataset: Dataset, parts: list[Part]) -> datetime | None:
    """When the newest of these parts was written."""
    for part in reversed(parts):
        with contextlib.suppress(CaptureDamaged):
            return dataset.footer(part).at
    return None


# ---------------------------------------------------------------------- merging


def _merge(
    dataset: Dataset, place: LocalStore, shard: str, folders: dict[str, list[Part]]
) -> tuple[int, str]:
    """How many folders were merged, and why no more, where a person should know."""
    newest = next(reversed(folders))
    merged = 0
    for folder, parts in folders.items():
        try:
            footers = [dataset.footer(part) for part in parts]
        except CaptureDamaged:
            continue  # the files that are well are read from where they are
        if len(parts) < 2 or (folder == newest and not footers[-1].closes):
            continue
        if place.staging.parent == place.root:
            return merged, "small files stay: this folder is a mount of its own"
        beside = place.staging / f"merge-{shard}@{secrets.token_hex(6)}"
        try:
            _write(place, beside, parts, footers)
            exchange(beside, place.root / folder)
        except OSError as e:
            discard(beside)
            if e.errno in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EXDEV):
                return merged, "small files stay: names cannot be exchanged on this filesystem"
            return merged, f"small files stay for now: {e.strerror or e}"
        sync_folder((place.root / folder).parent)
        discard(beside)
        merged += 1
    return merged, ""


def _write(place: LocalStore, folder: Path, parts: list[Part], footers: list[Footer]) -> None:
    """One file with the rows of all of them, lasting before it is seen."""
    folder.mkdir()
    path = folder / f"part-{parts[0].first:08}-{parts[-1].last:08}.parquet"
    gaps = tuple(pair for footer in footers for pair in footer.gaps)
    footer = replace(footers[-1], begun=footers[0].begun, gaps=gaps)
    with path.open("xb") as file:
        with part_writer(file, footer) as writer:
            for table in _groups(place, parts):
                writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def _groups(place: LocalStore, parts: list[Part]) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet

    gathered: list[Any] = []
    for part in parts:
        gathered.append(pyarrow.parquet.read_table(place.full(part.path), schema=ROWS))
        if sum(table.nbytes for table in gathered) >= _GROUP_BYTES:
            yield pa.concat_tables(gathered).combine_chunks()
            gathered = []
    if gathered:
        yield pa.concat_tables(gathered).combine_chunks()


def exchange(one: Path, other: Path) -> None:
    """Each gets the other's name, in one step.

    Raises:
        OSError: this system or filesystem cannot do that; nothing was changed.
    """
    a, b = os.fsencode(one), os.fsencode(other)
    library = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        failed = library.renamex_np(a, b, 2)  # RENAME_SWAP
    elif hasattr(library, "renameat2"):
        here = -100  # AT_FDCWD
        failed = library.renameat2(here, a, here, b, 2)  # type: ignore[union-attr] # RENAME_EXCHANGE
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(one), None, str(other))
