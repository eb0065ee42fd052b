"""An answer that ends inside an event: the standard drops the event, and a gap says so."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest

from sse_widget import SSEStream

from ..helpers.clients import OVER, collect, connect
from ..helpers.scripted import CHUNKED, Peer, Server, sends

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]

CUT = 'data: a\n\ndata: "Hello"\n'
TEXT = "the stream ended inside an event: 14 bytes of it were dropped"


def told(gaps):
    return [(gap.seq, str(gap.cause), gap.missing, gap.text) for gap in gaps]


def chunked(peer: Peer) -> None:
    peer.send(CHUNKED)
    peer.chunk(CUT)
    peer.send(b"0\r\n\r\n")


def chunk_cut(peer: Peer) -> None:
    peer.send(CHUNKED)
    peer.chunk("data: a\n\n")
    peer.send(b'ff\r\ndata: "Hello"\n')


def counted(peer: Peer) -> None:
    peer.answer("200 OK", "Content-Type: text/event-stream\r\n", CUT)


def counted_cut(peer: Peer) -> None:
    peer.stream(CUT, "Content-Length: 1000\r\n")


def compressed(peer: Peer) -> None:
    peer.stream(gzip.compress(CUT.encode()), "Content-Encoding: gzip\r\n")


CLEAN = {"closed": sends(CUT), "chunked": chunked, "counted": counted, "compressed": compressed}
BROKEN = {"a chunk is cut": chunk_cut, "Content-Length is not met": counted_cut}


@pytest.mark.parametrize("how", CLEAN)
async def test_a_clean_end_inside_an_event(how):
    with Server(CLEAN[how]) as server:
        source, events = await collect(server.url, reconnect=False)
    assert [event.data for event in events] == ["a"]
    assert source.status.state == "closed"
    assert told(source.gaps) == [(1, "truncated", 1, TEXT)]


@pytest.mark.parametrize("how", BROKEN)
async def test_a_broken_connection_inside_an_event(how):
    with Server(BROKEN[how], OVER) as server:
        source, events = await collect(server.url)
    assert [event.data for event in events] == ["a"]
    assert told(source.gaps) == [(1, "truncated", 1, TEXT)]


async def test_every_end_is_told_once_and_so_is_the_reconnect():
    with Server(sends(CUT), sends("data: b\n\ndata: c"), OVER) as server:
        source, events = await collect(server.url)
    assert [event.data for event in events] == ["a", "b"]
    assert [(g.seq, g.cause, g.missing) for g in source.gaps] == [
        (1, "truncated", 1),
        (1, "reconnect", None),
        (2, "truncated", 1),
    ]


@pytest.mark.parametrize(
    ("end", "size", "missing"),
    [
        ("d", "1 byte of it was", None),
        ("data", "4 bytes of it were", 1),
        ("id: 7\n", "6 bytes of it were", None),
        (": c\nevent: e\n: half", "9 bytes of it were", None),
        ("id: 7\ndata: é", "14 bytes of it were", 1),
        ("data: " + "x" * 100_000, "100,006 bytes of it were", 1),
    ],
)
async def test_how_much_of_it_there_was(end, size, missing):
    with Server(sends(f"data: a\n\n{end}")) as server:
        source, _ = await collect(server.url, reconnect=False)
    text = f"the stream ended inside an event: {size} dropped"
    assert told(source.gaps) == [(1, "truncated", missing, text)]


@pytest.mark.parametrize(
    "end",
    ["", "\n", ": half of a comment", ":\n", "retry: 5\n", "retry: 5", '{"price": 1}\n', "datab"],
)
async def test_an_end_outside_of_an_event_is_no_gap(end):
    with Server(sends(f"data: a\n\n{end}")) as server:
        source, _ = await collect(server.url, reconnect=False)
    assert told(source.gaps) == []


async def test_an_event_over_the_limit_is_one_gap():
    with Server(sends("data: " + "x" * 1000)) as server:
        source, _ = await collect(server.url, reconnect=False, max_event_bytes=100)
    assert [gap.cause for gap in source.gaps] == ["oversize"]


@pytest.mark.parametrize("how", ["stop_when", "close"])
async def test_who_ends_it_himself_is_told_of_no_gap(how):
    with Server(sends("data: a\n\ndata: half", then="hold")) as server:
        async with connect(server.url, stop_when="a" if how == "stop_when" else None) as source:
            async for _ in source:
                if how == "close":
                    source.close()
        assert told(source.gaps) == []
        server.gone.get(timeout=60)


# ---------------------------------------------------------------------- what comes after it


def numbered(*numbers: int) -> str:
    return "".join(f"id: {n}\ndata: {n}\n\n" for n in numbers)


async def test_an_event_that_comes_again_is_not_missing():
    """Its own id, or that of the one before, shows it."""
    for first, then in (
        ("id: 1\ndata: half", numbered(1, 2)),
        (numbered(1, 2) + "id: 3\ndata: half", numbered(3, 4)),
        (numbered(1, 2) + "id: 3\ndata: half", numbered(2, 3)),
        (numbered(1, 2) + "data: half\nid: 3", numbered(3)),
    ):
        with Server(sends(first), sends(then), OVER) as server:
            source, _ = await collect(server.url)
        gap = source.gaps[0]
        assert (gap.cause, gap.replayed, gap.missing) == ("truncated", True, 0)
        assert gap.text.endswith("dropped; it came again")
        assert sum(gap.missing or 0 for gap in source.gaps) == 0


async def test_one_that_several_connections_cut_off_is_not_missing_either():
    half = "id: 2\ndata: half"
    scripts = [sends(numbered(1) + half), sends(half), sends("id: 2\nda"), sends(numbered(2, 3))]
    with Server(*scripts, OVER) as server:
        source, events = await collect(server.url)
    assert [event.data for event in events] == ["1", "2", "3"]
    cut = [gap for gap in source.gaps if gap.cause == "truncated"]
    assert [(gap.replayed, gap.missing) for gap in cut] == [(True, 0)] * 3


async def test_one_that_is_missing_is_counted_once():
    first = numbered(1, 2) + "id: 3\ndata: half"
    with Server(sends(first), sends(numbered(6)), OVER) as server:
        source, _ = await collect(server.url)
    assert [(g.cause, g.missing) for g in source.gaps] == [("truncated", 0), ("reconnect", 3)]
    assert "among those missing" in source.gaps[0].text


# ---------------------------------------------------------------------- compressed bodies


@pytest.mark.parametrize("level", [1, 9])
async def test_a_compressed_body_that_is_cut_anywhere_loses_nothing_in_silence(level):
    plain = "".join(f"data: event number {n}\n\n" for n in range(12)).encode()
    packer = zlib.compressobj(level, wbits=31)
    body = packer.compress(plain) + packer.flush()
    cuts = iter(range(1, len(body) + 1, 5))

    def script(peer: Peer) -> None:
        peer.stream(body[: next(cuts)], "Content-Encoding: gzip\r\n")

    with Server(script) as server:
        for _ in range(1, len(body) + 1, 5):
            source, events = await collect(server.url, reconnect=False)
            assert len(events) == 12 or [g.cause for g in source.gaps] == ["truncated"]
            assert source.status.state == "closed"


# ---------------------------------------------------------------------- a widget, and its files


async def test_a_stream_and_its_capture_tell_it(tmp_path):
    with Server(sends(CUT)) as server:
        stream = SSEStream(server.url, reconnect=False, capture=tmp_path / "c")
        await asyncio.wait_for(stream.wait_closed(), 20)
        stream.close()
        again = SSEStream(server.url, reconnect=False, capture=tmp_path / "c")
        await asyncio.wait_for(again.wait_closed(), 20)
        again.close()
    assert told(stream.gaps) == [(1, "truncated", 1, TEXT)]
    assert told(again.gaps)[0] == (1, "truncated", 1, TEXT)
    assert [g.cause for g in again.gaps] == ["truncated", "restart", "truncated"]
