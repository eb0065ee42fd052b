"""Options of one stream among many: entries in the shape of an mcp.json, and headers by name."""

from __future__ import annotations

import asyncio

import pyarrow as pa
import pytest

from sse_widget import SSECapture

from ..helpers.scripted import Server


def two(peer):
    peer.stream(f"data: {peer.request.headers.get('authorization', '')}\n\n")
    peer.hold()


def captured(urls, to, events, **options):
    """What each stream brought, by name."""
    with SSECapture(urls, to=to, **options) as capture:
        asyncio.run(capture.until(lambda stats: stats.received >= events, timeout=30))
    rows = capture.history.to_table().to_pandas()
    return dict(zip(rows["stream"], rows["data"], strict=True))


def test_each_stream_sends_its_own_headers_also_to_one_address(tmp_path):
    with Server(two) as server:
        urls = {
            "a": {"url": server.url, "headers": {"Authorization": "Bearer a"}, "type": "sse"},
            "b": {"url": server.url, "headers": {"authorization": "Bearer b"}},
            "c": server.origin + "/c",
        }
        common = {"Authorization": "Bearer all", "X-Common": "1"}
        got = captured(urls, tmp_path / "c", 3, headers=common)
        assert got == {"a": "Bearer a", "b": "Bearer b", "c": "Bearer all"}
        assert [asked.headers["x-common"] for asked in server.requests] == ["1"] * 3


def test_headers_may_be_a_function_of_the_name(tmp_path):
    with Server(two) as server:
        urls = {"a": server.origin + "/a", "b": {"url": server.origin + "/b"}}
        got = captured(
            urls, tmp_path / "c", 2, headers=lambda name: {"Authorization": f"key {name}"}
        )
        assert got == {"a": "key a", "b": "key b"}


def test_a_stream_may_have_a_body_and_parameters_of_its_own(tmp_path):
    with Server(two) as server:
        urls = {"a": {"url": server.url, "json": {"q": 1}, "params": {"key": "secret"}}}
        with SSECapture(urls, to=tmp_path / "c", content="for all") as capture:
            asyncio.run(capture.until(lambda stats: stats.received >= 1, timeout=30))
            assert "secret" not in repr(capture.streams.to_dict())
        (asked,) = server.requests
        assert (asked.method, asked.body, asked.target) == (
            "POST",
            b'{"q":1}',
            "/events?key=secret",
        )


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"headers": {}}, "the stream 'a' has no \"url\""),
        ({"url": "http://x/", "header": {}}, "the stream 'a' has no option 'header'.*'headers'"),
        ({"url": "http://x/", "proxy": "http://p"}, "proxy=, which is one for all"),
        ({"url": "http://x/", "headers": 5}, "headers"),
    ],
)
def test_what_is_no_entry_is_refused(tmp_path, entry, said):
    with pytest.raises(TypeError, match=said):
        SSECapture({"a": entry}, to=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_an_entry_whose_address_cannot_be_used_is_a_row_that_says_why(tmp_path):
    with Server(two) as server:
        urls = {"bad": {"url": "ftp://x/"}, "good": {"url": server.url}}
        with SSECapture(urls, to=tmp_path / "c") as capture:
            asyncio.run(capture.until(lambda stats: stats.received >= 1, timeout=30))
            assert capture["bad"].state == "failed"
            assert "http" in capture["bad"].error


def test_a_capture_is_a_table_to_whoever_speaks_arrow(tmp_path):
    with Server(two) as server:
        urls = {"a": server.origin + "/a", "b": server.origin + "/b"}
        with SSECapture(urls, to=tmp_path / "c") as capture:
            asyncio.run(capture.until(lambda stats: stats.received >= 2, timeout=30))
    table = pa.RecordBatchReader.from_stream(capture).read_all()
    assert sorted(table["stream"].to_pylist()) == ["a", "b"]
