"""One shard that runs in this process for a capture that may be on another machine.

The capture asks it about twice a second. When nobody asks any more (the notebook was closed, the network
was cut) the shard writes what it has and ends. It knows nothing of clusters.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .. import runtime
from ..client import Url
from ..errors import CaptureTaken, message_of
from ..events import EventBatch, Gap
from ..fleet import Shard, StreamReport
from ..runtime import set_within
from ..storage import Capture, Position, Superseded
from .gc_freeze import LongLived

# Not asked for so long: the process that made the capture is gone.
ORPHANED = 60.0
# Seconds between two looks whether this process closes: for that there is no event.
_CLOSING_S = 0.2
# Of the stream that is selected, between two looks.
_TAIL_EVENTS = 5_000
# How often a shard reports: of a thousand streams once a second. Each report is made, sent and read.
_REPORT_S_PER_STREAM = 0.001

_long_lived = LongLived()


@dataclass(frozen=True, slots=True)
class ShardSpec:
    """What a shard host is to do. Its repr tells no secret: a cluster writes it into logs."""

    token: str
    name: str
    urls: Mapping[str, Url] = field(repr=False)
    to: Capture
    options: Mapping[str, Any] = field(repr=False)
    begin: Mapping[str, Position] = field(repr=False)
    generation: str = ""  # of the capture, as given to `take_over_all`
    owns_process: bool = False  # the process was started for the capture, and does nothing else


class Command(NamedTuple):
    """What a look tells a shard host: stream and "start", "stop" or "retry"; or ("", "stop") for all."""

    stream: str
    kind: str


class ShardStatus(NamedTuple):
    """What a shard host answers."""

    reports: list[StreamReport]
    trouble: str
    tail: list[tuple[EventBatch | None, Gap | None, int]]
    ended: str = ""  # why, where it has


class ShardHost:
    """Runs one shard, on the background loop of its process.

    It begins when it is first looked in on: a worker that slept while its shard was begun elsewhere
    finds the task in its mail when it wakes, and must not take the shard back.

    Args:
        spec: what to do.
        is_closing: whether this process is about to end.
    """

    def __init__(self, spec: ShardSpec, is_closing: Callable[[], bool] = lambda: False) -> None:
        self._is_closing = is_closing
        self._left = False
        self._shard = Shard(
            spec.urls,
            spec.to,
            spec.options,
            name=spec.name,
            begin=spec.begin,
            generation=spec.generation,
        )
        self._stopped = False
        self._asked_at = time.monotonic()
        self._report_every = len(spec.urls) * _REPORT_S_PER_STREAM
        self._reported_at = 0.0
        self._owns_process = spec.owns_process
        self._wanted = asyncio.Event()
        self._watched: str | None = None
        self._tail: deque[tuple[EventBatch | None, Gap | None, int]] = deque()

    async def run(self) -> str:
        """Returns why it ended: "ended", "left" (this process closes), "taken", "superseded", or a sentence about
        what went wrong."""
        if not await set_within(ORPHANED, self._wanted):
            return "nobody asked for it"
        if self._stopped:  # before it had anything: others may own it by now
            return "ended"
        orphan = asyncio.get_running_loop().create_task(self._mind())
        try:
            with _long_lived.kept() if self._owns_process else contextlib.nullcontext():
                await self._shard.run()
            return "left" if self._left else "ended"
        except Superseded:
            return "superseded"
        except CaptureTaken:
            return "taken"
        except Exception as e:  # it must not end the task with an error that is retried for ever
            return message_of(e)
        finally:
            orphan.cancel()

    async def _mind(self) -> None:
        """Until nobody asks any more, or this process closes: it waits for us."""
        while time.monotonic() < self._asked_at + ORPHANED:
            if self._is_closing():
                self._left = True
                break
            await asyncio.sleep(_CLOSING_S)
        self._shard.stop()

    def look(
        self, watched: str | None, orders: list[Command], *, in_full: bool = False
    ) -> ShardStatus:
        """What it is told, and how it is. Of very many streams it reports only now and then, and where `in_full`."""
        self._asked_at = now = time.monotonic()
        self._wanted.set()
        if watched != self._watched:
            self._watched = watched
            self._tail.clear()
            self._shard.watch(watched, self._keep)
        for order in orders:
            if not order.stream:
                self._stopped = True
                self._shard.stop()
            else:
                self._shard.command(order.stream, order.kind)
        tail = list(self._tail)
        self._tail.clear()
        reports: list[StreamReport] = []
        if in_full or orders or now - self._reported_at >= self._report_every:
            self._reported_at = now
            reports = self._shard.reports()
        return ShardStatus(reports, self._shard.trouble(), tail)

    def _keep(self, batch: EventBatch | None, gap: Gap | None, seq: int) -> None:
        self._tail.append((batch, gap, seq))
        while len(self._tail) > _TAIL_EVENTS:
            self._tail.popleft()


# ---------------------------------------------------------------------- on a worker

_here: dict[str, ShardHost] = {}
# How the latest ended: a capture learns of it when it looks in the next time.
_ended: OrderedDict[str, ShardStatus] = OrderedDict()


def hold(spec: ShardSpec, is_closing: Callable[[], bool]) -> str:
    """Run a shard on the background loop of this process, and wait for its end."""

    async def run() -> str:
        _here[spec.token] = host = ShardHost(spec, is_closing)
        try:
            why = await host.run()
            _ended[spec.token] = host.look(None, [], in_full=True)._replace(ended=why)
            return why
        finally:
            del _here[spec.token]
            while len(_ended) > 1_000:
                _ended.popitem(last=False)

    return runtime.run(run()).result()


async def ask(watched: str | None, orders: dict[str, list[Command]]) -> dict[str, ShardStatus]:
    """Look in on the shard hosts of this process that are named in `orders`; from any loop."""

    async def look() -> dict[str, ShardStatus]:
        running: dict[str, ShardStatus] = {
            token: _here[token].look(watched, some)
            for token, some in orders.items()
            if token in _here
        }
        return running | {token: _ended[token] for token in orders if token in _ended}

    return await asyncio.wrap_future(runtime.run(look()))
