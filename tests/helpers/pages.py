"""What a page would say to a widget, hear of it, and find in a saved notebook."""

from __future__ import annotations

import asyncio
import contextlib
import queue

import pytest
from IPython.core.formatters import DisplayFormatter

from sse_widget.notebook import snapshot_writer


def say(widget, content):
    """A page sends a message on the comm."""
    data = {"method": "custom", "content": content}
    # Past the comm: that of ipykernel 6 hands on nothing outside of a kernel.
    widget._handle_msg({"content": {"data": data}, "buffers": []})  # noqa: SLF001


def answer(widget, content, kind):
    """The first message of this kind that is sent once a page has sent this one."""
    sent = queue.Queue()
    send = widget.send
    widget.send = lambda content, buffers=None: sent.put(content)
    try:
        say(widget, content)
        while (message := sent.get(timeout=20))["kind"] != kind:
            pass
        return message
    finally:
        widget.send = send


def head(stream):
    """What a page of a stream is told when it comes: status, counters, types, gaps."""
    return answer(stream, {"kind": "hello", "page": "p"}, "hello")


def overview(capture):
    """What a page of a capture is told when it comes: all rows, and the totals."""
    return answer(capture, {"kind": "hello", "page": "p"}, "overview")


class _Output:
    """Stands in for an output of a notebook."""

    written = ""

    @staticmethod
    def possible():
        return True

    def place(self):
        pass

    def show(self, html):
        _Output.written = html

    update = show


def saved_copy(stream):
    """What a saved notebook would hold of a stream that was shown, as HTML."""
    _Output.written = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot_writer, "Output", _Output)
        patch.setattr(snapshot_writer, "on_cell_end", lambda fn: lambda: None)
        DisplayFormatter().format(stream)
        stream.save_events = stream.save_events
    return _Output.written


def finished(capture, seconds=120.0):
    """Wait until every stream of a capture has ended by itself."""
    with contextlib.suppress(TimeoutError):
        asyncio.run(capture.until(lambda stats: False, timeout=seconds))
    assert not capture.running
