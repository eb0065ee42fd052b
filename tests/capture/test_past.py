"""What a capture's page asks of the files, and what the kernel answers, also while a cell runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sse_widget import SSECapture
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.writer import Writer

from ..helpers.many import until
from ..helpers.pages import say
from ..storage.test_dataset import batch

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MS = AT.timestamp() * 1000


class Page:
    def __init__(self, capture, heard):
        self._capture, self._heard = capture, heard

    def ask(self, kind, id=1, **content):
        before = len(self._heard)
        say(self._capture, {"kind": kind, "page": "p", "id": id, **content})
        until(lambda: any(m.get("id") == id for m in self._heard[before:]))
        return next(m for m in self._heard[before:] if m.get("id") == id)

    def say(self, **content):
        say(self._capture, {"page": "p", **content})

    def told(self, kind):
        return [m for m in list(self._heard) if m.get("kind") == kind]


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Ten parts of two streams, a minute apart, in a capture that is stopped."""
    writer = Writer(Dataset(tmp_path / "capture"))
    for i in range(10):
        for name in "ab":
            writer.add(name, batch(2 * i, 2 * i + 1, at=AT + timedelta(minutes=i)))
        writer.commit()
    writer.close()
    heard = []
    monkeypatch.setattr(
        SSECapture, "send", lambda self, content, buffers=None: heard.append(content)
    )
    urls = dict.fromkeys("ab", "http://127.0.0.1:9/")
    with SSECapture(urls, to=tmp_path / "capture") as capture:
        capture.stop()
        yield Page(capture, heard)


def test_the_timeline_is_of_all_streams_or_of_one(page):
    told = page.ask("timeline", name=None)
    assert (told["to"], told["start"] * 1000) == ("p", MS)
    assert sum(told["rows"]) == 40
    assert sum(page.ask("timeline", 2, name="a")["rows"]) == 20
    assert page.ask("timeline", 3, name="nobody")["rows"] == []


def test_a_time_is_an_event_of_the_stream_or_of_any(page):
    told = page.ask("seek", name="b", at=MS + 3 * 60_000 - 1)
    assert (told["name"], told["seq"]) == ("b", 6)
    told = page.ask("seek", 2, name=None, at=MS + 59_000)
    assert (told["name"], told["seq"]) in {("a", 2), ("b", 2)}
    assert page.ask("seek", 3, name=None, at=MS + 10**9)["seq"] is None
    for odd in (-1, 1e300, float("-inf"), float("nan")):
        page.ask("seek", 4, name=None, at=odd)


def test_a_search_goes_on_as_long_as_the_page_asks(page):
    told = page.ask("find", text="d1", name="a")
    found = list(told["rows"])
    while not told["done"]:
        told = page.ask("find", text="d1", name="a")
        found += told["rows"]
    assert [row[1] for row in found] == [*range(19, 9, -1), 1]
    assert found[0] == ["a", 19, MS + 9 * 60_000, "tick", "d19"]
    assert told["searched"] == told["events"] == 40
    # Another one of the page takes its place.
    assert page.ask("find", 2, text="d0", name=None)["rows"][0][4] == "d0"
    page.say(kind="find-end", id=2)
    page.say(kind="find-end", id=99)


def test_a_pattern_that_cannot_be_is_refused_with_a_reason(page):
    told = page.ask("find", text="(?=x)", regex=True, name=None)
    assert told["kind"] == "past-failed"
    assert "look" in told["error"]


def test_the_log_of_a_capture_that_is_stopped_is_what_the_files_have(page):
    page.say(kind="hello")
    page.say(kind="select", name="a")
    until(lambda: any(m["stats"]["received"] == 20 for m in page.told("batch") if "log" in m))
    page.say(kind="rows", id=7, first=0, stop=20, log=1)
    until(lambda: page.told("rows"))
    (rows,) = page.told("rows")
    assert (rows["first"], rows["count"]) == (0, 20)
