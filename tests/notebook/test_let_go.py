"""Whoever held a widget lets it go: after `close()`, and when the cell that made it runs again.

anywidget, the registry and the comm of ipywidgets, IPython's `Out` and `_`, threads, timers, the disk: each
has kept one alive, and with it all that it had received.
"""

from __future__ import annotations

import asyncio
import gc
import weakref

import ipywidgets
import pytest

from sse_widget import SSECapture, SSEStream

from ..helpers.kernel import Kernel, kernel
from ..helpers.many import until
from ..helpers.scripted import Server

SECONDS = 20


@pytest.fixture(scope="module")
def url():
    with Server(lambda peer: (peer.stream("id: 1\ndata: a\n\n"), peer.hold())) as server:
        yield server.url


def freed(widget: weakref.ref) -> None:
    """It is gone, as soon as threads and the loop have done the last they were told to."""
    until(lambda: gc.collect() < 0 or widget() is None, SECONDS)


# ---------------------------------------------------------------------- without a notebook


def _observe(stream):
    stream.observe(lambda change: None, "status")
    stream.observe(lambda change: None)


def _call_back(stream):
    stream.on("message")(lambda event: stream.df)
    stream.every(0.01)(lambda frame: stream.df)


def _analyse(stream):
    stream.columns = ["a"]
    stream.plot("a", by="b")
    stream.text("a")
    return stream.df, stream.view_df, stream.to_dataframe(json=True)


async def _iterate(stream):
    async for _ in stream:
        return


USES = {
    "nothing": lambda stream: None,
    "shown": lambda stream: stream._repr_mimebundle_(),
    "observed": _observe,
    "called back": _call_back,
    "analysed": _analyse,
    "read in a loop": lambda stream: asyncio.run(_iterate(stream)),
    "stopped and started": lambda stream: (stream.stop(), stream.start()),
}


@pytest.mark.parametrize("captured", [False, True], ids=["", "captured"])
@pytest.mark.parametrize("use", USES)
def test_a_closed_stream_is_freed(url, tmp_path, use, captured):
    def used() -> weakref.ref:
        stream = SSEStream(url, **({"capture": tmp_path} if captured else {}))
        asyncio.run(stream.until(timeout=SECONDS))
        USES[use](stream)
        stream.close()
        return weakref.ref(stream)

    freed(used())


def test_a_closed_capture_is_freed(url, tmp_path):
    def used() -> weakref.ref:
        capture = SSECapture([url], to=tmp_path)
        asyncio.run(capture.until(lambda stats: stats.received, timeout=SECONDS))
        capture._repr_mimebundle_()
        assert len(capture.streams) == 1
        assert len(capture[url].df) <= 1
        capture.close()
        return weakref.ref(capture)

    freed(used())


@pytest.mark.parametrize("captured", [False, True])
def test_the_layout_that_was_made_for_a_widget_is_closed_with_it(url, tmp_path, captured):
    widget = SSECapture([url], to=tmp_path) if captured else SSEStream(url)
    layout = widget.layout
    assert layout.comm is not None
    widget.close()
    assert layout.comm is None
    assert widget.layout is layout
    layout.height = "300px"  # it can be read and set, and nobody is told


def test_a_layout_of_the_user_or_of_another_widget_stays(url):
    own = ipywidgets.Layout(height="300px")
    SSEStream(url, layout=own).close()
    assert own.comm is not None
    stream = SSEStream(url)
    box = ipywidgets.VBox([stream], layout=stream.layout)
    stream.close()
    assert box.layout.comm is not None
    box.close()
    box.layout.close()
    own.close()


# ---------------------------------------------------------------------- in a notebook

BEGIN = """
import gc, tempfile, time, weakref
from sse_widget import SSECapture, SSEStream
made = []
def note(widget):
    made.append(weakref.ref(widget))
    return widget
def living(*expected, collect=False):
    # As soon as threads and the loop have done the last they were told to; no cycle is collected meanwhile.
    gc.disable()
    end = time.monotonic() + 20
    while True:
        if collect:
            gc.collect()
        found = [ref() is not None for ref in made]
        if found == list(expected) or time.monotonic() > end:
            gc.enable()
            return found
        time.sleep(0.01)
def logs(expected):
    end = time.monotonic() + 20
    while True:
        gc.collect()
        found = sum(type(thing).__name__ == "StreamLog" for thing in gc.get_objects())
        if found == expected or time.monotonic() > end:
            return found
        time.sleep(0.01)
"""
STREAM = "stream = note(SSEStream({url!r})); await stream.until(timeout=20)"
CAPTURE = """
capture = note(SSECapture({{"one": {url!r}}}, to=tempfile.mkdtemp()))
await capture.until(lambda stats: stats.received, timeout=20)
"""


@pytest.fixture(scope="module")
def process():
    with kernel() as running:
        yield running


@pytest.fixture
def notebook(process) -> Kernel:
    process.run(f"%reset -f\n{BEGIN}")
    return process


def test_what_was_shown_and_closed_is_freed(notebook, url):
    notebook.run(STREAM.format(url=url) + "\nstream", "1")
    notebook.run("stream", "2")
    notebook.run(CAPTURE.format(url=url) + "\ncapture", "3")
    notebook.run("stream.close(); capture.close(); del stream, capture", "4")
    assert notebook.run("print(living(False, False, collect=True))", "5") == "[False, False]\n"


def test_the_log_of_a_selected_stream_is_freed_with_the_selection(notebook, url):
    notebook.run(CAPTURE.format(url=url) + "\ncapture", "1")
    page = notebook.comms[-1]
    notebook.say(page, {"kind": "hello", "page": "p"})
    notebook.say(page, {"kind": "select", "name": "one"})
    assert notebook.run("print(logs(1))") == "1\n"
    notebook.say(page, {"kind": "select", "name": None})
    assert notebook.run("print(logs(0))") == "0\n"
    notebook.say(page, {"kind": "select", "name": "one"})
    notebook.run("capture.close(); del capture", "2")
    assert notebook.run("print(logs(0), living(False, collect=True))", "3") == "0 [False]\n"


@pytest.mark.parametrize("make", [STREAM + "\nstream", CAPTURE + "\ncapture"])
def test_a_cell_that_runs_again_lets_go_of_what_it_made(notebook, url, make):
    for _ in range(3):
        notebook.run(make.format(url=url), "1")
    # Without a collection of the notebook's own.
    assert notebook.run("print(living(False, False, True))", "2") == "[False, False, True]\n"


def test_a_stream_and_a_capture_replace_each_other(notebook, url):
    notebook.run(STREAM.format(url=url) + "\nstream", "1")
    notebook.run(CAPTURE.format(url=url) + "\ndel stream", "1")
    assert notebook.run("print(living(False, True))", "2") == "[False, True]\n"


def test_what_has_a_name_goes_on(notebook, url):
    notebook.run(STREAM.format(url=url) + "\nstream", "1")
    notebook.run("kept = stream", "2")
    notebook.run(STREAM.format(url=url) + "\nstream", "1")
    told = "print(living(True, True), str(kept.status.state), len(kept.df), kept is stream)"
    assert notebook.run(told, "3") == "[True, True] closed 1 False\n"
    # It is started, shown and stopped by its page, as any other.
    notebook.run("kept.start(); kept", "4")
    shown = notebook.comms[-2]
    notebook.say(shown, {"kind": "stop"})
    notebook.run("await kept.wait_closed()", "5")
    notebook.run("kept.close(); del kept", "6")
    assert notebook.run("print(living(False, True, collect=True))", "7") == "[False, True]\n"


def test_a_view_in_another_cell_keeps_it_until_that_runs_again(notebook, url):
    notebook.run(STREAM.format(url=url), "make")
    notebook.run("stream", "show")
    notebook.run(STREAM.format(url=url), "make")
    assert notebook.run("gc.collect(); print(living(True, True))", "2") == "[True, True]\n"
    notebook.run("stream", "show")
    assert notebook.run("print(living(False, True))", "2") == "[False, True]\n"


def test_other_outputs_are_left_alone(notebook, url):
    notebook.run("mine = [1]\nmine", "1")
    notebook.run(STREAM.format(url=url) + "\nstream", "2")
    notebook.run("number = max(Out); stream.close()", "3")
    assert notebook.run("print([1] in Out.values(), number in Out, _)", "4") == "True False \n"
    notebook.run("7", "5")
    assert notebook.run("print(_)", "6") == "7\n"
