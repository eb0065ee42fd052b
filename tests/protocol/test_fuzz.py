"""Random streams in random pieces against the literal reading of the standard, for a while.

Half a minute in `make test`; `make heavy` sets SSE_WIDGET_FUZZ_SECONDS to 3600 and prints how many. No
difference, no exception, and no growth of what a parser keeps.
"""

from __future__ import annotations

import os
import random
import time

from sse_widget import EventStreamParser

from ..helpers import literal
from ..helpers.measured import measured

SECONDS = float(os.environ.get("SSE_WIDGET_FUZZ_SECONDS", "30"))
STREAMS = 1_000_000

ENDS = (b"\n", b"\r", b"\r\n")
LINES = (
    *(b"data: x", b"data:", b"data", b"data:  y", b"data:z:z", b"event: e", b"event", b"event:"),
    *(b"id: 1", b"id", b"id: a\0b", b"id: \xc3\xa9", b"retry: 5", b"retry: 5x", b"retry:", b": c"),
    *(b":", b"foo: bar", b" data: x", b"DATA: x", b"data : x", b"\xef\xbb\xbfdata: x"),
    *(b'data: {"k": "\xe4\xb8\x96"}', b"data: \xff", b"data: \xf0\x9f\x98", b"data: a\x0bb\x85c"),
)
ALPHABET = b"\n\n\n\r\r:: datevniry01\0\xef\xbb\xbf\xe2\x80\xa8\xff"


def stream(rng: random.Random) -> bytes:
    """Blocks of one shape, deviations between them, and noise."""
    out = b"\xef\xbb\xbf" if rng.random() < 0.05 else b""
    while rng.random() < 0.85 and len(out) < 2000:
        kind = rng.random()
        end = rng.choice(ENDS)
        if kind < 0.4:  # a run of one shape
            shape = [rng.choice(LINES[:16]) for _ in range(rng.randint(1, 3))]
            out += (end.join(shape) + end + end) * rng.randint(1, 12)
        elif kind < 0.8:
            out += b"".join(rng.choice(LINES) + rng.choice(ENDS) for _ in range(rng.randint(1, 6)))
            out += end
        else:
            out += bytes(rng.choice(ALPHABET) for _ in range(rng.randint(1, 40)))
    return out


def pieces(data: bytes, rng: random.Random) -> list[bytes]:
    """Of every size: none, one byte, all that is left."""
    if rng.random() < 0.2:
        single = [data[i : i + 1] for i in range(len(data))]
        return (
            [b"", *(p for piece in single for p in (piece, b""))] if rng.random() < 0.5 else single
        )
    places = [rng.randrange(len(data) + 1) for _ in range(rng.randint(0, 9))]
    edges = sorted([0, len(data), *places, *places[: rng.randint(0, 3)]])
    return [data[a:b] for a, b in zip(edges, edges[1:], strict=False)]  # noqa: RUF007


def test_no_difference_from_the_literal_reading():
    seed = int(os.environ.get("SSE_WIDGET_FUZZ_SEED", "0")) or random.randrange(2**32)
    rng = random.Random(seed)
    end = time.monotonic() + SECONDS
    count = 0
    shared = EventStreamParser()  # one that lives through all of them, as over reconnects
    while time.monotonic() < end and count < STREAMS:
        data = stream(rng)
        expected = literal.read(data)
        for parser in (EventStreamParser(), shared):
            before = parser.last_event_id
            known = expected if not before else literal.read(data, before)
            events, comments, ignored = [], [], parser.ignored
            for piece in pieces(data, rng):
                batch = parser.feed(piece)
                assert len(batch.types) == len(batch.data) == len(batch.has_id)
                assert not batch.faults
                events += [(e.type, e.data, e.last_event_id) for e in batch]
                comments += batch.comments
            assert events == known.events, (seed, data)
            assert comments == known.comments, (seed, data)
            assert parser.ignored - ignored == known.ignored, (seed, data)
            assert (parser.unfinished and parser.unfinished[:2]) == known.unfinished, (seed, data)
            parser.reset()
            assert parser.last_event_id == known.last_event_id, (seed, data)
            if known.reconnection_time is not None:
                assert parser.reconnection_time == known.reconnection_time, (seed, data)
        count += 1
    measured("parser and its specification, fuzzed", f"{count:,} streams, seed {seed}")
    assert count > 0
