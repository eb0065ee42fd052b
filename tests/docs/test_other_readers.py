"""The page of the format is enough to read a capture without this package: its SQL and its polars do."""

from __future__ import annotations

import itertools
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sse_widget.events import Cause, EventBatch, Gap
from sse_widget.storage import Dataset, Writer, compact

from .blocks import blocks

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PYTHON = [
    block.code
    for block in blocks((ROOT / "docs" / "capture-format.md").read_text("utf-8"))
    if block.language == "python"
]
IMPORTS = "import duckdb\nimport polars as pl\n"
(SQL,) = (code for code in PYTHON if "create view positions" in code)
(POLARS,) = (code for code in PYTHON if "def footer" in code)


def batch(first: int, count: int, kind: str = "tick") -> EventBatch:
    ids = [str(n) for n in range(first, first + count)]
    return EventBatch([kind] * count, ids, ids, [True] * count, received_at=AT)


def of_every_kind(to: Path) -> None:
    """Two sequences, a stream that moved from one to the other, a hole, a gap that got better known."""
    writer = Writer(Dataset(to), "shard-0000")
    writer.add("a.b/c?d", batch(0, 5))
    writer.add("quotes", batch(0, 3))
    writer.gap("quotes", Gap(3, AT, Cause.RECONNECT, "cut", replayed=False))
    writer.commit()
    writer.add("quotes", batch(3, 4))
    lost = writer.drop_oldest(0)["quotes"]
    writer.add("quotes", batch(7, 2))
    writer.gap("quotes", Gap(3, AT, Cause.RECONNECT, "cut", missing=2, replayed=False))
    at = AT + timedelta(seconds=1)
    writer.gap("quotes", Gap(lost.end, at, Cause.DISK, "full", missing=lost.rows, replayed=False))
    writer.commit()
    moved = Writer(Dataset(to), "shard-0001")
    moved.positions["a.b/c?d"] = writer.positions["a.b/c?d"]
    moved.add("a.b/c?d", batch(5, 2))
    moved.commit()


def merged(to: Path) -> None:
    writer = Writer(Dataset(to))
    for n in range(201):  # a folder has 200 parts
        writer.add("s", batch(n, 1))
        writer.gap("s", Gap(1, AT, Cause.RECONNECT, "cut", missing=n % 7))
        writer.commit()
    assert compact(Dataset(to)).merged


def first_version(to: Path) -> None:
    shutil.copytree(ROOT / "tests" / "fixtures" / "capture-1", to)


def many_streams(to: Path) -> None:
    """Its footer is compressed."""
    writer = Writer(Dataset(to))
    for n in range(400):
        writer.add(f"stream {n}", batch(0, 1))
    writer.commit()


def told_here(to: Path) -> tuple[Any, ...]:
    """What this package's own reader says."""
    dataset = Dataset(to)
    return (
        {name: (p.seq, p.last_event_id) for name, p in dataset.streams().items()},
        sorted((name, g.at, str(g.cause.value), g.seq, g.missing) for name, g in dataset.gaps()),
        dataset.dataset().count_rows(),
    )


def holes_of(to: Path) -> list[tuple[str, int, int]]:
    holes = []
    for name in Dataset(to).streams():
        seqs = sorted(Dataset(to).read(name)["seq"].to_pylist())
        pairs = itertools.pairwise(seqs)
        holes += [(name, b, b - 1 - a) for a, b in pairs if b > a + 1]
    return sorted(holes)


@pytest.mark.parametrize("make", [of_every_kind, merged, first_version])
def test_the_sql_of_the_page(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    to = Path("captures") / "trades"
    to.parent.mkdir()
    make(to)
    found: dict[str, Any] = {}
    exec(IMPORTS + SQL, found)
    reader = found["reader"]
    positions = {name: tuple(p) for name, *p in reader.sql("from positions").fetchall()}
    gaps = reader.sql(
        "select stream, noticed, cause, seq, nullif(missing, -1) from gaps"
    ).fetchall()
    ((rows,),) = reader.sql("select count(*) from events").fetchall()
    gaps = sorted((name, at.astimezone(UTC), *more) for name, at, *more in gaps)
    assert (positions, gaps, rows) == told_here(to)
    assert sorted(reader.sql("from holes").fetchall()) == holes_of(to)
    assert holes_of(to) == ([("quotes", 7, 4)] if make is of_every_kind else [])
    reader.close()


@pytest.mark.parametrize("make", [of_every_kind, merged, first_version, many_streams])
def test_the_polars_of_the_page(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    to = Path("captures") / "trades"
    to.parent.mkdir()
    make(to)
    found: dict[str, Any] = {}
    exec(IMPORTS + POLARS, found)
    positions = {n: (p["seq"], p["last_event_id"]) for n, p in found["positions"].items()}
    gaps = sorted(
        (g["stream"], datetime.fromisoformat(g["at"]), g["cause"], g["seq"], g["missing"])
        for g in found["gaps"].values()
    )
    assert (positions, gaps, found["events"].collect().height) == told_here(to)
    holes = found["holes"].select("stream", "seq", "missing").collect().rows()
    assert sorted(holes) == holes_of(to)
