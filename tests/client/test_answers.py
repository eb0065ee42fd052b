"""Which answers are event streams: as lenient as browsers, measured beside Chromium; and what an error
keeps of the others."""

from __future__ import annotations

import gzip
import pickle
import zlib
from functools import partial

import brotli
import pytest
import zstandard

from sse_widget import BadContentType, BadStatus
from sse_widget.client.content_type import content_type

from ..helpers.clients import OVER, collect, failure
from ..helpers.scripted import Server, answers

# The same bytes in every process: they are in the names of the cases.
zipped = partial(gzip.compress, mtime=0)


pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]

ONE = b"data: a\n\n"
TYPE = "Content-Type: text/event-stream\r\n"


def says(headers, body=ONE, status="200 OK"):
    """A script: an answer whose body ends with the connection."""

    def script(peer):
        peer.send(f"HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n")
        peer.send(body)

    return script


# ---------------------------------------------------------------------- the type


@pytest.mark.parametrize(
    "headers",
    [
        f"{TYPE}{TYPE}",
        f"Content-Type: text/html\r\n{TYPE}",
        "Content-Type: application/json, text/event-stream\r\n",
        "Content-Type: application/json, text/event-stream; charset=utf-8\r\n",
        "Content-Type: text/event-stream, */*\r\n",
        "Content-Type: text/event-stream, nonsense\r\n",
        'Content-Type: text/event-stream;a="b, text/html"\r\n',
        "Content-Type: TEXT/Event-Stream;charset=latin-1\r\n",
        "Content-Type: text/event-stream charset=utf-8\r\n",
    ],
)
async def test_a_type_that_browsers_take(headers):
    with Server(says(headers), OVER) as server:
        _, events = await collect(server.url)
    assert [e.data for e in events] == ["a"]


@pytest.mark.parametrize(
    ("header", "essence"),
    [
        ("text/event-stream, text/html", "text/html"),
        ("text/event-streams", "text/event-streams"),
        ("text/event-stream/x", ""),
        ("event-stream", ""),
        ("", ""),
        (" , ;", ""),
        ("*/*", ""),
    ],
)
def test_a_type_that_is_another(header, essence):
    assert content_type(header).essence == essence


@pytest.mark.parametrize(
    ("header", "charset"),
    [
        ("text/html; charset=ISO-8859-1", "iso-8859-1"),
        ('text/html;Charset="utf-8"', "utf-8"),
        ("text/html; x=charset=y", ""),
        ("text/html", ""),
    ],
)
def test_the_charset_of_a_type(header, charset):
    assert content_type(header).charset == charset


@pytest.mark.parametrize("status", ["201 Created", "202 Accepted", "206 Partial", "299 Own"])
async def test_a_post_is_answered_by_any_2xx(status):
    with Server(says(TYPE, status=status)) as server:
        _, events = await collect(server.url, json={})
    assert [e.data for e in events] == ["a"]


async def test_a_get_is_answered_by_200_alone():
    with Server(says(TYPE, status="201 Created")) as server:
        error = await failure(server.url)
    assert isinstance(error, BadStatus)
    assert error.status == 201


async def test_a_post_that_is_answered_by_a_page_is_none():
    with Server(says("Content-Type: application/json\r\n", b"{}", "202 Accepted")) as server:
        error = await failure(server.url, json={})
    assert isinstance(error, BadStatus)
    assert (error.status, error.body) == (202, "{}")


# ---------------------------------------------------------------------- codings


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("utf-8", ONE),
        ("deflate", raw_deflate(ONE)),
        ("deflate", zlib.compress(ONE)),
        ("gzip, gzip", zipped(zipped(ONE))),
        ("gzip\r\nContent-Encoding: gzip", zipped(zipped(ONE))),
        ("gzip", zipped(ONE) + bytes(8)),
        ("gzip, identity", zipped(ONE)),
    ],
)
async def test_a_coding_that_browsers_read(coding, body):
    with Server(says(f"{TYPE}Content-Encoding: {coding}\r\n", body), OVER) as server:
        _, events = await collect(server.url)
    assert [e.data for e in events] == ["a"]


@pytest.mark.parametrize(
    ("coding", "body"), [("br", brotli.compress(ONE)), ("zstd", zstandard.compress(ONE))]
)
async def test_br_and_zstd_are_read_where_they_were_asked_for(coding, body):
    script = says(f"{TYPE}Content-Encoding: {coding}\r\n", body)
    with Server(script, OVER) as server:
        _, events = await collect(server.url, headers={"Accept-Encoding": f"gzip, {coding}"})
    assert [e.data for e in events] == ["a"]
    with Server(script) as server:
        error = await failure(server.url)
    assert isinstance(error, BadContentType)
    assert f"{coding!r}, which was not asked for" in str(error)


# ---------------------------------------------------------------------- what an error keeps


async def test_the_whole_body_of_an_error_is_kept():
    body = "x" * 60_000 + "the end"
    with Server(
        answers("400 Bad", "X-Request-Id: 7\r\nSet-Cookie: sid=abc; Path=/\r\n", body)
    ) as server:
        error = await failure(server.url)
    assert error.body == body
    assert error.headers["x-request-id"] == error.headers["X-Request-ID"] == "7"
    assert "abc" not in str(dict(error.headers))
    again = pickle.loads(pickle.dumps(error))
    assert (again.body, again.headers["X-Request-Id"]) == (body, "7")


async def test_a_body_of_an_error_is_bounded():
    with Server(answers("400 Bad", "", "x" * 200_000)) as server:
        error = await failure(server.url)
    assert len(error.body) == 64 * 1024
    assert len(str(error)) < 1000


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Content-Encoding: gzip\r\n", zipped("wrong: café".encode())),
        ("Content-Encoding: br\r\n", brotli.compress("wrong: café".encode())),
        ("Content-Type: text/plain; charset=iso-8859-1\r\n", "wrong: café".encode("latin-1")),
        ("Content-Type: text/plain; charset=nonsense\r\n", "wrong: café".encode()),
        ("Content-Type: text/plain; charset=hex\r\n", "wrong: café".encode()),
    ],
)
async def test_a_body_of_an_error_is_decoded(headers, body):
    with Server(answers("400 Bad", headers, body)) as server:
        error = await failure(server.url)
    assert error.body == "wrong: café"
    assert "wrong: café" in str(error)


async def test_a_body_that_cannot_be_decoded_is_left_out():
    with Server(
        answers("400 Bad", "Content-Encoding: gzip\r\n", b"\x1f\x8b\x08junkjunkjunk")
    ) as server:
        error = await failure(server.url)
    assert error.status == 400
    assert error.body == ""
