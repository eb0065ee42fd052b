"""What runs the streams of a capture: a shard in this process here, many elsewhere in `cluster`.

An engine owns connections and files from its first moment to its last, and knows no widget. All its
methods are called on the background loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from ..client import Url
from ..storage import Capture, Dataset
from .many_sources import Watcher
from .shard import Shard, take_over_all
from .stream_table import StreamTable, WorkerRow


class Engine(Protocol):
    """What runs the streams: a shard in this process, or the shards of a cluster. On the loop."""

    @property
    def client(self) -> Any:
        """The `distributed.Client` of a cluster; None in one process."""

    async def run(self) -> None:
        """Until stopped, or until every stream has ended by itself; then all is on disk."""

    def stop(self) -> None: ...

    async def follow(self, urls: Mapping[str, Url], own: Mapping[str, Mapping[str, Any]]) -> bool:
        """Capture these streams from here on, and no others; those that are the same go on untouched.

        Returns:
            Whether it can: if not, nothing was changed, and the next engine must.
        """

    def report_to(self, table: StreamTable) -> None:
        """Tell the table how all streams are now."""

    def watch(self, name: str | None, watcher: Watcher) -> None:
        """Call `watcher` with what comes of this stream, and of no other any more."""

    def command(self, name: str, kind: str) -> None: ...

    def workers(self) -> list[WorkerRow]:
        """Where it runs, where that is not here."""

    def trouble(self) -> str:
        """What a user should know: a full disk, a lost cluster; "" for nothing."""


class LocalEngine:
    """The engine of one process: one shard, after taking over what a cluster wrote before."""

    client: Any = None

    def __init__(self, urls: Mapping[str, Url], to: Capture, options: Mapping[str, Any]) -> None:
        self._urls, self._options = urls, options
        self._to = to
        self._shard: Shard | None = None
        self._watch: tuple[str | None, Watcher] = (None, ignore)
        self._stopped = False
        self._off: set[str] = set()  # streams a user stopped before there was a shard

    async def run(self) -> None:
        begin = await asyncio.to_thread(lambda: take_over_all(Dataset(self._to.to), [""]))
        if self._stopped:
            return
        self._shard = shard = Shard(self._urls, self._to, self._options, begin=begin)
        shard.watch(*self._watch)
        for name in self._off:
            shard.command(name, "stop")
        await shard.run()

    def stop(self) -> None:
        self._stopped = True
        if self._shard is not None:
            self._shard.stop()

    async def follow(self, urls: Mapping[str, Url], own: Mapping[str, Mapping[str, Any]]) -> bool:
        self._urls, self._options = urls, {**self._options, "own": own}
        if self._shard is not None:
            await self._shard.follow(urls, own)
        return True

    def report_to(self, table: StreamTable) -> None:
        if self._shard is not None:
            table.update(self._shard.reports())

    def watch(self, name: str | None, watcher: Watcher) -> None:
        self._watch = (name, watcher)
        if self._shard is not None:
            self._shard.watch(name, watcher)

    def command(self, name: str, kind: str) -> None:
        if self._shard is not None:
            self._shard.command(name, kind)
        elif kind == "stop":
            self._off.add(name)
        elif kind == "start":
            self._off.discard(name)

    def workers(self) -> list[WorkerRow]:
        return []

    def trouble(self) -> str:
        return "" if self._shard is None else self._shard.trouble()


def ignore(*_: object) -> None:
    """The watcher of no stream."""
