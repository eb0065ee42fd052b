"""A real kernel without a front end: cells are run by their ids, as JupyterLab does, and what they print
comes back."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from jupyter_client.manager import start_new_kernel

__all__ = ["Kernel", "kernel"]


class Kernel:
    """Runs cells, and speaks for their pages."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.comms: list[str] = []  # of the widgets with a page, in the order they were made
        self.states: list[str] = []  # what each model began with, as JSON

    def run(self, code: str, cell: str = "some cell") -> str:
        """Run a cell; what it prints."""
        content = {"code": code, "silent": False, "store_history": True, "stop_on_error": True}
        return self._ask("execute_request", content, {"cellId": cell})

    def say(self, comm: str, content: dict[str, Any]) -> None:
        """A custom message of a page."""
        data = {"method": "custom", "content": content}
        self._ask("comm_msg", {"comm_id": comm, "data": data}, {})

    def _ask(self, kind: str, content: dict[str, Any], metadata: dict[str, Any]) -> str:
        message = self._client.session.msg(kind, content, metadata=metadata)
        self._client.shell_channel.send(message)
        printed = ""
        while True:
            heard = self._client.get_iopub_msg(timeout=300)
            said = heard["content"]
            assert heard["msg_type"] != "error", "\n".join(said["traceback"])
            if heard["msg_type"] == "stream":
                printed += said["text"]
            if heard["msg_type"] == "comm_open":
                state = said["data"].get("state", {})
                self.states.append(json.dumps(state))
                if "_esm" in state:
                    self.comms.append(said["comm_id"])
            mine = heard["parent_header"].get("msg_id") == message["header"]["msg_id"]
            if mine and said.get("execution_state") == "idle":
                return printed


@contextlib.contextmanager
def kernel() -> Iterator[Kernel]:
    """A kernel that is gone afterwards."""
    manager, client = start_new_kernel(startup_timeout=300)
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
