"""EventStreamParser: conformance, bounds, independence of the chunks.

Every way of cutting the same bytes must give the same events as the literal reading of the
standard in `tests/helpers/literal.py`.
"""

from __future__ import annotations

import base64
import itertools
import json
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_widget import EventBatch, EventStreamParser
from sse_widget.errors import EventTooLarge

from ..helpers import literal

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "spec-cases.json").read_text())


def read(chunks, **options):
    """Everything a parser says of these chunks."""
    parser = EventStreamParser(**options)
    events, faults, comments = [], [], []
    for chunk in chunks:
        batch = parser.feed(chunk)
        events += [(e.type, e.data, e.last_event_id) for e in batch]
        faults += batch.faults
        comments += batch.comments
    return parser, events, faults, comments


def cut(data: bytes, places) -> list[bytes]:
    # A place that is named twice gives a piece of no bytes, which a transport or a decoder may give.
    edges = sorted([0, len(data), *(p % (len(data) + 1) for p in places)])
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def one_by_one(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def with_nothing_between(chunks: list[bytes]) -> list[bytes]:
    """The same with an empty piece before and after each."""
    return [b"", *(piece for chunk in chunks for piece in (chunk, b""))]


def check(case, chunks):
    parser, events, faults, _ = read(chunks)
    assert events == [(e["type"], e["data"], e["id"]) for e in case["expected_events"]]
    assert not faults
    parser.reset()
    assert parser.last_event_id == case["final_last_event_id"]
    assert parser.reconnection_time == case["retry"]


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_vector_in_every_split(case):
    chunks = [base64.b64decode(c) for c in case["chunks"]]
    whole = b"".join(chunks)
    check(case, chunks)
    check(case, [whole])
    check(case, one_by_one(whole))
    check(case, with_nothing_between(one_by_one(whole)))
    check(case, with_nothing_between([whole]))
    rng = random.Random(case["name"])
    for _ in range(50):
        places = [rng.randrange(len(whole) + 1) for _ in range(rng.randrange(6))]
        check(case, cut(whole, places + places[:1]))


# Pieces that meet every branch when they are joined at random.
PIECES = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b":", b" ", b"\0"),
        *(b"data", b"data:", b"data: ", b"event: ", b"event:", b"id: ", b"id", b"retry: "),
        *(b"data: x\n", b"id: 7\n", b"event: e\n", b": c\n", b"retry: 10\n", b"da", b"ta: y"),
        *(
            b"1",
            b"25",
            b"abc",
            "\u00e9\u4e16\U0001f600".encode(),
            b"\xff",
            b"\xe2\x82",
            b"\xed\xa0",
        ),
        *(b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xbf", "\u2028\u0085\x0b\x1c".encode()),
    ]
)
STREAMS = st.lists(PIECES | st.binary(max_size=4), max_size=40).map(b"".join)
CUTS = st.lists(st.integers(min_value=0), max_size=8)


@given(STREAMS, CUTS)
def test_equals_the_literal_reading(stream, places):
    expected = literal.read(stream)
    single = one_by_one(stream)
    for chunks in (cut(stream, places), single, with_nothing_between(single)):
        parser, events, faults, comments = read(chunks)
        assert events == expected.events
        assert comments == expected.comments
        assert not faults
        assert parser.ignored == expected.ignored
        assert (parser.unfinished and parser.unfinished[:2]) == expected.unfinished
        assert parser.reconnection_time == expected.reconnection_time
        parser.reset()
        assert parser.unfinished is None
        assert parser.last_event_id == expected.last_event_id
        assert parser.reconnection_time == expected.reconnection_time


@given(STREAMS, CUTS, st.integers(min_value=1, max_value=40))
def test_bounded_parser_is_independent_of_the_chunks(stream, places, limit):
    single = one_by_one(stream)
    whole = read([stream], max_event_bytes=limit)
    for chunks in (cut(stream, places), single, with_nothing_between(single)):
        parser, events, faults, comments = read(chunks, max_event_bytes=limit)
        assert (events, comments) == (whole[1], whole[3])
        assert len(faults) == len(whole[2])
        for name in ("last_event_id", "reconnection_time", "ignored", "unfinished"):
            assert getattr(parser, name) == getattr(whole[0], name), name
    unbounded = literal.read(stream).events
    assert len(whole[1]) + len(whole[2]) >= len(unbounded)
    assert all(event in unbounded for event in whole[1])


@pytest.mark.parametrize("nothing", [b"", bytearray(), memoryview(b"")])
def test_a_piece_of_no_bytes_changes_nothing(nothing):
    """Such as a decoder gives that has read a header so far."""
    for before, after in ((b"data: a\n", b"\n"), (b"data: a", b"\n\n"), (b"", b"data: a\n\n")):
        parser = EventStreamParser()
        parser.feed(before)
        assert len(parser.feed(nothing)) == 0
        assert [e.data for e in parser.feed(after)] == ["a"]


@pytest.mark.parametrize(
    ("chunks", "told"),
    [
        ([b":hi\n", b":ho\n"], [["hi"], ["ho"]]),
        ([b":\n", b":\n\n"], [[""], [""]]),
        ([b"\n", b": a\r", b"\n: b\r\n"], [[], [" a"], [" b"]]),
        ([b":h", b"i\nda", b"ta: x\n:", b"\n\n"], [[], ["hi"], [], [""]]),
        ([b"data: x\n", b":hi\ndata: y\n", b"\n"], [[], ["hi"], []]),
        ([b"data: x\n\n:hi\n", b":ho", b"\n"], [["hi"], [], ["ho"]]),
        ([b"data: x\n:hi\ndata", b": y\n\n"], [["hi"], []]),
        ([b"", b":", b"", b"\n", b""], [[], [], [], [""], []]),
    ],
)
def test_a_comment_is_told_at_its_line_end(chunks, told):
    """Not at the next blank line, which a stream of heartbeats may never have."""
    parser = EventStreamParser()
    assert [list(parser.feed(chunk).comments) for chunk in chunks] == told


def test_retry_and_unknown_fields_count_from_their_line_end():
    parser = EventStreamParser()
    parser.feed(b"data: a\nretry: 5\n")
    assert (parser.reconnection_time, parser.ignored) == (5, 0)
    parser.feed(b'{"price": 1}\nData: x\n')
    assert parser.ignored == 2
    assert parser.feed(b"data: b\nretry: 7\n\nfoo: x\n\n").data == ["a\nb"]
    assert (parser.reconnection_time, parser.ignored) == (7, 3)
    parser.reset()
    assert (parser.reconnection_time, parser.ignored) == (7, 3)


@pytest.mark.parametrize(
    ("stream", "unfinished"),
    [
        (b"", None),
        (b"data: a\n\n", None),
        (b'data: "Hello"\n', (14, True)),
        (b"data: a\n\ndata: Hel", (9, True)),
        (b"data: a\r\n\r\ndata: Hel\r", (10, True)),
        (b"id: 7\n", (6, False)),
        (b"event: e\nid: 7\n: c\n", (15, False)),
        (b"event: e\ndata", (13, True)),
        (b"data", (4, True)),
        (b"da", (2, False)),
        (b"datab", None),
        (b"database: x", None),
        (b": half of a comment", None),
        (b": c\nretry: 5\n", None),
        (b'{"price": 1}\n', None),
        (b"\xef\xbb", None),
    ],
)
def test_what_of_an_event_the_end_cut_off(stream, unfinished):
    for chunks in ([stream], one_by_one(stream)):
        parser, *_ = read(chunks)
        assert (parser.unfinished and parser.unfinished[:2]) == unfinished


def test_the_id_of_an_event_that_was_cut_off():
    for stream, id_ in (
        (b"id: 7\ndata: Hel", "7"),
        (b"id: 7\n: c\nid: 8\ndata: Hel", "8"),
        (b"data: Hel\nid: 7", None),
        (b"id: 7\0\ndata: Hel", None),
    ):
        for chunks in ([stream], one_by_one(stream)):
            assert read(chunks)[0].unfinished.id == id_


def test_an_event_over_the_limit_is_not_unfinished_as_well():
    parser, _, faults, _ = read([b"data: " + b"x" * 50], max_event_bytes=20)
    assert len(faults) == 1
    assert parser.unfinished is None


@pytest.mark.parametrize("line", [b"data:", b"data", b"data: xy"])
def test_very_many_lines_of_one_event_take_what_their_bytes_take(line):
    n, size = 60_000, 8 * 1024
    stream = (line + b"\n") * n
    parser = EventStreamParser()
    tracemalloc.start()
    try:
        for at in range(0, len(stream), size):
            parser.feed(stream[at : at + size])
        (event,) = parser.feed(b"\n")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(stream) + 2**20
    assert event.data == "\n".join([line.decode()[6:]] * n)


def test_event_ended_by_cr_does_not_wait():
    parser = EventStreamParser()
    assert [e.data for e in parser.feed(b"data: a\r\r")] == ["a"]
    assert [e.data for e in parser.feed(b"\ndata: b\r\n\r")] == ["b"]


def test_batch_columns():
    batch = EventStreamParser().feed(b"id: 1\nevent: t\ndata: a\n\n: hello\ndata: b\n\n")
    assert isinstance(batch, EventBatch)
    assert len(batch) == 2
    assert (batch.types, batch.data) == (["t", "message"], ["a", "b"])
    assert (batch.last_event_ids, batch.has_id) == (["1", "1"], [True, False])
    assert batch.comments == [" hello"]
    assert [e.type for e in batch] == ["t", "message"]


def test_reset_keeps_the_last_event_id_and_drops_the_unfinished_event():
    parser = EventStreamParser()
    parser.feed(b"id: 5\ndata: a\n\nid: 6\ndata: half")
    parser.reset()
    assert parser.last_event_id == "5"
    batch = parser.feed(b"\xef\xbb\xbfdata: b\n\n")
    assert [(e.data, e.last_event_id) for e in batch] == [("b", "5")]


@pytest.mark.parametrize("size", [1, 1460, 65536, 10**9])
def test_oversized_event_is_a_fault_between_its_neighbours(size):
    stream = (
        b"id: 1\ndata: before\n\n"
        b"id: 2\ndata: " + b"x" * 2_000_000 + b"\nretry: 77\n\n"
        b"data: after\n\n"
    )
    chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
    parser, events, faults, _ = read(chunks, max_event_bytes=2**20)
    assert [(d, i) for _, d, i in events] == [("before", "1"), ("after", "2")]
    assert [type(f) for f in faults] == [EventTooLarge]
    assert "1 MiB (max_event_bytes=1048576)" in str(faults[0])
    assert faults[0].last_event_id == "2"
    assert parser.reconnection_time == 77


def test_fault_says_how_many_events_came_before_it():
    parser = EventStreamParser(max_event_bytes=20)
    batch = parser.feed(b"data: 1\n\ndata: 2\n\ndata: " + b"x" * 50 + b"\n\ndata: 3\n\n")
    assert batch.data == ["1", "2", "3"]
    assert [f.index for f in batch.faults] == [2]


def test_event_of_exactly_the_limit_passes():
    line = b"data: " + b"x" * 94
    assert len(line) == 100
    for chunks in ([line + b"\n\n"], one_by_one(line + b"\n\n")):
        assert len(read(chunks, max_event_bytes=100)[1]) == 1
        assert len(read(chunks, max_event_bytes=99)[2]) == 1


def test_comments_between_the_lines_of_an_event_do_not_count():
    stream = b"data: a\n" + b": keep-alive\n" * 200_000 + b"data: b\n\n"
    _, events, faults, comments = read(
        [stream[i : i + 999] for i in range(0, len(stream), 999)], max_event_bytes=2**20
    )
    assert [d for _, d, _ in events] == ["a\nb"]
    assert not faults
    assert len(comments) == 200_000


def test_a_long_comment_does_not_count_either():
    stream = b"data: " + b"x" * 50 + b"\n: " + b"c" * 60 + b"\n\n"
    for chunks in ([stream], one_by_one(stream)):
        _, events, faults, comments = read(chunks, max_event_bytes=100)
        assert (len(events), faults, len(comments)) == (1, [], 1)


def test_retry_of_five_thousand_digits():
    parser = EventStreamParser()
    parser.feed(b"retry: " + b"9" * 5000 + b"\n\nretry: " + b"0" * 5000 + b"7\n\n")
    assert parser.reconnection_time == 7


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_a_buffer_that_is_written_to_again(kind):
    """As `readinto` fills it: the parser keeps none of it."""
    for stream in (b"data: abcd\n\n", b"data: a\r\ndata: b\r\n\r\n", b"id: 1\rdata: x\r\r"):
        parser, buffer, got = EventStreamParser(), bytearray(1), []
        for byte in stream + stream:
            buffer[0] = byte
            got += parser.feed(kind(buffer))
        assert [(e.data, e.last_event_id) for e in got] == [
            (e.data, e.last_event_id) for e in EventStreamParser().feed(stream + stream)
        ]


@pytest.mark.parametrize("chunk", ["data: x\n\n", "", None, 5, [b"data: x"]])
@pytest.mark.parametrize("before", [b"", b"data: a"])
def test_what_is_no_bytes_is_refused(chunk, before):
    parser = EventStreamParser()
    parser.feed(before)
    with pytest.raises(TypeError, match="takes bytes"):
        parser.feed(chunk)


def test_max_event_bytes_must_be_positive():
    with pytest.raises(ValueError, match="max_event_bytes"):
        EventStreamParser(max_event_bytes=0)
