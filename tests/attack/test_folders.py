"""Another user of the machine, who may write beside a capture or in it: nobody's files are followed to,
overwritten or deleted."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace

import pytest

from sse_widget import Capture, SSEStream
from sse_widget.errors import CaptureError, CaptureNotWritten
from sse_widget.storage import writer as writing
from sse_widget.storage.compaction import compact
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.held_folder import HeldFolder
from sse_widget.storage.local_store import MARKER
from sse_widget.storage.writer import Writer

from ..helpers.scripted import Server, sends
from ..storage.test_dataset import batch, numbers, write

LONG_AGO = time.time() - 7_000
# The names that the package itself gives: in a folder that is not its own they are a person's.
OURS = ["part-00000000.parquet.0123456789ab.tmp", "gone-0123456789ab", "merge-@0123456789ab"]


@pytest.fixture
def to(tmp_path):
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared" / "trades"


@pytest.fixture
def home(tmp_path):
    """A person's folder, old enough to be taken for left behind."""
    home = tmp_path / "home"
    for folder in ("documents", *OURS[1:]):
        (home / folder).mkdir(parents=True)
        (home / folder / "thesis").write_text("mine")
        os.utime(home / folder, (LONG_AGO, LONG_AGO))
    (home / OURS[0]).write_text("mine")
    os.utime(home / OURS[0], (LONG_AGO, LONG_AGO))
    return home


def everything(folder):
    return sorted(
        (str(p.relative_to(folder)), p.is_file() and p.read_text()) for p in folder.rglob("*")
    )


def captured(to, monkeypatch):
    """Writes, merges and removes: all that a capture does with a folder beside it."""
    monkeypatch.setattr(writing, "FOLDER_PARTS", 3)
    write(to, [0], [1], [2], [3], [4], [5], [6])
    done = compact(Dataset(to), keep_bytes=sum(p.size for p in Dataset(to).parts()[2:]))
    assert (done.merged, done.removed) == (1, 1)
    assert numbers(Dataset(to).read()) == [3, 4, 5, 6]
    return done


# ---------------------------------------------------------------------- beside a capture


def test_a_staging_folder_that_is_a_link_is_not_followed(to, home, monkeypatch):
    (to.parent / ".trades.staging").symlink_to(home)
    before = everything(home)
    captured(to, monkeypatch)
    assert everything(home) == before
    assert (to.parent / ".trades.staging").is_symlink()


def test_a_persons_own_folder_of_that_name_is_left_alone(to, home, monkeypatch):
    home.rename(to.parent / ".trades.staging")
    before = everything(to.parent / ".trades.staging")
    captured(to, monkeypatch)
    assert everything(to.parent / ".trades.staging") == before


def test_a_stream_does_not_follow_one_either(to, home):
    (to.parent / ".trades.staging").symlink_to(home)
    before = everything(home)
    with Server(sends("data: x\n\n", then="hold")) as server:
        stream = SSEStream(server.url, capture=Capture(to, stream="s"))
        stream.history.count_rows()
        stream.close()
    assert stream.capture.error is None
    assert everything(home) == before


def test_a_folder_of_another_user_is_not_used(to, monkeypatch):
    (to.parent / ".trades.staging").mkdir()
    (to.parent / ".trades.staging" / MARKER).write_text("")
    real = HeldFolder.status

    def status(held):
        there = real(held)
        if held.path.name != ".trades.staging":
            return there
        return SimpleNamespace(st_uid=there.st_uid + 1, st_dev=there.st_dev, st_ino=there.st_ino)

    monkeypatch.setattr(HeldFolder, "status", status)
    captured(to, monkeypatch)
    assert [p.name for p in (to.parent / ".trades.staging").iterdir()] == [MARKER]
    assert (to.parent / ".trades.staging-2" / MARKER).exists()


@pytest.mark.parametrize("there", ["a file", "a link that leads nowhere", "a link to itself"])
def test_something_else_of_that_name_is_left_alone(to, there, monkeypatch):
    staging = to.parent / ".trades.staging"
    if there == "a file":
        staging.write_text("mine")
    else:
        staging.symlink_to(staging if there == "a link to itself" else to.parent / "nowhere")
    captured(to, monkeypatch)
    assert staging.is_symlink() or staging.read_text() == "mine"
    assert not (to.parent / "nowhere").exists()


def test_only_what_the_writer_makes_is_swept_and_links_go_themselves(to, home, monkeypatch):
    write(to, [0])
    staging = to.parent / ".trades.staging"
    (staging / "notes.txt").write_text("mine")
    (staging / "documents").mkdir()
    (staging / "part-00000007.parquet.tmp").write_text("nearly ours")
    for name in (*OURS, "notes.txt", "documents", "part-00000007.parquet.tmp"):
        if name in OURS:
            (staging / name).symlink_to(home)
        os.utime(staging / name, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    before = everything(home)
    compact(Dataset(to))
    assert everything(home) == before
    left = {p.name for p in staging.iterdir()}
    # A link of such a name is no file that a writer made; the folders' names it owns.
    assert left == {MARKER, "notes.txt", "documents", "part-00000007.parquet.tmp", OURS[0]}


def test_it_is_swapped_for_a_link_while_it_is_used(to, home):
    writer = write(to, [0])
    staging = to.parent / ".trades.staging"
    staging.rename(to.parent / "away")
    staging.symlink_to(home)
    before = everything(home)
    writer.add("s", batch(1))
    writer.commit()
    compact(Dataset(to))
    assert everything(home) == before
    assert numbers(Dataset(to).read()) == [0, 1]


# ---------------------------------------------------------------------- in a capture


@pytest.fixture
def elsewhere(tmp_path):
    """A capture of somebody else's."""
    write(tmp_path / "elsewhere", [10], [11])
    return tmp_path / "elsewhere"


def test_a_part_that_is_a_link_is_not_read_and_said(to, elsewhere):
    write(to, [0])
    (to / "00000000" / "part-00000001.parquet").symlink_to(
        elsewhere / "00000000" / "part-00000001.parquet"
    )
    assert numbers(Dataset(to).read()) == [0]
    assert compact(Dataset(to)).notes == (
        "another link is left alone: 00000000/part-00000001.parquet",
    )


def test_a_folder_that_is_a_link_is_neither_read_nor_written_nor_removed(to, elsewhere):
    to.mkdir()
    (to / "00000000").symlink_to(elsewhere / "00000000")
    (to / "shard-0000").symlink_to(elsewhere)
    before = sorted(p.name for p in elsewhere.rglob("*"))
    dataset = Dataset(to)
    assert dataset.parts() == dataset.parts("shard-0000") == []
    for shard in ("", "shard-0000"):
        writer = Writer(dataset, shard)
        writer.add("s", batch(1))
        with pytest.raises(CaptureNotWritten, match="link"):
            writer.commit()
        compact(dataset, shard, keep_bytes=1)
    assert sorted(p.name for p in elsewhere.rglob("*")) == before
    assert (to / "00000000").is_symlink()


def test_what_is_no_file_is_not_opened(to):
    """A pipe under the name of a part would hold whoever opens it for ever."""
    write(to, [0])
    os.mkfifo(to / "00000000" / "part-00000001.parquet")
    assert numbers(Dataset(to).read()) == [0]
    assert Dataset(to).damaged() == []


def test_a_note_between_two_renames_that_somebody_else_wrote_moves_nothing(to, home):
    write(to, [0])
    for n, left in enumerate(['["x"]', '{"new": "../../home", "old": "../../home"}', "{", "\xff"]):
        (to / f".merging-{n:08}7").write_text(left, "latin-1")
    (to / ".merging-00000009").symlink_to(home / "documents" / "thesis")
    os.mkfifo(to / ".merging-00000011")
    before = everything(home)
    Writer(Dataset(to))
    assert everything(home) == before


def test_a_persons_file_in_a_folder_outlives_merging_and_removing(to, monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 3)
    write(to, [0], [1], [2])
    (to / "00000000" / "notes.txt").write_text("mine")
    write(to, [3], [4], [5], [6])
    (to / "00000003" / ".DS_Store").write_text("a file manager's")
    assert compact(Dataset(to)).merged == 1
    assert (to / "00000000" / "notes.txt").read_text() == "mine"
    assert numbers(Dataset(to).read()) == [0, 1, 2, 3, 4, 5, 6]
    assert compact(Dataset(to), keep_bytes=1).removed == 2
    assert (to / "00000000" / "notes.txt").read_text() == "mine"
    assert numbers(Dataset(to).read()) == [6]
    assert write(to, [7]).next_part == 8


def test_the_name_of_a_capture_that_somebody_else_made_a_link_is_refused(to, home, monkeypatch):
    to.symlink_to(home)
    assert Dataset(to).parts() == []  # one's own link, or that of whose folder it is, is followed
    as_another_user(monkeypatch, to.parent)
    with pytest.raises(CaptureError, match="a link that somebody else made"):
        Dataset(to)


def as_another_user(monkeypatch, folder):
    """From here on a folder and we are of two users, and what is in it of a third."""
    mine, theirs, real = os.geteuid(), folder.stat(), type(folder).stat

    def stat(path, **how):
        return SimpleNamespace(st_uid=theirs.st_uid + 2) if path == folder else real(path, **how)

    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    monkeypatch.setattr(type(folder), "stat", stat)


# ---------------------------------------------------------------------- files that are saved


def test_a_link_of_somebody_else_is_not_saved_through(tmp_path, monkeypatch):
    stream = SSEStream.replay(b"data: x\n\n", speed=float("inf"))
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "x.csv").symlink_to(tmp_path / "mine")
    try:
        as_another_user(monkeypatch, tmp_path)
        with pytest.raises(PermissionError, match="somebody else made"):
            stream.save(tmp_path / "x.csv")
    finally:
        monkeypatch.undo()
        stream.close()
    assert (tmp_path / "mine").read_text() == "mine"
