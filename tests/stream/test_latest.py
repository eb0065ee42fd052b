"""`stream.latest(by=...)`: one row a key with its newest values, kept as events come; and its messages."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import queue
import random
import warnings

import pandas as pd
import pytest

from sse_widget import SSEStream
from sse_widget.events import EventBatch
from sse_widget.tables import LatestRows, RollingWindow

from ..helpers.scripted import CHUNKED, Server


def events(*rows):
    return "".join(f"event: {kind}\ndata: {data}\n\n" for kind, data in rows).encode()


MIXED = events(
    ("trade", '{"symbol":"BTC","price":1}'),
    ("quote", '{"symbol":"BTC","bid":0.5,"type":"x"}'),
    ("trade", '{"symbol":"ETH","price":7}'),
    ("ping", "pong"),
    ("trade", '{"symbol":"BTC","price":2,"halted":null}'),
    ("trade", '{"symbol":null,"price":3}'),
)


@pytest.fixture
def replay():
    made = []

    def make(content, **options):
        made.append(SSEStream.replay(content, speed=math.inf, **options))
        return made[-1]

    yield make
    for stream in made:
        stream.close()


def test_a_row_a_key_with_the_newest_of_each_field(replay):
    state = replay(MIXED).latest(by="symbol")
    assert state.index.tolist() == ["BTC", "ETH"]
    assert state.index.name == "symbol"
    assert list(state) == ["seq", "received_at", "type", "price", "bid", "data.type", "halted"]
    assert state.loc["BTC"].drop("received_at").tolist() == [4, "trade", 2, 0.5, "x", None]
    assert state.loc["ETH", "seq"] == 2
    assert state["price"].dtype == "int64"
    assert str(state["received_at"].dtype) == "datetime64[us, UTC]"
    assert state.attrs["let_go"] == 0


def test_by_type_by_several_and_by_a_path(replay):
    stream = replay(MIXED)
    assert stream.latest().index.tolist() == ["trade", "quote", "ping"]
    both = stream.latest(by=["symbol", "price"], columns=["price"])
    assert both.index.names == ["symbol", "price"]
    assert both.index.tolist() == [("BTC", 1), ("ETH", 7), ("BTC", 2)]
    nested = replay(events(("m", '{"a":[{"id":1}],"v":1}'), ("m", '{"a":[{"id":1}],"v":2}')))
    assert nested.latest(by="a[0].id", columns="v")["v"].to_dict() == {1: 2}


def test_what_was_evicted_is_still_the_state_and_what_was_cleared_is_not(replay):
    many = events(*(("t", json.dumps({"k": n % 5, "v": n})) for n in range(50)))
    with Server(lambda peer: (peer.stream(many), peer.hold())) as server:
        stream = SSEStream(server.url, max_events=10)
        asyncio.run(stream.until(where=lambda e: e.seq == 49, timeout=30))
        first = stream.latest(by="k")
        assert first["v"].tolist() == [45, 46, 47, 48, 49]
        stream.clear()
        assert len(stream.latest(by="k")) == 0
        stream.close()


def test_events_that_come_are_in_it_at_once():
    def script(peer):
        peer.send(CHUNKED)
        for n in range(20):
            peer.chunk(f'data: {{"k":"a","v":{n}}}\n\n')
            seen.get(timeout=30)
        peer.hold()

    seen: queue.Queue[int] = queue.Queue()
    with Server(script) as server, SSEStream(server.url) as stream:
        for n in range(20):
            asyncio.run(stream.until(where=lambda e, n=n: e.seq == n, timeout=30))
            assert stream.latest(by="k").loc["a", "v"] == n
            seen.put(n)


def test_events_are_read_before_they_are_evicted():
    """Of what a thing said once, and long ago, nothing is asked before it has gone."""

    def script(peer):
        peer.send(CHUNKED)
        for n in range(20):
            peer.chunk(f'data: {{"k":"once {n}","v":{n}}}\n\n' + 'data: {"k":"all","v":0}\n\n' * 59)
            seen.get(timeout=30)
        peer.hold()

    seen: queue.Queue[int] = queue.Queue()
    with Server(script) as server, SSEStream(server.url, max_events=200) as stream:
        assert len(stream.latest(by="k")) <= 2
        for n in range(20):
            asyncio.run(stream.until(where=lambda e, n=n: e.seq >= 60 * n + 59, timeout=30))
            seen.put(n)
        state = stream.latest(by="k")
        assert set(state.index) == {"all", *(f"once {n}" for n in range(20))}
        assert stream.stats.evicted == 1_000


def test_events_are_read_before_larger_ones_push_them_out():
    def script(peer):
        peer.send(CHUNKED)
        for n in range(30):
            text = "x" * (20_000 if n % 2 else 10)
            peer.chunk(
                f'data: {{"k":"once {n}","v":{n}}}\n\n'
                + f'data: {{"k":"all","text":"{text}"}}\n\n' * 9
            )
            seen.get(timeout=30)
        peer.hold()

    seen: queue.Queue[int] = queue.Queue()
    with Server(script) as server, SSEStream(server.url, max_bytes=2**20) as stream:
        assert len(stream.latest(by="k")) <= 2
        for n in range(30):
            asyncio.run(stream.until(where=lambda e, n=n: e.seq >= 10 * n + 9, timeout=30))
            seen.put(n)
        assert len(stream.latest(by="k")) == 31
        assert stream.stats.evicted > 100


def test_keys_are_bounded_and_the_longest_silent_go_first(replay):
    rows = [("t", json.dumps({"k": n, "v": 1})) for n in range(20)]
    rows += [("t", json.dumps({"k": 3, "v": 2})), ("t", json.dumps({"k": 99, "v": 2}))]
    stream = replay(events(*rows))
    assert len(stream.latest(by="k")) == 21
    with pytest.warns(UserWarning, match="more than 5 keys by 'k'"):
        state = stream.latest(by="k", max_keys=5)
    assert state.index.tolist() == [3, 17, 18, 19, 99]
    assert state.attrs["let_go"] == 16
    stream.latest(by="k", max_keys=5)  # said once


def test_it_is_bounded_in_bytes(replay):
    rows = [("t", json.dumps({"k": n, "text": "x" * 10_000})) for n in range(200)]
    stream = replay(events(*rows), max_bytes=2**20)
    with pytest.warns(UserWarning, match="silent longest"):
        state = stream.latest(by="k")
    assert 1 <= len(state) < 30
    assert 0 < stream.memory.parts["latest"] <= 2**18
    assert stream.memory.used <= 2**20


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"by": 5}, TypeError),
        ({"by": ""}, ValueError),
        ({"by": []}, ValueError),
        ({"by": ["a", 1]}, TypeError),
        ({"by": "a", "columns": 5}, TypeError),
        ({"by": "a", "max_keys": 0}, ValueError),
        ({"by": "a", "max_keys": "many"}, TypeError),
    ],
)
def test_what_is_no_key_is_refused(replay, arguments, error):
    with pytest.raises(error):
        replay(MIXED).latest(**arguments)


# ---------------------------------------------------------------------- without reading everything


def state_of(data, kinds=None, by="k"):
    """The state of these payloads, read in one go after some have been seen."""
    window = RollingWindow(100_000, 2**28)
    rows = LatestRows(window, [by], 10_000)
    half = len(data) // 2
    for part in (slice(0, half), slice(half, None)):
        some = data[part]
        types = (kinds or ["t"] * len(data))[part]
        at = pd.Timestamp("2026-01-01", tz="UTC").to_pydatetime()
        n = len(some)
        window.append(EventBatch(types, some, [""] * n, [False] * n, received_at=at))
        rows.read()
    return {row.key: (row.seq, row.type, row.values) for row in rows.read()}


def merged(data, kinds=None, by="k"):
    out = {}
    for n, text in enumerate(data):
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if type(value) is not dict or value.get(by) is None:
            continue
        values = out.get(value[by], (0, "", {}))[2]
        out[value[by]] = (n, (kinds or ["t"] * len(data))[n], values | value)
    return out


def ticks(n, odd=()):
    made = [
        json.dumps({"k": f"S{i % 37}", "price": i / 4, "side": "buy" if i % 3 else "sell"})
        for i in range(n)
    ]
    for at, text in odd:
        made[at] = text
    return made


@pytest.mark.parametrize(
    "odd",
    [
        '{"k":"S1","bid":5}',
        '{"k": "S1", "price": 1, "halted": true}',
        '{"price": 1, "k": "S1", "side": "x"}',
        '{"k": "S1", "price": {"a":1}, "side": "x"}',
        '{"k": "S1", "price": 1, "side": "a\\"b"}',
        '{"k": "S1", "price": 1, "side": "{"}',
        '{"k": "S1", "price": 1, "side": "é\u2028"}',
        '{"k": "S1", "price": [1, 2], "side": null}',
        '{"k": "S1", "price": 1, "side": "at 12:30:00"}',
        '{"k": "S1", "price": ["a", {"side": 2}], "b": 1}',
        '{"k": "S1", "cheap": 1, "side": "x"}',
        '{"k": "a key that takes more than two words", "price": 1, "side": "x"}',
        '{"k": 1, "price": 1, "side": ""}',
        '{"k": null, "price": 1, "side": ""}',
        '{"k": "S1", "price": 1, "side": "cut',
        '{"k": "S1", "price": 01, "side": "x"}',
        '{"k": "S1", "price": 1, "price": 2}',
        '{"k":"S1","price":1,"side":"tight"}',
        '{"k" : "S1" , "price" : 1 , "side" : "wide"}',
        " {}",
        "",
        "plain",
        "[1]",
        '{"other":1}',
    ],
)
def test_rows_of_one_form_are_passed_over_only_where_nothing_is_lost(odd):
    for places in ([150], [199], [100, 101], [120, 199]):
        data = ticks(200, [(at, odd) for at in places])
        assert state_of(data) == merged(data)


@pytest.mark.parametrize("length", [1, 6, 14, 15, 40])
@pytest.mark.parametrize("tight", [True, False])
@pytest.mark.parametrize("digits", [1, 5])
def test_keys_of_any_length_and_many_of_them(length, tight, digits):
    """As many as share the buckets in which they are sought, in more blocks than one, values with colons; rows of one
    length and of several."""
    form = {"separators": (",", ":")} if tight else {}
    chance = random.Random(length)
    data = [
        json.dumps(
            {
                "at": f"12:{n % 60:0{digits}d}",
                "k": f"{chance.randrange(5_000):0{length}d}",
                "v": f"{n:0{digits}d}",
            },
            **form,
        )
        for n in range(12_000)
    ]
    assert state_of(data) == merged(data)


# All of one length: the same keys at three places.
SAME_LENGTH = [
    '{"k":"S%02d","price":"%024d","size":%d}',
    '{"k":"S%02d","price":"%023d","size":1%d}',
    '{"k":"S%02d","price":"%022d","size":10%d}',
]


def rows_of_same_length(odd):
    """Some of 55 bytes: runs of rows with their keys at the same places, then all places in turn; and odd ones
    instead of some."""
    chance = random.Random(7)
    data = []
    for n in range(24_000):
        form = SAME_LENGTH[n // 2_000 % 3 if n < 8_000 else n % 3]
        data.append(form % (chance.randrange(40), n, n % 10))
    for n, text in odd.items():
        data[n] = text
    assert {len(text) for text in data} == {55}
    return data


def test_rows_that_are_as_long_as_others_may_have_other_keys():
    other = '{"k":"S%02d","price":"%024d","bids":1}'
    odd = {n: other % (n // 500 % 40, n) for n in range(100, 24_000, 1_000)}
    data = rows_of_same_length(odd | {12_000: other % (1, 0)})  # where a block begins
    assert state_of(data) == merged(data)
    assert all("bids" in merged(data)[key][2] for key in ("S01", "S02"))


def test_rows_that_are_as_long_as_others_may_have_more_keys():
    """And as many have fewer, so that there are as many colons in all."""
    more = '{"k":"S%02d","price":1,"halted":true           ,"size":%d}'
    fewer = '{"k":"S%02d","price":"%033d"}'
    odd = {n: more % (n // 500 % 40, 1) for n in range(100, 24_000, 1_000)}
    data = rows_of_same_length(odd | {n + 50: fewer % (1, n) for n in odd})
    assert state_of(data) == merged(data)
    assert "halted" in merged(data)["S02"][2]


def test_rows_of_many_lengths_come_between_rows_of_few():
    """What does not fit is put aside for a time, and looked at again."""
    chance = random.Random(8)
    data = []
    for n in range(60_000):
        regular = n // 8_000 % 2 == 0
        price = 100 + n % 900 if regular else chance.randrange(10 ** chance.randrange(1, 9))
        data.append(f'{{"k":{chance.randrange(10, 50)},"price":{price}}}')
    window = RollingWindow(100_000, 2**28)
    rows = LatestRows(window, ["k"], 10_000)
    at = pd.Timestamp("2026-01-01", tz="UTC").to_pydatetime()
    for n in range(0, len(data), 4_000):
        some = data[n : n + 4_000]
        window.append(
            EventBatch(["t"] * 4_000, some, [""] * 4_000, [False] * 4_000, received_at=at)
        )
        state = {row.key: (row.seq, row.type, row.values) for row in rows.read()}
        assert state == merged(data[: n + 4_000])


def test_types_have_forms_of_their_own():
    chance = random.Random(5)
    kinds = [chance.choice(["trade", "quote", "ping"]) for _ in range(600)]
    data = []
    for kind in kinds:
        key = f"S{chance.randrange(20)}"
        row = {"trade": {"k": key, "p": chance.random()}, "quote": {"bid": 1, "k": key}}
        data.append("pong" if kind == "ping" else json.dumps(row[kind]))
    assert state_of(data, kinds) == merged(data, kinds)


@pytest.mark.parametrize("size", [700, 5_000])
def test_rows_that_came_in_many_pieces(size):
    """More than are compared at once, of types that follow each other and that are mixed, with others between."""
    n = 50_000
    odd = [(at, f'{{"k":"odd {at}","bid":{at}}}') for at in (4_999, 16_384, 16_800, 20_001, 49_999)]
    data = ticks(n, [*odd, (41_000, '{"k":"S1","halted":true}'), (42_000, '{"k":"S2","a":"\\n"}')])
    kinds = ["a"] * 20_000 + ["b", "a", "c"] * 100 + ["b"] * 21_000 + ["a"] * (n - 41_300)
    window = RollingWindow(100_000, 2**28)
    rows = LatestRows(window, ["k"], 10_000)
    at = pd.Timestamp("2026-01-01", tz="UTC").to_pydatetime()
    for start in range(0, n, size):
        part = slice(start, start + size)
        window.append(
            EventBatch(kinds[part], data[part], [""] * size, [False] * size, received_at=at)
        )
        if start < 3 * size:
            rows.read()
    found = {row.key: (row.seq, row.type, row.values) for row in rows.read()}
    assert found == merged(data, kinds)


# A short last turn is read when somebody asks. Of one with a text that is no JSON all is read, else the newest of
# each key.
@pytest.mark.parametrize("rows", [500, 100])
@pytest.mark.parametrize("last", ["plain", '{"k": "S1", "price": 1, "side": "x"}'])
def test_what_is_read_in_turns_before_it_is_evicted_is_as_if_read_at_once(last, rows):
    """Of most only the newest is kept, and entered when somebody asks: after what came before, and no other."""
    chance = random.Random(8)
    odd = [
        '{"k":"S1","bid":5}',
        '{"k": "S2", "price": oops, "side": "x"}',
        '{"k": "S3", "price": {"a":1}, "side": "x"}',
        '{"k": null, "price": 1, "side": "x"}',
        '{"k": "new", "price": 1, "side": "x"}',
        "plain",
    ]
    size, turns = 500, 24
    data = ticks(size * (turns - 1) + rows)
    ends = [*range(size, len(data), size), len(data)]
    for n in range(turns):
        # Some turns have none of these, so that what is put off is put off again.
        for _ in range(chance.choice([0, 0, 1, 3]) if n < turns - 3 else 0):
            data[size * n + chance.randrange(size)] = chance.choice(odd)
        data[size * n] = json.dumps({"k": f"once {n}", "price": n, "side": "x"})
    data[-1] = last

    def script(peer):
        peer.send(CHUNKED)
        for start, end in itertools.pairwise([0, *ends]):
            peer.chunk("".join(f"event: t\ndata: {d}\n\n" for d in data[start:end]))
            seen.get(timeout=30)
        peer.hold()

    seen: queue.Queue[int] = queue.Queue()
    with Server(script) as server, SSEStream(server.url, max_events=3 * size) as stream:
        stream.latest(by="k")
        for n, end in enumerate(ends):
            asyncio.run(stream.until(where=lambda e, end=end: e.seq >= end - 1, timeout=30))
            if n == 0 or n == turns // 2:
                stream.latest(by="k")
            seen.put(n)
        state = stream.latest(by="k")
        assert stream.stats.evicted == len(data) - 3 * size
    expected = merged(data)
    assert state["seq"].to_dict() == {key: seq for key, (seq, _, _) in expected.items()}
    for name in ("price", "side", "bid"):
        values = {key: row.get(name) for key, (_, _, row) in expected.items()}
        for key, found in state[name].to_dict().items():
            assert found == values[key] or (pd.isna(found) and values[key] is None)


# ---------------------------------------------------------------------- paths that meet nothing


def test_a_path_that_meets_nothing_says_so_once(replay):
    stream = replay(MIXED)
    with pytest.warns(UserWarning, match="'sybmol' meets nothing.*did you mean 'symbol'"):
        stream.latest(by="sybmol")
    with pytest.warns(UserWarning, match="'prise'.*did you mean 'price'"):
        stream.to_dataframe(columns=["prise", "price"])
    with pytest.warns(UserWarning, match="'choices.0.text' meets nothing"):
        assert stream.text("choices.0.text") == ""
    stream.columns = ["bid", "asks"]
    with pytest.warns(UserWarning, match="'asks'"):
        assert "asks" in stream.df
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream.latest(by="sybmol")
        stream.to_dataframe(columns=["prise"])
        assert len(stream.df) == 6


def test_a_stream_of_other_things_says_that(replay):
    stream = replay(events(("m", "plain"), ("m", "text")))
    with pytest.warns(UserWarning, match="none of the latest events is a JSON object"):
        stream.to_dataframe(columns=["price"])


def test_a_stream_that_has_only_begun_says_nothing_yet():
    def script(peer):
        peer.stream('data: {"a":1}\n\n')
        peer.hold()

    with Server(script) as server, SSEStream(server.url) as stream:
        asyncio.run(stream.until(timeout=30))
        stream.to_dataframe(columns=["b"])
