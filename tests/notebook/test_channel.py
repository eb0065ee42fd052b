"""The channel on a real loop, with a page in Python that decodes what the wire carries.

Numbered batches, columns, back-pressure, answers.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from sse_widget.events import Cause, EventBatch, Gap
from sse_widget.notebook.allowance import BATCH_BYTES, BATCHES
from sse_widget.notebook.channel import Channel
from sse_widget.notebook.wire import CUT_BYTES, encode
from sse_widget.runtime import pacing as beats
from sse_widget.runtime.pacing import INTERVAL_S, ContentionDetector
from sse_widget.tables.window import RollingWindow, Snapshot

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def decode(content, buffers):
    """Rows as the page reads them: (seq, type, id, data, ms)."""
    if not content["count"]:
        assert buffers == []
        return []
    data, offsets, ids, id_offsets, codes, at = (bytes(b) for b in buffers)
    n = content["count"]
    offsets = struct.unpack(f"<{n + 1}I", offsets)
    id_offsets = struct.unpack(f"<{n + 1}I", id_offsets)
    codes = struct.unpack(f"<{n}{'I' if content.get('wide') else 'H'}", codes)
    at = struct.unpack(f"<{n}d", at)
    return [
        (
            content["first"] + i,
            content["types"][codes[i]],
            ids[id_offsets[i] : id_offsets[i + 1]].decode(),
            data[offsets[i] : offsets[i + 1]].decode(),
            at[i],
        )
        for i in range(n)
    ]


class Page:
    """A channel, and everything it sent."""

    def __init__(self, **bounds):
        self.window = RollingWindow(**bounds)
        self.counts = Counter()
        self.gaps = []
        self.messages = []
        self.news = asyncio.Event()
        self.later = 0.0  # seconds that passed in silence
        self.still: float | None = None  # no other second passes from this moment on
        self.channel = Channel(
            self.window,
            send=self._receive,
            describe=lambda: {"stats": {}},
            counts=self.counts,
            gaps=lambda: list(self.gaps),
            clock=lambda: (self.still or time.monotonic()) + self.later,
        )

    def _receive(self, content, buffers):
        self.messages.append((content, [bytes(b) for b in buffers]))
        self.news.set()

    def append(self, *data, type_="t", id_=""):
        n = len(data)
        self.window.append(
            EventBatch([type_] * n, list(data), [id_] * n, [bool(id_)] * n, received_at=NOW)
        )
        self.counts[type_] += n
        self.channel.note({type_})

    async def until(self, ready):
        async with asyncio.timeout(10):
            while not ready():
                self.news.clear()
                await self.news.wait()

    @property
    def batches(self):
        return [(c, b) for c, b in self.messages if c["kind"] == "batch"]

    @property
    def rows(self):
        return [row for c, b in self.batches for row in decode(c, b)]

    def acknowledge(self):
        self.channel.acknowledge(self.batches[-1][0]["n"])


@pytest.fixture
async def page():
    page = Page()
    yield page
    page.channel.close()


async def test_nothing_is_sent_before_the_stream_is_shown(page):
    page.append("a")
    assert page.messages == []
    page.channel.open()
    assert [r[3] for r in page.rows] == ["a"]


async def test_first_event_after_silence_goes_at_once(page):
    page.channel.open()
    page.acknowledge()
    page.later += 1
    page.append("a", type_="trade", id_="7")
    assert page.rows == [(0, "trade", "7", "a", NOW.timestamp() * 1000)]


async def test_a_sign_of_life_says_that_it_is_no_more(page):
    page.channel.open()
    page.append("a")
    await page.until(lambda: page.batches[-1][0].get("still"))
    assert page.batches[-1][0]["count"] == 0
    page.channel.note()
    page.append("b")
    assert [bool(content.get("still")) for content, _ in page.batches].count(True) == 1


async def test_a_status_just_told_does_not_hold_up_the_first_event(page):
    """A connection says that it is open, and its first event follows at once."""
    page.channel.open()
    page.channel.note()
    page.still = time.monotonic()
    page.append("a")
    assert [r[3] for r in page.rows] == ["a"]
    page.append("b")
    assert [r[3] for r in page.rows] == ["a"], "the second waits for the beat"


ROWS_ALONE = r"""
import sys
from datetime import UTC, datetime
from sse_widget import EventStreamParser
from sse_widget.notebook.wire import encode
from sse_widget.tables.window import RollingWindow
window = RollingWindow()
for text in ("data: a", "id: 7\nevent: e\ndata: \u00e9", "data: b\n\nevent: f\ndata: c"):
    batch = EventStreamParser().feed(f"{text}\n\n".encode())
    batch.received_at = datetime.now(UTC)
    window.append(batch)
head, _ = encode(window.read())
assert head["count"] == 4 and head["types"] == ["message", "e", "f"], head
print(*{"pandas", "pyarrow.pandas_compat"} & sys.modules.keys())
"""


def test_rows_reach_the_page_without_pandas():
    """Else the first row of a kernel waits a fifth of a second for that import."""
    command = [sys.executable, "-c", ROWS_ALONE]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""


@pytest.fixture
async def quick(page, monkeypatch):
    """A page that keeps up, whatever else this machine does; its clock moves only when told to."""
    monkeypatch.setattr(beats, "contention", ContentionDetector())
    page.channel.open()
    page.acknowledge()
    page.still = time.monotonic()
    return page


async def test_few_rows_go_every_beat_and_more_go_together(quick):
    sizes = []
    for rows, seconds in [
        (1, 1),
        (2, INTERVAL_S),
        (50, INTERVAL_S),
        (50, INTERVAL_S),
        (50, INTERVAL_S),
        (500, INTERVAL_S),
    ]:
        quick.later += seconds + 0.001
        quick.append(*map(str, range(rows)))
        sizes.append(len(quick.rows))
    # 50 in a beat are not read one by one; 500 more must not grow into a lump.
    assert sizes == [1, 3, 3, 103, 103, 653]


async def test_few_rows_wait_for_one_another_where_nobody_looks(quick):
    def sight(seen):
        assert quick.channel.answer({"kind": "sight", "page": "p", "seen": seen})

    def told(*data, after):
        quick.later += after
        quick.append(*data)
        return len(quick.rows)

    sight(False)
    assert told("a", after=2.1) == 1
    assert [told("b", after=1), told("c", after=0.9), told("d", after=0.2)] == [1, 1, 4]
    assert quick.batches[-1][0]["unseen"] is True
    # Many are no reason to wait.
    assert told(*map(str, range(50)), after=0.2) == 54
    assert told("e", after=0.2) == 54
    sight(True)
    assert len(quick.rows) == 55
    assert told("f", after=0.1) == 56
    assert "unseen" not in quick.batches[-1][0]
    sight(False)
    quick.channel.hello("another page")
    assert told("g", after=0.1) == 57


async def test_large_rows_go_every_beat(quick):
    for seconds in (1, INTERVAL_S, INTERVAL_S):
        quick.later += seconds + 0.001
        quick.append(*["x" * 10_000] * 20)
        quick.acknowledge()
    assert [c["count"] for c, _ in quick.batches[-3:]] == [20, 20, 20]


async def test_batches_are_numbered_and_carry_each_event_once(page):
    page.channel.open()
    for i in range(200):
        page.append(f"é{i}", type_=f"t{i % 3}")
        if i % 10 == 0:
            await asyncio.sleep(0)
            page.acknowledge()
    await page.until(lambda: page.acknowledge() or len(page.rows) == 200)
    assert [c["n"] for c, _ in page.batches] == list(range(1, len(page.batches) + 1))
    assert [(r[0], r[1], r[3]) for r in page.rows] == [
        (i, f"t{i % 3}", f"é{i}") for i in range(200)
    ]
    assert len(page.batches) < 50
    assert dict(kv for c, _ in page.batches for kv in c["counts"]) == page.counts


async def test_back_pressure_holds_then_sends_the_newest(page, monkeypatch):
    """A page that does not answer: a few batches, then slowly, with what was left out counted."""
    page.channel.open()
    while len(page.batches) < BATCHES:
        page.append("x" * 1000)
        await asyncio.sleep(0)
        await page.until(lambda: page.batches[-1][0]["count"] > 0)
        sent = len(page.batches)
        page.append("y")
        await page.until(lambda sent=sent: len(page.batches) > sent)
    # However late it is by now, nothing more is sent to a page that does not answer.
    monkeypatch.setattr("sse_widget.notebook.allowance.OVERDUE_S", 3600)
    page.still = time.monotonic()
    held_back = len(page.rows)
    first = page.window.counts.received
    for _ in range(3000):
        page.append("z" * 1000)
    assert len(page.rows) == held_back
    page.still = None
    page.acknowledge()
    await page.until(lambda: page.rows[-1][0] == page.window.counts.received - 1)
    newest = decode(*page.batches[-1])
    assert sum(len(b) for b in page.batches[-1][1]) <= BATCH_BYTES
    assert page.channel.not_sent == newest[0][0] - first
    assert page.channel.not_sent > 0


async def test_a_slow_page_does_not_hold_a_quick_one(page, monkeypatch):
    """Two pages, one of which answers late: batches follow the answers of the other."""
    monkeypatch.setattr("sse_widget.notebook.allowance.OVERDUE_S", 3600)
    page.channel.open()
    for _ in range(5 * BATCHES):
        seen = len(page.batches)
        page.append("a")
        await page.until(lambda seen=seen: len(page.batches) > seen)
        page.acknowledge()
        # What the slow one says late takes nothing back.
        page.channel.acknowledge(1)
    assert page.channel.not_sent == 0


async def test_a_page_that_never_answers_is_not_left_in_silence(page):
    page.channel.open()
    while len(page.batches) <= BATCHES:
        seen = len(page.batches)
        page.append("a")
        await page.until(lambda seen=seen: len(page.batches) > seen)
    assert page.rows[-1][0] == page.window.counts.received - 1


async def test_large_events_travel_cut_and_whole_on_demand(page):
    text = "é" * CUT_BYTES
    page.append("small", text)
    page.channel.open()
    content, buffers = page.batches[0]
    rows = decode(content, buffers)
    assert rows[0][3] == "small"
    assert text.startswith(rows[1][3])
    assert CUT_BYTES - 1 <= len(rows[1][3].encode()) <= CUT_BYTES
    assert content["cut"] == [[1, 2 * CUT_BYTES]]
    page.channel.event("p", 5, 1)
    answer, [whole] = page.messages[-1]
    assert (answer["to"], answer["id"], answer["found"]) == ("p", 5, True)
    assert whole.decode() == text


async def test_rows_answers_with_the_newest_that_fit(page):
    for i in range(3000):
        page.append(f"{i}:" + "x" * 1000)
    page.channel.rows("p", 1, 0, 2900)
    content, buffers = page.messages[-1]
    rows = decode(content, buffers)
    assert rows[-1][0] == 2899
    assert content["asked"] == [0, 2900]
    assert 0 < len(rows) < 2900
    page.channel.rows("p", 2, 0, content["first"])
    assert decode(*page.messages[-1])[-1][0] == content["first"] - 1
    page.channel.rows("p", 3, 5000, 6000)
    assert page.messages[-1][0]["count"] == 0


async def test_types_come_in_the_order_they_were_first_seen(page):
    names = [f"type {n}" for n in range(50)]
    for name in names:
        page.append("x", type_=name)
    page.channel.open()
    assert [name for name, _ in page.batches[0][0]["counts"]] == names


async def test_hello_tells_all_counts_and_gaps(page):
    page.gaps.append(Gap(1, NOW, Cause.RECONNECT, "Reconnected"))
    page.append("a", type_="x")
    page.append("b", type_="y")
    page.channel.hello("p")
    hello = next(c for c, _ in page.messages if c["kind"] == "hello")
    assert hello["to"] == "p"
    assert dict(hello["counts"]) == {"x": 1, "y": 1}
    assert [g["text"] for g in hello["gaps"]] == ["Reconnected"]


async def test_cleared_events_are_not_counted_as_held_back(page):
    page.channel.open()
    page.append("a", "b")
    page.window.clear()
    page.append("c")
    await page.until(lambda: page.rows and page.rows[-1][3] == "c")
    assert page.channel.not_sent == 0
    assert page.batches[-1][0]["cleared_to"] == 2


async def test_many_types_in_one_batch():
    page = Page()
    page.window.append(
        EventBatch(
            [f"t{i}" for i in range(70_000)],
            ["x"] * 70_000,
            [""] * 70_000,
            [False] * 70_000,
            received_at=NOW,
        )
    )
    content, buffers = encode(page.window.read())
    assert content["wide"] is True
    assert [r[1] for r in decode(content, [bytes(b) for b in buffers])][-1] == "t69999"


@pytest.mark.parametrize(
    "types",
    [
        ["t"] * 9,
        ["t"] * 4 + ["u"] * 5,
        ["aa", "", "a"] * 3,  # as long together as nine of one
        ["a", "aa", ""] * 3,
        ["\u00e9"] * 8 + ["e"],
    ],
)
def test_each_row_keeps_its_type_over_the_pieces_of_a_window(types):
    tables = []
    for part in (types[:3], types[3:]):
        window = RollingWindow()
        window.append(EventBatch(part, part, part, [True] * len(part), received_at=NOW))
        tables.append(window.read().table)
    table = pa.concat_tables(tables)
    for first in (0, 1, 4):
        content, buffers = encode(Snapshot(first, table.slice(first)))
        rows = decode(content, [bytes(b) for b in buffers])
        assert [row[1] for row in rows] == types[first:]
        assert [row[2] for row in rows] == [row[3] for row in rows] == types[first:]


async def test_buffers_go_as_texts_where_a_page_asks_for_it(page):
    """VS Code writes each byte of a buffer as a number."""
    page.channel.open()
    page.channel.answer({"kind": "hello", "page": "p", "packed": True})
    page.append("\ufeffplain", 'é "quoted" \0\n', "", id_="ß")
    await page.until(lambda: page.batches[-1][0]["count"] == 3)
    content, buffers = page.batches[-1]
    assert buffers == []
    texts = json.loads(json.dumps(content["packed"]))
    raw = [t.encode() if i in (0, 2) else base64.b64decode(t) for i, t in enumerate(texts)]
    assert [(r[2], r[3]) for r in decode(content, raw)] == [
        ("ß", "\ufeffplain"),
        ("ß", 'é "quoted" \0\n'),
        ("ß", ""),
    ]
    page.channel.event("p", 1, 0)
    content, buffers = page.messages[-1]
    assert (content["packed"], buffers) == (["\ufeffplain"], [])


async def test_a_poll_is_answered_at_once_with_what_is_new(page):
    page.channel.open()
    page.still = time.monotonic()
    page.append("old")
    page.append("new")
    before = len(page.messages)
    assert page.channel.answer({"kind": "poll", "page": "p"})
    content, buffers = page.messages[before]
    assert content["polled"]
    assert [r[3] for r in decode(content, buffers)] == ["new"]
