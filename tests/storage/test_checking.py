"""`check` finds what is wrong with a capture, and nothing where nothing is."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sse_widget.cli import main
from sse_widget.events import Cause, EventBatch, Gap
from sse_widget.storage import Dataset, check, compact
from sse_widget.storage.event_numbers import Numbers, Run
from sse_widget.storage.footer import KEY, Footer
from sse_widget.storage.local_store import MARKER
from sse_widget.storage.part_builder import encode
from sse_widget.storage.writer import Writer

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def batch(count, data="d"):
    return EventBatch(
        ["tick"] * count, [data] * count, [""] * count, [False] * count, received_at=AT
    )


def write(to, parts=4, streams=("a", "b"), shard="", each=5):
    writer = Writer(Dataset(to), shard)
    for _ in range(parts):
        for stream in streams:
            writer.add(stream, batch(each))
        writer.commit()
    writer.close()


@pytest.fixture
def to(tmp_path):
    to = tmp_path / "trades"
    write(to)
    return to


def part(to, number) -> Path:
    return to / "00000000" / f"part-{number:08}.parquet"


def change(path, rows=lambda table: table, footer=lambda footer: footer, new=None):
    """The file again, with other rows or another footer."""
    said = Footer.decode(pq.read_metadata(path).metadata, path.name)
    table = rows(pq.read_table(path, partitioning=None))
    (new or path).write_bytes(encode(table, footer(said)))


def problems(to):
    return list(check(Dataset(to)).problems)


# ---------------------------------------------------------------------- nothing is wrong


def test_a_sound_capture(to):
    report = check(Dataset(to))
    assert (report.files, report.rows, report.streams) == (4, 40, 2)
    assert report.is_sound
    assert (report.problems, report.notes) == ((), ())


def test_after_merging_and_removing(to):
    for _ in range(3):  # each that opens it begins a part, and here a folder too
        change(
            sorted(to.rglob("*.parquet"))[-1],
            footer=lambda footer: replace(footer, closes=True),
        )
        write(to)
    assert compact(Dataset(to)).merged >= 3
    assert check(Dataset(to)).is_sound
    assert compact(Dataset(to), keep_bytes=1, merge=False).removed >= 1
    report = check(Dataset(to))
    assert report.problems == ()
    assert 0 < report.rows < 160


def test_a_stream_that_moved_between_sequences(tmp_path):
    write(tmp_path, streams=("a",), shard="shard-0000")
    for shard in ("shard-0001", "shard-0000"):
        writer = Writer(Dataset(tmp_path), shard)
        writer.positions["a"] = Dataset(tmp_path).streams()["a"]
        writer.add("a", batch(5))
        writer.commit()
    assert problems(tmp_path) == []
    next((tmp_path / "shard-0001").rglob("*.parquet")).unlink()
    assert problems(tmp_path)[0].startswith("Events 20 to 24 of “a” are in no file")


@pytest.mark.parametrize("is_told", [True, False])
def test_what_the_disk_cost_is_told_by_a_gap(tmp_path, is_told):
    writer = Writer(Dataset(tmp_path))
    writer.add("a", batch(5))
    writer.commit()
    writer.add("a", batch(7))
    lost = writer.drop_oldest(0)["a"]
    writer.add("a", batch(5))
    if is_told:
        gap = Gap(lost.end, AT, Cause.DISK, "full", missing=lost.rows, replayed=False)
        writer.gap("a", gap)
    writer.commit()
    found = problems(tmp_path)
    assert len(found) == (0 if is_told else 1)
    assert is_told or found[0].startswith(
        "Events 5 to 11 of “a” are in no file, and no gap tells of them"
    )


def test_a_folder_that_went_away_is_told_by_a_gap(to):
    older = to.with_name("older")
    shutil.copytree(to, older)
    write(to)
    gone = Gap(40, AT, Cause.DISK, "gone", missing=20, replayed=False)
    gaps = (("a", gone), ("b", gone))
    writer = Writer(Dataset(to))
    writer.claim()
    newest = sorted(to.rglob("*.parquet"))[-1]
    folder = older / "00000008"
    folder.mkdir()
    change(newest, footer=lambda footer: replace(footer, gaps=gaps), new=folder / newest.name)
    assert problems(older) == []
    change(folder / newest.name, footer=lambda footer: replace(footer, gaps=()))
    assert problems(older)[0].startswith("Parts 4 to 7 are not there")


# ---------------------------------------------------------------------- what is wrong


def test_a_file_that_was_cut_short(to):
    part(to, 1).write_bytes(part(to, 1).read_bytes()[:-100])
    damaged, *holes = problems(to)
    assert damaged.startswith("00000000/part-00000001.parquet is damaged")
    assert [hole.partition(" are ")[0] for hole in holes] == [
        "Events 5 to 9 of “a”",
        "Events 5 to 9 of “b”",
    ]


def test_rows_that_cannot_be_read_behind_a_sound_footer(to):
    content = bytearray(part(to, 1).read_bytes())
    content[4:200] = b"\xff" * 196
    part(to, 1).write_bytes(content)
    assert any("part-00000001.parquet is damaged" in problem for problem in problems(to))


def test_a_file_that_is_missing(to):
    part(to, 2).unlink()
    missing, *holes = problems(to)
    assert missing == (
        "Part 2 is not there: the file would come between 00000000/part-00000001.parquet and "
        "00000000/part-00000003.parquet."
    )
    assert len(holes) == 2


def test_a_part_that_is_there_twice(to):
    part(to, 1).with_name("part-00000001-00000001.parquet").write_bytes(part(to, 1).read_bytes())
    twice, *events = problems(to)
    assert twice.startswith("Part 1 is there twice: ")
    assert [event.partition(":")[0] for event in events] == [
        "Events 5 to 9 of “a” are there twice",
        "Events 5 to 9 of “b” are there twice",
    ]


def test_rows_that_two_sequences_hold(tmp_path):
    for shard in ("shard-0000", "shard-0001"):
        write(tmp_path, streams=("a",), shard=shard)
    (twice,) = problems(tmp_path)
    assert twice.startswith("Events 0 to 19 of “a” are there twice")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (lambda table: table.slice(0, 9), "Events 9 to 9 of “b” are in no file"),
        (lambda table: table.slice(0, 0), "Events 5 to 9 of “a” are in no file"),
        (lambda table: pa.concat_tables([table, table]), "Events 5 to 9 of “a” are there twice"),
        (
            lambda table: table.set_column(
                1, table.schema.field("seq"), pc.add(table["seq"], 10**6)
            ),
            "up to number 1,000,009, but its footer counts 10 events",
        ),
    ],
)
def test_rows_that_a_footer_does_not_count(to, rows, said):
    change(part(to, 1), rows=rows)
    assert any(said in problem for problem in problems(to))


def test_a_row_that_is_missing_at_the_very_end(to):
    change(part(to, 3), rows=lambda table: table.slice(0, 9))
    assert problems(to) == [
        "Events 19 to 19 of “b” are in no file, although the footer of the newest part of the "
        "capture counts them."
    ]


def position(of, **changed):
    return lambda footer: replace(
        footer,
        streams={**footer.streams, of: msgspec.structs.replace(footer.streams[of], **changed)},
    )


@pytest.mark.parametrize(
    ("footer", "said"),
    [
        (
            position("a", types={"tick": 11}),
            "has 5 rows of “a”, but by their types its footer counts 6",
        ),
        (position("a", seq=3), "counts 3 events of “a”, the one before it 5"),
        (position("a", seq=12), "begin with number 10, but the footer before it counts 12 events"),
        (
            lambda footer: replace(footer, streams={"a": footer.streams["a"]}),
            "has forgotten the stream “b”",
        ),
        (lambda footer: replace(footer, part=9), "its footer says that it is part 9"),
    ],
)
def test_a_footer_that_does_not_match(to, footer, said):
    change(part(to, 1), footer=footer)
    assert any(said in problem for problem in problems(to))


def test_a_file_of_another_format_and_of_a_newer_one(to):
    table = pq.read_table(part(to, 1), partitioning=None)
    pq.write_table(table, part(to, 1))
    newer = {KEY: b'{"version": 2}'}
    pq.write_table(table.replace_schema_metadata(newer), part(to, 3))
    found = " ".join(problems(to))
    assert "part-00000001.parquet is no file of a capture" in found
    assert "part-00000003.parquet has version 2 of the capture format" in found


def test_a_merge_that_was_interrupted_is_said_and_left(to):
    (to / ".merging-00000000").write_bytes(b"")
    (to / "00000000").rename(to.parent / "elsewhere")
    (said,) = problems(to)
    assert "a merge was interrupted" in said
    assert (to / ".merging-00000000").exists()


def test_other_files_links_and_leftovers_are_notes(to):
    (to / "00000000" / "mine.txt").write_text("mine")
    (to / "link").symlink_to(to / "00000000")
    staging = to.parent / ".trades.staging"
    assert (staging / MARKER).exists()
    for name in ("part-00000001.parquet.0123456789ab.tmp", "mine.tmp"):
        (staging / name).write_bytes(b"")
        os.utime(staging / name, (0, 0))
    report = check(Dataset(to))
    assert report.is_sound
    said = "\n".join(report.notes)
    assert "00000000/mine.txt" in said
    assert "link" in said
    assert ".trades.staging/part-00000001.parquet.0123456789ab.tmp" in said
    assert "mine.tmp" not in said


# ---------------------------------------------------------------------- bounds


def test_as_many_sentences_as_somebody_may_read(to):
    every_second = pa.array([i % 2 == 0 for i in range(5_000)])
    write(to, parts=1, streams=("c",), each=5_000)
    change(sorted(to.rglob("*.parquet"))[-1], rows=lambda table: table.filter(every_second))
    found = problems(to)
    assert len(found) == 1_001
    assert found[-1].startswith("There are ")


def test_numbers_without_order_take_bounded_memory(tmp_path):
    count = 30_000
    write(tmp_path, parts=1, streams=("a",), each=count)
    change(
        tmp_path / "00000000" / "part-00000000.parquet",
        rows=lambda table: table.set_column(
            1, table.schema.field("seq"), pa.array(range(0, 3 * count, 3), pa.int64())
        ),
        footer=position("a", seq=3 * count),
    )
    report = check(Dataset(tmp_path), most_bytes=2**20)
    assert "than can be compared in 1 MiB" in report.problems[-1]
    assert any("are in no file" in problem for problem in check(Dataset(tmp_path)).problems)


def test_numbers_stay_within_their_bytes():
    numbers = Numbers(2**20)
    tracemalloc.start()
    try:
        for i in range(30_000):
            numbers.add(f"stream {i % 7}", Run(3 * i, 3 * i + 1, "path"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert numbers.is_full
    assert peak < 2**20


def test_it_can_be_stopped_and_tells_how_far_it_is(to):
    seen = []
    asked = itertools.count()
    report = check(
        Dataset(to),
        progress=lambda *done: seen.append(done),
        stop=lambda: next(asked) == 2,
    )
    assert report.problems == ("The check was stopped after 2 of 4 files.",)
    assert seen == [(1, 4), (2, 4)]


def test_it_changes_nothing(to):
    def there():
        return {path: path.stat().st_mtime_ns for path in to.parent.rglob("*")}

    part(to, 1).write_bytes(b"PAR1")
    before = there()
    check(Dataset(to))
    assert there() == before


# ---------------------------------------------------------------------- the command


def test_the_command_says_it_and_its_exit_code_is_true(to, capsys):
    assert main(["check", str(to)]) == 0
    assert capsys.readouterr().out == (
        "Nothing is wrong: 40 rows of 2 streams in 4 files were read.\n"
    )
    part(to, 2).unlink()
    (to / "mine\x1b]0;title\x07").write_text("mine")
    assert main(["check", str(to)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("Part 2 is not there")
    assert out.endswith("3 problems: 30 rows of 2 streams in 3 files were read.\n")
    assert "Note: " in out
    assert "\x1b" not in out


def test_the_command_where_there_is_no_capture(tmp_path, capsys):
    assert main(["check", str(tmp_path / "nothing")]) == 1
    assert "there is no such folder" in capsys.readouterr().err
    assert main(["check", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "There is no capture here.\n"
    file = tmp_path / "file"
    file.write_text("")
    assert main(["check", str(file)]) == 1
    assert "is a file" in capsys.readouterr().err


def test_files_of_every_version_are_sound(capsys):
    """A folder of files for each version of the format that was released, never written anew."""
    released = sorted((Path(__file__).parents[1] / "fixtures").glob("capture-*"))
    assert [folder.name for folder in released] == [
        "capture-1",
        "capture-1-of-0.2.0",
        "capture-1-with-pace",
    ]
    for folder in released:
        assert main(["check", str(folder)]) == 0


def test_files_of_0_2_0_are_read_for_ever():
    """With the clock in the footers, which are compressed, and events that the disk cost."""
    dataset = Dataset(Path(__file__).parents[1] / "fixtures" / "capture-1-of-0.2.0")
    footers = [dataset.footer(part) for part in dataset.parts()]
    assert all(footer.clock is not None for footer in footers)
    streams = dataset.streams()
    assert len(streams) == 220
    first = streams["stream 000"]
    assert (first.seq, first.last_event_id, first.types) == (14, "13", {"tick": 3, "trade": 4})
    assert (first.stats, first.reconnection_time) == ({"bytes": 9}, 1500)
    seqs = dataset.read("stream 000")["seq"].to_pylist()
    assert seqs == [0, 1, 2, 3, 4, 12, 13]
    ((name, gap),) = dataset.gaps()
    assert (name, gap.seq, gap.cause, gap.missing) == ("stream 000", 12, Cause.DISK, 7)


def test_what_a_later_writer_adds_to_a_footer_of_this_version_is_passed_over(to):
    table = pq.read_table(part(to, 1), partitioning=None)
    said = json.loads(pq.read_metadata(part(to, 1)).metadata[KEY])
    said["a key to come"] = {"of": ["some", "kind"]}
    said["streams"]["a"]["another"] = 1
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps(said).encode()}), part(to, 1))
    assert problems(to) == []
