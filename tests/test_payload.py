"""JSON payloads as columns: every value is what `json.loads` gives (DESIGN.md §2, §4 Window)."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_widget.payload import expand


def frame(*data: str) -> pd.DataFrame:
    return pd.DataFrame({"data": list(data)}, index=pd.RangeIndex(7, 7 + len(data), name="seq"))


def columns(*rows: object) -> pd.DataFrame:
    return expand(frame(*(r if isinstance(r, str) else json.dumps(r) for r in rows)))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1, None], "Int64"),
        ([1.5, 2], "float64"),
        ([True, False], "bool"),
        ([True, None], "boolean"),
        (["a", None], "str"),
        ([1, "a"], "object"),
        ([1, True], "object"),
        ([2**63, 1], "object"),
        ([{"a": 1}, [1]], "object"),
        ([None, None], "object"),
        ([2**53 + 1, 0.5], "object"),
    ],
)
def test_dtype_is_the_narrowest_exact_one(values, dtype):
    frame = columns(*({"v": v} for v in values))
    assert str(frame["v"].dtype) == dtype
    got = [None if pd.api.types.is_scalar(v) and pd.isna(v) else v for v in frame["v"]]
    assert got == values


def test_huge_integers_stay_themselves():
    frame = columns({"v": 9007199254740993}, {"w": 1})
    assert frame["v"].iloc[0] == 9007199254740993


def test_rows_that_are_no_object_stay():
    frame = columns("no json", "[1]", "{broken", {"a": 1}, "{" * 100_000, '"x"')
    assert len(frame) == 6
    assert frame["a"].notna().tolist() == [False, False, False, True, False, False]
    assert frame.index.tolist() == list(range(7, 13))


def test_colliding_and_dotted_names():
    rows = frame('{"data": 1, "a.b": 2, "a": {"b": 3, "l": [4]}}')
    assert expand(rows)["data.data"].tolist() == [1]
    assert expand(rows, ["a.b", "a.l.0", "none"]).iloc[0, 1:].tolist() == [2, 4, None]


def test_columns_must_be_a_list():
    with pytest.raises(TypeError, match="columns"):
        expand(frame("{}"), "a")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), min_size=1, max_size=8)
)
def test_every_value_is_what_json_gives(rows):
    frame = columns(*rows)
    for name in "abc":
        for i, row in enumerate(rows):
            if row.get(name) is not None:
                assert frame[name].iloc[i] == json.loads(json.dumps(row))[name]
