"""Files of events: whole or not at all, and what was written is what is read."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_widget.events import EventBatch
from sse_widget.filters import EventFilter
from sse_widget.protocol import EventStreamParser
from sse_widget.recordings import progress
from sse_widget.recordings.export import FORMATS, arrow_table, save
from sse_widget.recordings.sse_file import write_sse
from sse_widget.tables.window import RollingWindow

from ..conftest import captures
from ..helpers import literal

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ROWS = [
    ("message", "", "plain"),
    ("trade", "7", '{"p": 1, "n": "é, \\"x\\""}'),
    ("trade", "7", "two\nlines\n"),
    ("a: b", "", ""),
    ("message", " 8 ", ":no comment\n\n  \u2028data: x\ufeff"),
]


def window(rows=ROWS, first=0) -> RollingWindow:
    held = RollingWindow(max_events=len(rows) or 1)
    for n in range(first):
        held.append(EventBatch(["x"], [str(n)], [""], [False], received_at=NOW))
    for n, (kind, id_, data) in enumerate(rows):
        at = NOW + timedelta(milliseconds=250 * (n // 2))
        held.append(EventBatch([kind], [data], [id_], [True], received_at=at))
    return held


def saved(path: Path | str, rows=ROWS, first=0) -> Path:
    return save(window(rows, first).read(), path)


def parsed(content: bytes) -> list[tuple[str, str, str]]:
    batch = EventStreamParser().feed(content)
    return list(zip(batch.types, batch.last_event_ids, batch.data, strict=True))


def test_sse_parses_back_identically(tmp_path):
    content = saved(tmp_path / "x.sse").read_bytes()
    assert parsed(content) == ROWS
    assert [(t, i, d) for t, d, i in literal.read(content).events] == ROWS


def test_sse_tells_times_where_they_change(tmp_path):
    comments = literal.read(saved(tmp_path / "x.sse").read_bytes()).comments
    assert comments == [
        " received_at=2026-01-02T03:04:05.678901Z",
        " received_at=2026-01-02T03:04:05.928901Z",
        " received_at=2026-01-02T03:04:06.178901Z",
    ]


# What a parser can give: no CR anywhere, no LF but in data, no NUL in ids.
LINE = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=8)
EVENTS = st.lists(
    st.tuples(LINE.map(lambda t: t or "message"), LINE, st.lists(LINE, max_size=3).map("\n".join)),
    max_size=12,
)


@given(EVENTS)
def test_any_events_parse_back_identically(rows):
    file = io.BytesIO()
    write_sse(arrow_table(window(rows).read()), file, lambda done: None)
    assert parsed(file.getvalue()) == rows


def test_ndjson_is_an_object_a_line(tmp_path):
    lines = saved(tmp_path / "x.ndjson", first=3).read_text("utf-8").split("\n")
    assert lines.pop() == ""
    rows = [json.loads(line) for line in lines]
    assert [list(row) for row in rows] == [
        ["seq", "received_at", "type", "last_event_id", "data"]
    ] * 5
    assert [(r["type"], r["last_event_id"], r["data"]) for r in rows] == ROWS
    assert [r["seq"] for r in rows] == [3, 4, 5, 6, 7]
    assert rows[0]["received_at"] == "2026-01-02T03:04:05.678901Z"


def test_csv_has_the_columns_of_the_frame(tmp_path):
    path = saved(tmp_path / "x.csv", first=3)
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["seq", "received_at", "type", "last_event_id", "data"]
    assert [tuple(row[2:]) for row in rows] == ROWS
    frame = pd.read_csv(path, index_col="seq", parse_dates=["received_at"], keep_default_na=False)
    assert frame["received_at"].iloc[0] == pd.Timestamp(NOW)
    assert frame.index.tolist() == [3, 4, 5, 6, 7]


def test_parquet_keeps_the_types(tmp_path):
    table = pq.read_table(saved(tmp_path / "x.parquet", first=3))
    assert table.schema.names == ["seq", "received_at", "type", "last_event_id", "data"]
    assert table.schema.field("received_at").type == pa.timestamp("us", tz="UTC")
    rows = zip(*(table[n].to_pylist() for n in ("type", "last_event_id", "data")), strict=True)
    assert list(rows) == ROWS


def test_only_what_a_filter_lets_through(tmp_path):
    held = window(first=3).read()
    path = save(held, tmp_path / "x.csv", EventFilter(types={"trade"}))
    assert pd.read_csv(path)["seq"].tolist() == [4, 5]
    with pytest.raises(TypeError, match="filter must be an EventFilter"):
        save(held, tmp_path / "y.csv", 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", FORMATS)
def test_nothing_held_is_a_file_too(tmp_path, suffix):
    path = saved(tmp_path / f"x{suffix.upper()}", rows=[])
    assert path.exists()


@pytest.mark.parametrize("name", ["x.txt", "x", ".sse", "x.json", "x.sse.gz"])
def test_unknown_suffixes_are_refused_by_name(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.csv, \.ndjson, \.parquet, \.sse") as refused:
        saved(tmp_path / name)
    assert repr(Path(name).suffix) in str(refused.value) or "has none" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_replaced_and_keeps_its_mode(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("old")
    path.chmod(0o600)
    assert saved(path) == path.resolve()
    assert path.read_text("utf-8").startswith('"seq"')
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.sse", tmp_path / "link.sse"
    target.write_text("old")
    link.symlink_to(target)
    saved(link)
    assert link.is_symlink()
    assert parsed(target.read_bytes()) == ROWS


def test_no_such_folder_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        saved(tmp_path / "none" / "x.csv")
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        saved(tmp_path / "x.csv")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_text("old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as failed:
        saved(path)
    assert "was not written" in failed.value.__notes__[0]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


_TO_THE_LIMIT = """
import resource, signal, sys
from tests.recordings.test_export import saved
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, 2**18))
# Bytes that no compression makes small.
import secrets
rows = [("t", "", secrets.token_hex(500)) for _ in range(3000)]
for path in sys.argv[1:]:
    try:
        saved(path, rows)
    except OSError as error:
        print(error.strerror, *error.__notes__)
"""


@pytest.mark.skipif(os.name != "posix", reason="no limits of this kind")
def test_a_disk_that_has_room_for_a_part_of_it(tmp_path):
    paths = [tmp_path / f"x{suffix}" for suffix in FORMATS]
    for path in paths:
        path.write_text("old")
    run = subprocess.run(
        [sys.executable, "-c", _TO_THE_LIMIT, *map(str, paths)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert run.stdout.count("was not written; what was there before is there still") == 4
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert {path.read_text() for path in paths} == {"old"}


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_disk_that_is_full_half_way(suffix):
    table = arrow_table(window([("t", "", "x" * 1000)] * 3000).read())

    def write() -> None:
        with FULL.open("wb") as file:
            FORMATS[suffix](table, file, lambda done: None)

    with pytest.raises(OSError, match="No space left"):
        write()


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (("t", "", "a\rb"), "data"),
        (("t", "a\nb", ""), "last_event_id"),
        (("t", "a\0b", ""), "last_event_id"),
        (("a\nb", "", ""), "type"),
        (("", "", ""), "empty type"),
    ],
)
def test_what_no_stream_can_carry_is_refused_for_sse_alone(tmp_path, row, what):
    with pytest.raises(ValueError, match=rf"event 1: .*{what}.*\.ndjson or \.parquet"):
        saved(tmp_path / "x.sse", [ROWS[0], row])
    assert list(tmp_path.iterdir()) == []
    for suffix in (".ndjson", ".parquet", ".csv"):
        saved(tmp_path / f"x{suffix}", [ROWS[0], row])


def test_a_bar_is_shown_only_when_it_takes_long(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setitem(sys.modules, "ipykernel", sys)  # as in a notebook
    with progress.Progress(100, "saving x") as bar:
        now[0] = 0.9
        bar.update(10)
        assert capsys.readouterr().err == ""
        now[0] = 1.1
        bar.update(50)
        assert "saving x" in (shown := capsys.readouterr().err)
        assert " 50%" in shown
        bar.update(60)
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err.strip() == ""


@pytest.mark.parametrize("suffix", FORMATS)
def test_saving_shows_how_far_it_is(tmp_path, monkeypatch, capsys, suffix):
    monkeypatch.setattr(progress, "PATIENCE_S", -1)
    monkeypatch.setattr(progress, "EVERY_S", -1)
    monkeypatch.setitem(sys.modules, "ipykernel", sys)  # as in a notebook
    saved(tmp_path / f"x{suffix}", [("t", "", "")] * 9000)
    shown = capsys.readouterr().err
    assert f"saving x{suffix}" in shown
    assert "100%" in shown
    assert shown.endswith("\r")  # and takes itself away again


if (FOLDER := captures()) is not None:

    @pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sse")), ids=lambda p: p.name)
    def test_recorded_streams_parse_back_identically(path, tmp_path):
        held = RollingWindow()
        batch = EventStreamParser().feed(path.read_bytes())
        batch.received_at = NOW
        held.append(batch)
        content = save(held.read(), tmp_path / "again.sse").read_bytes()
        again = [(t, d, i) for t, i, d in parsed(content)]
        assert again == literal.read(path.read_bytes()).events
        assert again == literal.read(content).events
        assert len(again) == len(batch)
