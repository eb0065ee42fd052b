"""The log of the stream that is selected in a capture: its numbers are those of its row, and of the files."""

from __future__ import annotations

import threading

import pytest

from sse_widget import SSECapture

from ..helpers.many import until
from ..helpers.pages import say


class Page:
    """What one page is told of the selected stream, and how it asks."""

    def __init__(self, capture, heard):
        self._capture, self._heard, self._lock = capture, heard, threading.Lock()

    def say(self, **content):
        say(self._capture, {"page": "p", **content})

    def told(self, kind):
        return [m for m in list(self._heard) if m.get("kind") == kind]


@pytest.fixture
def selected(tmp_path, origin, monkeypatch):
    """A capture of a stream of which 200 are written, and a page that selects it."""
    heard = []
    monkeypatch.setattr(
        SSECapture, "send", lambda self, content, buffers=None: heard.append(content)
    )
    capture = SSECapture({"one": f"{origin}/count/200/s1"}, to=tmp_path / "capture")
    # What is remembered begins after what is on disk: what is between them is nowhere for a moment.
    until(lambda: (stats := capture.stats).written > 200 and stats.pending > 100)
    page = Page(capture, heard)
    page.say(kind="hello")
    page.say(kind="select", name="one")
    page.say(kind="hello", log=1)
    until(lambda: any(m.get("counts") and m["oldest"] == 0 for m in page.told("batch")))
    yield capture, page
    capture.close()


def test_it_counts_as_its_row_does(selected):
    capture, page = selected
    capture["one"].stop()
    until(lambda: capture["one"].state == "closed" and capture.stats.pending == 0)

    def told_all():
        """What is on disk is counted a moment after the log was opened."""
        page.say(kind="hello", log=1)
        last = page.told("hello")[-1:]
        return [
            m
            for m in last
            if m["status"]["state"] == "closed"
            and sum(n for _, n in m["counts"]) == m["stats"]["received"]
        ]

    until(told_all)
    stats = page.told("hello")[-1]["stats"]
    assert stats["received"] == capture["one"].received
    assert stats["received"] == stats["held"] + stats["evicted"] + stats["cleared"]
    until(lambda: page.told("hello")[-1]["capture"]["written"] == stats["received"])
    # The first batch begins where the latest events do, by their own numbers.
    first = next(m for m in page.told("batch") if m["count"])
    assert first["first"] > 200
    assert first["first"] + first["count"] == first["stats"]["received"]


def test_it_scrolls_back_into_the_files(selected):
    _, page = selected
    first = next(m for m in page.told("batch") if m["count"])["first"]
    page.say(kind="rows", log=1, id=1, first=0, stop=first)
    until(lambda: page.told("rows"))
    answer = page.told("rows")[0]
    assert (answer["first"], answer["count"]) == (0, first)
