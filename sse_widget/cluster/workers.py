"""The workers of a cluster: which there are, which of them answer, and what they answer.

Each worker is asked about twice a second, on its own, so that one that sleeps holds up no other. `cluster_engine`
decides which shard is where.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..runtime import set_within
from .dask_backend import STARTING, Dask
from .shard_host import Command, ShardStatus

HEARTBEAT_S = 0.5
# A worker that does not answer for so long is taken for dead, where answers come at once.
DEAD_AFTER_S = 3.0
# The longest that is waited for an answer, however slow the earlier ones were.
_LONGEST_S = 20.0

# One that opens thousands of streams answers late, and whoever begins them elsewhere makes that worse.
_PER_STREAM_S = 0.003

# Token -> what a shard host is told.
Orders = Mapping[str, list[Command]]


class AnswerTimeout:
    """How long to wait for a worker's answer: longer where its answers took long, as TCP waits for its own
    (RFC 6298).

    A machine that is overloaded answers late and is not dead. Whoever takes it for dead begins its streams
    elsewhere, which is more to do for the same machine.
    """

    def __init__(self) -> None:
        self._slowest = 0.0

    @property
    def seconds(self) -> float:
        """So long from now on."""
        return min(DEAD_AFTER_S + 4 * self._slowest, _LONGEST_S)

    def answered(self, took: float) -> None:
        """An answer came after so many seconds."""
        self._slowest = max(took, 0.9 * self._slowest)

    def missed(self) -> None:
        """None came in time: the next one may take longer, or how long it takes would never be known."""
        self._slowest = max(2 * self._slowest, 0.5)


class WorkerMonitor:
    """The workers of a cluster. On the loop.

    Args:
        dask: the cluster.
        asked: what to tell the worker at this address: the stream whose tail is wanted, and orders
            by shard host; called once for each look.
        heard: called with the address, the orders it was told, and the answers, by shard host.
        streams: how many streams the worker at this address has.
    """

    def __init__(
        self,
        dask: Dask,
        asked: Callable[[str], tuple[str | None, Orders]],
        heard: Callable[[str, Orders, Mapping[str, ShardStatus]], None],
        streams: Callable[[str], int],
    ) -> None:
        self._dask = dask
        self._asked, self._heard, self._streams = asked, heard, streams
        self._known: dict[str, Any] = {}  # address -> what the scheduler tells of the worker
        self._silent: set[str] = set()
        self._timeouts: dict[str, AnswerTimeout] = {}
        self._proven: set[str] = set()
        self._surveying: asyncio.Task[None] | None = None
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._placed = asyncio.Event()

    async def begin(self) -> None:
        """Returns when it is known who there is."""
        await self._survey()
        self._surveying = asyncio.get_running_loop().create_task(self._surveys())

    def end(self) -> None:
        for task in self._looks.values():
            task.cancel()
        if self._surveying is not None:
            self._surveying.cancel()

    def sync(self) -> None:
        """Look in on those that came, and no more on those that went."""
        for address in self._known:
            if address not in self._looks:
                self._looks[address] = asyncio.get_running_loop().create_task(self._mind(address))
        for address in set(self._looks) - set(self._known):
            self._looks.pop(address).cancel()
            self._silent.discard(address)
            self._timeouts.pop(address, None)
            self._proven.discard(address)

    def placed(self) -> None:
        """Something was begun on one of them: look in soon."""
        self._placed.set()

    @property
    def known(self) -> list[str]:
        """The addresses the scheduler knows."""
        return list(self._known)

    @property
    def answering(self) -> list[str]:
        """The addresses of the workers that answer."""
        return [address for address in self._known if address not in self._silent]

    @property
    def ready(self) -> list[str]:
        """Those of them that have answered: a new one first imports this package, which may take seconds."""
        return [address for address in self.answering if address in self._proven]

    def patience(self, address: str) -> float:
        """Seconds within which the worker at this address should have told what ended there."""
        timeout = self._timeouts.get(address, AnswerTimeout())
        return timeout.seconds + HEARTBEAT_S

    def label(self, address: str) -> str:
        """What a user reads: a worker's name, where it has one."""
        name = str(self._known.get(address, {}).get("name", address))
        if name.isdigit():
            return f"worker {name}"
        return name.partition("://")[2] or name

    async def _surveys(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await self._survey()

    async def _survey(self) -> None:
        """Which workers there are."""
        if not self._dask.running:
            self._known = {}
            return
        try:
            async with asyncio.timeout(DEAD_AFTER_S):
                self._known = await self._dask.workers()
        except Exception:  # its status will tell; the workers' silence does too
            pass

    async def _mind(self, address: str) -> None:
        """Look in on one worker as long as the scheduler knows it."""
        timeout = self._timeouts.setdefault(address, AnswerTimeout())
        while True:
            # A new worker first imports this package, which takes seconds where the machine is busy.
            begun = time.monotonic()
            most = timeout.seconds if address in self._proven else STARTING
            most += self._streams(address) * _PER_STREAM_S
            watched, orders = self._asked(address)
            try:
                async with asyncio.timeout(most):
                    answer = await self._dask.ask(address, watched, orders)
            except Exception:
                # Where it was this process that stood still, nothing is known of the other.
                if time.monotonic() - begun < most + 1.0:
                    self._silent.add(address)
                    timeout.missed()
            else:
                self._silent.discard(address)
                timeout.answered(time.monotonic() - begun)
                self._proven.add(address)
                self._heard(address, orders, answer)
            if await set_within(HEARTBEAT_S, self._placed):
                await asyncio.sleep(0.05)  # the task is on its way there
                self._placed.clear()
