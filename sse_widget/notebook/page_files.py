"""PageFiles: the files of the page as a model of their own, which a kernel sends once, however many widgets it has.

Each widget then brings a small script, `loader.js`, which takes the files from this model, or asks for them where
the page cannot reach it. Where a host may not share models between widgets, every widget brings all of its files
itself. It knows nothing of streams.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import threading
from typing import Any

import ipywidgets
from traitlets import Dict

from .assets import NOT_BUILT, built
from .host import kernel, marimo

_NAMES = ("widget.js", "capture.js", "widget.css")
_lock = threading.Lock()
_shared: PageFiles | None = None


class PageFiles(ipywidgets.Widget):  # type: ignore[misc]
    """The files of the page, by name. No page can write them."""

    files = Dict().tag(sync=True)

    def __repr__(self) -> str:
        return f"<PageFiles {', '.join(self.files)}>"

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """A page wrote to it: nothing changes, and no other page is told."""


@functools.cache
def page_files() -> dict[str, str]:
    """The text of each file; "" for what was not built."""
    return {name: built(name) for name in _NAMES}


def brought_by_widget(script: str) -> tuple[str, str, PageFiles | None]:
    """What a widget brings that this script draws: a script and a style, and the model that has the files, where
    this kernel sends them once."""
    files = _shared_files()
    if files is not None and (source := _loader(script)):
        return source, "", files
    texts = page_files()
    return texts[script] or NOT_BUILT, texts["widget.css"], None


@functools.cache
def _loader(script: str) -> str:
    """What takes this script from the model; "" where none was built."""
    text, texts = built("loader.js"), page_files()
    key = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:16]
    wanted = json.dumps({"script": script, "key": key})
    return f"const sse = {wanted};\n{text}" if text and texts[script] else ""


def _shared_files() -> PageFiles | None:
    """The model that has the files of this kernel's page; None where each widget brings its own."""
    global _shared
    # Colab and marimo show each widget by itself; others are no ipykernel.
    if kernel() is None or "google.colab" in sys.modules or marimo() is not None:
        return None
    with _lock:
        # `Widget.close_all` closed it, and all that had it.
        if _shared is None or _shared.comm is None:
            _shared = PageFiles(files=page_files())
        return _shared
