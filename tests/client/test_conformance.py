"""WHATWG HTML 9.2 to the letter: `RetryPolicy.whatwg()` and `reconnect=True`, on raw bytes.

The scenarios of the standard and of the Web Platform Tests that apply outside a browser, each a
script of what the server sends and what must come of it.
"""

from __future__ import annotations

import asyncio
import gzip
import threading

import pytest

from sse_widget import EventSource, RetryPolicy

from ..helpers.clients import OVER, collect, connect, failure
from ..helpers.scripted import CHUNKED, HEAD, UNTIL_CLOSED, Peer, Server, answers, sends

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]

LETTER = {"retry": RetryPolicy.whatwg(initial=0.0), "reconnect": True}
ONE = "id: 1\ndata: a\n\n"


async def read(*scripts, **options):
    """The server's requests and the data that came, by the letter of the standard."""
    with Server(*scripts, OVER) as server:
        source, events = await collect(server.url, **LETTER | options)
    return server, source, [e.data for e in events]


# ---------------------------------------------------------------------- bodies


def chunked(*pieces, end=b"0\r\n\r\n"):
    def script(peer):
        peer.send(CHUNKED)
        for piece in pieces:
            peer.chunk(piece)
        peer.send(end)

    return script


async def test_chunked_body_in_single_bytes():
    _, _, data = await read(chunked(*(ONE[i : i + 1] for i in range(len(ONE)))))
    assert data == ["a"]


async def test_chunk_extensions_and_trailers():
    def script(peer):
        peer.send(CHUNKED)
        peer.send(f"{len(ONE):x};name=value\r\n{ONE}\r\n0\r\nX-Trailer: 1\r\n\r\n")

    assert (await read(script))[2] == ["a"]


async def test_body_with_a_length():
    def script(peer):
        peer.send(HEAD + f"Content-Length: {len(ONE)}\r\n\r\n" + ONE)

    assert (await read(script))[2] == ["a"]


async def test_body_shorter_than_its_length():
    def script(peer):
        peer.send(HEAD + "Content-Length: 9999\r\n\r\n" + ONE)

    assert (await read(script))[2] == ["a"]


async def test_body_until_the_connection_closes():
    assert (await read(sends(ONE)))[2] == ["a"]


async def test_http_1_0():
    def script(peer):
        peer.send("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + ONE)

    assert (await read(script))[2] == ["a"]


async def test_half_closed_connection():
    """The server shuts its sending side only: that is the end of the body."""
    import socket

    def script(peer):
        peer.send(UNTIL_CLOSED + ONE)
        peer.sock.shutdown(socket.SHUT_WR)
        peer.hold()

    assert (await read(script))[2] == ["a"]


async def test_slow_drip_of_head_and_body():
    def script(peer):
        for byte in (UNTIL_CLOSED + ONE).encode():
            peer.send(bytes([byte]))

    assert (await read(script))[2] == ["a"]


async def test_early_hints_before_the_answer():
    def script(peer):
        peer.send("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n")
        peer.send(UNTIL_CLOSED + ONE)

    assert (await read(script))[2] == ["a"]


async def test_event_before_a_garbled_chunk_arrives():
    came = threading.Event()

    def script(peer):
        peer.send(CHUNKED)
        peer.chunk(ONE)
        came.wait(60)
        peer.send("zz\r\nnot a chunk\r\n")
        peer.hold()

    with Server(script, OVER) as server:
        source = connect(server.url, **LETTER)
        source.on_message = lambda: came.set()
        assert [e.data async for e in source] == ["a"]
    assert len(server.requests) == 2


async def test_what_came_before_a_reset_is_delivered_and_the_reset_is_told():
    many = "".join(f"data: {i}\n\n" for i in range(2000))
    _, source, data = await read(sends(many, then="reset"), reconnect=True)
    assert source.stats.connects == 1
    if data:  # a reset may overtake bytes in the network itself, but never half of an event
        assert data == [str(i) for i in range(len(data))]
    assert "reset" in str(source.errors[0]) or "closed" in str(source.errors[0])


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
async def test_gzip_in_pieces_with_flushes(coding):
    import zlib

    packer = zlib.compressobj(wbits=31)
    pieces = [
        packer.compress(f"data: {i}\n\n".encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
        for i in range(5)
    ]

    def script(peer):
        peer.stream(b"", f"Content-Encoding: {coding}\r\n")
        for piece in pieces:
            peer.send(piece)

    assert (await read(script))[2] == ["0", "1", "2", "3", "4"]


async def test_codings_that_are_none():
    for coding in ("none", "identity", ""):
        script = lambda peer, c=coding: peer.stream(ONE, f"Content-Encoding: {c}\r\n")  # noqa: E731
        assert (await read(script))[2] == ["a"]


async def test_unknown_coding_is_refused_by_name():
    with Server(lambda peer: peer.stream(ONE, "Content-Encoding: br\r\n")) as server:
        error = await failure(server.url, **LETTER)
    assert "'br'" in str(error)


async def test_gzip_bomb_is_inflated_in_steps():
    """Ten million bytes of one line from ten thousand: the limit applies to what comes out."""
    bomb = gzip.compress(b"data: " + b"x" * 10_000_000 + b"\n\n" + ONE.encode())
    _, source, data = await read(
        lambda peer: peer.stream(bomb, "Content-Encoding: gzip\r\n"), max_event_bytes=100_000
    )
    assert data == ["a"]
    assert source.stats.oversize == 1


# ---------------------------------------------------------------------- statuses and types


@pytest.mark.parametrize("status", [200])
async def test_only_200_opens(status):
    _, source, data = await read(sends(ONE))
    assert data == ["a"]
    assert source.stats.connects == 1


@pytest.mark.parametrize(
    "status",
    ["201 Created", "202 Accepted", "203 Other", "205 Reset", "206 Part", "304 Same", "400 Bad",
     "401 Who", "403 No", "404 None", "410 Gone", "429 Slow", "500 Broken", "503 Busy"],
)  # fmt: skip
async def test_any_other_status_fails_for_good(status):
    script = answers(status, "Content-Type: text/event-stream\r\n")
    with Server(script) as server:
        errors = []
        source = connect(server.url, **LETTER)
        source.on_error = errors.append
        with pytest.raises(Exception, match=status[:3]):
            await source.run()
    assert source.ready_state == EventSource.CLOSED
    assert len(errors) == 1
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("kind", "opens"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream", True),
        ("text/event-stream;", True),
        ("text/event-stream;charset=UTF-8", True),
        ("text/event-stream; charset=windows-1251", True),
        ("text/event-stream;foo=bar,baz", True),
        ("text/event_stream", False),
        ("text/event-streams", False),
        ("text/plain", False),
        ("text/html", False),
        ("text /event-stream", False),
        ("x bogus", False),
        ("", False),
    ],
)
async def test_content_types(kind, opens):
    header = f"Content-Type: {kind}\r\n" if kind else ""
    with Server(answers("200 OK", header, ONE), OVER) as server:
        if opens:
            _, events = await collect(server.url, **LETTER)
            assert [e.data for e in events] == ["a"]
        else:
            await failure(server.url, **LETTER)
            assert len(server.requests) == 1


async def test_charset_is_ignored():
    def script(peer):
        peer.answer("200 OK", "Content-Type: text/event-stream;charset=latin-1\r\n", "data: é\n\n")

    assert (await read(script))[2] == ["é"]


# ---------------------------------------------------------------------- reconnecting


async def test_reconnects_after_every_kind_of_end():
    def truncated(peer):
        peer.send(CHUNKED)
        peer.chunk("data: b\n\n")

    server, _, data = await read(
        sends("data: a\n\n"), truncated, sends("data: c\n\n", then="reset"), chunked("data: d\n\n")
    )
    assert data == ["a", "b", "c", "d"]
    assert len(server.requests) == 5


async def test_states_and_callbacks_over_a_life():
    seen = []
    with Server(sends("data: a\n\n"), sends("data: b\n\n"), OVER) as server:
        source = connect(server.url, **LETTER)
        seen.append(("new", source.ready_state))
        source.on_open = lambda: seen.append(("open", source.ready_state))
        source.on_message = lambda e: seen.append((e.data, source.ready_state))
        source.on_error = lambda: seen.append(("error", source.ready_state))
        await source.run()
    assert seen == [
        ("new", 0),
        ("open", 1),
        ("a", 1),
        ("error", 0),
        ("open", 1),
        ("b", 1),
        ("error", 0),
        ("error", 2),
    ]


async def test_last_event_id_that_was_reset_is_not_sent():
    server, _, _ = await read(sends("id: 1\ndata: a\n\nid\ndata: b\n\n"))
    assert "last-event-id" not in server.requests[1].headers


async def test_id_of_an_unfinished_event_is_not_sent():
    server, _, _ = await read(sends("id: 1\ndata: a\n\nid: 2\ndata: b\n"))
    assert server.requests[1].headers["last-event-id"] == "1"


async def test_id_of_a_block_without_data_is_sent():
    server, _, data = await read(sends("id: 1\n\n"))
    assert data == []
    assert server.requests[1].headers["last-event-id"] == "1"


async def test_last_event_id_survives_a_stream_without_ids():
    server, source, data = await read(sends("id: 9\ndata: a\n\n"), sends("data: b\n\n"))
    assert [r.headers.get("last-event-id") for r in server.requests] == [None, "9", "9"]
    assert data == ["a", "b"]
    assert source.last_event_id == "9"


async def test_new_connection_begins_a_new_parse():
    """A BOM again, a CR left over, half an event: nothing of it reaches the next connection."""
    _, _, data = await read(
        sends("data: a\r\rdata: half\r"), sends("\n\ufeffdata: x\n\n"), sends("\ufeffdata: b\n\n")
    )
    assert data == ["a", "b"]


async def test_retry_without_a_blank_line_counts():
    _, source, _ = await read(sends("retry: 7\n"))
    assert source.reconnection_time == 7


async def test_204_on_reconnect_ends():
    server, source, _ = await read(sends(ONE))
    assert len(server.requests) == 2
    assert source.ready_state == EventSource.CLOSED
    assert source.status.error is None


async def test_fragment_of_the_url_is_not_sent():
    with Server(OVER) as server:
        await collect(server.url + "?a=1#part", **LETTER)
    assert server.requests[0].target == "/events?a=1"


async def test_non_ascii_url():
    with Server(OVER) as server:
        await collect(server.origin + "/é?q=世", **LETTER)
    assert server.requests[0].target == "/%C3%A9?q=%E4%B8%96"


# ---------------------------------------------------------------------- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_chain_of_redirects(status):
    steps = [answers(f"{status} Go", f"Location: /{i}\r\n") for i in range(5)]
    server, _, data = await read(*steps, sends(ONE))
    assert data == ["a"]
    assert [r.target for r in server.requests][:6] == ["/events", *(f"/{i}" for i in range(5))]


async def test_redirect_without_location_fails():
    with Server(answers("302 Go")) as server:
        assert "Location" in str(await failure(server.url, **LETTER))


@pytest.mark.parametrize("target", ["ftp://x/", "data:text/plain,x", "javascript:1"])
async def test_redirect_to_no_http_address_fails(target):
    with Server(answers("302 Go", f"Location: {target}\r\n")) as server:
        await failure(server.url, **LETTER)
    assert len(server.requests) == 1


async def test_other_3xx_are_no_redirects():
    for status in ("300 Many", "304 Same", "305 Proxy"):
        with Server(answers(status, "Location: /there\r\n")) as server:
            await failure(server.url, **LETTER)
        assert len(server.requests) == 1


@pytest.mark.parametrize("char", ["\x01", "\x0b", "\x7f"])
async def test_an_id_that_no_header_can_carry_ends_no_stream(char):
    """RFC 9110, 5.5: a client cannot send it. It goes on without, rather than failing for ever."""
    with Server(sends(f"id: a{char}b\ndata: a\n\n"), sends("data: b\n\n"), OVER) as server:
        async with asyncio.timeout(60):
            source, events = await collect(server.url)
    assert [e.data for e in events] == ["a", "b"]
    assert events[0].last_event_id == f"a{char}b"
    assert "last-event-id" not in server.requests[1].headers
    assert source.gaps[0].replayed is None
    assert source.gaps[0].resumed_from == ""


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://bücher.example/", "http://xn--bcher-kva.example"),
        ("https://EXAMPLE.com:443/a", "https://example.com"),
        ("http://[::1]:8080/a", "http://[::1]:8080"),
    ],
)
async def test_an_origin_is_ascii_without_its_default_port(url, origin):
    async with connect(url) as source:
        assert source.origin == origin


async def test_origin_is_the_last_one():
    with (
        Server(sends(ONE), OVER) as other,
        Server(answers("302 Go", f"Location: {other.url}\r\n")) as server,
    ):
        _, events = await collect(server.url, **LETTER)
    assert [e.origin for e in events] == [other.origin]


# ---------------------------------------------------------------------- listeners


async def test_event_named_open_or_error_reaches_those_listeners():
    """As in the standard, where they are events of the same target."""
    seen = []
    stream = "event: error\ndata: mine\n\nevent: open\ndata: too\n\n"
    with Server(sends(stream, then="hold")) as server:
        source = connect(server.url, **LETTER)
        source.on_error = lambda e: seen.append(("error", e.data))

        def opened(event):
            seen.append(("open", event.data))
            if event.data:
                source.close()

        source.on_open = opened
        await source.run()
    assert seen == [("open", ""), ("error", "mine"), ("open", "too")]


async def test_typed_events_do_not_reach_on_message():
    seen = []
    with Server(sends("event: x\ndata: a\n\nevent: message\ndata: b\n\ndata: c\n\n"), OVER) as s:
        source = connect(s.url, **LETTER)
        source.on_message = lambda e: seen.append(e.data)
        await source.run()
    assert seen == ["b", "c"]


async def test_replacing_and_removing_a_handler():
    seen = []
    with Server(sends("data: a\n\ndata: b\n\ndata: c\n\n"), OVER) as server:
        source = connect(server.url, **LETTER)

        def first(event):
            seen.append(("first", event.data))
            source.on_message = second

        def second(event):
            seen.append(("second", event.data))
            source.on_message = None

        source.on_message = first
        await source.run()
    assert seen == [("first", "a"), ("second", "b")]


async def test_close_in_a_listener_ends_at_once():
    seen = []
    with Server(sends("data: a\n\ndata: b\n\n", then="hold")) as server:
        source = connect(server.url, **LETTER)
        source.add_event_listener("message", lambda e: (seen.append(e.data), source.close()))
        await source.run()
        server.gone.get(timeout=60)
    assert seen == ["a"]
    assert len(server.requests) == 1


async def test_close_while_the_head_has_not_come():
    asked = threading.Event()

    def silent(peer):
        asked.set()
        peer.hold()

    with Server(silent) as server:
        source = connect(server.url, **LETTER)
        threading.Thread(target=lambda: (asked.wait(60), source.close())).start()
        await source.run()
        server.gone.get(timeout=60)
    assert source.ready_state == EventSource.CLOSED


async def test_nothing_after_close():
    with Server(Peer.hold) as server:
        source = connect(server.url)
        source.close()
        assert [e async for e in source] == []
        assert server.requests == []
