"""What hands do by themselves: `len(stream)`, `stream[-1]`, `tail()`, `on("trade", fn)`, Tab, `pickle`."""

from __future__ import annotations

import asyncio
import copy
import math
import pickle
import queue
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets import TraitError

from sse_widget import EventFilter, EventSource, SSECapture, SSEStream

from ..helpers.clients import AT_ONCE
from ..helpers.scripted import Peer, Server, sends

EIGHT = "".join(
    f'event: {"trade" if n % 2 else "quote"}\ndata: {{"price": {n}}}\n\n' for n in range(8)
).encode()


@pytest.fixture
def replay():
    made = []

    def make(content=EIGHT, **options):
        made.append(SSEStream.replay(content, speed=math.inf, **options))
        return made[-1]

    yield make
    for stream in made:
        stream.close()


# ---------------------------------------------------------------------- a sequence of events


def test_a_stream_has_a_length_positions_and_slices(replay):
    stream = replay()
    assert len(stream) == 8
    assert (stream[0].seq, stream[-1].seq, stream[np.int64(3)].seq) == (0, 7, 3)
    assert stream[-1].json() == {"price": 7}
    assert stream[-1].type == "trade"
    assert [e.seq for e in stream[2:5]] == [2, 3, 4]
    assert [e.seq for e in stream[-3:]] == [5, 6, 7]
    assert [(e.seq, e.data) for e in stream[1::3]] == [(n, f'{{"price": {n}}}') for n in (1, 4, 7)]
    assert [e.seq for e in stream[::-1]] == [e.seq for e in reversed(stream)] == [*range(7, -1, -1)]
    assert stream[100:] == stream[5:2] == []


def test_positions_count_from_the_oldest_that_is_held(replay):
    stream = replay(max_events=3)
    assert len(stream) == 3
    assert [stream[n].seq for n in (0, 2, -1, -3)] == [5, 7, 7, 5]
    assert [e.seq for e in stream[::2]] == [5, 7]
    with pytest.raises(IndexError, match=r"3 events are held$"):
        stream[3]
    with pytest.raises(IndexError, match=r"3 events are held; .* is stream\.df\.loc\[6\]"):
        stream[6]
    stream.clear()
    assert len(stream) == 0
    assert stream  # `if stream:` is about the stream
    assert stream[:] == []
    with pytest.raises(IndexError, match="no event is held"):
        stream[-1]


def test_a_name_in_the_place_of_a_position_says_how_to_get_it(replay):
    stream = replay()
    with pytest.raises(TypeError, match=r"to_dataframe\(columns=\['price'\]\)"):
        stream["price"]
    with pytest.raises(TypeError, match="not float"):
        stream[1.0]


def test_head_and_tail_are_those_of_the_frame(replay):
    stream = replay()
    stream.columns = ["price"]
    assert stream.tail().index.tolist() == [3, 4, 5, 6, 7]
    assert stream.head(2)["price"].tolist() == [0, 1]
    assert stream.tail(-6)["price"].tolist() == [6, 7]


# ---------------------------------------------------------------------- callbacks


def test_on_and_every_take_the_function_too(replay):
    stream = replay()
    got = queue.Queue()

    def see(event):
        got.put(event.seq)

    assert stream.on("trade", see) is see
    assert [got.get(timeout=60) for _ in range(4)] == [1, 3, 5, 7]
    stream.on(["trade", "quote"], lambda event: got.put(event.type))
    assert [got.get(timeout=60) for _ in range(2)] == ["quote", "trade"]
    frames = queue.Queue()
    assert stream.every(0.01, frames.put) == frames.put
    assert len(frames.get(timeout=60)) == 8


def test_on_takes_a_filter(replay):
    stream = replay()
    got = queue.Queue()
    late = EventFilter(types={"trade"}, text='"price": 5')

    @stream.on(late)
    def see(event):
        got.put(event.seq)

    stream.on(EventFilter(exclude='"price": 7'), lambda event: got.put(-event.seq), held=True)
    assert sorted(got.get(timeout=60) for _ in range(8)) == [-6, -5, -4, -3, -2, -1, 0, 5]
    assert {c.on for c in stream.callbacks} >= {repr(late)}


def test_on_without_parentheses_is_about_every_event(replay):
    stream = replay()
    got = queue.Queue()

    @stream.on
    def see(event):
        got.put(event.seq)

    assert [got.get(timeout=60) for _ in range(8)] == list(range(8))


@pytest.mark.parametrize(
    "wrong", [lambda s: s.on("trade", 5), lambda s: s.every(5, "fn"), lambda s: s.on(5)]
)
def test_what_is_no_function_is_refused(replay, wrong):
    with pytest.raises(TypeError):
        wrong(replay())


def test_waiting_takes_a_type_and_a_filter_by_position(replay):
    stream = replay()
    assert asyncio.run(stream.until("trade", timeout=0)).seq == 1
    wanted = EventFilter(text='"price": 6')
    assert asyncio.run(stream.until(wanted, timeout=0)).seq == 6
    with pytest.raises(TimeoutError, match="no event that EventFilter"):
        asyncio.run(stream.until(EventFilter(text="nothing"), timeout=0))


# ---------------------------------------------------------------------- filters


@pytest.mark.parametrize("types", [{"trade"}, ["trade"], ("trade",), frozenset({"trade"})])
def test_types_are_a_filter(replay, types):
    stream = replay()
    stream.filter = types
    assert stream.filter == EventFilter(types={"trade"})
    assert stream.view_df.index.tolist() == [1, 3, 5, 7]
    assert len(stream.to_dataframe(filter=types)) == 4


@pytest.mark.parametrize("wrong", ["trade", 5, b"trade", {"types": ["trade"]}, [5]])
def test_what_could_be_meant_in_two_ways_is_no_filter(replay, wrong):
    stream = replay()
    with pytest.raises(TraitError, match="filter"):
        stream.filter = wrong
    with pytest.raises(TypeError, match="filter"):
        stream.to_dataframe(filter=wrong)


# ---------------------------------------------------------------------- ending


@pytest.mark.parametrize(
    "until",
    [
        ["never", "[DONE]"],
        ["never", lambda e: e.data == "[DONE]"],
        [lambda e: False, "done"],
        EventFilter(text="[DONE]"),
        [EventFilter(types={"never"}), EventFilter(types={"done"})],
    ],
)
def test_stop_when_takes_several_of_all_kinds(until):
    events = "data: a\n\nevent: done\ndata: [DONE]\n\ndata: b\n\n"
    with Server(sends(events, then="hold")) as server:
        source = EventSource(server.url, stop_when=until, retry=AT_ONCE)
        assert [e.data for e in source] == ["a", "[DONE]"]


def test_start_after_close_is_refused_and_after_stop_it_is_not(tmp_path):
    with Server(sends("data: a\n\n", then="hold"), Peer.hold) as server:
        with SSEStream(server.url) as stream:
            asyncio.run(stream.until(timeout=60))
            stream.stop()
            stream.start()
            with SSECapture({"a": server.url}, to=tmp_path / "to") as capture:
                pass
        for closed in (stream, capture):
            with pytest.raises(RuntimeError, match="closed, which is for good"):
                closed.start()
        assert len(stream) == 1


# ---------------------------------------------------------------------- finding one's way


@pytest.fixture(params=[True, False], ids=["jedi", "without jedi"])
def tab(request):
    """What the Tab key offers after this code."""
    shell = InteractiveShell()
    shell.Completer.use_jedi = request.param
    shell.push({c.__name__: c for c in (SSEStream, SSECapture, EventSource)})

    def press(code, **names):
        shell.push(names)
        with provisionalcompleter():
            return {c.text for c in shell.Completer.completions(code, len(code))}

    yield press
    shell.history_manager.end_session()


@pytest.mark.parametrize("call", ["SSEStream(", "SSECapture({}, ", "EventSource('http://x', "])
def test_tab_offers_the_options(tab, call):
    assert {"headers=", "auth=", "json=", "stop_when=", "retry=", "proxy="} <= tab(call)


def test_the_names_that_are_listed_are_ours(replay, tab):
    stream = replay()
    listed = dir(stream)
    assert {"df", "on", "every", "tail", "filter", "columns", "save", "observe", "layout"} <= {
        *listed
    }
    assert not {n for n in listed if n.startswith("_")}
    assert not {"add_class", "comm", "keys", "trait_names", "set_trait", "blur"} & {*listed}
    offered = {name.rpartition(".")[2] for name in tab("stream.", stream=stream)}
    assert {"df", "on", "tail"} <= offered

    class Mine(SSEStream):
        def spread(self):
            return 1

    with Mine.replay(EIGHT, speed=math.inf) as mine:
        assert {"spread", "df"} <= {*dir(mine)}


def test_what_cannot_be_pickled_says_what_can(replay, tmp_path):
    stream = replay()
    with pytest.raises(TypeError, match=r"SSEStream.*Pickle what it holds: stream\.df"):
        pickle.dumps(stream)
    assert len(pickle.loads(pickle.dumps(stream.df))) == 8
    with pytest.raises(TypeError, match="cannot pickle EventSource"):
        pickle.dumps(EventSource("http://127.0.0.1:9/"))
    with Server(Peer.hold) as server, SSECapture({"a": server.url}, to=tmp_path / "to") as capture:
        for one in (capture, capture["a"]):
            with pytest.raises(TypeError, match="cannot pickle"):
                pickle.dumps(one)


# ---------------------------------------------------------------------- columns and filter from the start


def test_columns_and_a_filter_can_be_given_when_it_is_made(replay):
    stream = replay(columns=["price"], filter={"trade"})
    assert stream.columns == ["price"]
    assert stream.filter == EventFilter(types={"trade"})
    assert stream.view_df["price"].tolist() == [1, 3, 5, 7]
    only = EventFilter(text="x")
    with Server(Peer.hold) as server, SSEStream(server.url, columns="price", filter=only) as live:
        assert live.columns == ["price"]
        assert live.filter == only


def test_columns_are_set_as_a_whole(replay):
    """What would change the list, and no column, is refused."""
    stream = replay(columns=["price"])
    for change in (
        lambda: stream.columns.append("size"),
        lambda: stream.columns.extend(["size"]),
        lambda: stream.columns.remove("price"),
        lambda: stream.columns.clear(),
        lambda: stream.columns.__setitem__(0, "size"),
    ):
        with pytest.raises(TypeError, match=r"stream\.columns = \[\*stream\.columns"):
            change()
    stream.columns += ["size"]
    assert stream.columns == ["price", "size"]
    stream.columns += "side"
    assert stream.columns[-1] == "side"
    copies = copy.copy(stream.columns), copy.deepcopy(stream.columns), stream.columns[:]
    assert all(type(one) is list and len(one) == 3 for one in copies)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"columns": 5}, TypeError),
        ({"columns": [1]}, TypeError),
        ({"columns": [str(n) for n in range(300)]}, ValueError),
        ({"filter": "trade"}, TypeError),
        ({"filter": 5}, TypeError),
    ],
)
def test_what_are_no_columns_and_no_filter_is_refused_before_anything_is_made(options, error):
    with Server(Peer.hold) as server:
        with pytest.raises(error, match=next(iter(options))):
            SSEStream(server.url, **options)
        assert server.connections == 0
    with pytest.raises(error, match=next(iter(options))):
        SSEStream.replay(EIGHT, **options)


def test_a_field_that_is_no_column_says_how_to_get_it(replay):
    stream = replay()
    for frame in (stream.df, stream.view_df, stream.tail(), stream.to_dataframe(last=3)):
        with pytest.raises(
            AttributeError, match=r"'price'.*stream\.columns = \['price'\].*columns=\['price'\]"
        ):
            frame.price  # noqa: B018
        with pytest.raises(KeyError, match="'price'") as missing:
            frame["price"]
        assert "stream.columns = ['price']" in missing.value.__notes__[0]
        with pytest.raises(AttributeError, match=r"no attribute 'prise'$"):
            frame.prise  # noqa: B018
    stream.columns = ["price"]
    assert stream.df.price.tolist() == [*range(8)]


def test_a_condition_may_be_of_another_moment():
    """`stream.df[stream.df["type"] == "trade"]`: events come between the two, and others are evicted."""
    more = threading.Event()

    def serve(peer):
        peer.stream(EIGHT)
        more.wait()
        peer.send(EIGHT)
        peer.hold()

    def count(n):
        return stream.until(where=lambda event: event.seq >= n - 1, timeout=60)

    with Server(serve) as server, SSEStream(server.url, max_events=12) as stream:
        asyncio.run(count(8))
        before = stream.df
        more.set()
        asyncio.run(count(16))
        after = stream.df
        assert before[after["type"] == "trade"].index.tolist() == [5, 7]
        assert after[before["type"] == "trade"].index.tolist() == [5, 7]
        assert after[after["type"] == "trade"].index.tolist() == [5, 7, 9, 11, 13, 15]


def test_a_frame_is_a_frame_in_all_else(replay):
    stream = replay(columns=["price"])
    frame, plain = stream.df, pd.DataFrame(stream.df)
    pd.testing.assert_frame_equal(frame, plain)
    pd.testing.assert_frame_equal(plain, frame)
    assert not hasattr(frame, "nothing")
    assert {"price", "merge"} <= {*dir(frame)}
    frame.price = 5
    frame["more"] = frame.price + 1
    assert frame.more.tolist() == [6] * 8
    made = (frame.copy(), frame[:3], frame.query("price == 5"), pickle.loads(pickle.dumps(frame)))
    assert {type(one) for one in made} == {pd.DataFrame}
    assert b"sse_widget" not in pickle.dumps(frame)
    with pytest.raises(AttributeError, match="no attribute 'prce'"):
        stream.tail().prce  # noqa: B018


# ---------------------------------------------------------------------- columns in files

ODD = [
    '{"price": 1.50, "name": "=A\\"B", "tags": ["a", "b"], "of": {"x": [1 , 2.0]}, "any": 1, "seq": 7}',
    '{"price": -0, "name": "\\ud800 é", "tags": [], "of": {}, "any": "t", "ok": true}',
    "no JSON",
    '{"price": 1e-07, "price": 25, "name": null, "big": 123456789012345678901234567890}',
]
PATHS = ["price", "name", "tags", "of", "of.x[1]", "any", "ok", "big", "seq"]


@pytest.fixture
def odd(replay):
    return replay(b"".join(b"data: %s\n\n" % text.encode() for text in ODD), columns=PATHS)


def test_a_csv_has_the_columns_as_they_were_written(odd, tmp_path):
    head, *lines = odd.save(tmp_path / "x.csv").read_text("utf-8").splitlines()
    assert head.endswith('"data","price","name","tags","of","of.x[1]","any","ok","big","data.seq"')
    ends = [
        """1.50,"'=A""B","[""a"", ""b""]","{""x"": [1 , 2.0]}",2.0,1,,,7""",
        '-0,"\ufffd é","[]","{}",,"t",true,,',
        '"no JSON",,,,,,,,,',
        "25,,,,,,,123456789012345678901234567890,",
    ]
    for line, end in zip(lines, ends, strict=True):
        assert line.endswith(f",{end}")
    assert "'=A" not in odd.save(tmp_path / "y.csv", csv_formulas=True).read_text("utf-8")
    only = odd.save(tmp_path / "z.csv", columns="ok").read_text("utf-8").splitlines()
    assert only[0].endswith('"data","ok"')
    assert (
        odd.save(tmp_path / "0.csv", columns=[])
        .read_text("utf-8")
        .splitlines()[0]
        .endswith('"data"')
    )


def test_a_parquet_has_the_columns_typed(odd, tmp_path, replay):
    table = pq.read_table(odd.save(tmp_path / "x.parquet"))
    assert pa.table(odd).schema == table.schema
    assert {name: str(table.schema.field(name).type) for name in table.schema.names[5:]} == {
        "price": "double",
        "name": "large_string",
        "tags": "list<element: string>",
        "of": "large_string",
        "of.x[1]": "double",
        "any": "large_string",
        "ok": "bool",
        "big": "large_string",
        "data.seq": "int64",
    }
    assert table["price"].to_pylist() == [1.5, 0, None, 25]
    assert table["of"].to_pylist() == ['{"x": [1 , 2.0]}', "{}", None, None]
    assert table["tags"].to_pylist() == [["a", "b"], [], None, None]
    some = odd.save(tmp_path / "y.parquet", EventFilter(text="25"), columns=["price"])
    assert pq.read_table(some)["price"].to_pylist() == [25]
    # What plays a file reads its events, and no column of anybody's.
    assert replay(tmp_path / "x.parquet").df["data"].tolist() == ODD
    with pytest.raises(TypeError, match="columns"):
        odd.save(tmp_path / "z.parquet", columns=5)
