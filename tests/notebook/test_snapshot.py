"""The saved notebook without its kernel: the latest events as static, escaped text.

Notebooks are run as `nbconvert --execute` runs them: by a real kernel, and no page.
"""

from __future__ import annotations

import copy
import math
import re
from html.parser import HTMLParser
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from sse_widget import SSEStream

from ..helpers.scripted import Server, answers, sends

EVIL = "<script>window.hacked=1</script><img src=x onerror=hack()></pre></textarea>&amp;"
ODD = "a\x00b\x1b[31m\u202eevil\u200b\x7f"
# What GitHub's renderer lets through, whatever a style or an attribute says.
TAGS = {"div", "p", "b", "br", "i", "details", "summary", "pre"}


def run(*cells: str) -> Any:
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("from sse_widget import SSEStream, EventFilter\nimport math"),
            *map(nbformat.v4.new_code_cell, cells),
        ]
    )
    NotebookClient(notebook, timeout=300, startup_timeout=300, kernel_name="python3").execute()
    return notebook


def kept(cell: Any) -> list[str]:
    """The snapshots a cell has."""
    return [
        o.data["text/html"]
        for o in cell.outputs
        if o.output_type == "display_data" and "text/html" in o.data
    ]


class Read(HTMLParser):
    """The text of a snapshot, and the tags it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.parts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.parts)


def replayed(body: str, options: str = "") -> str:
    """Source of a cell that shows a stream which is over; `body` is Python for its text."""
    return f"s = SSEStream.replay(({body}).encode(), speed=math.inf{options})\ns"


@pytest.fixture(scope="module")
def notebook():
    many = "''.join(f'id: {i}\\nevent: tick\\ndata: number {i};\\n\\n' for i in range(1, 601))"
    hostile = repr(f"event: {EVIL}\nid: {EVIL}\ndata: {EVIL}\ndata: {ODD}\n\n")
    wide = "''.join(f'data: {i} ' + '<&\u65e5\U0001f44d' * 2500 + '\\n\\n' for i in range(500))"
    live = "id: 1\ndata: first\n\nevent: go\ndata: second\n\n"
    with (
        Server(sends(live, then="hold")) as server,
        Server(answers("404 Not Found")) as missing,
        Server(sends("data: kept\n\n", then="hold")) as stopped,
        Server(sends("data: kept\n\n")) as early,
    ):
        secret = missing.url + "?token=hunter2hunter2"
        yield run(
            replayed(many),
            replayed(hostile),
            replayed(wide),
            replayed(many, ", save_events=0"),
            replayed(many, ", save_events=3"),
            f"s = SSEStream({server.url!r})\ns",
            "await s.until(type='go', timeout=30)",
            f"s = SSEStream({secret!r}, headers={{'X-Key': 'hunter2hunter2'}})\n"
            "try: await s.until(timeout=30)\nexcept Exception: pass\ns",
            f"s = SSEStream({stopped.url!r})\ns",
            "await s.until(timeout=30)",
            "s.stop()",
            "s = SSEStream.replay(b'data: a\\n\\ndata: b\\n\\n', speed=math.inf)\ns",
            "s.clear()",
            "s.close()\ns",
            f"s = SSEStream({early.url!r}, reconnect=False, stop_when='[DONE]')\ns",
            "await s.wait_closed()\ns.close()",
        )


def test_the_latest_events_stay(notebook):
    (html,) = kept(notebook.cells[1])
    text = Read(html).text
    assert "600 events received, the last 500 here" in text
    assert [int(n) for n in re.findall("number ([0-9]+);", text)] == [*range(101, 601)]
    assert text.count("tick") == 500
    assert "490 earlier events" in text


def test_it_comes_after_the_log(notebook):
    """What it costs a page must not hold up the first rows; and it is there as soon as the cell is
    done, empty where nothing came yet."""
    for cell in notebook.cells:
        if kept(cell):
            assert [o.output_type for o in cell.outputs] == ["execute_result", "display_data"]


def test_text_is_never_markup(notebook):
    (html,) = kept(notebook.cells[2])
    read = Read(html)
    assert read.tags <= TAGS
    assert read.text.count("<script>window.hacked=1") == 3  # type and id are cut short
    assert EVIL in read.text
    assert "a\u2400b\u241b[31m\u2039U+202E\u203aevil\u2039U+200B\u203a\u2421" in read.text


def test_it_is_bounded_and_keeps_the_newest(notebook):
    (html,) = kept(notebook.cells[3])
    assert 200_000 < len(html.encode()) <= 256 * 1024
    text = Read(html).text
    assert "  499 <&\u65e5" in text
    assert "(10,004 characters)" in text


def test_how_many_is_an_option_and_0_keeps_nothing(notebook):
    assert kept(notebook.cells[4]) == []
    assert all("text/html" not in o.data for o in notebook.cells[4].outputs)
    (html,) = kept(notebook.cells[5])
    assert [n for n in range(1, 601) if f"number {n};" in html] == [598, 599, 600]


def test_a_stream_that_is_still_live_is_kept_too(notebook):
    (html,) = kept(notebook.cells[6])
    text = Read(html).text
    assert "Open when this was written" in text
    assert "first" in text
    assert "second" in text


def test_a_failure_says_why_and_no_secret(notebook):
    (html,) = kept(notebook.cells[8])
    text = Read(html).text
    assert "Failed" in text
    assert "404 Not Found" in text
    assert "token=***" in text
    assert "hunter2" not in str(notebook.cells[8].outputs)


def test_stopping_writes_it(notebook):
    (html,) = kept(notebook.cells[9])
    text = Read(html).text
    assert "Closed" in text
    assert "You stopped it." in text
    assert "kept" in text


def test_a_stream_that_ended_too_early_is_a_warning(notebook):
    (html,) = kept(notebook.cells[-2])
    text = Read(html).text
    assert "Warning: The stream ended before the event came that stop_when= waits for." in text
    assert "kept" in text


def test_what_was_cleared_goes(notebook):
    (html,) = kept(notebook.cells[12])
    assert "<pre" not in html
    assert "2 events received" in html


def test_a_closed_stream_is_shown_as_its_text(notebook):
    (output,) = notebook.cells[14].outputs
    assert list(output.data) == ["text/plain"]
    assert "closed" in output.data["text/plain"]


def test_nbconvert_shows_it_once_and_sanitized_too(notebook):
    notebook = copy.deepcopy(notebook)
    del notebook.metadata["widgets"]  # front ends do not save the state of widgets
    for sanitize in (False, True):
        page, _ = HTMLExporter(sanitize_html=sanitize).from_notebook_node(notebook)
        assert page.count("number 600;") == 2  # of 500 and of 3
        assert "&lt;SSEStream" in page  # where nothing is kept, the text says what was there
        assert page.count("&lt;SSEStream") == 2  # and of the closed one
        assert "<script>window.hacked" not in page


@pytest.mark.parametrize(
    ("value", "error"), [(-1, ValueError), (True, TypeError), (1.5, TypeError), ("9", TypeError)]
)
def test_other_values_are_refused(value, error):
    with pytest.raises(error, match="save_events"):
        SSEStream.replay(b"", save_events=value)


def test_without_a_notebook_there_is_no_output():
    stream = SSEStream.replay(b"data: x\n\n", speed=math.inf)
    bundle = stream._repr_mimebundle_()
    assert "text/html" not in bundle[0]
    stream.close()
