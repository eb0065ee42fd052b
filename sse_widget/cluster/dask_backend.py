"""Dask: the user's cluster, or one of our own on this machine, and how its workers are spoken to.

A cluster of our own is started again when its scheduler is gone. Nothing is decided here about streams.
This is the only module that knows Dask; it is imported when a cluster is first asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import multiprocessing
import os
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from ..storage import Dataset
from . import shard_host
from .shard_host import Command, ShardSpec, ShardStatus

# What a worker is while it ends.
_CLOSING = frozenset({"closing", "closing_gracefully", "closed", "failed", "stopping"})
# As long as starting a cluster should take; nobody waits for one that does not come.
STARTING = 15.0


class Dask:
    """The client of a cluster.

    Args:
        cluster: a `distributed.Client`, or "local".
    """

    def __init__(self, cluster: Any) -> None:
        self.own = cluster == "local"
        self.client: Any = None if self.own else cluster
        self.trouble = ""
        self._starting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------ a cluster of our own

    def renew(self) -> None:
        """Begin a cluster of our own where there is none, or where its scheduler is gone."""
        if not self.own or self._starting is not None:
            return
        client = self.client
        if client is not None and client.status in ("running", "newly-created"):
            return

        async def renew() -> None:
            self.client = None
            if client is not None:
                # Nobody waits for it: without its scheduler a cluster takes its time to end.
                closing = asyncio.create_task(asyncio.to_thread(_close, client))
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)
            self.client = await asyncio.to_thread(_local)

        self._starting = asyncio.get_running_loop().create_task(renew())
        self._starting.add_done_callback(self._renewed)

    def _renewed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            # Tried once: from here on the shards run in this process.
            self.trouble = f"No cluster could be started: {task.exception()}"
        else:
            self._starting = None

    async def started(self, seconds: float = STARTING) -> None:
        """Wait at most so long until a cluster of our own is there, or is known not to come."""
        if self._starting is not None:
            await asyncio.wait([self._starting], timeout=seconds)

    async def close(self) -> None:
        """End a cluster of our own; a user's is left alone."""
        if not self.own:
            return
        await self.started()
        client, self.client = self.client, None
        if client is not None:
            await asyncio.to_thread(_close, client)

    # ------------------------------------------------------------------ its workers

    @property
    def running(self) -> bool:
        return self.client is not None and self.client.status == "running"

    async def workers(self) -> dict[str, Any]:
        """Address -> what the scheduler tells of that worker."""
        client = self.client
        about = await _on(client, partial(client.scheduler.identity, n_workers=-1))
        return dict(about["workers"])

    async def ask(
        self, address: str, watched: str | None, orders: Mapping[str, list[Command]]
    ) -> dict[str, ShardStatus]:
        """Look in on the shards of one worker."""
        client = self.client
        answers = await _on(
            client,
            lambda: client.run(
                shard_host.ask, watched, orders, workers=[address], asynchronous=True
            ),
        )
        found: dict[str, ShardStatus] = answers[address]
        return found

    def submit(self, spec: ShardSpec, address: str) -> Any:
        """Begin a shard on this worker and on no other; its future."""
        return self.client.submit(
            _hold,
            spec,
            key=spec.token,
            workers=[address],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )


def check(cluster: Any) -> None:
    """Refuse what is no cluster, before anything is begun.

    Raises:
        ModuleNotFoundError: the extra `cluster` is not installed.
        TypeError: neither a Client nor "local".
        RuntimeError: "local" in a script that workers would run again.
    """
    _need("distributed")
    import distributed

    if isinstance(cluster, distributed.Client):
        return
    if cluster == "local":
        _need("cryptography")
    else:
        what = type(cluster).__name__
        raise TypeError(f'cluster must be a dask.distributed.Client or "local", not {what}')
    if multiprocessing.parent_process() is not None:
        raise RuntimeError(
            'cluster="local" starts processes that run this script again: '
            'put it below `if __name__ == "__main__":`'
        )


def _need(package: str) -> None:
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"cluster= needs {error.name}: pip install 'sse-widget[cluster]'", name=error.name
        ) from None


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
    """A cluster on this machine, on loopback, without a dashboard; its client.

    A port of loopback is open to every process of the machine, and whoever may speak to a scheduler
    may run code on its workers and read their memory: the streams' tokens. So all of it is TLS
    with a certificate that is made for this cluster, kept in memory, and asked of everybody. Of
    its web pages, which know no certificates, none is served.
    """
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security

    n = min(max(os.cpu_count() or 1, 2), 8)
    private = {
        "distributed.worker.daemon": True,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        # It looks at what each loop does a hundred times a second, and keeps that for a quarter of an hour.
        "distributed.worker.profile.enabled": False,
    }
    with dask.config.set(private):
        cluster = LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=n,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            security=Security.temporary(),  # type: ignore[no-untyped-call]
            dashboard_address=None,
            # Without a dashboard it serves pages all the same, and first tries the port that another
            # cluster of the user's has, with a warning in their cell.
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.CRITICAL,
            memory_limit=0,
        )
        return Client(cluster, set_as_default=False)  # type: ignore[no-untyped-call]


def _close(client: Any) -> None:
    """End a cluster of our own, whatever is left of it."""
    cluster = client.cluster
    with contextlib.suppress(Exception):  # its scheduler may be gone
        client.close(timeout=5)
    if cluster is not None:
        with contextlib.suppress(Exception):
            # Longer than it tries to reach a scheduler that is gone.
            cluster.close(timeout=60)


def _hold(spec: ShardSpec) -> str:
    """The task on a worker: gives its thread back, and waits for the end of the shard, or of the worker,
    which waits for its threads before it ends."""
    from distributed import get_worker, secede

    worker = get_worker()
    secede()  # type: ignore[no-untyped-call]
    return shard_host.hold(spec, lambda: worker.status.name in _CLOSING)


def _on(client: Any, call: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Future[Any]:
    """Await something on the loop of a client, which is not ours."""

    async def there() -> Any:
        return await call()

    # Where its loop has ended, or is about to, nobody would ever run this.
    if client.status != "running":
        raise ConnectionError("the cluster is gone")
    return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), client.loop.asyncio_loop))
