"""The head of an answer is read as browsers read it. A table, and every way to cut the bytes."""

from __future__ import annotations

import pytest

from sse_widget import BadStatus, ConnectionFailed, RetryPolicy
from sse_widget.client.chunk_repair import LooseChunks, ends_loosely
from sse_widget.client.head_repair import MAX_HEAD_BYTES, Head, HeadTooLarge, NotHTTP

from ..helpers.clients import OVER, collect, failure
from ..helpers.scripted import Server

SSE = "Content-Type: text/event-stream\r\n"


def read(raw: str) -> list[str]:
    """The lines of a head as a parser is given them."""
    out, body = Head().feed(raw.encode("latin-1"))
    assert body is not None
    head, _, _ = out.decode("latin-1").partition("\r\n\r\n")
    return head.split("\r\n")


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        ("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", ["HTTP/1.1 200 OK", "A: b"]),
        ("HTTP/1.1 200 OK\r\n\r\n", ["HTTP/1.1 200 OK"]),
        ("HTTP/1.1 200\r\nA: b\r\n\r\n", ["HTTP/1.1 200 ", "A: b"]),
        ("http/1.0 404 Not Found\nA:b\n\n", ["HTTP/1.0 404 Not Found", "A: b"]),
        ("\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", ["HTTP/1.1 200 OK"]),
        ("ICY 200 OK\r\n\r\n", ["HTTP/1.0 200 OK"]),
        ("HTTP/2 200\r\n\r\n", ["HTTP/1.1 200 "]),
        ("HTTP/1.1 0200 OK\r\n\r\n", ["HTTP/1.1 200 OK"]),
        ("HTTP/1.1 200OK\r\n\r\n", ["HTTP/1.1 200 OK"]),
        ("HTTP/1.1 OK\r\n\r\n", ["HTTP/1.1 200 OK"]),
        ("HTTP/1.1\r\n\r\n", ["HTTP/1.1 200 "]),
        ("HTTP 404 Gone\r\n\r\n", ["HTTP/1.0 404 Gone"]),
        ("HTTP/x.y 200 OK\r\n\r\n", ["HTTP/1.1 200 OK"]),
        ("HTTPS/1.1 503 Busy\r\n\r\n", ["HTTP/1.1 503 Busy"]),
        ("HTTP/1.1 101 X\r\nUpgrade: ws\r\n\r\n", ["HTTP/1.1 101 X", "Upgrade: ws"]),
        ("HTTP/1.1 101 X\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n", ["HTTP/1.1 200 OK", "A: b"]),
        ("HTTP/1.1 200 OK\r\nno colon\r\nA: b\r\n\r\n", ["HTTP/1.1 200 OK", "A: b"]),
        ("HTTP/1.1 200 OK\r\n: b\r\nA b: c\r\nA\t: d\r\n\r\n", ["HTTP/1.1 200 OK", "A: d"]),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\td\r\n\r\n", ["HTTP/1.1 200 OK", "A: b c d"]),
        ("HTTP/1.1 200 OK\r\n x\r\nA: b\r\n\r\n", ["HTTP/1.1 200 OK", "A: b"]),
        ("HTTP/1.1 200 OK\r\nno colon\r\n c\r\n\r\n", ["HTTP/1.1 200 OK"]),
        ("HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", ["HTTP/1.1 200 OK", "A: b c"]),
        ("HTTP/1.1 200 OK\r\nA: \xe9\r\n\r\n", ["HTTP/1.1 200 OK", "A: \xe9"]),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 05, 5\r\n\r\n",
            ["HTTP/1.1 200 OK", "Content-Length: 5"],
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            ["HTTP/1.1 200 OK", "Content-Length: 5", "Content-Length: 6"],
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ["HTTP/1.1 200 OK"]),
        (f"HTTP/1.1 200 OK\r\nContent-Length: {'9' * 30}\r\n\r\n", ["HTTP/1.1 200 OK"]),
        (" HTTP/1.1 200 OK\r\nA: b\r\n\r\n", ["HTTP/1.1 200 OK", "A: b"]),
        ("}\n\n\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n", ["HTTP/1.1 200 OK", "A: b"]),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 5\r\n\r\n",
            ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"],
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", ["HTTP/1.1 200 OK"]),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n",
            ["HTTP/1.1 103 Early Hints", "Link: x"],
        ),
    ],
)
def test_a_head_as_browsers_read_it(raw, lines):
    assert read(raw) == lines


@pytest.mark.parametrize(
    "raw",
    ["SSH-2.0\r\n", "\x15\x03\x01", "<html>", "HTTQ", "200 OK\r\n\r\n"]
    + [f"HTTP/1.1 {status}\r\n\r\n" for status in ("99", "000", "2000", "9" * 5000)],
)
def test_what_is_no_http_is_known_by_its_beginning(raw):
    with pytest.raises(NotHTTP):
        Head().feed(raw.encode("latin-1"))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 7, 64])
def test_it_is_the_same_however_it_is_cut(size):
    raw = (
        b"\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: 1\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nB: 2\r\n c\r\nbad\r\n\r\ndata: a\n\ndata: \r\n\r\n"
    )
    whole, body = Head().feed(raw)
    assert whole.endswith(b"B: 2 c\r\n\r\n")
    assert body == b"data: a\n\ndata: \r\n\r\n"
    pieces = [raw[i : i + size] for i in range(0, len(raw), size)] if size else [b"", raw, b""]
    head, out, rest = Head(), b"", iter(pieces)
    for piece in rest:
        more, begun = head.feed(piece)
        out += more
        if begun is not None:
            break
    assert out == whole
    assert begun + b"".join(rest) == body


def test_an_endless_head_is_refused():
    head = Head()
    assert head.feed(b"HTTP/1.1 200 OK\r\n") == (b"", None)
    while len(head.held) < MAX_HEAD_BYTES - 6000:
        assert head.feed(b"A: b\r\n" * 1000) == (b"", None)
    with pytest.raises(HeadTooLarge):
        head.feed(b"A: b\r\n" * 1000)


# ---------------------------------------------------------------------- real sockets


def says(raw: str):
    def script(peer):
        peer.send(raw)

    return script


MANY = "".join(f"X-{n}: {n}\r\n" for n in range(300))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "head",
    [
        f"HTTP/1.1 200 OK\r\n{SSE}X: {'y' * 40_000}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\n{SSE}{MANY}\r\n",
        f"HTTP/1.1 200 OK\r\n{SSE}a line without a colon\r\n\r\n",
        f"HTTP/1.1 200 OK\r\n{SSE}Content-Length: 9\r\nContent-Length: 9\r\n\r\n",
        f"HTTP/1.1 200 OK\r\n{SSE}Content-Length: x\r\n\r\n",
        f"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n{SSE}\r\n",
        f"HTTP/1.1 200\n{SSE}\n",
        f"HTTP 0200\r\n{SSE}\r\n",
        f"HTTP/1.1 OK\r\n{SSE}\r\n",
        f"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\n{SSE}\r\n",
        f"HTTP/1.1 200 OK\r\n{SSE}Connection: Upgrade\r\nUpgrade: h2,h2c\r\n\r\n",
    ],
    ids=range(11),
)
async def test_an_answer_that_browsers_read_is_read(head):
    with Server(says(f"{head}data: a\n\n"), OVER) as server:
        source, events = await collect(server.url)
    assert [e.data for e in events] == ["a"]
    assert not [e for e in source.errors if not isinstance(e, BadStatus)]


LOOSE = b"5;x=y\ndata:\n 4 \n a\n\n\n09\r\ndata: b\n\n\n0\nX: y\n\nmore"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 100])
def test_chunks_whose_lines_end_with_lf_are_framed_anew(size):
    chunks = LooseChunks()
    pieces = (
        [LOOSE[i : i + size] for i in range(0, len(LOOSE), size)] if size else [b"", LOOSE, b""]
    )
    framed = b"".join(map(chunks.feed, pieces))
    assert framed.endswith(b"0\r\n\r\n")
    body = b""
    while framed != b"0\r\n\r\n":
        size, _, framed = framed.partition(b"\r\n")
        body, end = body + framed[: int(size, 16)], framed[int(size, 16) :]
        assert end.startswith(b"\r\n")
        framed = end[2:]
    assert body == b"data: a\n\ndata: b\n\n"


def test_what_is_no_chunk_goes_on_as_it_is():
    assert LooseChunks().feed(b"zz\nabc") == b"zz\nabc"
    assert LooseChunks().feed(b"1\na\nzz\nabc") == b"1\r\na\r\nzz\nabc"


@pytest.mark.parametrize(
    ("body", "loose"),
    [(b"", None), (b"5", None), (b"5\n", True), (b"5\r\n", False), (b"x" * 300, False)],
)
def test_loose_framing_is_known_by_the_first_line(body, loose):
    assert ends_loosely(body) is loose


@pytest.mark.anyio
@pytest.mark.parametrize("pieces", [1, 3, 1000])
async def test_loose_chunks_are_a_stream(pieces):
    def script(peer):
        peer.send(f"HTTP/1.1 200 OK\r\n{SSE}Transfer-Encoding: chunked\r\n\r\n")
        size = -(-len(LOOSE) // pieces)
        for at in range(0, len(LOOSE), size):
            peer.send(LOOSE[at : at + size])

    with Server(script, OVER) as server:
        source, events = await collect(server.url)
    assert [e.data for e in events] == ["a", "b"]
    assert not [e for e in source.errors if not isinstance(e, BadStatus)]


@pytest.mark.anyio
async def test_two_lengths_that_differ_are_no_answer():
    head = f"HTTP/1.1 200 OK\r\n{SSE}Content-Length: 9\r\nContent-Length: 8\r\n\r\n"
    with Server(says(f"{head}data: a\n\n")) as server:
        error = await failure(server.url, retry=RetryPolicy(attempts=1))
    assert isinstance(error, ConnectionFailed)
