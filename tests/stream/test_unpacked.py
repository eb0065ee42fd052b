"""Arrays of payloads become rows, and texts that hold JSON are read, where `to_dataframe` is asked to."""

from __future__ import annotations

import json
import math
import warnings

import pytest

from sse_widget import SSEStream


@pytest.fixture
def of():
    """A stream of these payloads."""
    streams = []

    def make(*payloads) -> SSEStream:
        texts = [one if isinstance(one, str) else json.dumps(one) for one in payloads]
        content = "".join(f"data: {text}\n\n" for text in texts).encode()
        streams.append(SSEStream.replay(content, speed=math.inf))
        return streams[-1]

    yield make
    for stream in streams:
        stream.close()


ORDERS = (
    {"order": 1, "items": [{"price": 2.5, "n": 1}, {"price": 4.0, "n": 2}]},
    {"order": 2, "items": []},
    {"order": 3},
    "no JSON",
    {"order": 4, "items": [{"price": 1.0, "n": 3}]},
)


def test_each_element_of_an_array_is_a_row_under_the_number_of_its_event(of):
    stream = of(*ORDERS)
    for frame in (
        stream.to_dataframe(json=True, explode="items"),
        stream.to_dataframe(explode="items"),
    ):
        assert list(frame.index) == [0, 0, 1, 2, 3, 4]
        assert frame.index.name == "seq"
        assert frame["order"].dropna().tolist() == [1, 1, 2, 3, 4]
        assert frame["items.price"].dropna().tolist() == [2.5, 4.0, 1.0]
        assert frame["is_json"].tolist() == [True, True, True, True, False, True]
        assert "data" not in frame
        assert frame["items.n"].groupby("seq").sum().tolist() == [3, 0, 0, 0, 3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        some = stream.to_dataframe(columns=["order", "items.price"], explode="items", last=1)
    assert some[["order", "items.price"]].values.tolist() == [[4, 1.0]]


def test_deep_arrays_plain_elements_and_payloads_that_are_arrays(of):
    deep = of({"a": {"b": [1, 2]}, "c": "x"}).to_dataframe(explode="a.b")
    assert deep["a.b"].tolist() == [1, 2]
    assert deep["c"].tolist() == ["x", "x"]
    whole = of([{"k": 1}, {"k": 2}], [], [7], {"k": 3}).to_dataframe(explode=True)
    assert list(whole.index) == [0, 0, 1, 2, 3]
    assert whole["k"].dropna().tolist() == [1, 2, 3]
    assert whole["value"].dropna().tolist() == [7]


def test_a_text_that_holds_json_is_read_where_it_is_asked_for(of):
    inner = {"price": 5, "items": [{"n": 1}, {"n": 2}]}
    stream = of({"id": 1, "payload": json.dumps(inner)}, {"id": 2, "payload": "plain"}, {"id": 3})
    assert stream.to_dataframe(json=True)["payload"][0] == json.dumps(inner)
    frame = stream.to_dataframe(json=True, nested_json="payload")
    assert frame["payload"][0] == inner
    assert frame["payload"][1] == "plain"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = stream.to_dataframe(columns=["payload.price"], nested_json=["payload"])
        rows = stream.to_dataframe(nested_json=["payload"], explode="payload.items")
    assert paths["payload.price"].dropna().tolist() == [5]
    assert list(rows.index) == [0, 0, 1, 2]
    assert rows["payload.items.n"].dropna().tolist() == [1, 2]


def test_a_path_that_meets_nothing_is_told_and_what_is_no_path_is_refused(of):
    stream = of(*ORDERS)
    with pytest.warns(UserWarning, match="'itms' meets nothing.*did you mean 'items'"):
        assert len(stream.to_dataframe(explode="itms")) == len(ORDERS)
    with pytest.warns(UserWarning, match="'payload' meets nothing"):
        stream.to_dataframe(nested_json="payload")
    with pytest.raises(TypeError, match="explode is the path of one array"):
        stream.to_dataframe(explode=["items"])
    with pytest.raises(TypeError, match="nested_json"):
        stream.to_dataframe(nested_json=5)


def test_a_path_into_what_was_unpacked_is_no_path_that_meets_nothing(of):
    rows = of([{"k": 1, "at": "2026-01-01T00:00:00Z"}], [{"k": 2, "at": "2026-01-02T00:00:00Z"}])
    nested = of({"payload": json.dumps([{"n": 1}]), "at": 5})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rows.to_dataframe(explode=True, columns=["k"], times="at")["k"].tolist() == [1, 2]
        found = nested.to_dataframe(nested_json="payload", columns=["payload[0].n", "payload"])
    assert found["payload[0].n"].tolist() == [1]
    with pytest.warns(UserWarning, match="'att' meets nothing.*did you mean 'at'"):
        nested.to_dataframe(times={"att": "s"})
