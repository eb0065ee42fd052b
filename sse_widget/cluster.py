"""Cluster: a capture's streams as shards on the workers of a Dask cluster.

It places the shards itself, looks in on each worker about once a second, and begins a shard anew
elsewhere as soon as nobody answers for it: files have one owner whoever believes to be it, so acting
too early costs nothing. Without workers, or without a scheduler, the shards run in this process until
there are some again. The only module that knows Dask, imported when it is first needed.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from . import tenant as tenants
from .dataset import Dataset
from .events import State
from .fleet import Watcher
from .footer import Position
from .recorder import Capture
from .roster import Roster
from .shard import reached
from .tenant import Look, Order, Spec, Tenant

__all__ = ["Cluster", "check", "dask_dataframe"]

LOOK = 0.5
# A worker that does not answer for so long is taken for dead.
SILENT = 3.0
SHARDS_PER_WORKER = 2
# Between two moves of shards to workers that have less to do.
_BALANCE = 5.0
_STOP = 10.0
_STARTING = 10.0
_TAKEN = 6
_CALM = 30.0
HERE = "this kernel"


@dataclass
class _Berth:
    """One shard, and where it is."""

    name: str
    urls: dict[str, str]
    begin: dict[str, Position]
    place: str = ""  # a worker's address, HERE, or "" for nowhere
    token: str = ""
    future: Any = None  # Dask's, or an asyncio.Task
    tenant: Tenant | None = None  # where it is HERE
    heard: bool = False  # since it was placed
    placed_at: float = 0.0
    leaving: bool = False  # asked to end, to go elsewhere
    over: bool = False  # all its streams have ended
    failures: int = 0
    taken: int = 0
    taken_at: float = 0.0
    why: str | None = None  # why it ended there
    since: float = 0.0  # when Dask said so
    orders: list[Order] = field(default_factory=list)
    events: int = 0
    trouble: str = ""


class Cluster:
    """The engine of a capture whose streams run on other processes.

    Args:
        urls: name -> URL, unmasked; all valid.
        to: where, a place that all workers reach, and how it is kept.
        options: of `EventSource`, the same for all.
        cluster: a `distributed.Client`, or "local".
    """

    def __init__(
        self, urls: Mapping[str, str], to: Capture, options: Mapping[str, Any], cluster: Any
    ) -> None:
        self._urls = urls
        place = os.fspath(to.to)
        # A worker has a working directory of its own.
        self._to = to if "://" in place else replace(to, to=Path(place).absolute())
        self._options = options
        self._own = cluster == "local"
        self.client: Any = None if self._own else cluster
        self._berths: list[_Berth] = []
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._silent: set[str] = set()  # workers that do not answer
        self._placed = asyncio.Event()
        self._roster: Roster | None = None
        self._reported: list[tuple[list[Any], str]] = []
        self._watched: str | None = None
        self._watcher: Watcher = _nobody
        self._stopping = asyncio.Event()
        self._starting: asyncio.Task[None] | None = None
        self._moved_at = 0.0
        self._trouble = ""
        self._known: dict[str, Any] = {}  # address -> what the scheduler tells of the worker

    # ------------------------------------------------------------------ the run

    async def run(self) -> None:
        """Until stopped, or until every stream has ended by itself; then all is on disk."""
        if self._own:
            self._renew()
            await self._started()
        await self._survey()
        surveying = asyncio.get_running_loop().create_task(self._surveys())
        begin = await asyncio.to_thread(lambda: reached(Dataset(self._to.to), ()))
        self._berths = self._shares(begin)
        try:
            while not self._stopping.is_set() and not all(b.over for b in self._berths):
                self._tend()
                try:
                    async with asyncio.timeout(LOOK / 2):
                        await self._stopping.wait()
                except TimeoutError:
                    pass
            await self._end()
        finally:
            for task in (surveying, *self._looks.values()):
                task.cancel()
            if self._own:
                await self._close_own()

    def stop(self) -> None:
        self._stopping.set()

    def _shares(self, begin: Mapping[str, Position]) -> list[_Berth]:
        """Streams in turn to as many shards as the workers can share evenly."""
        wanted = max(len(self._workers()), 1) * SHARDS_PER_WORKER
        n = max(min(wanted, len(self._urls)), 1)
        berths = [_Berth(f"shard-{i:02}-of-{n:02}", {}, {}) for i in range(n)]
        for i, (name, url) in enumerate(self._urls.items()):
            berth = berths[i % n]
            berth.urls[name] = url
            if name in begin:
                berth.begin[name] = begin[name]
        return berths

    def _tend(self) -> None:
        """Everything where it should be: ended ones begun again, lost ones elsewhere."""
        self._renew()
        for address in self._known:
            if address not in self._looks:
                self._looks[address] = asyncio.get_running_loop().create_task(self._mind(address))
        for address in set(self._looks) - set(self._known):
            self._looks.pop(address).cancel()
            self._silent.discard(address)
        workers = self._workers()
        for berth in self._berths:
            self._settle(berth, workers)
        self._look_here()
        self._balance(workers)

    def _settle(self, berth: _Berth, workers: list[str]) -> None:
        if berth.over:
            return
        now = time.monotonic()
        if berth.place not in ("", HERE, *workers):
            self._leave(berth)  # its worker is gone, or silent
        elif berth.place:
            why = self._outcome(berth)
            if why is not None:
                self._ended(berth, why)
            elif not berth.heard and now - berth.placed_at > _STARTING:
                berth.failures += 1  # every thread of that worker is busy with something else
                self._leave(berth)
        if berth.place or berth.over or self._stopping.is_set():
            return
        # One that fails again and again, such as for a full disk, is not begun in a hot loop.
        if berth.failures and now - berth.placed_at < min(0.25 * 2**berth.failures, 10):
            return
        if workers and berth.failures < 3:
            load = Counter(other.place for other in self._berths)
            self._place(berth, min(workers, key=lambda address: load[address]))
        else:
            self._place(berth, HERE)

    def _outcome(self, berth: _Berth) -> str | None:
        """Why a tenant ended; None while it runs, as far as is known."""
        future = berth.future
        if isinstance(future, asyncio.Task):
            if not future.done():
                return None
            if berth.tenant is not None:
                self._hear(berth, berth.tenant.look(None, []))
            why: str = future.result()
            return why
        if berth.why is None and future.status != "pending":
            # The worker tells why when it is looked in on; where it cannot, Dask gave it up.
            berth.since = berth.since or time.monotonic()
            if future.status != "finished" or time.monotonic() - berth.since > SILENT:
                return "lost"
        return berth.why

    def _ended(self, berth: _Berth, why: str) -> None:
        berth.over = why == "ended" and not berth.leaving
        if why == "taken":
            # Once may be a worker of ours that woke up; who comes back is another capture.
            now = time.monotonic()
            berth.taken = berth.taken + 1 if now - berth.taken_at < _CALM else 1
            berth.taken_at = now
            if berth.taken >= _TAKEN:
                self._trouble = (
                    f"Another capture writes {self._to.to} now; nothing was lost or doubled."
                )
                self._stopping.set()
        elif why not in ("ended", "lost"):
            berth.trouble = why
        berth.failures = 0 if why == "ended" else berth.failures + 1
        self._leave(berth)

    def _leave(self, berth: _Berth) -> None:
        if berth.tenant is None and berth.future is not None:
            berth.future.release()
        berth.place, berth.future, berth.tenant, berth.why = "", None, None, None
        berth.leaving = berth.heard = False
        berth.since = 0.0
        if self._roster is not None and not berth.over and not self._stopping.is_set():
            self._roster.mark(berth.urls, State.CONNECTING, "its worker is gone: it moves")

    def _place(self, berth: _Berth, place: str) -> None:
        berth.place = place
        berth.token = f"sse-widget-{berth.name}-{uuid.uuid4().hex[:8]}"
        berth.placed_at = time.monotonic()
        berth.orders = []
        spec = Spec(berth.token, berth.name, berth.urls, self._to, self._options, berth.begin)
        if place == HERE:
            berth.tenant = Tenant(spec)
            berth.future = asyncio.get_running_loop().create_task(berth.tenant.run())
            return
        berth.future = self.client.submit(
            _hold,
            spec,
            key=berth.token,
            workers=[place],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )
        self._placed.set()

    def _balance(self, workers: list[str]) -> None:
        """Away from where there are two more than elsewhere, one at a time."""
        now = time.monotonic()
        settled = [b for b in self._berths if b.place and not b.over]
        if not workers or now - self._moved_at < _BALANCE or any(b.leaving for b in settled):
            return
        load: dict[str, list[_Berth]] = {address: [] for address in workers}
        for berth in settled:
            load.setdefault(berth.place, []).append(berth)
        most = max(load, key=lambda place: (place == HERE and bool(load[place]), len(load[place])))
        least = min(workers, key=lambda place: len(load[place]))
        if load[most] and (most == HERE or len(load[most]) - len(load[least]) > 1):
            berth = load[most][-1]
            if now - berth.placed_at > _BALANCE / 2:
                self._moved_at = now
                berth.leaving = True
                berth.orders.append(Order("", "stop"))

    async def _end(self) -> None:
        """Ask all to write what they have and end; wait until they have."""
        for berth in self._berths:
            berth.leaving = True
            berth.orders.append(Order("", "stop"))
        end = time.monotonic() + _STOP
        while time.monotonic() < end:
            self._look_here()
            left = [b for b in self._berths if b.place and self._outcome(b) is None]
            if not left or not any(b.place in (HERE, *self._workers()) for b in left):
                break
            await asyncio.sleep(0.05)

    # ------------------------------------------------------------------ looking in

    def _workers(self) -> list[str]:
        """The addresses of the workers that answer."""
        return [address for address in self._known if address not in self._silent]

    async def _surveys(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            await self._survey()

    async def _survey(self) -> None:
        """Which workers there are."""
        client = self.client
        if client is None or client.status != "running":
            self._known = {}
            return
        identity = client.scheduler.identity
        try:
            async with asyncio.timeout(SILENT):
                about = await _on(client, partial(identity, n_workers=-1))
            self._known = dict(about["workers"])
        except Exception:  # its status will tell; the workers' silence does too
            pass

    async def _mind(self, address: str) -> None:
        """Look in on one worker as long as the scheduler knows it."""
        while True:
            asked = {b.token: b for b in self._berths if b.place == address}
            orders = {token: berth.orders for token, berth in asked.items()}
            for berth in asked.values():
                berth.orders = []
            begun = time.monotonic()
            try:
                async with asyncio.timeout(SILENT):
                    answer = await self._there(address, self._watched, orders)
            except Exception:
                # Where it was this process that stood still, nothing is known of the other.
                if time.monotonic() - begun < SILENT + 1.0:
                    self._silent.add(address)
                answer = {}
            else:
                self._silent.discard(address)
            for token, look in answer.items():
                berth = asked[token]
                if berth.token == token and berth.place == address:
                    berth.why = look.ended or None
                    self._hear(berth, look)
            try:
                async with asyncio.timeout(LOOK):
                    await self._placed.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(0.05)  # the task is on its way there
                self._placed.clear()

    async def _there(
        self, address: str, watched: str | None, orders: dict[str, list[Order]]
    ) -> dict[str, Look]:
        client = self.client
        answers = await _on(
            client,
            lambda: client.run(tenants.ask, watched, orders, workers=[address], asynchronous=True),
        )
        found: dict[str, Look] = answers[address]
        return found

    def _look_here(self) -> None:
        for berth in self._berths:
            if berth.tenant is not None:
                orders, berth.orders = berth.orders, []
                self._hear(berth, berth.tenant.look(self._watched, orders))

    def _hear(self, berth: _Berth, look: Look) -> None:
        berth.heard = True
        berth.failures = 0
        berth.trouble = look.trouble
        if self._roster is not None:
            self._roster.take(look.reports, self._label(berth.place))
        for batch, gap in look.tail:
            self._watcher(batch, gap)

    # ------------------------------------------------------------------ a cluster of our own

    async def _start_own(self) -> None:
        self.client = await asyncio.to_thread(_local)

    def _renew(self) -> None:
        """Another cluster of our own, where its scheduler is gone."""
        if not self._own or self._starting is not None:
            return
        client = self.client
        if client is not None and client.status in ("running", "newly-created"):
            return

        async def renew() -> None:
            self.client = None
            if client is not None:
                await asyncio.to_thread(_close, client)
            await self._start_own()

        self._starting = asyncio.get_running_loop().create_task(renew())
        self._starting.add_done_callback(self._renewed)

    def _renewed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            # Tried once: from here on the shards run in this process.
            self._trouble = f"No cluster could be started: {task.exception()}"
        else:
            self._starting = None

    async def _started(self) -> None:
        """As long as starting a cluster should take; nobody waits for one that does not come."""
        if self._starting is not None:
            await asyncio.wait([self._starting], timeout=_STARTING)

    async def _close_own(self) -> None:
        await self._started()
        client, self.client = self.client, None
        if client is not None:
            await asyncio.to_thread(_close, client)

    # ------------------------------------------------------------------ what is told and asked

    def report_to(self, roster: Roster) -> None:
        self._roster = roster

    def watch(self, name: str | None, watcher: Watcher) -> None:
        self._watched, self._watcher = name, watcher

    def command(self, name: str, kind: str) -> None:
        for berth in self._berths:
            if name in berth.urls:
                berth.orders.append(Order(name, kind))

    def workers(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for address in [*self._known, *(b.place for b in self._berths if b.place)]:
            silent = address != HERE and address not in self._workers()
            found.setdefault(
                address,
                {
                    "name": self._label(address),
                    "state": "failed" if silent else "open",
                    "streams": 0,
                    "rate": 0.0,
                },
            )
        rates = self._roster.rates() if self._roster is not None else {}
        for berth in self._berths:
            if berth.place:
                found[berth.place]["streams"] += len(berth.urls)
                found[berth.place]["rate"] += sum(rates.get(name, 0.0) for name in berth.urls)
        return list(found.values())

    def _label(self, address: str) -> str:
        """What a person reads: a worker's name, where it has one."""
        name = str(self._known.get(address, {}).get("name", address))
        if name.isdigit():
            return f"worker {name}"
        return name.partition("://")[2] or name

    def trouble(self) -> str:
        return self._trouble or next((b.trouble for b in self._berths if b.trouble), "")


def check(cluster: Any) -> None:
    """Refuse what is no cluster, before anything is begun.

    Raises:
        ModuleNotFoundError: the extra `cluster` is not installed.
        TypeError: neither a Client nor "local".
        RuntimeError: "local" in a script that workers would run again.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"cluster= needs {error.name}: pip install 'sse-widget[cluster]'", name=error.name
        ) from None
    if isinstance(cluster, distributed.Client):
        return
    if cluster != "local":
        what = type(cluster).__name__
        raise TypeError(f'cluster must be a dask.distributed.Client or "local", not {what}')
    if multiprocessing.parent_process() is not None:
        raise RuntimeError(
            'cluster="local" starts processes that run this script again: '
            'put it below `if __name__ == "__main__":`'
        )


def dask_dataframe(dataset: Dataset) -> Any:
    """What is on disk now as a `dask.dataframe.DataFrame`, a partition per file."""
    try:
        import dask.dataframe as dd
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"a Dask DataFrame needs {error.name}: pip install 'sse-widget[cluster]'",
            name=error.name,
        ) from None
    found = dataset.dataset()
    files = getattr(found, "files", None)
    if not files:
        return dd.from_pandas(found.to_table().to_pandas())  # type: ignore[no-untyped-call]
    return dd.read_parquet(files, filesystem=dataset.place.filesystem)


def _local() -> Any:
    """A cluster on this machine, on loopback, without a dashboard; its client."""
    import dask
    from distributed import Client, LocalCluster

    n = min(max(os.cpu_count() or 1, 2), 8)
    with dask.config.set({"distributed.worker.daemon": True}):
        cluster = LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=n,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            # Without a dashboard it serves pages all the same, and first tries the port that another
            # cluster of the person's has, with a warning in their cell.
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.CRITICAL,
            memory_limit=0,
        )
        return Client(cluster, set_as_default=False)  # type: ignore[no-untyped-call]


def _close(client: Any) -> None:
    cluster = client.cluster
    client.close(timeout=5)
    if cluster is not None:
        cluster.close(timeout=10)


def _hold(spec: Spec) -> str:
    """The task on a worker: gives its thread back, and waits for the end of the shard."""
    from distributed import secede

    secede()  # type: ignore[no-untyped-call]
    return tenants.hold(spec)


def _on(client: Any, call: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Future[Any]:
    """Await something on the loop of a client, which is not ours."""

    async def there() -> Any:
        return await call()

    return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), client.loop.asyncio_loop))


def _nobody(*_: object) -> None:
    pass
