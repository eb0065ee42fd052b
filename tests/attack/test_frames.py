"""A server chooses the keys of its payloads: none of them breaks the frame it becomes a column of."""

from __future__ import annotations

import pytest

from sse_widget import SSEStream

PAYLOADS = ['{"seq":7,"price":1.5,"type":"x"}', '{"seq":7,"price":2.5}', '{"seq":8,"price":4}']


@pytest.fixture
def stream():
    stream = SSEStream.replay(
        "".join(f"data: {data}\n\n" for data in PAYLOADS).encode(), speed=float("inf")
    )
    yield stream
    stream.close()


@pytest.mark.parametrize("asked", [{"json": True}, {"columns": ["seq", "price"]}])
def test_a_key_seq_leaves_groupby_and_merge_alone(stream, asked):
    frame = stream.to_dataframe(**asked)
    assert frame["data.seq"].tolist() == [7, 7, 8]
    assert frame.groupby("seq")["price"].sum().tolist() == [1.5, 2.5, 4.0]
    assert frame.groupby("data.seq")["price"].sum().tolist() == [4.0, 4.0]
    assert frame.merge(frame, on="seq").shape[0] == 3
    assert frame.sort_values("seq").index.tolist() == [0, 1, 2]
    assert frame.reset_index()["seq"].tolist() == [0, 1, 2]
    assert frame.query("seq == 2")["price"].tolist() == [4.0]


def test_live_columns_neither(stream):
    stream.columns = ["seq", "price"]
    assert stream.df["data.seq"].tolist() == [7, 7, 8]
    assert stream.df.groupby("seq")["price"].sum().tolist() == [1.5, 2.5, 4.0]
