"""Conditions on fields: what each lets through, event by event and as a table; what is refused."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_widget import Event, EventFilter, InvalidFilter

from .test_filters import kept

CASES = json.loads(
    (Path(__file__).parents[1] / "vectors" / "condition-cases.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_table_that_the_page_runs_too(case):
    rows = [Event(data=data) for data in case["data"]]
    wanted = EventFilter(where=case["where"])
    assert [i for i, row in enumerate(rows) if wanted.matches(row)] == case["keep"]
    assert kept(wanted, rows) == case["keep"]


SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, "a", "1", "b1", ""])
)
PAYLOADS = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "c/d"]),
    SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("ab"), SCALARS),
    max_size=3,
).map(json.dumps)
CONDITIONS = st.one_of(
    st.tuples(
        st.sampled_from(["a", "b", "a.b", "b[0]", "c/d"]),
        st.sampled_from(["==", "!=", "contains"]),
        SCALARS,
    ),
    st.tuples(
        st.sampled_from(["a", "a.b"]),
        st.sampled_from(["<", "<=", ">", ">="]),
        st.sampled_from([0, 1, 0.5, "a"]),
    ),
    st.tuples(st.just("a"), st.just("in"), st.lists(SCALARS, min_size=1, max_size=3)),
    st.tuples(st.just("b"), st.just("exists"), st.booleans()),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(PAYLOADS | st.sampled_from(["plain", "[1]", '{"\\u0061": 1}']), max_size=8),
    st.lists(CONDITIONS, min_size=1, max_size=3),
    st.sampled_from(["", "1"]),
)
def test_a_table_and_its_events_agree_and_the_wire_keeps_all(data, where, text):
    wanted = EventFilter(where=where, text=text)
    rows = [Event(data=one) for one in data]
    assert kept(wanted, rows) == [i for i, row in enumerate(rows) if wanted.matches(row)]
    wire = json.loads(json.dumps(wanted.to_wire()))
    assert EventFilter.from_wire(wire) == wanted


def test_conditions_are_a_value_like_the_rest():
    one = EventFilter(where=[("price", ">", 100), ("symbol", "in", {"ETH", "BTC"})])
    other = EventFilter(where=(["price", ">", np.float64(100)], ("symbol", "in", ("BTC", "ETH"))))
    assert one == other
    assert hash(one) == hash(other)
    assert {one: 1}[other] == 1
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert one.to_wire()["where"] == [["price", ">", 100], ["symbol", "in", ["BTC", "ETH"]]]
    assert repr(one) == "EventFilter(where=[('price', '>', 100), ('symbol', 'in', ['BTC', 'ETH'])])"
    assert eval(repr(one)) == one
    with pytest.raises(AttributeError):
        one.where[0].value = 5


def test_what_python_takes_for_equal_and_json_does_not():
    assert EventFilter(where=[("a", "==", True)]) != EventFilter(where=[("a", "==", 1)])
    both = EventFilter(where=[("a", "in", [1, True, "1"])])
    assert len(both.where[0].value) == 3


def test_one_condition_needs_no_list():
    assert EventFilter(where=("price", ">", 1)) == EventFilter(where=[("price", ">", 1)])
    assert EventFilter(where=("error", "exists")) == EventFilter(where=[("error", "exists", True)])


@pytest.mark.parametrize(
    ("where", "error", "said"),
    [
        ("price > 1", TypeError, r"where must be a list of \(path, operator, value\)"),
        (5, TypeError, "not int"),
        ([("price", "=", 1)], InvalidFilter, "Write '=='"),
        ([("price", "IN", [1])], InvalidFilter, "Write 'in'"),
        ([("price", "between", 1)], InvalidFilter, "no operator 'between'"),
        ([("price", ">")], InvalidFilter, "three parts, not 2"),
        ([("price", ">", None)], InvalidFilter, "have an order"),
        ([("price", "<=", True)], InvalidFilter, "have an order"),
        ([("price", ">", float("nan"))], InvalidFilter, "no number"),
        ([("price", "==", 10**400)], InvalidFilter, "no number"),
        ([("price", "==", {"a": 1})], TypeError, "not dict"),
        ([("symbol", "in", "BTC")], TypeError, "a list"),
        ([("symbol", "in", [])], InvalidFilter, "empty list"),
        ([("symbol", "in", range(2000))], InvalidFilter, "1,000"),
        ([("symbol", "exists", "yes")], TypeError, "True or False"),
        ([(1, "==", 1)], TypeError, "the path of a condition"),
        ([("a", 1, 1)], TypeError, "the operator of a condition"),
        ([("a", "==", "\ud800")], InvalidFilter, "half a character"),
        (["price"], TypeError, "each condition of where"),
    ],
)
def test_what_is_no_condition_is_refused(where, error, said):
    with pytest.raises(error, match=said):
        EventFilter(where=where)


def test_rows_are_read_in_slices_and_only_where_they_may_have_the_key():
    """A mixed stream: rows without the key, and nulls in the place of texts."""
    data = [f'{{"price": {n}}}' if n % 3 else '{"bid": 1}' for n in range(20_000)]
    column = pa.chunked_array([pa.array([*data[:7], None], pa.large_string()), data[7:]])
    times = pa.nulls(len(column), pa.timestamp("us", "UTC"))
    kinds = pa.array(["t"] * len(column), pa.large_string())
    table = pa.table({"type": kinds, "data": column, "received_at": times})
    passing = EventFilter(where=[("price", ">=", 19_990)]).mask(table)
    assert [i for i, hit in enumerate(passing.to_pylist()) if hit] == [
        n + 1 for n in range(19_990, 20_000) if n % 3
    ]
    without = EventFilter(where=[("price", "exists", False)]).mask(table)
    assert sum(without.to_pylist()) == len([d for d in data if "bid" in d]) + 1


def test_a_mapping_is_short_for_equal_and_in():
    short = EventFilter(where={"symbol": ["BTC", "ETH"], "side": "buy", "error": None})
    assert short == EventFilter(
        where=[("symbol", "in", ["BTC", "ETH"]), ("side", "==", "buy"), ("error", "==", None)]
    )
    assert EventFilter(where={}) == EventFilter()
    with pytest.raises(TypeError, match="the path of a condition"):
        EventFilter(where={5: "x"})
