"""Another page on the kernel: what it writes changes nothing that only the kernel writes."""

from __future__ import annotations

import re

import pytest

from sse_widget import EventFilter, SSECapture, SSEStream
from sse_widget.notebook.markup import Html, html, joined, tag

from ..helpers.pages import saved_copy

EVIL = "\"><img src=x onerror=alert(1)><script>alert(2)</script>'&quot;"
PIN = {"seq": 1, "at": 1.5, "type": "t", "id": "", "data": "x", "size": 1, "cut": False}
# What a page can reach of a stream; `layout` is the name of another widget.
KERNELS = [
    "_settings", "_plot", "_esm", "_css", "_page_files", "_anywidget_id", "_model_module",
    "_model_name", "_model_module_version", "_view_module", "_view_name", "_view_module_version",
    "_dom_classes", "layout", "tabbable", "tooltip",
]  # fmt: skip


@pytest.fixture
def stream():
    stream = SSEStream.replay(b"data: x\n\n", speed=float("inf"))
    yield stream
    stream.close()


@pytest.fixture
def capture(tmp_path):
    capture = SSECapture(["http://127.0.0.1:1/"], to=tmp_path / "c")
    yield capture
    capture.close()


@pytest.fixture(params=["stream", "capture"])
def widget(request):
    return request.getfixturevalue(request.param)


def sent(widget, monkeypatch):
    """What the widget tells its pages from now on."""
    told = []
    monkeypatch.setattr(widget.comm, "send", lambda data=None, *_, **__: told.append(data))
    return told


def test_what_is_written_nowhere_but_here_is_tried_here(widget):
    names = set(widget.get_state()) - set(KERNELS) - {"_view_count"}
    assert names <= {"_filter", "_columns", "_pins", "_ack"}


@pytest.mark.parametrize("name", KERNELS)
def test_only_the_kernel_writes(widget, name, monkeypatch):
    before = widget.get_state()
    told = sent(widget, monkeypatch)
    for value in (EVIL, {"url": "u", "session": EVIL}, [EVIL], None, 1):
        widget.set_state({name: value})
    assert widget.get_state() == before
    assert told == []  # no other page hears of it either


@pytest.mark.parametrize(
    "wrote",
    [
        {"_filter": None},
        {"_filter": EVIL},
        {"_filter": {}},
        {"_filter": {"types": 5, "rev": 0, "by": "p"}},
        {"_filter": {"text": 1, "rev": 0, "by": "p"}},
        {"_filter": {"text": "(", "regex": True, "rev": 0, "by": "p"}},
        {"_filter": {"text": "x", "rev": 0, "by": [EVIL]}},
        {"_filter": {"text": "x", "rev": EVIL, "by": "p"}},
        {"_filter": {"text": "x", "rev": 0, "by": "p", "more": EVIL}},
        {"_columns": 5},
        {"_columns": {"paths": [5], "rev": 0, "by": "p"}},
        {"_columns": {"paths": ["a." + "9" * 5000], "rev": 0, "by": "p"}},
        {"_pins": EVIL},
        {"_pins": {"rows": [], "by": "p", "more": EVIL}},
        {"_pins": {"rows": EVIL, "by": "p"}},
        {"_pins": {"rows": [EVIL], "by": "p"}},
        {"_pins": {"rows": [{**PIN, "more": EVIL}], "by": "p"}},
        {"_pins": {"rows": [{**PIN, "data": [EVIL]}], "by": "p"}},
        {"_pins": {"rows": [PIN] * 9, "by": EVIL}},
        {"_ack": [EVIL]},
        {"_ack": {"n": EVIL}},
    ],
)
def test_what_is_no_value_changes_nothing(stream, wrote, monkeypatch):
    before = stream.get_state(["_pins"])
    stream.set_state(wrote)
    assert stream.filter == EventFilter()
    assert stream.get_state(["_pins"]) == before
    # What it would have told other pages is what holds, never what was written.
    told = sent(stream, monkeypatch)
    stream.set_state(wrote)
    assert all(message.get("method") != "echo_update" for message in told if "_filter" in wrote)
    assert EVIL not in str(told)


@pytest.mark.parametrize(
    "wrote",
    [
        {"_filter": {**EventFilter(text="x" * 2**20).to_wire(), "rev": 0, "by": "p"}},
        {"_filter": {**EventFilter(types=map(str, range(10**5))).to_wire(), "rev": 0, "by": "p"}},
        {
            "_filter": {
                **EventFilter(types=["x" * 10_000 + str(n) for n in range(50)]).to_wire(),
                "rev": 0,
                "by": "p",
            }
        },
        {"_columns": {"paths": ["a." * 10**5 + "b"], "rev": 0, "by": "p"}},
        {"_pins": {"rows": [{**PIN, "data": "x" * 2**20}], "by": "p"}},
        {"_ack": {"n": 1, "page": "x" * 2**20}},
    ],
    ids=range(6),
)
def test_what_is_larger_than_any_page_writes_changes_nothing(stream, wrote, monkeypatch):
    """A pattern of a MiB would hold the kernel for ten seconds."""
    before = stream.get_state()
    told = sent(stream, monkeypatch)
    stream.set_state(wrote)
    assert stream.get_state() == before
    assert len(str(told)) < 10_000
    stream.filter = EventFilter(text="x" * 2**16)  # a person's own is as large as it is
    assert len(stream.filter.text) == 2**16


def test_a_page_still_writes_what_is_its_own(stream):
    stream.set_state({"_filter": {**EventFilter(text="x").to_wire(), "rev": 0, "by": "p"}})
    assert stream.filter == EventFilter(text="x")
    stream.set_state({"_pins": {"rows": [PIN], "by": "p"}})
    assert stream.get_state()["_pins"] == {"rows": [PIN], "by": "p"}


@pytest.mark.parametrize("name", ["_settings", "_filter", "_pins", "_ack"])
def test_the_saved_notebook_has_no_markup_of_a_page(stream, name):
    stream.set_state({name: {"url": EVIL, "session": EVIL, "rev": 0, "by": EVIL}})
    saved = saved_copy(stream)
    assert saved
    assert "<img" not in saved
    assert "alert" not in saved


# ---------------------------------------------------------------------- markup by construction


def test_text_never_becomes_markup():
    made = tag("p", EVIL, tag("b", EVIL), html(EVIL, "\x1b"), class_=EVIL, data_x=EVIL)
    assert set(re.findall(r"<(\w+)", made)) == {"p", "b"}
    assert made.count('"') == 4
    assert joined(["<", tag("i", ">")]) == "&lt;\n<i>&gt;</i>"
    assert "\x1b" not in made


def test_markup_that_was_changed_is_text_again():
    bold = tag("b", "x")
    assert html(bold) == "<b>x</b>"
    assert html(bold + EVIL) == html(str(bold)) + html(EVIL)
    assert not isinstance(bold.replace("x", EVIL), Html)


@pytest.mark.parametrize("name", ["", "b onclick", "B", "b>", "1"])
def test_names_are_the_programs_own(name):
    with pytest.raises(ValueError, match="no name"):
        tag(name)
    with pytest.raises(ValueError, match="no name"):
        tag("b", **{name: "x"})
