"""Metrics of a recorder for Prometheus, and its health, over HTTP.

Numbers are read when a request asks for them. The sums over all streams have no label; the first streams of the
list have series of their own, labelled by name, so that the number of series is bounded whatever the list is.
Alerts are left to Prometheus. prometheus_client is imported when a server is made.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .._version import __version__
from ..basics import asks_loopback, is_loopback
from ..capture import SSECapture
from ..errors import message_of
from ..runtime import quiet_thread
from .bounded_server import BoundedServer
from .health import health_of

if TYPE_CHECKING:
    import pandas as pd
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

    Family = TypeVar("Family", CounterMetricFamily, GaugeMetricFamily)

# Streams that have series of their own: some ten thousand samples in one scrape.
MOST_LABELLED = 1_000
# Seconds that the size of a capture is believed: a walk through a folder of months takes a while.
_SIZE_S = 60.0

# name -> (column of SSECapture.streams, what it counts). Each begins at 0 with this process.
_COUNTERS = {
    "events_received": ("received", "Events that came"),
    "events_written": ("written", "Events that came and are on disk"),
    "bytes_received": ("bytes", "Bytes that came"),
    "connections": ("connects", "Connections made"),
    "gaps": ("gaps", "Places where events may be missing"),
    "duplicates": ("duplicates", "Events that came again and were dropped"),
    "oversize": ("oversize", "Events too large to be kept"),
}
# name -> (the field of CaptureStats and column of SSECapture.streams, what it is)
_GAUGES = {
    "events_per_second": ("rate", "Events a second over the last five seconds"),
    "lag_seconds": ("lag", "How long the oldest event waits that is not on disk"),
}
# Of these the columns hold what earlier runs had too: as a counter that would be a jump at every start.
_WITH_EARLIER = ("received", "written")


class MetricsServer:
    """Serves `/metrics` and `/healthz`.

    Args:
        host: the address to listen at.
        port: 0 for a free one.
        capture: gives the capture as it is now.

    Raises:
        ModuleNotFoundError: prometheus_client is not installed; the message says what to install.
        OSError: the port cannot be used.
    """

    def __init__(self, host: str, port: int, capture: Callable[[], SSECapture]) -> None:
        try:
            from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"--metrics needs {error.name}: pip install 'sse-widget[metrics]'", name=error.name
            ) from None
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Streams(capture))
        ProcessCollector(registry=registry)
        self._begun = time.monotonic()
        self._capture = capture
        self._metrics = make_wsgi_app(registry)
        self._is_for_here = is_loopback(host)
        self._server = BoundedServer((host, port), self._answer)
        self._thread = quiet_thread(self._server.serve_forever, "sse-widget metrics")
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        host, port = self._server.server_address[:2]
        host = host.decode() if isinstance(host, bytes) else host
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return self._respond(environ, start)
        except (
            Exception
        ) as e:  # told to the client: a traceback would stand in the log of the recorder
            return _say(start, "500 Internal Server Error", f"{message_of(e)}\n")

    def _respond(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if self._is_for_here and not asks_loopback(environ.get("HTTP_HOST", "")):
            return _say(start, "403 Forbidden", "This is for this machine only.\n")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _say(start, "405 Method Not Allowed", "Ask with GET.\n")
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            found: Iterable[bytes] = self._metrics(environ, start)
            return found
        if path == "/healthz":
            health = health_of(self._capture(), self._begun)
            status = "503 Service Unavailable" if health.reasons else "200 OK"
            return _say(start, status, f"{json.dumps(health.as_json())}\n", "application/json")
        return _say(start, "404 Not Found", "There are /metrics and /healthz.\n")


def _say(
    start: Callable[..., Any], status: str, text: str, kind: str = "text/plain"
) -> Iterable[bytes]:
    body = text.encode()
    start(
        status,
        [
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ],
    )
    return [body]


# ---------------------------------------------------------------------- the numbers


class _Streams:
    """Reads a capture for prometheus_client.

    Args:
        capture: gives it as it is now.
    """

    def __init__(self, capture: Callable[[], SSECapture]) -> None:
        self._capture = capture
        self._totals = {name: _Total() for name in _COUNTERS}
        self._lock = threading.Lock()
        self._begun, self._found = -1.0, list[Any]()
        self._size = (0, 0)
        self._size_of, self._size_due = "", 0.0

    def collect(self) -> list[Metric]:
        """All metrics as they are now. Those who ask while others are waiting for an answer share the next one: reading
        many streams takes a while, which the streams would miss."""
        asked = time.monotonic()
        with self._lock:
            if self._begun < asked:
                self._begun = time.monotonic()
                self._found = list(self._read())
            return self._found

    def _read(self) -> Iterator[Metric]:
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            InfoMetricFamily,
        )

        capture = self._capture()
        stats, rows = capture.stats, capture.streams
        yield InfoMetricFamily("sse_widget", "The recorder", value={"version": __version__})
        states = GaugeMetricFamily("sse_widget_streams", "Streams, by state", labels=["state"])
        for state, count in rows["state"].value_counts().items():
            states.add_metric([str(state)], count)
        yield states
        shown = rows.iloc[:MOST_LABELLED]
        yield GaugeMetricFamily(
            "sse_widget_streams_unlabelled",
            "Streams without series of their own",
            value=len(rows) - len(shown),
        )
        for name, (source, text) in _COUNTERS.items():
            counts = rows[source]
            if source in _WITH_EARLIER:
                counts = (counts - rows["earlier"]).clip(lower=0)
            total = self._totals[name].of(counts)
            yield CounterMetricFamily(f"sse_widget_{name}", f"{text}, of all streams", value=total)
            yield _labelled(
                CounterMetricFamily(f"sse_widget_stream_{name}", text, labels=["stream"]),
                counts.iloc[:MOST_LABELLED],
            )
        for name, (source, text) in _GAUGES.items():
            value = getattr(stats, source)
            yield GaugeMetricFamily(f"sse_widget_{name}", f"{text}, of all streams", value=value)
            yield _labelled(
                GaugeMetricFamily(f"sse_widget_stream_{name}", text, labels=["stream"]),
                shown[source],
            )
        yield _labelled(
            GaugeMetricFamily(
                "sse_widget_stream_up", "Whether it has a connection", labels=["stream"]
            ),
            shown["state"].isin(["open", "quiet"]),
        )
        yield _labelled(
            GaugeMetricFamily(
                "sse_widget_stream_last_event_timestamp_seconds",
                "When the latest event came, seconds since 1970; none where none came",
                labels=["stream"],
            ),
            shown["last_event_at"].dropna().map(lambda at: at.timestamp()),
        )
        yield GaugeMetricFamily(
            "sse_widget_trouble",
            "Whether something keeps the capture as a whole from its work, such as a full disk",
            value=float(bool(capture.trouble)),
        )
        for name, text, value in self._disk(capture.to):
            yield GaugeMetricFamily(f"sse_widget_{name}", text, value=value)

    def _disk(self, to: str) -> Iterator[tuple[str, str, int]]:
        """Of a capture in a folder: its files, their bytes, and the room that is left."""
        folder = Path(to).expanduser()
        if "://" in to or not folder.is_dir():
            return
        now = time.monotonic()
        if now >= self._size_due or to != self._size_of:
            self._size, self._size_of, self._size_due = _size(folder), to, now + _SIZE_S
        files, size = self._size
        yield "capture_files", "Files of the capture", files
        yield "capture_bytes", "Bytes of the capture on disk, of all its streams", size
        with contextlib.suppress(OSError):
            yield "disk_free_bytes", "Bytes that are free there", shutil.disk_usage(folder).free


def _labelled(family: Family, values: pd.Series[Any]) -> Family:
    """The family with one sample a stream."""
    for stream, value in values.items():
        family.add_metric([str(stream)], float(value))
    return family


class _Total:
    """The sum of a counter over all streams, that never falls: not where a stream goes, and not where one
    begins to count anew."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._known: dict[str, float] = {}

    def of(self, counts: pd.Series[Any]) -> float:
        """With what came since the last look. A stream that is gone is forgotten: if it comes again it counts from 0."""
        known = self._known
        self._known = {str(stream): float(value) for stream, value in counts.items()}
        for stream, value in self._known.items():
            before = known.get(stream, 0.0)
            self._sum += value - before if value >= before else value
        return self._sum


def _size(folder: Path) -> tuple[int, int]:
    """Files below a folder and their bytes; no link is followed."""
    files = size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # it was merged meanwhile
                size += (Path(where) / name).lstat().st_size
                files += 1
    return files, size
