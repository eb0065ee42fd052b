"""The files of the page: the scripts and styles that the build put into `sse_widget/static`.

It reads files of this package and nothing else.
"""

from __future__ import annotations

import functools
from pathlib import Path

STATIC = Path(__file__).parents[1] / "static"
NOT_BUILT = """export default { render({ el }) {
  el.textContent = "sse-widget: the page is not built. Run `make install` in the checkout, then restart the kernel.";
} };"""


def built(name: str) -> str:
    """The text of a file of the page; "" in a checkout that was not built.

    Text, not a path: anywidget watches a path, and what watches it holds every widget for ever.
    """
    file = STATIC / name
    # A single line could be a path too, as anywidget reads it.
    return f"{file.read_text(encoding='utf-8')}\n" if file.exists() else ""


# What stands in widget.js between the log and the widget of one stream (`js/build.mjs` writes it).
_SEAM = "\n/* the log ends here */\n"


@functools.cache
def log_script() -> str:
    """The log of one stream as a script that hands its maker to `give`; "" where none was built."""
    log, seam, _ = built("widget.js").partition(_SEAM)
    return f"{log}\ngive(sseLog.makeLog);" if seam else ""
