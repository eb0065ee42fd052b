"""The quick ways of the parser: each says what the plain loop says.

Streams here are runs of blocks of one shape, as servers send them, with blocks of other shapes in
their middle: the places where a quick way has to notice that it must not be taken.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_widget import EventBatch, EventStreamParser
from sse_widget.protocol import fields as paths

from ..helpers import literal

# What a value may hold: everything but line ends, and above all what looks like a field.
VALUES = st.sampled_from(
    [
        *("", " ", "  x", "1", "2", "tick", '{"price": 1}', "x" * 300, "data: y", "id: 9", ":"),
        *("a:b", "\0", "a\0b", "\ufeff", "é世😀", "\x0b\x0c\x1c\x85\u2028", "data", "id", "event"),
    ]
) | st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=6)
NAMES = st.sampled_from(["data", "data", "data", "id", "event", "retry", "", "other", "datax"])
COLONS = st.sampled_from([": ", ":"])

SHAPES = st.lists(
    st.tuples(NAMES | st.sampled_from(["data", "id", "event"]), COLONS), min_size=1, max_size=5
)


@st.composite
def runs(draw) -> str:
    """Blocks of one shape, all `name: value` lines."""
    shape = draw(SHAPES)
    values = draw(st.lists(VALUES, min_size=1, max_size=4))
    n = draw(st.integers(min_value=1, max_value=8))
    value = itertools.cycle(values)
    block = "".join(f"{name}{colon}{{}}\n" for name, colon in shape)
    return "".join(block.format(*(next(value) for _ in shape)) + "\n" for _ in range(n))


# Blocks that are no part of some run, or only just: each near miss of a quick way is one of them.
DEVIATIONS = [
    *("\n", "\n\n", ": ping\n\n", "data\n\n", "data: \n\n", "data:\n\n", "retry: 7\n\n", "junk\n"),
    *("data: x\n\n", "data:x\n\n", "data:  x\n\n", " data: x\n\n", "xdata: y\n\n", "data : x\n\n"),
    *("data: a\ndata: b\n\n", "data: a\ndata:b\n\n", "data:a\ndata: b\n\n", "data:a\ndata:b\n\n"),
    *(
        "data: a\n: c\ndata: b\n\n",
        "data: a\ndata: \n\n",
        "data: \ndata: \n\n",
        "data: a\ndata\n\n",
    ),
    *("id: 3\n\n", "id: a\0b\ndata: x\n\n", "id:a\0b\ndata:x\n\n", "id: 1\nid: 2\ndata: x\n\n"),
    *("id\ndata: x\n\n", "id: \ndata: x\n\n", "id:  1\ndata: x\n\n", "id: 1\n: c\ndata: x\n\n"),
    *("id: a\0b\nevent: e\ndata: x\n\n", "event: e\nid: a\0b\ndata: x\n\n", "id: 1\ndata:  x\n\n"),
    *("event: e\n\n", "event: \ndata: x\n\n", "event:\ndata:x\n\n", "event:  e\ndata: x\n\n"),
    *("id: 1\nevent: \ndata: x\n\n", "event: \nid: 1\ndata: x\n\n", "data: x\nevent: \nid: 1\n\n"),
    *(
        "event: e\nid: 1\ndata: x\n\n",
        "id: 1\nevent: e\ndata: x\n\n",
        "event: e\ndata: x\ndata: y\n\n",
    ),
    *("event: a\nevent: b\ndata: x\n\n", "event: a\nid: 1\nevent: \ndata: x\n\n"),
    *(
        "data: x\nid: 4\n\n",
        "data: x\nevent: e\n\n",
        "data: x\nretry: 5\n\n",
        "retry: 5\ndata: x\n\n",
    ),
    *(
        "data: x\nid: a\0b\nevent: e\n\n",
        "data: x\nevent: e\nid: a\0b\n\n",
        "id: 1\ndata: x\ndata:y\n\n",
    ),
    *(
        "data: a\rdata: b\n\n",
        "data: a\r\n\r\n",
        "id: 1\r\ndata: a\r\r",
        "id: 1\revent: e\ndata: x\n\n",
    ),
]
TEXTS = st.lists(runs() | runs() | st.sampled_from(DEVIATIONS), min_size=1, max_size=5).map("".join)
ENDS = st.sampled_from(["\n", "\n", "\r\n", "\r"])


def fed(chunks: list[bytes]) -> literal.Reading:
    """What a parser says of these chunks, in the words of the literal reading."""
    parser = EventStreamParser()
    out = literal.Reading()
    for piece in [b"", *(p for chunk in chunks for p in (chunk, b""))]:
        batch = parser.feed(piece)
        out.events += [(e.type, e.data, e.last_event_id) for e in batch]
        out.comments += batch.comments
        assert not batch.faults
    out.ignored = parser.ignored
    if parser.unfinished is not None:
        out.unfinished = parser.unfinished[:2]
    parser.reset()
    out.last_event_id, out.reconnection_time = parser.last_event_id, parser.reconnection_time
    return out


@given(TEXTS, ENDS, st.lists(st.integers(min_value=0), max_size=6))
def test_runs_equal_the_literal_reading(text, end, places):
    stream = text.replace("\n", end).encode()
    expected = literal.read(stream)
    edges = sorted({0, len(stream), *(p % (len(stream) + 1) for p in places)})
    cut = [stream[a:b] for a, b in itertools.pairwise(edges)]
    # The first byte alone decides about the BOM; after it the quick ways are open.
    for chunks in (cut, [b"\n", stream], [b"\n", *cut]):
        assert fed(chunks) == expected


@given(TEXTS, ENDS)
def test_one_block_a_chunk_equals_the_literal_reading(text, end):
    blocks = [(block + "\n\n").replace("\n", end).encode() for block in text.split("\n\n")]
    assert fed([b"\n", *blocks]) == literal.read(b"".join(blocks))


def plainly(text: str) -> tuple[EventBatch, str, int | None, int]:
    """The meaning: block by block, line by line."""
    batch = EventBatch()
    last_id, time, ignored = "before", None, 0
    for block in text.split("\n\n"):
        last_id, time, more = paths.read_lines(block, batch, last_id, time)
        ignored += more
    return batch, last_id, time, ignored


@given(TEXTS)
def test_read_whole_equals_the_plain_loop(text):
    text = text.replace("\r", "").rstrip("\n") + "\n\n"
    batch = EventBatch()
    assert (batch, *paths.read_whole(text.encode(), batch, "before", None)) == plainly(text)


LONG = "x" * 200  # the first line of data decides


@given(
    st.sampled_from(["", "id: 1\n", "event: e\n", "id:\nevent:e\n", "event: e\nid: 1\n"]),
    runs() | TEXTS,
)
def test_long_lines_are_read_as_the_plain_loop_does_or_not_at_all(head, text):
    text = f"{head}data: {LONG}\n\n" + text.replace("\r", "").rstrip("\n") + "\n\n"
    run = paths.read_long(text.encode())
    if run is None:
        return
    batch, _, time, ignored = plainly(text)
    n = len(run.data)
    assert (time, ignored, run.comments) == (None, 0, batch.comments)
    assert (run.types or ["message"] * n, run.data) == (batch.types, batch.data)
    assert (run.ids or ["before"] * n) == batch.last_event_ids
    assert [run.ids is not None] * n == batch.has_id


@given(TEXTS)
def test_read_blocks_equals_the_plain_loop(text):
    text = text.replace("\r", "").rstrip("\n") + "\n\n"
    batch = EventBatch()
    assert (batch, *paths.read_blocks(text, batch, "before", None)) == plainly(text)


@given(runs() | TEXTS)
def test_a_run_is_read_as_the_plain_loop_does_or_not_at_all(text):
    text = text.replace("\r", "")
    run = paths.read_run(text, text[: text.find("\n\n")])
    if run is None:
        return
    batch, _, time, ignored = plainly(text)
    n = len(run.data)
    assert (time, ignored) == (None, 0)
    assert run.comments == batch.comments
    assert (run.types or ["message"] * n, run.data) == (batch.types, batch.data)
    assert (run.ids or ["before"] * n) == batch.last_event_ids
    assert [run.ids is not None] * n == batch.has_id


@given(runs() | TEXTS)
def test_one_event_is_read_as_the_plain_loop_does_or_not_at_all(text):
    text = text.replace("\r", "")
    line, _, rest = text.partition("\n")
    one = paths.read_one(text, line, rest)
    if one is None:
        return
    batch, last_id, time, ignored = plainly(text)
    type_, data, id_ = one
    assert ([type_], [data], [id_ is not None]) == (batch.types, batch.data, batch.has_id)
    assert (last_id, time, ignored) == ("before" if id_ is None else id_, None, 0)


RUN = {
    "data": "data: {}\n\n",
    "data without a space": "data:{}\n\n",
    "event, data": "event: e{}\ndata: {}\n\n",
    "id, event, data": "id: {}\nevent: e\ndata: {}\n\n",
    "event, id, data": "event: e\nid: {}\ndata: {}\n\n",
    "data, event, id": "data: {}\nevent: e\nid: {}\n\n",
    "id, data without spaces": "id:{}\ndata:{}\n\n",
    "several data lines": "data: {}\ndata: b\ndata: \n\n",
    "id, several data lines": "id: {}\ndata: {}\ndata: b\n\n",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("form", RUN.values(), ids=RUN)
def test_every_deviation_at_every_place_of_a_run(form, end):
    blocks = [form.replace("{}", str(n)).replace("\n", end) for n in range(4)]
    for deviation in DEVIATIONS:
        for place in range(5):
            chunks = [t.encode() for t in (*blocks[:place], deviation, *blocks[place:])]
            stream = b"".join(chunks)
            expected = literal.read(b"\n" + stream)
            assert fed([b"\n", stream]) == expected
            assert fed([b"\n", *chunks]) == expected


@pytest.mark.parametrize("form", RUN.values(), ids=RUN)
def test_the_usual_runs_are_read_as_runs(form):
    text = "".join(form.replace("{}", str(n)) for n in range(50))
    run = paths.read_run(text, text[: text.find("\n\n")])
    assert run is not None
    assert len(run.data) == 50


@pytest.mark.parametrize(
    "block",
    [
        "data: x\n\n",
        "id: 1\ndata: x\n\n",
        "event: e\ndata: x\n\n",
        "id: 1\nevent: e\ndata: x\n\n",
        "event: e\nid: 1\ndata: x\n\n",
        "event:e\ndata:x\n\n",
        "data: x\ndata: y\ndata:z\n\n",
    ],
)
def test_the_usual_events_are_read_as_one(block):
    line, _, rest = block.partition("\n")
    assert paths.read_one(block, line, rest) is not None


def test_patterns_of_shapes_are_few():
    """A server cannot make the parser keep patterns without end, or long ones."""
    before = paths.shape_of.cache_info()
    block = "id: x\ndata: x\n" * 1000
    assert paths.read_run(f"{block}\n" * 2, block.rstrip("\n")) is None
    assert paths.shape_of.cache_info() == before
    assert before.maxsize is not None


def test_half_an_event_that_was_read_ahead_is_not_forgotten():
    """After the end of a comment nothing waits, but an event has begun: no quick way is open."""
    for rest in (b"data: b\n\n", b"id: 2\ndata: b\n\n", b"data: b\n: c\n\n", b"\n"):
        parser = EventStreamParser()
        parser.feed(b"\n")
        assert parser.feed(b"event: t\ndata: a\n: c\n").comments == [" c"]
        batch = parser.feed(rest)
        assert (batch.types, batch.data[0][0]) == (["t"], "a")


def test_the_limit_holds_on_the_quick_way():
    parser = EventStreamParser(max_event_bytes=20)
    parser.feed(b"\n")
    for event in (b"data: 45678901234567890\n\n", b"id: 1\ndata: 89012345678\n\n"):
        batch = parser.feed(event)
        assert (len(batch), len(batch.faults)) == (0, 1)
    assert parser.feed(b"data: 4567890123456\n\n").data == ["4567890123456"]


def test_a_batch_made_on_the_quick_way_has_every_field():
    """It is made without calling the class: a field that is new must be set there too."""
    parser = EventStreamParser()
    parser.feed(b"\n")
    assert parser.feed(b"data: a\n\n") == EventBatch(["message"], ["a"], [""], [False])
    assert parser.feed(b"id: 1\ndata: b\n\n") == EventBatch(["message"], ["b"], ["1"], [True])
