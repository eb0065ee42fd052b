"""CaptureRun: starts and stops the engine of a capture, and holds the table that the engine reports to.

The engine is a shard in this process, or the shards of a cluster. A run knows neither widget nor page; it tells
its listeners. Two threads meet here: the user's calls `start`, `stop` and `look`, and the rest runs on the
background loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

from .. import runtime
from ..errors import message_of
from ..events import State
from ..fleet import Engine, StreamRow, StreamTable, Watcher, WorkerRow
from ..runtime import LoopEnded
from .stream_set import StreamSet

if TYPE_CHECKING:
    import distributed

# Seconds between two looks at all streams.
_INTERVAL_S = 1.0
# Seconds: `look` waits at most so long for the engine.
_LOOK_S = 2.0
# Seconds: `stop` waits at most so long until all is on disk; longer for very many streams.
_STOP_S, _STOP_S_PER_STREAM = 15.0, 0.002


class RunListener(Protocol):
    """What is told of a run. On the loop."""

    def began(self, engine: Engine) -> None:
        """This engine is about to run."""

    def reported(self) -> None:
        """The table is as of now."""

    def ended(self) -> None:
        """The engine is gone. On any thread."""


class CaptureRun:
    """Runs one engine after the other.

    Args:
        make_engine: the engine of the next run.
        table: one row a stream.

    Attributes:
        closed: it is over for good.
    """

    def __init__(self, make_engine: Callable[[], Engine], table: StreamTable) -> None:
        self._make_engine = make_engine
        self._listeners: list[RunListener] = []
        self._engine: Engine | None = None
        self._task: Future[None] | None = None
        self._failure = ""
        self.table = table
        self.closed = False

    def add_listener(self, listener: RunListener) -> None:
        """From here on `listener` is told."""
        self._listeners.append(listener)

    # ------------------------------------------------------------------ the user's side

    @property
    def running(self) -> bool:
        """Whether it captures."""
        return self._task is not None and not self._task.done()

    @property
    def trouble(self) -> str:
        """What keeps the capture as a whole from its work; "" for nothing."""
        return self._failure or (self._engine.trouble() if self._engine is not None else "")

    @property
    def workers(self) -> list[WorkerRow]:
        """Where the streams of a cluster run; [] in one process."""
        return [] if self._engine is None else self._engine.workers()

    @property
    def client(self) -> distributed.Client | None:
        """Of a cluster; None in one process."""
        return None if self._engine is None else self._engine.client

    def start(self) -> None:
        """Connect; after `stop()`, go on where each stream was left. Does nothing while running.

        Raises:
            RuntimeError: after `close()`, which is for good.
        """
        if self.closed:
            raise RuntimeError(
                "this capture was closed, which is for good: made again on the same folder it goes on; "
                "stop() is what start() can follow"
            )
        if self.running:
            return
        self._failure = ""
        self._engine = self._make_engine()
        self._task = runtime.run(self._run(self._engine))
        # Not earlier: it is still running as long as its task is not done. And this may not be missed.
        self._task.add_done_callback(self._ended_with)

    def stop(self) -> None:
        """End all connections; what came is on disk when this returns."""
        runtime.call(self.halt)
        if self._task is not None and not runtime.is_loop_thread():
            most = _STOP_S + _STOP_S_PER_STREAM * len(self.table.rows)
            concurrent.futures.wait([self._task], most)

    def follow(self, streams: StreamSet) -> None:
        """Capture these streams from here on, and no others. Where the engine cannot change its streams
        while it runs, all of them end, and go on where they were left."""
        if not self.running:
            streams.fill(self.table)
            self.table.update([])  # no report comes of those that left
            return
        if not runtime.run(self._follow(streams)).result():
            self.stop()
            streams.fill(self.table)
            self.start()

    def close(self) -> None:
        """`stop()` for good."""
        self.closed = True
        if self._task is not None:
            self.stop()

    def look(self) -> StreamTable:
        """The table as it is now, not as of the latest interval."""
        if self._engine is not None and not runtime.is_loop_thread():
            with contextlib.suppress(concurrent.futures.TimeoutError):
                runtime.run(self._report()).result(_LOOK_S)
        return self.table

    def row(self, stream: str) -> StreamRow:
        """One row of it."""
        return self.look().rows[stream]

    def post_command(self, stream: str, kind: str) -> None:
        """Have the loop start, stop or retry one stream."""
        runtime.call(self.command, stream, kind)

    # ------------------------------------------------------------------ the loop's side

    def halt(self) -> None:
        """End all connections, without waiting."""
        if self._engine is not None:
            self._engine.stop()

    def command(self, stream: str, kind: str) -> None:
        """Start, stop or retry one stream."""
        if self._engine is not None:
            self._engine.command(stream, kind)

    def watch(self, stream: str | None, watcher: Watcher) -> None:
        """Call `watcher` with what comes of this stream, and of no other any more."""
        if self._engine is not None:
            self._engine.watch(stream, watcher)

    async def _follow(self, streams: StreamSet) -> bool:
        if self._engine is None or not await self._engine.follow(streams.good, streams.own):
            return False
        streams.fill(self.table)
        for listener in self._listeners:
            listener.reported()
        return True

    async def _run(self, engine: Engine) -> None:
        for listener in self._listeners:
            listener.began(engine)
        try:
            interval = asyncio.get_running_loop().create_task(self._report_now_and_then())
            try:
                await engine.run()
            finally:
                interval.cancel()
        except Exception as e:  # shown, never printed into a cell
            self._failure = message_of(e)
        finally:
            await self._report()

    async def _report_now_and_then(self) -> None:
        while True:
            await self._report()
            for listener in self._listeners:
                listener.reported()
            await asyncio.sleep(_INTERVAL_S)

    async def _report(self) -> None:
        if self._engine is not None:
            self._engine.report_to(self.table)

    def _ended_with(self, task: Future[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, LoopEnded):
            # What the engine would say is what was true before.
            self._engine, self._failure = None, str(error)
            self.table.set_state(self.table.rows, State.FAILED, str(error))
        for listener in self._listeners:
            listener.ended()
