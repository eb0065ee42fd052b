"""What people go on with reads the stream itself, by the Arrow PyCapsule interface."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sse_widget import SSEStream

from ..helpers.of_pandas import from_arrow

COLUMNS = ["seq", "received_at", "type", "last_event_id", "data"]
N = 10_000  # several sealed batches and a tail


@pytest.fixture(scope="module")
def stream():
    lines = [": received_at=2026-01-02T03:04:05.678901Z\n"]
    lines += [
        f"id: {i}\nevent: {'trade' if i % 3 else 'quote'}\ndata: {json.dumps({'n': i, 'é': '☃'}, ensure_ascii=False)}\n\n"
        for i in range(N)
    ]
    stream = SSEStream.replay("".join(lines).encode(), speed=math.inf, max_events=N - 10)
    yield stream
    stream.close()


def test_polars(stream):
    frame = pl.DataFrame(stream)
    assert frame.columns == COLUMNS
    assert frame.schema["received_at"] == pl.Datetime("us", "UTC")
    assert frame["seq"].to_list() == list(range(10, N))
    assert frame["data"].to_list() == stream.df["data"].tolist()
    assert frame["received_at"][0] == datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    counted = frame.group_by("type").len().sort("type")
    assert counted.rows() == [("quote", stream.df["type"].eq("quote").sum()), ("trade", 6660)]


def test_polars_from_an_arrow_table(stream):
    frame = pl.from_arrow(pa.table(stream))
    assert frame.equals(pl.DataFrame(stream))


def test_pandas(stream):
    frame = from_arrow(stream)
    assert list(frame.columns) == COLUMNS
    pd.testing.assert_frame_equal(frame.set_index("seq"), stream.df, check_index_type=False)


def test_pyarrow_a_batch_at_a_time(stream):
    reader = pa.RecordBatchReader.from_stream(stream)
    assert reader.schema.names == COLUMNS
    assert sum(batch.num_rows for batch in reader) == N - 10


def test_duckdb_queries_the_stream_by_its_name(stream):
    assert duckdb.sql("from stream").columns == COLUMNS
    counted = duckdb.sql("select type, count(*) from stream group by type order by type").fetchall()
    assert counted == [("quote", 3330), ("trade", 6660)]
    asked = "select max((data->>'n')::int) from stream where data->>'é' = '☃' and seq < 5000"
    assert duckdb.sql(asked).fetchall() == [(4999,)]
    # The times too: only the name of their zone, UTC, is spelt another way.
    asked = "select * replace (epoch_us(received_at) as received_at) from stream"
    expected = pl.DataFrame(stream).with_columns(pl.col("received_at").cast(pl.Int64))
    assert duckdb.sql(asked).pl().equals(expected)


def test_a_join_reads_one_snapshot():
    stream = SSEStream.replay(b"data: a\n\ndata: b\n\n", speed=math.inf)
    names = {"stream": stream, "snapshot": pa.table(stream)}
    stream.clear()
    pairs = "select a.data, b.data from {0} a join {0} b on a.seq < b.seq"
    with duckdb.connect() as connection:
        for name, value in names.items():
            connection.register(name, value)
        assert connection.sql(pairs.format("snapshot")).fetchall() == [("a", "b")]
        assert connection.sql(pairs.format("stream")).fetchall() == []
    stream.close()


def test_nothing_held_is_a_table_too():
    stream = SSEStream.replay(b"", speed=math.inf)
    assert pl.DataFrame(stream).shape == (0, 5)
    assert duckdb.sql("select count(*) from stream").fetchall() == [(0,)]
    assert list(from_arrow(stream).columns) == COLUMNS
    stream.close()
