"""The head of an answer is read as browsers read it. A table, and every way to cut the bytes."""

from __future__ import annotations

import pytest

from sse_widget import BadStatus, ConnectionFailed, RetryPolicy
from sse_widget.client.heads import MAX_HEAD_BYTES, Head, HeadTooLarge, NotHTTP

from ..helpers.clients import OVER, collect, failure
from ..helpers.scripted import Server

SSE = "Content-Type: text/event-stream\r\n"


def read(raw: str) -> list[str]:
    """The lines of a head as a parser is given them."""
    out, over = Head().feed(raw.encode("latin-1"))
    assert over
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
    "raw", ["SSH-2.0\r\n", "\x15\x03\x01", "<html>", "HTTQ", "HTTP/1.1 abc\r\n\r\n"]
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
    whole, over = Head().feed(raw)
    assert over
    assert whole.endswith(b"B: 2 c\r\n\r\ndata: a\n\ndata: \r\n\r\n")
    pieces = [raw[i : i + size] for i in range(0, len(raw), size)] if size else [b"", raw, b""]
    head, out, rest = Head(), b"", iter(pieces)
    for piece in rest:
        more, over = head.feed(piece)
        out += more
        if over:
            break
    assert out + b"".join(rest) == whole


def test_an_endless_head_is_refused():
    head = Head()
    assert head.feed(b"HTTP/1.1 200 OK\r\n") == (b"", False)
    while len(head.held) < MAX_HEAD_BYTES - 6000:
        assert head.feed(b"A: b\r\n" * 1000) == (b"", False)
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
        f"HTTP/1.1 200 OK\r\n{SSE}Connection: Upgrade\r\nUpgrade: h2,h2c\r\n\r\n",
    ],
    ids=range(8),
)
async def test_an_answer_that_browsers_read_is_read(head):
    with Server(says(f"{head}data: a\n\n"), OVER) as server:
        source, events = await collect(server.url)
    assert [e.data for e in events] == ["a"]
    assert not [e for e in source.errors if not isinstance(e, BadStatus)]


@pytest.mark.anyio
async def test_two_lengths_that_differ_are_no_answer():
    head = f"HTTP/1.1 200 OK\r\n{SSE}Content-Length: 9\r\nContent-Length: 8\r\n\r\n"
    with Server(says(f"{head}data: a\n\n")) as server:
        error = await failure(server.url, retry=RetryPolicy(attempts=1))
    assert isinstance(error, ConnectionFailed)
