"""JSON payloads as columns: every value is what `json.loads` gives.

With orjson and without it: what is exact must not depend on what is installed.
"""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_widget import SSEStream
from sse_widget.payload import NOT_JSON, read, reader_of
from sse_widget.payload import decode as json_rows
from sse_widget.tables import json_columns as payload
from sse_widget.tables.json_columns import expand
from sse_widget.tables.text_deltas import JoinedText
from sse_widget.tables.typed_column import ColumnChunk, join

from ..helpers.of_pandas import PARSED, TEXT


@pytest.fixture(autouse=True, params=["orjson", "json"])
def parser(request, monkeypatch):
    """Each test runs with the accelerator and with the standard library alone."""
    if request.param == "json":
        monkeypatch.setattr(json_rows, "orjson", None)
    elif json_rows.orjson is None:
        pytest.skip("orjson is not installed")


def frame(*data: str) -> pd.DataFrame:
    return pd.DataFrame({"data": list(data)}, index=pd.RangeIndex(7, 7 + len(data), name="seq"))


PATHS = json.loads((Path(__file__).parents[1] / "vectors" / "path-cases.json").read_text())


@pytest.mark.parametrize("case", PATHS, ids=lambda c: f"{c['path']} of {c['data']}"[:60])
def test_the_table_of_paths_that_the_page_shares(case):
    values = [v if type(v) is dict else {} for v in read([case["data"].encode()])]
    assert reader_of(case["path"])(values[0]) == case.get("value")


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
        (["a", None], TEXT),
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


@pytest.mark.parametrize("bad", [5, True, [1], [None]])
def test_columns_must_be_names(bad):
    with pytest.raises(TypeError, match="columns must be"):
        expand(frame("{}"), bad)


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


# ---------------------------------------------------------------------- reading


def reference(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON


def same(a: object, b: object) -> bool:
    """Equal, of the same types all the way down, in the same order; NaN is NaN."""
    return repr(a) == repr(b)


HARD = [
    "",
    " ",
    "{}",
    "[]",
    "null",
    "true",
    "1",
    '"x"',
    "[DONE]",
    "NaN",
    "-Infinity",
    '{"a": NaN}',
    "1e400",
    "-0",
    "-0.0",
    "01",
    "1.",
    '{"a":1,"b":2,"a":3}',
    '{"a":1}{"a":2}',
    '{"a":1},{"a":2}',
    '{"a":[{"b":1}',
    '{"c":1}]}',
    '"a","b"',
    "1],[2",
    '{"a":"\\ud800"}',
    '{"\\udc00":1}',
    '{"a":"x\ny"}',
    '{"a":"\x00"}',
    '{\n "a": 1\n}',
    "\ufeff{}",
    "{'a': 1}",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    '{"a":[1,{"b":123456789012345678901234567890}]}',
    "1" * 5000,
    "0." + "1" * 40,
    "1" * 40 + ".5",
    "[" * 100_000,
    '{"a":' * 10_000 + "1" + "}" * 10_000,
]


def test_hard_texts_are_read_as_json_loads_does():
    for text, value in zip(HARD, read([t.encode() for t in HARD]), strict=True):
        assert same(value, reference(text)), text[:50]


def test_one_text_among_good_ones_spoils_none():
    for hard in HARD:
        texts = ['{"a": 1}'] * 70 + [hard] + ['{"b": 2}'] * 70
        values = read([t.encode() for t in texts])
        assert len(values) == 141
        assert values[:70] == [{"a": 1}] * 70
        assert values[71:] == [{"b": 2}] * 70
        assert same(values[70], reference(hard)), hard[:50]


@given(
    st.integers(17, 24),
    st.booleans(),
    st.integers(0, 40),
    st.sampled_from(["[{}]", '{{"a": {}}}', "{}", '["{}"]', "[1,{},2.5]", "[{}.5]", "[{}e3]"]),
)
def test_huge_integers_wherever_they_lie(digits, negative, before, form):
    number = ("-" if negative else "") + "9" * digits
    texts = ['"' + "x" * before + '"', form.format(number), "[12345678]"]
    values = read([t.encode() for t in texts])
    assert same(values, [json.loads(t) for t in texts])


@given(st.lists(st.text('{}[]",:01-.eE\\u \n', max_size=12), max_size=6))
def test_any_texts_are_read_as_json_loads_does(texts):
    values = read([t.encode() for t in texts])
    assert same(values, [reference(t) for t in texts])


# ---------------------------------------------------------------------- columns


@given(
    st.lists(VALUES | st.integers(-(2**70), 2**70) | st.floats(), max_size=12), st.integers(1, 5)
)
def test_a_column_is_the_same_in_however_many_pieces(values, size):
    whole = join([ColumnChunk(values)])
    parts = join([ColumnChunk(values[i : i + size]) for i in range(0, len(values), size)])
    assert str(whole.dtype) == str(parts.dtype) or not values
    assert repr(list(whole)) == repr(list(parts))
    for i in range(0, len(values), size):
        assert repr(ColumnChunk(values[i : i + size]).to_list()) == repr(values[i : i + size])


def test_lists_of_one_length_stay_lists():
    assert columns({"v": [1]}, {"v": [2]})["v"].tolist() == [[1], [2]]


def test_a_frame_with_half_characters_can_be_printed():
    """JSON spells them; two that belong together are one."""
    texts = (
        '{"\\ud800": "\\udc00", "\\ud801": "x", "b": 1}',
        '{"b": "\\ud83d\\ude00 \\ud83d", "c": "\\ude00"}',
        '{"b": 2.5, "c": "y", "d": ["\\ud83d", {"\\ud83d": 1}]}',
        '{"b": null, "c": null, "d": 1}',
    )
    got = columns(*texts)
    assert list(got.columns)[1:] == ["\ufffd", "\ufffd\ufffd", "b", "c", "d"]
    assert got["\ufffd"].iloc[0] == "\ufffd"
    assert got["b"].tolist() == [1, "\U0001f600 \ufffd", 2.5, None]
    assert got["c"].dtype == TEXT
    assert got["c"].dropna().tolist() == ["\ufffd", "y"]
    for frame in (got, got["b"], got["c"]):
        for said in (str(frame), repr(frame), frame.to_json(), frame.to_csv()):
            said.encode()
    got._repr_html_().encode()


def test_numbers_are_no_times():
    texts = [
        '{"whole": 1700000000, "part": 1.5, "some": 1700000000, "yes": true, "mixed": 1}',
        '{"whole": 1700000001, "part": 2.5, "yes": false, "mixed": "2026-01-01T00:00:00Z"}',
    ]
    names = ["whole", "part", "some", "yes", "mixed"]
    plain = expand(frame(*texts), names)
    timed = expand(frame(*texts), names, times=names)
    assert timed.dtypes.astype(str).tolist()[1:] == ["int64", "float64", "Int64", "bool", "object"]
    pd.testing.assert_frame_equal(timed[names[:4]], plain[names[:4]])
    assert timed["mixed"].iloc[1].year == 2026
    asked = expand(frame(*texts), [], times="whole")
    assert asked["whole"].tolist() == [1700000000, 1700000001]
    assert asked["whole"].dtype == "int64"


def test_keys_that_collide_with_columns_that_collided():
    frame = columns('{"data": 1, "data.data": 2, "": 3, "is_json": 4}')
    assert frame.iloc[0, 1:].to_dict() == {
        "data.data": 1,
        "data.data.data": 2,
        "": 3,
        "is_json": 4,
    }


def test_rows_that_are_no_json_are_marked():
    data = ['{"is_json": 1}', "[DONE]", "[1]", "3", "{broken", ""]
    marked = expand(frame(*data), mark=True)
    assert list(marked.columns) == ["data", "is_json", "data.is_json"]
    assert marked["data.is_json"].tolist() == [True, False, True, True, False, False]


def test_keys_come_and_go_over_many_rows():
    rows = [{"a": i} for i in range(700)] + [{"b": str(i)} for i in range(700)] + [{"a": 0.5}]
    frame = columns(*rows)
    assert frame["a"].tolist()[:700] == list(range(700))
    assert frame["a"].isna().sum() == 700
    assert frame["a"].iloc[-1] == 0.5
    assert frame["b"].isna().sum() == 701


def test_made_up_keys_end_in_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(payload, "MANY_CELLS", 100_000)
    rows = [{f"k{i}": i} for i in range(2000)]
    with pytest.raises(ValueError, match=r"different keys in 2,000 events.*columns="):
        columns(*rows)
    assert expand(frame(*map(json.dumps, rows)), ["k7"])["k7"].count() == 1


MANY = {f"a key of its own {n}": n for n in range(20_000)}
LARGE = json.dumps(MANY)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (LARGE, True),
        (LARGE[:-1] + ', "{": "}", "\\\\": ":"}', True),
        (json.dumps({"inside": MANY}), False),
        (json.dumps({"inside": [MANY, "]"]}), False),
        ("{" + ", ".join(['"the same key" : 1'] * 20_000) + "}", False),
        (json.dumps({"a": LARGE, "b": LARGE}), False),
        (json.dumps([MANY]), False),
        ('{"' + '\\"' * 300_000 + ":" * 20_000, False),  # a text that does not end
        ('"a' * 200_000 + ":" * 20_000, False),
    ],
    ids=["many", "brackets", "nested", "array", "same", "texts", "top", "endless", "quotes"],
)
def test_one_large_event_with_too_many_keys_is_refused_unread(text, refused, monkeypatch):
    """What is refused is not read first, which takes ten times its bytes."""
    read_texts = []
    monkeypatch.setattr(payload, "read_whole", lambda ts: read_texts.append(ts) or read(ts))
    if refused:
        with pytest.raises(ValueError, match="different keys or more"):
            expand(frame(text))
    else:
        expand(frame(text))
    assert len(read_texts) == (not refused)


@pytest.mark.parametrize(
    ("texts", "dtype"),
    [
        (["2026-01-02T03:04:05Z", None], f"datetime64[{PARSED}, UTC]"),
        (["2026-01-02T03:04:05+02:00", "2026-01-02"], "object"),
        (["2026-01-02T03:04:05.5+02:00"], f"datetime64[{PARSED}, UTC+02:00]"),
        (["2026-01-02T03:04:05"], f"datetime64[{PARSED}]"),
        (["2026-01-02T03:04:05.123456789Z"], "datetime64[ns, UTC]"),
        (["2026-01-02T03:04:05Z", "2026-01-02T03:04:05+01:00"], "object"),
        (["2026-01-02T03:04:05Z", "yesterday", 5], "object"),
        ([None, None], "object"),
        ([1700000000], "int64"),
    ],
)
def test_times(texts, dtype):
    rows = frame(*(json.dumps({"meta": {"dt": t}}) for t in texts))
    column = expand(rows, [], times=["meta.dt"])["meta.dt"]
    if dtype == "int64":  # a number is no ISO 8601 text, and has no unit
        assert column.tolist() == [1700000000]
        return
    assert str(column.dtype) == dtype
    for text, value in zip(texts, column, strict=True):
        if isinstance(text, str) and text != "yesterday":
            assert pd.Timestamp(value) == pd.Timestamp(text)
        elif text is not None:
            assert value == text


def test_the_collector_is_left_as_it_was(monkeypatch):
    was = gc.isenabled()
    expand(frame('{"a": 1}'))
    monkeypatch.setattr(payload, "read_whole", lambda texts: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        expand(frame('{"a": 1}'))
    assert gc.isenabled() == was


def test_two_halves_of_a_character_in_two_texts_are_one():
    joined = JoinedText("t")
    for n, part in enumerate(["a\\ud83d", "", "\\ude00b", "\\ude00", "c\\ud83d"]):
        joined.add([f'{{"t": "{part}"}}'.encode()], n + 1)
        joined.text.encode()
    assert joined.text == "a\U0001f600b\ufffdc\ufffd"
    joined.add([b'{"t": "\\ude00"}'], 6)
    assert joined.text == "a\U0001f600b\ufffdc\U0001f600"


def test_text_that_grows():
    joined = JoinedText("a.0.t")
    texts = ['{"a": [{"t": "Hé"}]}', "[DONE]", '{"a": []}', '{"a": [{"t": 1}]}']
    joined.add([text.encode() for text in texts], 4)
    joined.add([b'{"a": [{"t": "llo"}]}'], 5)
    assert (joined.text, joined.cursor) == ("Héllo", 5)
    joined.trim(joined.nbytes - 1)
    assert joined.text == "llo"
    joined.trim(0)
    assert (joined.text, joined.nbytes, joined.cursor) == ("", 0, 5)


def test_times_beyond_what_nanoseconds_reach_are_themselves():
    texts = ["1600-01-02T03:04:05Z", "9999-12-31T00:00:00Z"]
    column = expand(frame(*(json.dumps({"t": t}) for t in texts)), [], times="t")["t"]
    assert [value.isoformat() for value in column] == [t.replace("Z", "+00:00") for t in texts]


def test_half_a_character_is_no_time():
    column = expand(frame('{"t": "\\ud800"}'), [], times="t")["t"]
    assert column.tolist() == ["\ufffd"]


def test_numbers_become_times_where_their_unit_is_said():
    rows = ('{"ts":1700000000123,"s":1.5,"text":"x"}', '{"ts":"1700000000124","text":"y"}', "plain")
    data = "".join(f"data: {row}\n\n" for row in rows).encode()
    with SSEStream.replay(data, speed=float("inf")) as stream:
        units = {"ts": "ms", "s": "s", "text": "ms"}
        times = stream.to_dataframe(times=units)
        assert stream.to_dataframe(columns=["s"], times={"s": "s"})["s"][0].isoformat() == (
            "1970-01-01T00:00:01.500000+00:00"
        )
        assert times["text"].tolist()[:2] == ["x", "y"]
        assert times["ts"][1].isoformat() == "2023-11-14T22:13:20.124000+00:00"
        assert times["s"].isna().tolist() == [False, True, True]
        with pytest.raises(ValueError, match="the unit of 'ts' must be one of s, ms"):
            stream.to_dataframe(times={"ts": "minutes"})
