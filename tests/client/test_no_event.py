"""Bytes come and no event: the stream goes on, and a note says what is wrong with them."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from sse_widget import SSEStream

from ..helpers.clients import OVER, watched
from ..helpers.scripted import Server, sends

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("soon")]

ROWS = [json.dumps({"price": n, "of": "BTC"}) for n in range(300)]

ODD = {
    "JSON lines": ("\n".join(ROWS) + "\n", "the lines are JSON, without 'data: ' before each"),
    "JSON": (json.dumps({"error": "x" * 5000}), "this is plain JSON"),
    "JSON on many lines": (json.dumps(ROWS, indent=2), "this is plain JSON"),
    "no blank line": ("data: x\n" * 800, "no blank line has come"),
    "no blank line, CR": ("data: x\r" * 800, "no blank line has come"),
    "capitals": ("Data: x\n\n" * 600, "'Data:' is no field"),
    "a space before": (" data: x\n\n" * 600, "' data:' is no field"),
    "UTF-16": (("data: x\n\n" * 400).encode("utf-16"), "the bytes look like UTF-16"),
    "UTF-16 without a mark": (("data: x\n\n" * 400).encode("utf-16-be"), "look like UTF-16"),
    "gzip that nobody names": (gzip.compress(bytes(range(256)) * 300, 0), "compressed by gzip"),
    "HTML": ("<!DOCTYPE html>\n<p>" + "x" * 5000, "this is HTML"),
    "text": ("hello world\n" * 400, "no line has a field name such as 'data:'"),
    "written line ends": ("data: x\\n\\n" * 500, "written as the two characters"),
    "no data": ("event: ping\nid: 7\n\n" * 300, "no event has a line of data"),
}
FINE = {
    "comments": ": ping\n\n" * 600,
    "a large event": "data: " + "x" * 10_000,
    "a large event of some lines": "event: e\nid: 7\ndata: {" + "x" * 10_000,
    "nothing": "",
}


@pytest.fixture
def soon(monkeypatch):
    """What is looked at half a second after it came is so a little sooner."""
    monkeypatch.setattr("sse_widget.client.no_event_watch.SETTLE_S", 0.02)


async def note_of(source):
    """The note of a source that is being read, once there is one."""
    noted = asyncio.Event()
    source.on_status = lambda: noted.set() if source.status.note else None
    task = asyncio.create_task(source.run())
    async with asyncio.timeout(20):
        await noted.wait()
    return source.status, task


@pytest.mark.parametrize("name", ODD)
async def test_a_note_says_what_came_instead(name):
    body, why = ODD[name]
    with Server(sends(body, then="hold")) as server:
        async with watched(server.url) as source:
            status, task = await note_of(source)
            assert status.state == "open"
            assert status.error is None
            assert status.note.startswith("Bytes came, but no event: ")
            assert why in status.note
            assert repr(source).endswith(f"{status.note}>")
            if name in ("JSON lines", "capitals", "text"):
                assert source.stats.ignored == len(body.split("\n")) - 1 - body.count("\n\n")
        await task


async def test_little_is_looked_at_after_five_seconds(monkeypatch):
    monkeypatch.setattr("sse_widget.client.no_event_watch.LOOK_S", 0.05)
    with Server(sends('{"error": "no such topic"}', then="hold")) as server:
        async with watched(server.url) as source:
            status, task = await note_of(source)
            assert "plain JSON" in status.note
        await task


@pytest.mark.parametrize("name", FINE)
async def test_nothing_is_said_of_what_is_in_order(monkeypatch, name):
    monkeypatch.setattr("sse_widget.client.no_event_watch.LOOK_S", 0.02)
    monkeypatch.setattr("sse_widget.client.no_event_watch.SETTLE_S", 0.0)
    looked = asyncio.Event()

    def told(source):
        # Some looks later, as its own timer is.
        asyncio.get_running_loop().call_later(0.1, looked.set)

    with Server(sends(FINE[name], then="hold")) as server:
        async with watched(server.url) as source:
            source.on_open = lambda: told(source)
            task = asyncio.create_task(source.run())
            async with asyncio.timeout(20):
                await looked.wait()
            assert source.status.note == ""
        await task
        assert source.status.note == ""


async def test_the_first_event_takes_it_back():
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def script(peer):
        peer.stream("".join(f"{row}\n" for row in ROWS))
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(20)
        peer.send("\n\ndata: at last\n\n")
        peer.hold()

    notes = []
    with Server(script) as server:
        async with watched(server.url) as source:
            source.on_status = lambda: (
                notes.append(source.status.note),
                go_on.set() if source.status.note else None,
            )
            assert (await anext(source)).data == "at last"
            assert source.status.note == ""
            assert any("JSON" in note for note in notes)


async def test_what_follows_events_is_looked_at_too(monkeypatch):
    monkeypatch.setattr("sse_widget.client.no_event_watch.LOOK_S", 0.05)
    body = "data: hello\n\n" + "".join(f"{row}\n" for row in ROWS)
    with Server(sends(body, then="hold")) as server:
        async with watched(server.url) as source:
            status, task = await note_of(source)
            assert "the lines are JSON" in status.note
            assert source.stats.received == 1
        await task


async def test_an_end_without_an_event_is_told_at_once():
    """As where a server answers with an error in JSON, and the stream connects again for ever."""
    with Server(sends('{"error": "no such topic"}'), OVER) as server:
        source = watched(server.url)
        notes = []
        source.on_error = lambda: notes.append(source.status.note)
        await source.run()
    assert len(notes) == 2
    assert all("plain JSON" in note for note in notes)
    with Server(sends('{"error": "no such topic"}')) as server:
        source = watched(server.url, reconnect=False)
        await source.run()
    assert source.status.state == "closed"
    assert "plain JSON" in source.status.note


async def test_who_stops_it_knows_why_nothing_came():
    with Server(sends("Data: x\n\n", then="hold")) as server:
        stream = SSEStream(server.url)
        while not stream.stats.ignored:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        stream.stop()
        assert "'Data:' is no field" in stream.status.note
        stream.close()


async def test_a_secret_is_not_repeated():
    with Server(sends("hunter2-is-the-key\n" * 300, then="hold")) as server:
        async with watched(server.url, headers={"Authorization": "hunter2-is-the-key"}) as source:
            status, task = await note_of(source)
            assert "hunter2" not in status.note
        await task
