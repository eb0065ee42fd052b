"""Recorded streams of real producers, through `/replay`, a real socket and the whole kernel side.

Compared with the literal reading of the standard and with the counts in their `index.json`.
Collected only where `SSE_WIDGET_CAPTURES` names the folder.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from sse_widget import EventSource, EventStreamParser, SSEStream
from sse_widget.demo.server import DemoServer

from ..conftest import captures
from ..helpers import literal

FOLDER = captures()

if FOLDER is not None:
    INDEX = json.loads((FOLDER / "index.json").read_text())
    NAMES = [entry["file"] for entry in INDEX]

    @pytest.fixture(scope="module")
    def base():
        server = DemoServer(replay_dir=FOLDER)
        yield server.url
        server.stop()

    @pytest.mark.parametrize("entry", INDEX, ids=NAMES)
    def test_replay_into_the_frame(base, entry):
        expected = literal.read((FOLDER / entry["file"]).read_bytes())
        stream = SSEStream(f"{base}/replay/{entry['file']}", reconnect=False)
        try:
            count = asyncio.run(_count(stream))
            assert count == entry["n_events"] == len(expected.events)
            df = stream.df
            columns = df["type"], df["data"], df["last_event_id"]
            assert list(zip(*columns, strict=True)) == expected.events
            assert stream.event_types == entry["event_types"]
            assert stream.stats.comments == entry["comments"] == len(expected.comments)
            assert stream.last_event_id == expected.last_event_id
        finally:
            stream.close()

    async def _count(stream):
        async with asyncio.timeout(20):
            return len([event async for event in stream])

    @pytest.mark.parametrize("entry", INDEX, ids=NAMES)
    def test_resume_with_added_ids(base, entry):
        """Cut at half way, then resumed: every event once and in order."""
        url = f"{base}/replay/{entry['file']}?ids=1"
        half = entry["n_events"] // 2

        async def read(last_id, until):
            got = []
            async with EventSource(url, last_event_id=last_id, reconnect=False) as source:
                async for event in source:
                    got.append((event.type, event.data, event.last_event_id))
                    if len(got) == until:
                        break
                return got

        async def both():
            first = await read("", half)
            rest = await read(str(half) if half else "", None)
            return first + rest

        expected = literal.read((FOLDER / entry["file"]).read_bytes()).events
        got = asyncio.run(both())
        assert [(t, d) for t, d, _ in got] == [(t, d) for t, d, _ in expected]
        if not entry["events_with_id"]:
            assert [i for *_, i in got] == [str(n) for n in range(1, len(expected) + 1)]

    @pytest.mark.parametrize("entry", INDEX, ids=NAMES)
    @pytest.mark.parametrize("size", [1, 7, 1460, 16384])
    def test_parser_in_pieces(entry, size):
        data = (FOLDER / entry["file"]).read_bytes()
        parser = EventStreamParser()
        events = [
            (e.type, e.data, e.last_event_id)
            for start in range(0, len(data), size)
            for e in parser.feed(data[start : start + size])
        ]
        assert events == literal.read(data).events
        assert Counter(t for t, _, _ in events) == entry["event_types"]
