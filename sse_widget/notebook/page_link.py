"""PageLink: how a widget sends to its pages, and hands what they send to the loop, which answers.

The handler of a page's message runs on whatever thread the kernel answers it, and only posts to the
background loop. It knows no message but an acknowledgement and the files of the page, and decides nothing about
when something is sent.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Sequence

from .host import came_by_subshell, reruns_on_change
from .messages import FilesMessage
from .page_files import page_files
from .page_requests import REQUESTS
from .subshell_sender import SubshellSender
from .synced_widget import SyncedWidget
from .wire import Buffer, Message


class PageLink:
    """The way between one widget and its pages.

    Args:
        widget: whose comm it is.
        answer: called on the background loop with each message of a page.

    Attributes:
        session: names this object, so that a page knows a restarted kernel.
        ack: how a page acknowledges: by a "message", or a "trait", which is cheaper, until one such
            came by a way that a cell holds up.
    """

    def __init__(self, widget: SyncedWidget, answer: Callable[[Message], object]) -> None:
        self._widget = widget
        self._answer = answer
        self._sender = SubshellSender()
        self.session = uuid.uuid4().hex
        self.ack = "message" if reruns_on_change() else "trait"

    @property
    def past_cells(self) -> bool:
        """Whether a page's message came by a subshell, as JupyterLab's do. Its pages hear at any time of what
        is written into the notebook; other hosts may pass on only what a cell says while it runs."""
        return self._sender.past_cells

    def send(self, content: Message, buffers: Sequence[Buffer]) -> None:
        """Send to all pages. Nothing is sent where the comm was closed meanwhile, by the user or a kernel
        that goes down; and a message that cannot be sent raises nothing: the page finds the hole in the
        numbers."""
        comm = self._widget.comm
        if comm is not None:
            with contextlib.suppress(Exception):
                self._sender.send(comm, self._widget.send, content, buffers)

    def acknowledged(self) -> None:
        """A page acknowledged by its trait: called in the handler of that.

        ipywidgets holds a page's next change of any trait back until the one before it was answered. Where
        that waits for the cell that runs, a filter set meanwhile would come after the cells that wait too.
        """
        if self.ack == "trait" and came_by_subshell() is False:
            self.ack = "message"
            settings = self._widget.get_state("_settings")["_settings"]
            self._widget.set_trait("_settings", {**settings, "ack": self.ack})

    def on_message(self, _: object, content: object, __: object) -> None:
        """A page sent a message: the handler for `on_msg`.

        `page_requests` says when it is answered, and what this waits for.
        """
        self._sender.note()
        REQUESTS.post(self._widget, content, self._sender.answering(self._answer_page))

    def _answer_page(self, content: Message) -> None:
        if content.get("kind") == "files":
            files: FilesMessage = {"kind": "files", "files": page_files()}
            self.send({**files}, [])
        else:
            self._answer(content)
