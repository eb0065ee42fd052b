"""Output: an HTML output beside a cell's own output, which can be written again.

It publishes the HTML that it is given; `snapshot_writer` decides what that is, and when.
"""

from __future__ import annotations

import contextvars
import threading
import uuid

from .host import kernel


class Output:
    """An HTML output beside a cell's own, found again by its display id wherever it was shown."""

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex
        self._context = contextvars.copy_context()

    @staticmethod
    def possible() -> bool:
        """Whether outputs have ids here: a console has none, and other kernels have their own."""
        return hasattr(getattr(kernel(), "shell", None), "display_pub")

    def place(self) -> None:
        """It belongs under the cell that runs; called by that cell."""
        self._context = contextvars.copy_context()

    def show(self, html: str) -> None:
        """Put it where it belongs. Any thread, while that cell runs or as it ends."""
        self._context.copy().run(self._publish, html, update=False)

    def update(self, html: str) -> None:
        """Write it anew. Any thread."""
        if threading.current_thread() is not threading.main_thread():
            # Some front ends drop an update unless it comes in the name of a cell: of the latest
            # one, where that is what the kernel last heard of, else of the one that shows this.
            header = kernel().shell.display_pub.parent_header
            if header.get("msg_type") != "execute_request":
                self._context.copy().run(self._publish, html, update=True)
                return
        self._publish(html, update=True)

    def _publish(self, html: str, *, update: bool) -> None:
        # HTML has JupyterLab load its typesetting, even where there is none yet: a tenth of a second in
        # which the first row of the live log would wait.
        data = {"text/html": html} if html else {"text/plain": ""}
        kernel().shell.display_pub.publish(data, transient={"display_id": self._id}, update=update)
