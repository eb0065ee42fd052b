"""Compaction: many small files of a capture become few large ones, and old ones go, while others read.

The invariant, at every instant and for every reader, also if the process is killed between any two lines: a
committed row is in exactly one visible file. A folder that is no longer written to is replaced by one with
the same rows in one file (`folder_swap`); a folder is removed by one rename (`retention`). A reader that had
listed the small files meets "no such file", never half or double the rows. Nothing is moved or deleted
but what this package made: a folder with another file in it is not merged.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from ..basics import free_in_children
from ..errors import CaptureDamaged, reason_of
from ..events import Gap
from ..visible import visible, visible_name
from .arrival_counts import Counts, Pace
from .dataset import Dataset
from .folder_swap import recover, replace_folder
from .footer import Footer
from .held_folder import HeldFolder, sync
from .local_store import LocalStore
from .part_builder import part_writer
from .part_facts import Wanted
from .part_schema import ROWS, Part
from .retention import expire
from .store import Store

# A temporary file of a writer that lives is younger.
_LEFT_BEHIND = 600.0
# The names of what this package makes in a staging folder: nothing else in it is touched.
_TEMPORARY = re.compile(r"(part-[0-9]{8,15}\.parquet|probe-[0-9a-f]{12})(\.[0-9a-f]{12}\.tmp)?")
_NO_ROOM = (
    "small files stay: beside this folder there is no room for larger ones (is it a mount of its own?); "
    "those of a folder in it would be merged"
)
_GONE = re.compile(r"gone-[0-9a-f]{12}")
_MERGING = re.compile(r"merge-[\w.-]*@[0-9a-f]{12}", re.ASCII)
# Rows are gathered into row groups of about this size, unpacked: who asks for some minutes reads little else.
_GROUP_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was done.

    Attributes:
        merged, removed: how many folders were.
        notes: what a user should know.
        failure: why it failed; "" where it did not.
        later: another sequence of this capture is merged by this process just now: this one is due then.
    """

    merged: int = 0
    removed: int = 0
    notes: tuple[str, ...] = ()
    failure: str = ""
    later: bool = False


def compact(
    dataset: Dataset,
    shard: str = "",
    *,
    keep: timedelta | None = None,
    keep_bytes: int | None = None,
    merge: bool = True,
    writer: str | None = None,
) -> Compacted:
    """Merge and remove whole folders of one sequence; never the newest, which is the checkpoint.

    Does nothing while another process does it. It blocks, for as long as it takes to read and
    write the folders that were closed since.

    Args:
        keep: folders whose newest row is older than this are removed.
        keep_bytes: the oldest folders are removed while the sequence is larger than this.
        merge: folders that are closed are merged.
        writer: the id of the writer whose process this is.

    Raises:
        CaptureTooNew: a newer version wrote there; nothing was changed.
    """
    place = dataset.place
    troubles: list[str] = []
    merged = removed = 0
    later = False
    with _alone(place, shard) as (free, where):
        if not free:
            return Compacted()
        if where is not None:
            assert isinstance(place, LocalStore)
            recover(where, place.staging())
            _sweep(place.staging(), shard)
        folders = _folders(dataset.parts(shard))
        removed, trouble = expire(dataset, folders, keep, keep_bytes, writer)
        troubles.append(trouble)
        if merge and where is not None and folders:
            assert isinstance(place, LocalStore)
            with _one_at_a_time(place.full("")) as free:
                later = not free
                if free:
                    merged, trouble = _merge(dataset, place, where, shard, folders)
                    troubles.append(trouble)
    notes = (*_notes(dataset, shard), *filter(None, troubles))
    return Compacted(merged, removed, tuple(map(visible, notes)), later=later)


def finish(dataset: Dataset, shard: str = "") -> None:
    """Go on where a process was killed while it replaced a folder, before anything is read."""
    place = dataset.place
    if isinstance(place, LocalStore) and place.is_moving(shard):
        with _alone(place, shard) as (free, where):
            if free and where is not None:
                recover(where, place.staging())


def _notes(dataset: Dataset, shard: str) -> list[str]:
    """What a user should know of what was found. A shard looks at its own files only: eight of a cluster would
    else read each footer eight times."""
    notes = [str(e.message) for e in dataset.damaged(shard or None)]
    place = dataset.place
    for what, found in (("file", dataset.foreign_files()), ("link", sorted(place.links))):
        if len(found) == 1:
            notes.append(f"another {what} is left alone: {visible_name(found[0], 200)}")
        elif found:
            such = visible_name(found[0], 200)
            notes.append(f"{len(found):,} other {what}s are left alone, such as {such}")
    return [*notes, *place.notes]


def _folders(parts: list[Part]) -> dict[str, list[Part]]:
    """The parts by folder, oldest first."""
    folders: dict[str, list[Part]] = {}
    for part in parts:
        folders.setdefault(part.folder, []).append(part)
    return folders


@contextlib.contextmanager
def _alone(place: Store, shard: str) -> Iterator[tuple[bool, HeldFolder | None]]:
    """Whether no other process merges the sequence meanwhile, and its folder, where there are folders. The
    system lets go of it when we die."""
    if not isinstance(place, LocalStore):
        yield True, None
        return
    try:
        where = place.hold(shard)
    except OSError:  # there is nothing yet, or nothing any more
        yield False, None
        return
    with where, _locked(place, where, shard) as locked:
        yield locked, where


@contextlib.contextmanager
def _locked(place: LocalStore, where: HeldFolder, shard: str) -> Iterator[bool]:
    """Whether the lock could be had. Where a file system has none, two that merge at once do the same
    work twice, and harm nothing."""
    try:
        import fcntl
    except ImportError:
        with _locked_on_windows(place, shard) as locked:
            yield locked
        return
    if where.handle is not None:
        try:
            fcntl.flock(where.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:
            pass
    yield True


@contextlib.contextmanager
def _locked_on_windows(place: LocalStore, shard: str) -> Iterator[bool]:
    """There a folder cannot be locked: a file beside it is."""
    import msvcrt

    file = place.staging().lock_file(f"lock-{shard}")
    with file:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]


def _sweep(staging: HeldFolder, shard: str) -> None:
    """What processes that were killed have left beside the folder: nobody sees it."""
    merging = re.compile(rf"merge-{re.escape(shard)}@[0-9a-f]{{12}}")
    for name in staging.names():
        there = staging.look(name)
        if there is None:
            continue
        if merging.fullmatch(name) or _GONE.fullmatch(name):
            staging.discard(name)
        is_file = _TEMPORARY.fullmatch(name) and stat.S_ISREG(there.st_mode)
        if is_file and time.time() - there.st_mtime > _LEFT_BEHIND:
            staging.discard(name)


def leftovers(dataset: Dataset) -> list[str]:
    """What processes that were killed have left, as paths; nothing is changed. It goes when the
    capture is written to again."""
    place = dataset.place
    if not isinstance(place, LocalStore):
        return []
    found = []
    for folder in place.stagings():
        with contextlib.suppress(OSError):
            for there in folder.iterdir():
                ours = _TEMPORARY.fullmatch(there.name) or _GONE.fullmatch(there.name)
                if not ours and not _MERGING.fullmatch(there.name):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    if time.time() - there.lstat().st_mtime > _LEFT_BEHIND:
                        found.append(f"{folder.name}/{there.name}")
    return sorted(found)


# ---------------------------------------------------------------------- merging

# The captures that are merged by this process just now: in a child of a fork there is none.
_now_merged: set[str] = set()
_lock = threading.Lock()
free_in_children(_lock, _now_merged.clear)


@contextlib.contextmanager
def _one_at_a_time(capture: str) -> Iterator[bool]:
    """Whether no other sequence of this capture is merged by this process meanwhile. The shards of a worker close
    their folders in the same second: merged at once, each would take 30 MB, and together the processor."""
    with _lock:
        free = capture not in _now_merged
        if free:
            _now_merged.add(capture)
    try:
        yield free
    finally:
        if free:
            with _lock:
                _now_merged.discard(capture)


def _merge(
    dataset: Dataset,
    place: LocalStore,
    where: HeldFolder,
    shard: str,
    folders: dict[str, list[Part]],
) -> tuple[int, str]:
    """How many folders were merged, and why no more, where a user should know."""
    newest = next(reversed(folders))
    merged = 0
    for folder, parts in folders.items():
        if len(parts) < 2:
            continue
        try:
            if folder == newest and not dataset.facts(parts[-1]).closes:
                continue
            footer = _footer_of_all(dataset, parts)
        except CaptureDamaged:
            continue  # the files that are well are read from where they are
        if not dataset.only_parts(folder, parts):
            continue
        if place.staging_is_inside:
            return (
                merged,
                _NO_ROOM,
            )
        staging = place.staging()
        beside = f"merge-{shard}@{secrets.token_hex(6)}"
        try:
            _write(dataset, staging, beside, parts, footer)
            replace_folder(where, folder.rpartition("/")[2], staging, beside)
        except CaptureDamaged:
            staging.discard(beside)
            continue
        except OSError as e:
            staging.discard(beside)
            if isinstance(e, (FileExistsError, FileNotFoundError)):
                return merged, ""  # another process is at it
            return merged, f"small files stay for now: {reason_of(e)}"
        dataset.forget(parts)
        merged += 1
    return merged, ""


def _footer_of_all(dataset: Dataset, parts: list[Part]) -> Footer:
    """That of one file with the rows of all of them. One footer at a time is in memory: of a thousand streams
    each takes a megabyte, and a folder has hundreds."""
    gaps: list[tuple[str, Gap]] = []
    for part in parts:
        footer = dataset.footer(part, remember=False)
        gaps += footer.gaps
    begun = dataset.facts(parts[0]).begun
    return replace(footer, begun=begun, gaps=tuple(gaps), pace=_pace(dataset, parts))


def _write(
    dataset: Dataset, staging: HeldFolder, name: str, parts: list[Part], footer: Footer
) -> None:
    """One file with the rows of all of them, lasting before it is seen."""
    with staging.folder(name, make=True) as folder:
        file_name = f"part-{parts[0].first:08}-{parts[-1].last:08}.parquet"
        with folder.new_file(file_name) as file:
            tables = (t for part in parts for t in dataset.tables_of(part, Wanted()))
            first = next(tables, ROWS.empty_table())
            each = first.nbytes // max(first.num_rows, 1) or 1
            with part_writer(file, footer, first) as writer:
                for table in itertools.chain([first], tables):
                    # One after the other into the same row group, of which only what is packed stays
                    # in memory.
                    for batch in table.to_batches():
                        writer.write_batch(batch, row_group_size=max(_GROUP_BYTES // each, 1))
            sync(file)
        folder.sync()


def _pace(dataset: Dataset, parts: list[Part]) -> Pace | None:
    """How the rows of these came, by what the end of each file says; None where one does not."""
    facts = [known for part in parts if (known := dataset.facts(part)).rows]
    spans = [span for known in facts if (span := known.span) is not None]
    if not facts or len(spans) < len(facts):
        return None
    counts = Counts.over(min(first for first, _ in spans), max(last for _, last in spans))
    for known, (first, last) in zip(facts, spans, strict=True):
        counts.spread(known.rows, first, last, known.pace)
    return counts.pace()
