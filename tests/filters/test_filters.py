"""EventFilter: what it lets through, that the page would agree, what it refuses."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import time
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_widget import Event, EventFilter, InvalidFilter

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "filter-cases.json").read_text("utf-8"))
SHOWN = [case for case in CASES if "keep" in case]
REFUSED = [case for case in CASES if "invalid" in case]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(ms: float) -> datetime:
    return EPOCH + timedelta(microseconds=round(ms * 1000))


def events(rows: list[tuple[str, str, float]]) -> list[Event]:
    return [Event(type=type_, data=data, received_at=at(ms)) for type_, data, ms in rows]


def table(rows: list[Event], chunk: int = 3) -> pa.Table:
    """`rows` as a window gives them: in several chunks, which need not be full."""
    schema = pa.schema(
        {
            "type": pa.large_string(),
            "data": pa.large_string(),
            "received_at": pa.timestamp("us", "UTC"),
        }
    )
    batches = [
        pa.RecordBatch.from_pylist(
            [{"type": e.type, "data": e.data, "received_at": e.received_at} for e in part],
            schema=schema,
        )
        for part in (rows[i : i + chunk] for i in range(0, len(rows), chunk))
    ]
    return pa.Table.from_batches(batches, schema=schema)


def kept(filter_: EventFilter, rows: list[Event]) -> list[int]:
    """The rows that pass, by mask; a mask that is None lets all through."""
    mask = filter_.mask(table(rows))
    if mask is None:
        return list(range(len(rows)))
    assert isinstance(mask, pa.ChunkedArray)
    assert mask.type == pa.bool_()
    assert len(mask) == len(rows)
    assert mask.null_count == 0
    return [i for i, passes in enumerate(mask.to_pylist()) if passes]


# ---------------------------------------------------------------- the table the page runs too


def test_the_shared_table_is_large_enough() -> None:
    assert len(CASES) >= 200
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: case["name"])
def test_shared_case(case: dict[str, Any]) -> None:
    filter_ = EventFilter.from_wire(case["filter"])
    rows = events(case["events"])
    assert kept(filter_, rows) == case["keep"]
    assert [i for i, event in enumerate(rows) if filter_.matches(event)] == case["keep"]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_shared_refusal(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilter) as refused:
        EventFilter.from_wire(case["filter"])
    assert case["invalid"] in str(refused.value)


# ---------------------------------------------------------------- mask, matches and plain Python

# Few letters, so that needles are found; all whose lower() is special, and some that are not.
TEXT = st.text(
    alphabet="aAiIkKsSxX \n\0.\u0307\u0301ıİſ\u212aßẞσςΣαΑéÉжЖ中😀\U00010400\U00010428", max_size=8
)
NEEDLE = st.one_of(st.just(""), TEXT, st.text(max_size=3).filter(lambda t: t.isprintable()))
ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", "é"]), TEXT, st.integers(-3, 3)), max_size=12)
TYPES = st.sets(st.sampled_from(["a", "b", "é", "nope"]))
BOUND = st.one_of(st.none(), st.integers(-3, 3))


def naive(f: EventFilter, event: Event) -> bool:
    """The definition, word by word."""

    def found(needle: str) -> bool:
        return needle in event.data if f.case else needle.lower() in event.data.lower()

    assert event.received_at is not None
    return (
        (f.types is None or event.type in f.types)
        and event.type not in f.exclude_types
        and (f.since is None or f.since <= event.received_at)
        and (f.until is None or event.received_at < f.until)
        and (f.text == "" or found(f.text))
        and (f.exclude == "" or not found(f.exclude))
    )


@given(
    rows=ROWS,
    types=st.one_of(st.none(), TYPES),
    exclude_types=TYPES,
    text=NEEDLE,
    exclude=NEEDLE,
    case=st.booleans(),
    since=BOUND,
    until=BOUND,
)
def test_mask_and_matches_read_plain_text_by_the_definition(
    rows: list[tuple[str, str, float]],
    since: int | None,
    until: int | None,
    **wire: Any,
) -> None:
    filter_ = EventFilter(
        since=None if since is None else at(since),
        until=None if until is None else at(until),
        **wire,
    )
    seen = events(rows)
    expected = [i for i, event in enumerate(seen) if naive(filter_, event)]
    assert kept(filter_, seen) == expected
    assert [i for i, event in enumerate(seen) if filter_.matches(event)] == expected


@given(row=st.text(max_size=30), start=st.integers(0, 29), size=st.integers(1, 6))
def test_any_part_of_any_text_is_found_as_lower_says(row: str, start: int, size: int) -> None:
    part = row[start : start + size]
    filter_ = EventFilter(text=part)
    event = Event(data=row, received_at=EPOCH)
    assert bool(kept(filter_, [event])) == (part.lower() in row.lower())


@given(
    pattern=st.lists(
        st.sampled_from(
            [
                "a",
                "k",
                "ſ",
                "é",
                "😀",
                ".",
                "^",
                "$",
                "|",
                "*",
                "+?",
                "{2}",
                "(",
                ")",
                "(?:",
                "[^a]",
                "[",
                "]",
                "-",
                "\\w",
                "\\W",
                "\\S",
                "\\b",
                "\\B",
                "\\P{Lu}",
                "\\u{1F600}",
                "\\",
                "{",
                "(?=",
            ]
        ),
        max_size=8,
    ).map("".join),
    rows=ROWS,
    case=st.booleans(),
)
def test_what_the_reader_accepts_runs_and_mask_agrees_with_matches(
    pattern: str, rows: list[tuple[str, str, float]], case: bool
) -> None:
    try:
        filter_ = EventFilter(text=pattern, regex=True, case=case)
    except InvalidFilter:
        return
    seen = events(rows)
    assert kept(filter_, seen) == [i for i, e in enumerate(seen) if filter_.matches(e)]


def test_every_character_is_found_by_its_lower_form() -> None:
    """`mask` writes `lower()` as a pattern: over all characters, in one go for each needle."""
    characters = [chr(c) for c in range(0x20000) if not 0xD800 <= c <= 0xDFFF]
    odd = [c for c in characters if c.lower() != c]
    rows = [Event(data=c, received_at=EPOCH) for c in odd]
    data = table(rows, chunk=500)
    for needle in ["i", "k", "s", "ß", "å", "ω", "σ", "ς", "ı", "\u0307", "i\u0307", "ǆ", "ა", "ж"]:
        mask = EventFilter(text=needle).mask(data)
        found = [c for c, passes in zip(odd, mask.to_pylist(), strict=True) if passes]
        assert found == [c for c in odd if needle in c.lower()], needle


def test_rows_that_types_leave_out_are_not_searched_but_stay_in_the_mask() -> None:
    rows = events([("rare" if i % 10 == 0 else "often", f"x{i}", i) for i in range(50)])
    assert kept(EventFilter("rare", text="x2"), rows) == [20]
    assert kept(EventFilter("rare", exclude="x2"), rows) == [0, 10, 30, 40]
    assert kept(EventFilter("nope", text="x"), rows) == []


@pytest.mark.parametrize(
    "filter_",
    [
        EventFilter("a", text="σ", since=EPOCH),
        EventFilter(text="x", regex=True),
        EventFilter("b", exclude="\u0307"),
        EventFilter(exclude_types="a", case=True, text="x"),
    ],
)
def test_an_empty_table_has_an_empty_mask(filter_: EventFilter) -> None:
    empty = table([])
    assert empty["data"].num_chunks == 0
    mask = filter_.mask(empty)
    assert len(mask) == 0
    assert empty.filter(mask).num_rows == 0


def test_a_mask_filters_a_table_whose_columns_are_chunked_otherwise() -> None:
    whole = table(events([("a", f"x{i}", i) for i in range(10)]), chunk=4)
    odd = whole.set_column(0, "type", pa.chunked_array([["a"] * 3, ["b"] * 7], pa.large_string()))
    mask = EventFilter("b", text="x").mask(odd)
    assert odd.filter(mask).num_rows == 7


def test_the_filter_that_lets_all_through_needs_no_mask() -> None:
    assert EventFilter().mask(table(events([("a", "b", 1)]))) is None
    assert EventFilter().matches(Event())


def test_an_event_without_a_time_passes_no_bound() -> None:
    assert EventFilter().matches(Event(received_at=None))
    assert not EventFilter(since=EPOCH).matches(Event(received_at=None))
    assert not EventFilter(until=datetime.max.replace(tzinfo=UTC)).matches(Event(received_at=None))
    schema = table([]).schema
    untimed = pa.Table.from_pylist([{"type": "a", "data": "b", "received_at": None}], schema=schema)
    assert EventFilter(since=EPOCH).mask(untimed).to_pylist() == [False]


def test_half_characters_of_a_hand_made_event_are_read_as_replacement_characters() -> None:
    event = Event(data="a\ud83d")
    assert EventFilter(text="a.$", regex=True).matches(event)
    assert EventFilter(text="\ufffd", regex=True).matches(event)
    assert EventFilter(text="a").matches(event)


# ---------------------------------------------------------------- time


def test_a_pattern_that_ruins_backtracking_engines_comes_to_an_end() -> None:
    """Of so many characters such an engine would try more ways than it ever could."""
    rows = events([("a", "a" * 200 + "b", 1), ("a", "a" * 200, 1)])
    assert kept(EventFilter(text="(a+)+$", regex=True), rows) == [1]
    assert kept(EventFilter(text="^(?:a|a?)+$", regex=True), rows) == [1]
    assert not EventFilter(text="(a*)*c", regex=True).matches(rows[0])


@pytest.mark.parametrize(
    "filter_",
    [
        EventFilter(text="zebra"),
        EventFilter(text="Ζέβρα"),
        EventFilter(text="z\\w+a", regex=True),
        EventFilter("rare", text="Σ"),
    ],
    ids=["plain", "beyond ASCII", "pattern", "sigma"],
)
def test_of_a_hundred_thousand_rows_none_is_looked_at_by_python(filter_: EventFilter) -> None:
    rows, calls = 100_000, 0

    def counted(*_: object) -> None:
        nonlocal calls
        calls += 1

    data = pa.array(
        [f'{{"price": {i}, "name": "Москва {i}"}}' for i in range(rows)], pa.large_string()
    )
    many = pa.table(
        {
            "type": pa.array(["often", "rare"] * (rows // 2), pa.large_string()),
            "data": data,
            "received_at": pa.array(range(rows), pa.timestamp("us", "UTC")),
        }
    )
    filter_.mask(many)  # what is made once, such as a table of letters, is there
    sys.setprofile(counted)  # calls of functions of C too, and their ends
    try:
        filter_.mask(many)
    finally:
        sys.setprofile(None)
    assert 0 < calls < rows / 10


# ---------------------------------------------------------------- a value


def test_a_filter_is_immutable_hashable_and_compares_by_value() -> None:
    one = EventFilter(["b", "a"], text="x", since="2026-01-01T00:00:00Z")
    same = EventFilter({"a", "b"}, text="x", since=datetime(2026, 1, 1, tzinfo=UTC))
    assert one == same
    assert hash(one) == hash(same)
    assert {one, same, EventFilter()} == {one, EventFilter()}
    assert one != EventFilter({"a", "b"}, text="X")
    with pytest.raises(FrozenInstanceError):
        one.text = "y"  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        one.other = 1  # type: ignore[attr-defined]


def test_a_filter_can_be_replaced_copied_and_pickled() -> None:
    one = EventFilter("a", text="x", until=EPOCH)
    assert replace(one, text="y") == EventFilter("a", text="y", until=EPOCH)
    with pytest.raises(InvalidFilter):
        replace(one, text="(?=y)", regex=True)
    assert copy.deepcopy(one) == one
    assert pickle.loads(pickle.dumps(one)) == one


def test_a_repr_says_what_differs_from_everything() -> None:
    assert repr(EventFilter()) == "EventFilter()"
    told = EventFilter("trade", text="BTC", regex=True)
    assert repr(told) == "EventFilter(types={'trade'}, text='BTC', regex=True)"
    assert repr(EventFilter(types=[])) == "EventFilter(types=frozenset())"
    assert eval(repr(told)) == told


def test_types_are_any_iterable_and_a_string_is_one_type() -> None:
    assert EventFilter("trade").types == frozenset({"trade"})
    assert EventFilter(exclude_types="ping").exclude_types == frozenset({"ping"})
    assert EventFilter(name for name in ("a", "b")).types == frozenset({"a", "b"})
    assert EventFilter({"a": 3}).types == frozenset({"a"})
    assert EventFilter().types is None


# ---------------------------------------------------------------- times


def test_a_naive_time_is_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        noon = datetime(2026, 1, 1, 3, tzinfo=UTC)
        for written in (
            datetime(2026, 1, 1, 12),
            "2026-01-01T12:00",
            "2026-01-01 12:00:00",
            pd.Timestamp("2026-01-01 12:00"),
        ):
            assert EventFilter(since=written).since == noon
        assert EventFilter(until="2026-01-01").until == datetime(2025, 12, 31, 15, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_aware_time_is_kept_as_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    noon = datetime(2026, 1, 1, 3, 0, 0, 7, tzinfo=UTC)
    for written in (
        datetime(2026, 1, 1, 12, 0, 0, 7, tzinfo=tokyo),
        "2026-01-01T03:00:00.000007Z",
        "2026-01-01T12:00:00.000007+09:00",
        pd.Timestamp("2026-01-01 12:00:00.000007", tz="Asia/Tokyo"),
    ):
        bound = EventFilter(until=written).until
        assert bound == noon
        assert type(bound) is datetime
        assert bound.tzinfo is UTC


def test_nanoseconds_round_up_so_that_no_event_changes_sides() -> None:
    bound = pd.Timestamp("2026-01-01 00:00:00.000001001", tz="UTC")
    assert EventFilter(since=bound).since == datetime(2026, 1, 1, 0, 0, 0, 2, tzinfo=UTC)
    assert EventFilter(until=bound).until == datetime(2026, 1, 1, 0, 0, 0, 2, tzinfo=UTC)


# ---------------------------------------------------------------- wire


@given(
    types=st.one_of(st.none(), TYPES),
    exclude_types=TYPES,
    text=NEEDLE,
    exclude=NEEDLE,
    case=st.booleans(),
    since=st.one_of(st.none(), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))),
    until=st.one_of(st.none(), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))),
)
def test_the_wire_brings_the_same_filter_back(
    since: datetime | None, until: datetime | None, **values: Any
) -> None:
    aware = {
        name: bound and bound.replace(tzinfo=UTC)
        for name, bound in (("since", since), ("until", until))
    }
    filter_ = EventFilter(**values, **aware)
    wire = json.loads(json.dumps(filter_.to_wire()))
    assert EventFilter.from_wire(wire) == filter_
    assert EventFilter.from_wire(wire).to_wire() == wire


def test_the_wire_is_what_the_page_expects() -> None:
    assert EventFilter().to_wire() == {
        "types": None,
        "exclude_types": [],
        "text": "",
        "exclude": "",
        "regex": False,
        "case": False,
        "since": None,
        "until": None,
        "where": [],
    }
    wire = EventFilter({"b", "a"}, since=at(1.5)).to_wire()
    assert wire["types"] == ["a", "b"]
    assert wire["since"] == 1.5
    assert EventFilter.from_wire({}) == EventFilter()


def test_the_ends_of_time_survive_the_wire() -> None:
    for end in (datetime.min, datetime.max):
        filter_ = EventFilter(until=end.replace(tzinfo=UTC))
        assert EventFilter.from_wire(filter_.to_wire()).until == filter_.until


@pytest.mark.parametrize(
    ("wire", "error", "words"),
    [
        ({"since": float("nan")}, InvalidFilter, "since is not a time"),
        ({"since": "2026"}, TypeError, "since must be milliseconds, not str"),
        ({"until": True}, TypeError, "until must be milliseconds, not bool"),
        ({"colour": 1}, InvalidFilter, "unknown filter key 'colour'"),
        ({"text": None}, TypeError, "text must be a str, not NoneType"),
        ({"types": [1]}, TypeError, "types must hold str, not int"),
        ({"exclude_types": None}, TypeError, "exclude_types must be a set of event types"),
        ([], TypeError, "a filter must be a mapping, not list"),
    ],
)
def test_a_broken_wire_is_refused_by_name(wire: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        EventFilter.from_wire(wire)


# ---------------------------------------------------------------- errors


def test_a_date_is_its_midnight() -> None:
    day = datetime(2026, 1, 2)
    assert (
        EventFilter(since=day.date()) == EventFilter(since=day) == EventFilter(since="2026-01-02")
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"types": 3}, "types must be a set of event types, not int"),
        ({"types": b"a"}, "types must be a set of event types, not bytes"),
        ({"types": [[]]}, "types must hold str, not list"),
        ({"exclude_types": [None]}, "exclude_types must hold str, not NoneType"),
        ({"text": b"a"}, "text must be a str, not bytes"),
        ({"text": __import__("re").compile("a")}, "text must be a str, not Pattern; .*regex=True"),
        ({"exclude": 1}, "exclude must be a str, not int"),
        ({"regex": 1}, "regex must be a bool, not int"),
        ({"case": "no"}, "case must be a bool, not str"),
        ({"since": 5}, "since must be a datetime, not int"),
        ({"until": datetime(2026, 1, 1).time()}, "until must be a datetime, not time"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_type_is_refused_by_name(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        EventFilter(**arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"since": "yesterday"}, "since is no ISO 8601 time: 'yesterday'"),
        ({"until": pd.NaT}, "until is not a time"),
        (
            {"since": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))},
            "since lies outside the years 1 to 9999",
        ),
    ],
)
def test_a_time_that_is_none_is_refused_by_name(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidFilter, match=words):
        EventFilter(**arguments)


def test_a_refused_pattern_says_what_where_why_and_what_to_do() -> None:
    with pytest.raises(InvalidFilter) as refused:
        EventFilter(text="foo(?=bar)", regex=True)
    assert refused.value.message == (
        "look-ahead (?=…) at position 3 is not supported: patterns must run in linear time"
    )
    assert refused.value.hint == "Use exclude= for text that must not occur."
    assert isinstance(refused.value, ValueError)


def test_a_pattern_is_only_read_where_it_is_one() -> None:
    assert EventFilter(text="foo(?=bar)").text == "foo(?=bar)"
    assert EventFilter(text="", exclude="", regex=True).mask(table([])) is None
