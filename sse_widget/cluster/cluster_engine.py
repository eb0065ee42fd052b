"""The streams of a capture as shards on the workers of a Dask cluster.

It places the shards itself, asks each worker about twice a second, and starts a shard elsewhere as soon as
its worker does not answer. Acting too early costs nothing, because files have one owner: whoever created
the next part. Acting too late costs nothing either: a shard that begins when a later capture has taken all
files over is refused. Without workers, or without a scheduler, the shards run in this process until there are
some again.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..client import Url
from ..events import State
from ..fleet import StreamTable, Watcher, WorkerRow, ignore, take_over_all
from ..runtime import set_within
from ..storage import Capture, Dataset, Position
from .dask_backend import STARTING, Dask
from .shard_host import Command, ShardHost, ShardSpec, ShardStatus
from .workers import HEARTBEAT_S, WorkerMonitor

SHARDS_PER_WORKER = 2
# Enough for four workers, where each has some streams: a shard writes a file a second.
_LEAST_SHARDS, _SHARD_STREAMS = 8, 3
# Seconds between two rounds of moves to workers that have less to do.
_BALANCE = 5.0
# Seconds: who ends a capture waits so long for its shards; longer for very many streams.
_STOP, _STOP_PER_STREAM = 10.0, 0.002
_TAKEN = 6
_CALM = 30.0
# Seconds that the start of a cluster of our own is waited for longer, for each stream.
_START_PER_STREAM_S = 0.006
HERE = "this kernel"


@dataclass
class _ShardPlacement:
    """One shard, and where it is."""

    name: str
    urls: dict[str, Url]
    begin: dict[str, Position] = field(default_factory=dict)
    place: str = ""  # a worker's address, HERE, or "" for nowhere
    token: str = ""
    future: Any = None  # Dask's, or an asyncio.Task
    host: ShardHost | None = None  # where it is HERE
    heard: bool = False  # since it was placed
    placed_at: float = 0.0
    leaving: bool = False  # asked to end, to go elsewhere
    over: bool = False  # all its streams have ended
    failures: int = 0
    taken: int = 0
    taken_at: float = 0.0
    why: str | None = None  # why it ended there
    since: float = 0.0  # when Dask said so
    orders: list[Command] = field(default_factory=list)
    trouble: str = ""


class ClusterEngine:
    """The engine of a capture whose streams run on other processes.

    Args:
        urls: name -> URL, unmasked; all valid.
        to: where, a place that all workers reach, and how it is kept.
        options: of `EventSource`, the same for all.
        cluster: a `distributed.Client`, or "local".
    """

    def __init__(
        self, urls: Mapping[str, Url], to: Capture, options: Mapping[str, Any], cluster: Any
    ) -> None:
        self._urls = urls
        place = os.fspath(to.to)
        # A worker has a working directory of its own.
        self._to = to if "://" in place else replace(to, to=Path(place).absolute())
        self._options = options
        self._dask = Dask(cluster)
        self._workers = WorkerMonitor(self._dask, self._asked, self._answered, self._streams_on)
        self._placements: list[_ShardPlacement] = []
        self._table: StreamTable | None = None
        self._watched: str | None = None
        self._watcher: Watcher = ignore
        self._stopping = asyncio.Event()
        self._moved_at = 0.0
        self._left: set[str] = set()  # workers that close, as their shards said
        self._generation = f"{secrets.token_hex(8)}."
        self._off: set[str] = set()  # streams a user stopped: they stay so wherever they go
        self._trouble = ""

    @property
    def client(self) -> Any:
        """Dask's; None while a cluster of our own is not there."""
        return self._dask.client

    # ------------------------------------------------------------------ the run

    async def run(self) -> None:
        """Until stopped, or until every stream has ended by itself; then all is on disk."""
        self._dask.renew()
        # Streams that begin in this process move when the cluster is there: of thousands that is more work than waiting.
        await self._dask.started(STARTING + len(self._urls) * _START_PER_STREAM_S)
        await self._workers.begin()
        self._placements = self._shares()
        await asyncio.to_thread(self._take_over)
        try:
            while not self._stopping.is_set() and not all(b.over for b in self._placements):
                self._reconcile()
                await set_within(HEARTBEAT_S / 2, self._stopping)
            await self._end()
        finally:
            self._workers.end()
            await self._dask.close()

    def stop(self) -> None:
        self._stopping.set()

    async def follow(self, urls: Mapping[str, Url], own: Mapping[str, Mapping[str, Any]]) -> bool:
        return False  # which shard a stream belongs to depends on all of them

    def _take_over(self) -> None:
        """All that is there is ours from here on, and how far each stream is in it."""
        names = [placement.name for placement in self._placements]
        begin = take_over_all(Dataset(self._to.to), (), generation=self._generation, shards=names)
        for placement in self._placements:
            placement.begin = {name: begin[name] for name in placement.urls if name in begin}

    def _shares(self) -> list[_ShardPlacement]:
        """Streams in turn to as many shards as the workers can share evenly."""
        wanted = max(len(self._workers.answering), 1) * SHARDS_PER_WORKER
        # A cluster that begins with one worker may grow: a shard is the least that can move.
        wanted = max(wanted, min(_LEAST_SHARDS, len(self._urls) // _SHARD_STREAMS))
        n = max(min(wanted, len(self._urls)), 1)
        placements = [_ShardPlacement(f"shard-{i:02}-of-{n:02}", {}) for i in range(n)]
        for i, (name, url) in enumerate(self._urls.items()):
            placements[i % n].urls[name] = url
        return placements

    def _reconcile(self) -> None:
        """Everything where it should be: ended ones begun again, lost ones elsewhere."""
        self._dask.renew()
        self._workers.sync()
        self._left &= set(self._workers.known)
        workers = [at for at in self._workers.answering if at not in self._left]
        for placement in self._placements:
            self._reconcile_shard(placement, workers)
        self._look_here()
        self._balance([at for at in workers if at in self._workers.ready])

    def _reconcile_shard(self, placement: _ShardPlacement, workers: list[str]) -> None:
        if placement.over:
            return
        now = time.monotonic()
        if placement.place not in ("", HERE, *workers):
            self._leave(placement)  # its worker is gone, or silent
        elif placement.place:
            why = self._outcome(placement)
            if why is not None:
                self._ended(placement, why)
            elif (
                not placement.heard
                and now - placement.placed_at > STARTING
                and placement.place in self._workers.ready
            ):
                placement.failures += 1  # every thread of that worker is busy with something else
                self._leave(placement)
        if placement.place or placement.over or self._stopping.is_set():
            return
        # One that fails again and again, such as for a full disk, is not begun in a hot loop.
        if placement.failures and now - placement.placed_at < min(0.25 * 2**placement.failures, 10):
            return
        self._place(placement, self._best(workers) if placement.failures < 3 else HERE)

    def _best(self, workers: list[str]) -> str:
        """Where a shard is to be placed: on a new worker only where there is no other, as at the beginning."""
        load = Counter(placement.place for placement in self._placements)
        ready = [at for at in workers if at in self._workers.ready] or workers
        return min(ready, key=lambda address: load[address], default=HERE)

    def _outcome(self, placement: _ShardPlacement) -> str | None:
        """Why a host ended; None while it runs, as far as is known."""
        future = placement.future
        if isinstance(future, asyncio.Task):
            if not future.done():
                return None
            if placement.host is not None:
                self._hear(placement, placement.host.look(None, [], in_full=True))
            why: str = future.result()
            return why
        if placement.why is None and future.status != "pending":
            # The worker tells why when it is looked in on; where it cannot, Dask gave it up.
            placement.since = placement.since or time.monotonic()
            late = time.monotonic() - placement.since > self._workers.patience(placement.place)
            if future.status != "finished" or late:
                return "lost"
        return placement.why

    def _ended(self, placement: _ShardPlacement, why: str) -> None:
        placement.over = why == "ended" and not placement.leaving
        if why == "taken":
            # One takeover may be our own worker waking up; repeated takeovers mean that another capture writes here.
            now = time.monotonic()
            placement.taken = placement.taken + 1 if now - placement.taken_at < _CALM else 1
            placement.taken_at = now
            if placement.taken >= _TAKEN:
                self._give_up()
        elif why == "superseded":
            self._give_up()
        elif why == "left":
            self._left.add(placement.place)
        elif why not in ("ended", "lost"):
            placement.trouble = why
        placement.failures = 0 if why in ("ended", "left") else placement.failures + 1
        self._leave(placement)

    def _give_up(self) -> None:
        self._trouble = f"Another capture writes {self._to.to} now; nothing was lost or doubled."
        self._stopping.set()

    def _leave(self, placement: _ShardPlacement) -> None:
        if placement.host is None and placement.future is not None:
            placement.future.release()
        placement.place, placement.future, placement.host, placement.why = "", None, None, None
        placement.leaving = placement.heard = False
        placement.since = 0.0
        if self._table is not None and not placement.over and not self._stopping.is_set():
            # One that a user stopped is closed wherever it goes.
            moves = [name for name in placement.urls if name not in self._off]
            self._table.set_state(moves, State.CONNECTING, "its worker is gone: it moves")

    def _place(self, placement: _ShardPlacement, place: str) -> None:
        placement.place = place
        placement.token = f"sse-widget-{placement.name}-{uuid.uuid4().hex[:8]}"
        placement.placed_at = time.monotonic()
        placement.orders = [Command(name, "stop") for name in placement.urls if name in self._off]
        spec = ShardSpec(
            placement.token,
            placement.name,
            placement.urls,
            self._to,
            self._options,
            placement.begin,
            self._generation,
            owns_process=self._dask.own and place != HERE,
        )
        if place == HERE:
            placement.host = ShardHost(spec)
            placement.future = asyncio.get_running_loop().create_task(placement.host.run())
            return
        placement.future = self._dask.submit(spec, place)
        self._workers.placed()

    def _balance(self, workers: list[str]) -> None:
        """Away from this process, and from where there are two more than elsewhere: all that it takes at
        once, then none for a while. A stream that moves is silent for as long as it takes to connect."""
        now = time.monotonic()
        settled = [b for b in self._placements if b.place and not b.over]
        if not workers or now - self._moved_at < _BALANCE or any(b.leaving for b in settled):
            return
        load: dict[str, list[_ShardPlacement]] = {address: [] for address in workers}
        for placement in settled:
            load.setdefault(placement.place, []).append(placement)
        while True:
            most = max(load, key=lambda at: (at == HERE and bool(load[at]), len(load[at])))
            least = min(workers, key=lambda at: len(load[at]))
            if most != HERE and len(load[most]) - len(load[least]) <= 1:
                return
            at_rest = [b for b in load[most] if now - b.placed_at > _BALANCE / 2]
            if not at_rest:
                return
            placement = at_rest[-1]
            load[most].remove(placement)
            load[least].append(placement)
            self._moved_at = now
            placement.leaving = True
            placement.orders.append(Command("", "stop"))

    async def _end(self) -> None:
        """Ask all to write what they have and end; wait until they have."""
        for placement in self._placements:
            placement.leaving = True
            placement.orders.append(Command("", "stop"))
        end = time.monotonic() + _STOP + _STOP_PER_STREAM * len(self._urls)
        while time.monotonic() < end:
            self._look_here()
            left = [b for b in self._placements if b.place and self._outcome(b) is None]
            if not left or not any(b.place in (HERE, *self._workers.answering) for b in left):
                break
            await asyncio.sleep(0.05)

    # ------------------------------------------------------------------ looking in

    def _asked(self, address: str) -> tuple[str | None, dict[str, list[Command]]]:
        """What the worker at this address is told: again, where it does not answer."""
        orders = {}
        for placement in self._placements:
            if placement.place == address:
                orders[placement.token] = list(placement.orders)
        return self._watched, orders

    def _streams_on(self, address: str) -> int:
        """How many streams the worker at this address has."""
        return sum(len(b.urls) for b in self._placements if b.place == address)

    def _answered(
        self,
        address: str,
        told: Mapping[str, list[Command]],
        answers: Mapping[str, ShardStatus],
    ) -> None:
        for placement in self._placements:
            look = answers.get(placement.token) if placement.place == address else None
            if look is not None:
                del placement.orders[: len(told[placement.token])]
                placement.why = look.ended or None
                self._hear(placement, look)

    def _look_here(self) -> None:
        for placement in self._placements:
            if placement.host is not None:
                orders, placement.orders = placement.orders, []
                self._hear(placement, placement.host.look(self._watched, orders))

    def _hear(self, placement: _ShardPlacement, look: ShardStatus) -> None:
        placement.heard = True
        placement.failures = 0
        placement.trouble = look.trouble
        if self._table is not None and look.reports:
            self._table.update(look.reports, self._workers.label(placement.place))
        for batch, gap, seq in look.tail:
            self._watcher(batch, gap, seq)

    # ------------------------------------------------------------------ what is told and asked

    def report_to(self, table: StreamTable) -> None:
        self._table = table

    def watch(self, name: str | None, watcher: Watcher) -> None:
        self._watched, self._watcher = name, watcher

    def command(self, name: str, kind: str) -> None:
        if kind == "stop":
            self._off.add(name)
        elif kind == "start":
            self._off.discard(name)
        for placement in self._placements:
            if name in placement.urls:
                placement.orders.append(Command(name, kind))

    def workers(self) -> list[WorkerRow]:
        found: dict[str, WorkerRow] = {}
        # The place of each is read once: any thread asks, and the loop may move streams meanwhile.
        placed = [(place, b.urls) for b in self._placements if (place := b.place)]
        for address in [*self._workers.known, *(place for place, _ in placed)]:
            silent = address != HERE and address not in self._workers.answering
            found.setdefault(
                address,
                {
                    "name": self._workers.label(address),
                    "state": "failed" if silent else "open",
                    "streams": 0,
                    "rate": 0.0,
                },
            )
        rates = self._table.rates() if self._table is not None else {}
        for place, urls in placed:
            found[place]["streams"] += len(urls)
            found[place]["rate"] += sum(rates.get(name, 0.0) for name in urls)
        # In an order that does not change with who came first: worker 2 before worker 10.
        return sorted(found.values(), key=lambda worker: (len(worker["name"]), worker["name"]))

    def trouble(self) -> str:
        return (
            self._trouble
            or self._dask.trouble
            or next((b.trouble for b in self._placements if b.trouble), "")
        )
