"""File systems and platforms that lack something, imitated: each has its way, proven or refused.

(Windows and macOS were not run: what they have and lack is put in the place of what Linux has.)
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from types import SimpleNamespace

import pyarrow.dataset as ds
import pytest

from sse_widget.errors import CaptureError, CaptureTaken
from sse_widget.storage import compaction, create_only, dataset, held_folder
from sse_widget.storage import writer as writing
from sse_widget.storage.compaction import compact
from sse_widget.storage.create_only import WAYS, proven_way
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.held_folder import HeldFolder
from sse_widget.storage.local_store import LocalStore
from sse_widget.storage.writer import Writer

from ..helpers.killed import killed
from ..helpers.many import until
from .test_dataset import batch, numbers, write


@pytest.fixture
def to(tmp_path):
    return tmp_path / "trades"


def refuses(code):
    def call(*_, **__):
        raise OSError(code, os.strerror(code))

    return call


def without_links(monkeypatch, code=errno.EPERM):
    """vfat and exFAT, SMB, Google Drive, DBFS: no hard links."""
    monkeypatch.setattr(HeldFolder, "link", refuses(code))


def without_careful_renames(monkeypatch):
    """FUSE mounts that know of no flags; musl, whose library has no such call."""
    monkeypatch.setattr(create_only, "rename_by_flags", refuses(errno.ENOSYS))


def by_path(monkeypatch):
    """Windows: folders have no handles."""
    monkeypatch.setattr(held_folder, "BY_HANDLE", False)


IMITATED = {
    "here": [],
    "without links": [without_links],
    "without careful renames": [without_careful_renames],
    "without either": [without_links, without_careful_renames],
    "by path": [by_path],
    "by path, without links": [by_path, without_links],
    "by path, without either": [by_path, without_links, without_careful_renames],
}


@pytest.fixture(params=IMITATED)
def imitated(request, monkeypatch):
    for lack in IMITATED[request.param]:
        lack(monkeypatch)
    return request.param


def staged(to):
    beside = to.parent / ".trades.staging"
    return [p.name for p in beside.iterdir() if p.name != ".sse-widget"]


# ---------------------------------------------------------------------- one part n


def test_who_loses_a_part_stops_everywhere(imitated, to):
    first = write(to, [0])
    second = Writer(Dataset(to))
    second.add("s", batch(1))
    second.commit()
    first.add("s", batch(1))
    with pytest.raises(CaptureTaken):
        first.commit()
    assert numbers(Dataset(to).read()) == [0, 1]
    assert staged(to) == []


def test_of_many_who_write_at_once_one_makes_each_part(imitated, to):
    write(to, [0])
    writers = [Writer(Dataset(to)) for _ in range(8)]
    gate, outcomes = threading.Barrier(len(writers)), []

    def run(writer):
        writer.add("s", batch(1))
        gate.wait()
        try:
            outcomes.append(writer.commit())
        except CaptureTaken:
            outcomes.append("taken")

    threads = [threading.Thread(target=run, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["1", *["taken"] * 7]
    assert numbers(Dataset(to).read()) == [0, 1]


def test_a_capture_lives_everywhere(imitated, to, monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 3)
    first = write(to, *([n] for n in range(10)))
    late, held = Writer(Dataset(to)), write(to)
    done = compact(first.dataset, keep_bytes=sum(p.size for p in Dataset(to).parts()[1:]))
    assert (done.merged, done.removed) == (2, 1)
    assert sorted(numbers(ds.dataset(to).to_table())) == [3, 4, 5, 6, 7, 8, 9]
    assert numbers(Dataset(to).read("s", 5, 9)) == [5, 6, 7, 8]
    write(to, [10])
    for zombie in (late, held):
        zombie.add("s", batch(10))
        with pytest.raises(CaptureTaken):
            zombie.commit()
    assert numbers(Dataset(to).read()) == list(range(3, 11))
    assert staged(to) == []
    told = [note for note in done.notes if "while it is written" in note]
    assert len(told) == imitated.endswith("without either")


@pytest.mark.parametrize("lacks", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL])
def test_ways_are_taken_in_order(to, monkeypatch, lacks):
    to.mkdir()
    with HeldFolder(to) as folder:
        assert proven_way(folder) is WAYS[0]
        without_links(monkeypatch, lacks)
        assert proven_way(folder) is WAYS[1]
        monkeypatch.setattr(create_only, "rename_by_flags", refuses(lacks))
        assert proven_way(folder) is WAYS[2]
        assert folder.names() == []


def test_a_disk_that_is_full_is_no_lack(to, monkeypatch):
    to.mkdir()
    monkeypatch.setattr(HeldFolder, "link", refuses(errno.ENOSPC))
    with HeldFolder(to) as folder, pytest.raises(OSError, match="No space left"):
        proven_way(folder)


def test_a_file_system_that_makes_a_file_twice_is_refused(to, monkeypatch):
    """One that knows neither links nor exclusive files nor careful renames, and does not say so."""

    def replaces(held, name, other, new):
        held.rename(name, other, new)

    def truncates(held, name):
        return (held.path / name).open("wb")

    monkeypatch.setattr(HeldFolder, "link", replaces)
    monkeypatch.setattr(create_only, "rename_only", replaces)
    monkeypatch.setattr(HeldFolder, "new_file", truncates)
    with pytest.raises(CaptureError, match="lets a file be made twice"):
        write(to, [0])
    assert Dataset(to).parts() == []


def test_a_part_whose_writer_is_killed_in_the_middle_is_read_past(to, monkeypatch):
    """Where a file is made under its name at once, it can be cut short."""
    without_links(monkeypatch)
    without_careful_renames(monkeypatch)
    write(to, [0], [1])
    torn = to / "00000000" / "part-00000002.parquet"
    torn.write_bytes((to / "00000000" / "part-00000001.parquet").read_bytes()[:-30])
    assert numbers(Dataset(to).read()) == [0, 1]
    assert write(to, [2]).next_part == 4
    assert numbers(Dataset(to).read()) == [0, 1, 2]


def test_another_mount_of_the_same_disk_beside_it(to, monkeypatch):
    real = HeldFolder.link

    def link(held, name, other, new):
        if held is not other and other.path.parent not in (held.path.parent, held.path):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(held, name, other, new)

    monkeypatch.setattr(HeldFolder, "link", link)
    write(to, [0], [1])
    assert numbers(Dataset(to).read()) == [0, 1]
    assert (to / ".staging").is_dir()


def test_windows_renames_and_replaces_nothing(to, monkeypatch):
    """There os.rename refuses a name that is taken, and no library is asked."""

    def rename(held, name, other, new):
        if (other.path / new).exists():
            raise FileExistsError(
                errno.EEXIST, "Cannot create a file when that file already exists"
            )
        (held.path / name).rename(other.path / new)

    by_path(monkeypatch)
    monkeypatch.setattr(create_only, "os", SimpleNamespace(name="nt", strerror=os.strerror))
    monkeypatch.setattr(HeldFolder, "rename", rename)
    without_links(monkeypatch)
    to.mkdir()
    with HeldFolder(to) as folder:
        assert proven_way(folder) is WAYS[1]


def test_a_file_url_of_windows_is_a_path(monkeypatch):
    from sse_widget.storage import stores

    monkeypatch.setattr(stores, "url2pathname", lambda path: f"C:{path}")
    monkeypatch.setattr(
        stores, "os", SimpleNamespace(name="nt", PathLike=os.PathLike, fspath=os.fspath)
    )
    assert stores.place_of("file:///trades").name == "C:/trades"


# ---------------------------------------------------------------------- replacing a folder


def test_a_folder_that_cannot_be_moved_now_is_tried_again(to, monkeypatch):
    """Windows does not rename a folder while a file in it is open."""
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    without_careful_renames(monkeypatch)
    write(to, [0], [1], [2], [3], [4])
    with monkeypatch.context() as busy:
        busy.setattr(HeldFolder, "rename", refuses(errno.EACCES))
        done = compact(Dataset(to), keep_bytes=1)
        assert (done.merged, done.removed) == (0, 0)
        assert "old files stay for now: Permission denied" in done.notes
        assert "small files stay for now: Permission denied" in done.notes
        assert numbers(Dataset(to).read()) == [0, 1, 2, 3, 4]
    assert compact(Dataset(to)).merged == 2
    assert numbers(Dataset(to).read()) == [0, 1, 2, 3, 4]
    assert [p.name for p in to.iterdir() if p.name.startswith(".")] == []


def test_the_second_rename_fails_and_all_is_as_before(to, monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    without_careful_renames(monkeypatch)
    write(to, [0], [1], [2])
    real, calls = HeldFolder.rename, []

    def rename(held, name, other, new):
        calls.append(name)
        if len(calls) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(held, name, other, new)

    monkeypatch.setattr(HeldFolder, "rename", rename)
    assert compact(Dataset(to)).notes == ("small files stay for now: Input/output error",)
    assert len(calls) == 3
    assert numbers(Dataset(to).read()) == [0, 1, 2]
    assert len(Dataset(to).parts()) == 3


_LACKING = """
import errno
from sse_widget.storage import create_only
from sse_widget.storage.compaction import compact
from sse_widget.storage.dataset import Dataset

def lacks(*_):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

create_only.rename_by_flags = lacks
"""


def test_killed_between_two_renames_who_comes_next_goes_on(tmp_path, monkeypatch):
    """At any line: our readers see each row once, or are told to look again; nobody sees one twice."""
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)

    cases = [tmp_path / str(n) / "trades" for n in range(13)]
    for to in cases:
        write(to, [0], [1], [2])
    whole = cases.pop()
    killed("compact(Dataset(to))", "folder_swap.py:_by_two_renames", whole, cases, _LACKING)
    assert numbers(Dataset(whole).read()) == [0, 1, 2]
    monkeypatch.setattr(dataset, "PAUSE", 0)  # nobody goes on with it while they are read
    absent = 0
    for to in cases:
        seen = sorted(numbers(ds.dataset(to).to_table()))
        assert seen in ([0, 1, 2], [2])
        if seen == [2]:
            absent += 1
            with pytest.raises(FileNotFoundError, match="opening the capture to write goes on"):
                Dataset(to).read()
        else:
            assert numbers(Dataset(to).read()) == [0, 1, 2]
        assert write(to, [3]).next_part == 4
        assert numbers(Dataset(to).read()) == [0, 1, 2, 3]
        compact(Dataset(to))
        assert numbers(Dataset(to).read()) == [0, 1, 2, 3]
        assert staged(to) == []
        assert [p.name for p in to.iterdir() if p.name.startswith(".")] == []
    assert absent > 0


def test_a_reader_waits_for_a_disk_that_is_slow_between_two_renames(to, monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    without_careful_renames(monkeypatch)
    for n in range(4):
        write(to, [n])
    begun, looks = threading.Event(), []
    rename, walk = HeldFolder.rename, LocalStore.walk

    def slow(self, name, to, new):
        if new.startswith("gone-"):
            rename(self, name, to, new)
            begun.set()
            until(lambda: len(looks) >= 30)
        else:
            rename(self, name, to, new)

    def counted(self, *below):
        looks.append(below)
        return walk(self, *below)

    monkeypatch.setattr(dataset, "PAUSE", 0.001)
    monkeypatch.setattr(HeldFolder, "rename", slow)
    merging = threading.Thread(target=compact, args=[Dataset(to)])
    merging.start()
    assert begun.wait(60)
    monkeypatch.setattr(LocalStore, "walk", counted)
    assert numbers(Dataset(to).read()) == [0, 1, 2, 3]
    merging.join()


def test_readers_look_again_while_a_folder_has_no_name(to, monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    without_careful_renames(monkeypatch)
    write(to, [0])
    over, failures, seen = threading.Event(), [], set()

    def read():
        while not over.is_set():
            got = numbers(Dataset(to).read())
            seen.add(len(got))
            if got != list(range(len(got))):
                failures.append(got)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        until(lambda: seen)
        for n in range(1, 17, 2):
            write(to, [n], [n + 1])
            compact(Dataset(to))
        until(lambda: 17 in seen or failures)
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert failures == []
    assert len(seen) > 1


# ---------------------------------------------------------------------- locks, and what lasts


class _Msvcrt:
    """Windows' own module: a byte of a file is one process's."""

    LK_NBLCK, LK_UNLCK = 2, 0

    def __init__(self) -> None:
        self.locked: set[tuple[int, int]] = set()

    def locking(self, handle, mode, count):
        there = os.fstat(handle)
        file = (there.st_dev, there.st_ino)
        if mode == self.LK_UNLCK:
            self.locked.remove(file)
        elif file in self.locked:
            raise OSError(errno.EACCES, "Permission denied")
        else:
            self.locked.add(file)


def test_on_windows_one_process_at_a_time_tidies(to, monkeypatch):
    msvcrt = _Msvcrt()
    by_path(monkeypatch)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    write(to, [0], [1], [2])
    real, inner = compaction.recover, []

    def recover(where, staging):
        if not inner:
            inner.append(None)
            inner[0] = compact(Dataset(to))  # another process, at this very moment
        real(where, staging)

    monkeypatch.setattr(compaction, "recover", recover)
    assert compact(Dataset(to)).merged == 1
    assert inner[0].merged == 0
    assert msvcrt.locked == set()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_tidied_all_the_same(to, monkeypatch, code):
    import fcntl

    monkeypatch.setattr(fcntl, "flock", refuses(code))
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    write(to, [0], [1], [2])
    assert compact(Dataset(to)).merged == 1


def test_on_macos_a_file_is_waited_for_to_the_disk_itself(to, monkeypatch):
    import fcntl

    asked = []
    monkeypatch.setattr(held_folder, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda handle, call: asked.append(call))
    write(to, [0])
    assert 51 in asked
    monkeypatch.setattr(fcntl, "fcntl", refuses(errno.ENOTSUP))  # not every file system there can
    write(to, [1])
    assert numbers(Dataset(to).read()) == [0, 1]


def test_a_parent_that_is_not_ours_to_write(to, monkeypatch):
    """Then what is being made is in the capture, under names that no reader takes for data."""
    real = HeldFolder.folder

    def folder(held, name, **how):
        if held.path == to.parent:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(held, name, **how)

    monkeypatch.setattr(HeldFolder, "folder", folder)
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    write(to, [0], [1], [2])
    assert stat.S_IMODE((to / ".staging").stat().st_mode) == 0o700
    assert any("would be merged" in note for note in compact(Dataset(to)).notes)
    assert numbers(Dataset(to).read()) == [0, 1, 2]
    assert LocalStore(str(to)).staging_is_inside
