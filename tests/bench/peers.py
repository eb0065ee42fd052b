"""Every reader of event streams we measure against, made to read chunks of bytes from memory.

Each adapter uses what the package itself uses between the bytes and its events, with nothing of
its network in between. `events` gives its own event objects, `row` says what one of them means; a
peer that is not installed is left out. Imports nothing of the package but its parser.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

__all__ = ["COLUMNS", "NAMES", "OURS", "Peer", "installed"]

Row = tuple[str, str, str]


@dataclass(frozen=True)
class Peer:
    """One reader.

    Attributes:
        name: of its distribution.
        read: reads all chunks to the end in its natural way, and lets go of what came.
        rows: the same, kept as (type, data, last event id).
    """

    name: str
    read: Callable[[list[bytes]], None]
    rows: Callable[[list[bytes]], list[Row]]

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.name)


def _iterating(name: str, events: Callable[[list[bytes]], Iterable[Any]], row: Any) -> Peer:
    def read(chunks: list[bytes]) -> None:
        for _ in events(chunks):
            pass

    return Peer(name, read, lambda chunks: [row(event) for event in events(chunks)])


def _ours() -> Peer:
    from sse_widget.protocol import EventStreamParser

    def read(chunks: list[bytes]) -> None:
        feed = EventStreamParser().feed
        for chunk in chunks:
            for _ in feed(chunk):
                pass

    def rows(chunks: list[bytes]) -> list[Row]:
        feed = EventStreamParser().feed
        return [(e.type, e.data, e.last_event_id) for chunk in chunks for e in feed(chunk)]

    return Peer("sse-widget", read, rows)


def _columns() -> Peer:
    from sse_widget.protocol import EventStreamParser

    def read(chunks: list[bytes]) -> None:
        feed = EventStreamParser().feed
        for chunk in chunks:
            batch = feed(chunk)
            _ = batch.types, batch.data, batch.last_event_ids

    def rows(chunks: list[bytes]) -> list[Row]:
        feed = EventStreamParser().feed
        batches = [feed(chunk) for chunk in chunks]
        return [r for b in batches for r in zip(b.types, b.data, b.last_event_ids, strict=True)]

    return Peer("sse-widget, columns", read, rows)


def _launchdarkly() -> Peer:
    reader = importlib.import_module("ld_eventsource.reader")
    actions = importlib.import_module("ld_eventsource.actions")

    def events(chunks: list[bytes]) -> Iterator[Any]:
        lines = reader._BufferedLineReader.lines_from(chunks)
        return reader._SSEReader(lines).events_and_comments()

    def read(chunks: list[bytes]) -> None:
        for _ in events(chunks):  # comments too
            pass

    def rows(chunks: list[bytes]) -> list[Row]:
        kept = [e for e in events(chunks) if isinstance(e, actions.Event)]
        return [(e.event, e.data, e.last_event_id or "") for e in kept]

    return Peer("launchdarkly-eventsource", read, rows)


def _httpx_sse() -> Peer:
    decoders = importlib.import_module("httpx_sse._decoders")
    text = importlib.import_module("httpx._decoders")

    def events(chunks: list[bytes]) -> Iterator[Any]:
        decode = text.TextDecoder("utf-8").decode
        lines, decoder = decoders.SSELineDecoder(), decoders.SSEDecoder()
        for chunk in chunks:
            for line in lines.decode(decode(chunk)):
                event = decoder.decode(line)
                if event is not None:
                    yield event

    return _iterating("httpx-sse", events, lambda e: (e.event or "message", e.data, e.id))


def _httpx2() -> Peer:
    sse = importlib.import_module("httpx2._sse")
    text = importlib.import_module("httpx2._decoders")

    def events(chunks: list[bytes]) -> Iterator[Any]:
        decode = text.TextDecoder("utf-8").decode
        parser = sse._SSEParser()
        for chunk in chunks:
            yield from parser.decode(decode(chunk))

    return _iterating("httpx2", events, lambda e: (e.event or "message", e.data, e.id))


def _sseclient_py() -> Peer:
    module = importlib.import_module("sseclient")
    return _iterating(
        "sseclient-py",
        lambda chunks: module.SSEClient(iter(chunks)).events(),
        lambda e: (e.event, e.data, e.id or ""),
    )


def _openai() -> Peer:
    module = importlib.import_module("openai._streaming")
    return _iterating(
        "openai",
        lambda chunks: module.SSEDecoder().iter_bytes(iter(chunks)),
        lambda e: (e.event or "message", e.data, e.id or ""),
    )


class _Over(Exception):
    """Raised where a peer would connect again after the last chunk."""


def _requests_sse() -> Peer:
    module = importlib.import_module("requests_sse")
    requests = importlib.import_module("requests")

    class Session:
        def request(self, **_: Any) -> Any:
            raise _Over

    def events(chunks: list[bytes]) -> Iterator[Any]:
        response = requests.Response()
        response.status_code = 200
        response.raw = SimpleNamespace(stream=lambda *_, **__: iter(chunks))
        source = module.EventSource(
            "http://localhost/", session=Session(), reconnection_time=timedelta()
        )
        source._response, source._data_generator = response, response.iter_lines()
        source._origin = ""
        try:
            yield from source
        except _Over:
            return

    return _iterating("requests-sse", events, lambda e: (e.type, e.data, e.last_event_id))


def _aiohttp_sse_client() -> Peer:
    module = importlib.import_module("aiohttp_sse_client.client")
    streams = importlib.import_module("aiohttp.streams")

    class Session:
        async def request(self, *_: Any, **__: Any) -> Any:
            raise _Over

    async def follow(chunks: list[bytes], found: Callable[[Any], None]) -> None:
        protocol = SimpleNamespace(_reading_paused=False, resume_reading=lambda *_, **__: None)
        protocol.pause_reading = protocol.resume_reading
        content = streams.StreamReader(protocol, 2**30, loop=asyncio.get_running_loop())
        for chunk in chunks:
            content.feed_data(chunk)
        content.feed_eof()
        source = module.EventSource(
            "http://localhost/", session=Session(), reconnection_time=timedelta()
        )
        source._response, source._origin = SimpleNamespace(status=200, content=content), ""
        try:
            async for event in source:
                found(event)
        except _Over:
            return

    def read(chunks: list[bytes]) -> None:
        asyncio.run(follow(chunks, lambda _: None))

    def rows(chunks: list[bytes]) -> list[Row]:
        got: list[Any] = []
        asyncio.run(follow(chunks, got.append))
        return [(e.type or "message", e.data, e.last_event_id) for e in got]

    return Peer("aiohttp-sse-client", read, rows)


OURS = _ours()
COLUMNS = _columns()
_PEERS = {
    "launchdarkly-eventsource": _launchdarkly,
    "httpx-sse": _httpx_sse,
    "httpx2": _httpx2,
    "openai": _openai,
    "sseclient-py": _sseclient_py,
    "aiohttp-sse-client": _aiohttp_sse_client,
    "requests-sse": _requests_sse,
}
NAMES = tuple(_PEERS)


def installed() -> list[Peer]:
    """The peers that can be imported here."""
    found = []
    for make in _PEERS.values():
        try:
            found.append(make())
        except ImportError:
            continue
    return found
