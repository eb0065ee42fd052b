"""Forced disconnects at random byte offsets: every id exactly once and in order.

Resets, clean ends and bodies cut in the middle of a chunk are mixed. `make test` forces 300 of
each kind of server; `make heavy` sets SSE_WIDGET_CUTS to 10,000.
"""

from __future__ import annotations

import os
import random

import pytest

from sse_widget import RetryPolicy

from ..helpers.clients import connect
from ..helpers.measured import measured
from ..helpers.scripted import CHUNKED, UNTIL_CLOSED, Server

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]

CUTS = int(os.environ.get("SSE_WIDGET_CUTS", "300"))
AT_ONCE = RetryPolicy(initial=0, minimum=0, jitter=0)


class Feed:
    """A server with ids 1, 2, 3, ... and all of its past; it cuts so often, then ends for good."""

    def __init__(self, cuts: int, *, inclusive: bool) -> None:
        self.random = random.Random(cuts)
        self.cuts = cuts
        self.inclusive = inclusive
        self.last = 0  # the number of the last event that was sent in full

    def __call__(self, peer):
        asked = int(peer.request.headers.get("last-event-id", "0"))
        if not self.cuts:
            peer.answer("204 No Content")
            return
        self.cuts -= 1
        rng = self.random
        start = asked if self.inclusive and asked else asked + 1
        events = [f"id: {n}\ndata: event {n}\n\n" for n in range(start, start + rng.randint(1, 40))]
        body = "".join(events).encode()
        body = body[: rng.randrange(len(body) + 1)]
        how = rng.choice(("end", "reset", "chunk"))
        peer.send(CHUNKED if how == "chunk" else UNTIL_CLOSED)
        while body:
            size = rng.randint(1, 600)
            piece, body = body[:size], body[size:]
            if how == "chunk" and not body:
                peer.send(b"%x\r\n" % (len(piece) + 9) + piece)
            elif how == "chunk":
                peer.chunk(piece)
            else:
                peer.send(piece)
        if how == "reset":
            peer.reset()


@pytest.mark.parametrize("inclusive", [False, True])
async def test_every_id_once_and_in_order(inclusive):
    with Server(Feed(CUTS, inclusive=inclusive)) as server:
        expected = 1
        async with connect(server.url, retry=AT_ONCE, dedupe=inclusive) as source:
            async for event in source:
                assert event.last_event_id == str(expected)
                assert event.data == f"event {expected}"
                expected += 1
        assert len(server.requests) == CUTS + 1
    assert expected > CUTS
    measured(
        "connections cut at random bytes",
        f"{CUTS:,} cuts, {expected:,} events: each once, in order",
    )
    assert source.status.state == "closed"
    assert source.stats.received == expected - 1
    assert (source.stats.duplicates > 0) == inclusive
    # But for what was cut off by the end for good, which nobody sent again.
    before = [gap for gap in source.gaps if gap.seq < source.stats.received]
    assert all(gap.missing in (0, None) for gap in before)
    # Of each stream the latest thousand gaps are kept.
    assert sum(gap.cause == "truncated" for gap in before) > min(CUTS, 1_000) / 4
