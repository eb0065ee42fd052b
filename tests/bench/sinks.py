"""The ways in which people show a stream in a notebook today, and ours; executed inside a kernel.

Every peer is read for by a thread of ours and gets each event as its text. Those that can take many
events at once get them every 50 ms, which is kinder than what is found in the wild.
"""

from __future__ import annotations

import asyncio
import html
import importlib.util
import json
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["SINKS", "Sink", "installed"]

_EVERY = 0.05


class Sink:
    """One way to show events.

    Attributes:
        view: what is displayed; None where the text lands in the output by itself.
        write: shows some more events.
        texts: what it shows, event by event.
    """

    every = 0.0

    def __init__(self) -> None:
        self.view: Any = None
        self._over = False
        self._thread: threading.Thread | None = None

    def write(self, texts: list[str]) -> None:
        raise NotImplementedError

    def texts(self) -> list[str]:
        raise NotImplementedError

    def start(self, url: str) -> None:
        """Show the events of this stream."""
        self._thread = threading.Thread(target=self._read, args=(url,), daemon=True)
        self._thread.start()

    def _read(self, url: str) -> None:
        from sse_widget import EventSource

        waiting: list[str] = []
        due = 0.0
        source = EventSource(url, reconnect=False)
        for event in source:
            waiting.append(event.data)
            if time.monotonic() >= due:
                self.write(waiting)
                waiting, due = [], time.monotonic() + self.every
            if self._over:
                source.close()
        if waiting:
            self.write(waiting)

    def wait(self) -> None:
        """Until the stream is over."""
        if self._thread is not None:
            self._thread.join()

    def end(self) -> None:
        self._over = True
        self.wait()
        if self.view is not None:
            self.view.close()


class Ours(Sink):
    def start(self, url: str) -> None:
        from sse_widget import SSEStream

        self.view = SSEStream(url, reconnect=False)

    def wait(self) -> None:
        asyncio.run(asyncio.wait_for(self.view.wait_closed(), 60))

    def texts(self) -> list[str]:
        return list(self.view.df["data"])

    def end(self) -> None:
        self.view.close()


class Output(Sink):
    def __init__(self) -> None:
        super().__init__()
        import ipywidgets

        self.view = ipywidgets.Output(layout={"max_height": "400px", "overflow": "auto"})

    def write(self, texts: list[str]) -> None:
        for text in texts:
            self.view.append_stdout(text + "\n")

    def texts(self) -> list[str]:
        return "".join(part["text"] for part in self.view.outputs).splitlines()


class Print(Sink):
    def __init__(self) -> None:
        super().__init__()
        self._printed: list[str] = []

    def write(self, texts: list[str]) -> None:
        for text in texts:
            print(text)
        self._printed += texts

    def texts(self) -> list[str]:
        return self._printed


class WholeLog(Sink):
    """The whole log as HTML, anew each time."""

    every = _EVERY

    def __init__(self) -> None:
        super().__init__()
        import ipywidgets

        self._lines: list[str] = []
        self.view = ipywidgets.HTML(layout={"max_height": "400px", "overflow": "auto"})

    def write(self, texts: list[str]) -> None:
        self._lines += map(html.escape, texts)
        self.view.value = "<pre>" + "\n".join(self._lines) + "</pre>"

    def texts(self) -> list[str]:
        value: str = self.view.value
        return html.unescape(value.removeprefix("<pre>").removesuffix("</pre>")).splitlines()


class Perspective(Sink):
    every = _EVERY

    def __init__(self) -> None:
        super().__init__()
        import perspective
        from perspective.widget import PerspectiveWidget

        schema = {"n": "integer", "at": "float", "text": "string"}
        self._table = perspective.Server().new_local_client().table(schema, limit=100_000)
        self.view = PerspectiveWidget(self._table)

    def write(self, texts: list[str]) -> None:
        self._table.update([json.loads(text) for text in texts])

    def texts(self) -> list[str]:
        return [json.dumps(row) for row in self._table.view().to_records()]


SINKS: dict[str, Callable[[], Sink]] = {
    "sse-widget": Ours,
    "Output.append_stdout": Output,
    "print": Print,
    "HTML, the whole log each time": WholeLog,
    "PerspectiveWidget": Perspective,
}


def installed() -> list[str]:
    """Those whose package is there."""
    missing = {"PerspectiveWidget"} if importlib.util.find_spec("perspective") is None else set()
    return [name for name in SINKS if name not in missing]
