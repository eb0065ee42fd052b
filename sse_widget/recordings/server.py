"""A capture as an event stream again, on loopback, for `sse-widget replay`.

Each client gets the events as they were recorded, at their pace, from the beginning or after the id it
names; then the stream ends for good. It needs nothing but the standard library, reads some thousand rows
at a time and writes nothing.
"""

from __future__ import annotations

import functools
import io
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..basics import asks_loopback
from ..errors import message_of
from ..runtime import quiet_thread
from ..storage import Dataset
from ..visible import visible_name
from .sse_file import write_events


class CaptureServer:
    """Serves the streams of a capture, one at `/events?stream=NAME`; the only one at `/events`.

    Args:
        dataset: the capture.
        port: 0 for a free one.
        speed: how much faster than recorded; `math.inf` is at once.

    Raises:
        OSError: the port cannot be used.
        CaptureError: the capture cannot be read.
    """

    def __init__(self, dataset: Dataset, port: int = 0, speed: float = 1.0) -> None:
        self.dataset = dataset
        self.speed = speed
        self.over = threading.Event()
        self.streams = {name: p.seq for name, p in dataset.streams().items() if p.seq}
        handler = functools.partial(_Handler, self)
        self._server = _Server(("127.0.0.1", port), handler)
        self._thread = quiet_thread(self._server.serve_forever, "sse-widget replay")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def url_of(self, stream: str) -> str:
        if len(self.streams) == 1:
            return f"{self.url}/events"
        return f"{self.url}/events?stream={quote(stream, safe='')}"

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # ------------------------------------------------------------------ what is sent

    def after(self, stream: str, last_id: str) -> int:
        """The number of the first event after the one with this id; 0 where there is none."""
        if not last_id:
            return 0
        found = None
        for table in self.dataset.tables(stream, columns=["seq", "last_event_id"]):
            seqs = table["seq"].filter(pc.equal(table["last_event_id"], last_id))
            if len(seqs):
                found = int(seqs[-1].as_py())
        if found is not None:
            return found + 1
        # Streams without ids of their own are sent with their numbers.
        # A number has 18 digits at the most here, and int() refuses one of more than 4,300.
        own = last_id.isascii() and last_id.isdigit() and len(last_id) <= 18
        return int(last_id) + 1 if own else 0

    def pieces(self, stream: str, start: int) -> Iterator[bytes]:
        """The events from this number on, those that came together in one piece, each when it is
        due."""
        began = time.monotonic()
        first_at: int | None = None
        due = 0.0
        for table in self._tables(stream, start):
            at = table["received_at"].cast(pa.int64()).to_numpy()
            ends = [*(np.flatnonzero(at[1:] != at[:-1]) + 1).tolist(), len(at)]
            begin = 0
            for end in ends:
                first_at = int(at[begin]) if first_at is None else first_at
                # A clock that was set back waits.
                due = max(due, (int(at[begin]) - first_at) / 1e6 / self.speed)
                if self.over.wait(max(began + due - time.monotonic(), 0)):
                    return
                file = io.BytesIO()
                write_events(table.slice(begin, end - begin), file)
                # A client that reads slowly keeps this thread, and with it what its allocator kept.
                pa.default_memory_pool().release_unused()
                yield file.getvalue()
                begin = end

    def _tables(self, stream: str, start: int) -> Iterator[pa.Table]:
        # A mebibyte at a time: a reader that is slow holds as much, and there may be many.
        for table in self.dataset.tables(stream, start, self.streams[stream]):
            if not pc.any(table["has_id"]).as_py():
                ids = table["last_event_id"]
                if not pc.any(pc.not_equal(ids, "")).as_py():
                    ids = table["seq"].cast(ids.type)
                at = table.schema.get_field_index("last_event_id")
                table = table.set_column(at, "last_event_id", ids)
            yield table


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A request that failed is told in a line; the standard library prints a traceback."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):  # else the client has gone
            print(f"sse-widget: a request failed: {message_of(error)}", file=sys.stderr)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sse-widget"

    def __init__(self, capture: CaptureServer, *of_server: Any) -> None:
        self._capture = capture  # first: the request is answered as this object is made
        super().__init__(*of_server)

    def do_GET(self) -> None:
        if not asks_loopback(self.headers.get("Host", "")):
            self._say(403, "This is for this machine only.\n")
            return
        try:
            parts = urlsplit(self.path)
        except ValueError:
            self._say(400, "This is no path.\n")
            return
        streams = self._capture.streams
        asked = parse_qs(parts.query).get("stream", [*streams][:1] if len(streams) == 1 else [""])
        if parts.path != "/events":
            # Read in a terminal, by curl.
            lines = [
                f"{self._capture.url_of(s)}  {n} events of {visible_name(s)}\n"
                for s, n in streams.items()
            ]
            self._say(200 if parts.path == "/" else 404, "".join(lines))
        elif asked[0] not in streams:
            self._say(404, "Name one of the streams that / lists: /events?stream=NAME\n")
        else:
            self._stream(asked[0])

    def _stream(self, stream: str) -> None:
        last_id = self.headers.get("Last-Event-ID", "").encode("latin-1").decode("utf-8", "replace")
        start = self._capture.after(stream, last_id)
        if start >= self._capture.streams[stream]:
            self.send_response(204)  # all was sent: do not come again
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for piece in self._capture.pieces(stream, start):
                self.wfile.write(piece)
        except OSError:
            pass  # the client has gone

    def _say(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass
