"""The package as it was installed: it has its page, and a notebook shows a log with it."""

from __future__ import annotations

from importlib.metadata import version

import nbformat
from nbclient import NotebookClient

import sse_widget
from sse_widget import SSECapture, SSEStream

SHOW = """
import math
from sse_widget import SSEStream
stream = SSEStream.replay(b"event: trade\\ndata: first\\n\\n", speed=math.inf)
stream
"""


def test_the_page_is_there(tmp_path):
    stream = SSEStream.replay(b"data: a\n\n")
    capture = SSECapture(["http://127.0.0.1:1/"], to=tmp_path)
    for widget in (stream, capture):
        state = widget.get_state()
        assert len(state["_esm"]) > 10_000
        assert ".sse-widget" in state["_css"]
        widget.close()


def test_a_notebook_shows_a_log():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SHOW)])
    NotebookClient(notebook, timeout=300, startup_timeout=300, kernel_name="python3").execute()
    shown, saved = notebook.cells[0].outputs
    view = shown["data"]["application/vnd.jupyter.widget-view+json"]
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    state = states[view["model_id"]]
    assert state["model_module"] == "anywidget"
    _, _, files = state["state"]["_page_files"].partition("IPY_MODEL_")
    assert len(states[files]["state"]["files"]["widget.js"]) > 10_000
    assert "first" in saved["data"]["text/html"]


def test_it_says_its_version():
    assert version("sse-widget") == sse_widget.__version__
