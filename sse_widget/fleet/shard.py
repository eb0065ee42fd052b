"""The streams that run in one process and are written as one sequence of parts.

One fleet, one writer, one thread for the disk; the same in a kernel and on a worker of a cluster. A shard
begins by creating a part of its own, so that an earlier writer of the sequence, which may only be asleep,
cannot create the next part and stops: there is one owner, without a lease. Everything but the disk's thread
runs on the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from ..client import Url
from ..errors import CaptureNotWritten
from ..events import EventBatch, Gap
from ..runtime import set_within
from ..storage import Capture, Dataset, OwnedSequence, Position, take_over
from .many_sources import REMEMBER, Fleet, Watcher
from .stream_table import StreamReport

FLUSH_ROWS = 50_000
FLUSH_BYTES = 16 * 2**20
# Beyond this streams wait for the disk; beyond the second a disk that refuses costs events.
FULL_BYTES = 32 * 2**20
WAITING_BYTES = 256 * 2**20
# Of the newest rows so many bytes are read to tell what comes again from what is new.
_READ_BYTES = 32 * 2**20


class Shard:
    """Some streams, from their sockets to the files of one sequence.

    Args:
        urls: name -> URL, unmasked; all valid.
        to: where, and how it is kept.
        options: of `EventSource`, the same for all.
        name: of the sequence; "" is the capture's only one.
        begin: how far each stream is by other sequences of the capture, where it was one of theirs.
        generation: of the capture whose shard this is, as given to `take_over_all`; "" where it is all of it.
    """

    def __init__(
        self,
        urls: Mapping[str, Url],
        to: Capture,
        options: Mapping[str, Any],
        *,
        name: str = "",
        begin: Mapping[str, Position] | None = None,
        generation: str = "",
    ) -> None:
        self._to = to
        self._generation = generation
        self._name = name
        self._begin = begin or {}
        self._urls = urls
        self._fleet = Fleet(urls, self, {"dedupe": True, **options})
        self._sequence: OwnedSequence | None = None
        self._opened = asyncio.Event()  # the writer is there, or will not be
        self._began: dict[str, Position] = {}
        self._latest: dict[str, list[EventBatch]] = {}
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="sse-widget disk")
        self._due = asyncio.Event()
        self._room = asyncio.Event()
        self._trouble = ""

    # ------------------------------------------------------------------ the run

    async def run(self) -> None:
        """Until stopped, or until every stream has ended by itself; then all is on disk.

        Raises:
            CaptureTaken: another owner writes this sequence now.
            Superseded: a later capture took all sequences over before this shard began.
            CaptureError: the folder cannot hold a capture, or a newer version wrote it.
        """
        try:
            try:
                self._sequence = sequence = await self._on_disk(self._open)
            finally:
                self._opened.set()
            loop = asyncio.get_running_loop()
            # Told on the disk's thread, where the folder is gone and begun anew.
            sequence.writer.gapped = lambda name, gap: loop.call_soon_threadsafe(
                self._fleet.note_gap, name, gap
            )
            fleet = loop.create_task(self._fleet.run())
            writing = loop.create_task(self._write())
            try:
                # The writing ends by itself only where another owner took over.
                await asyncio.wait({fleet, writing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._fleet.stop()
                await asyncio.wait({fleet})
                stopped = writing.cancel()
                await asyncio.wait({writing})
            if not stopped:
                writing.result()
            fleet.result()
            await self._commit()
        finally:
            if self._sequence is not None:
                await self._on_disk(self._sequence.writer.close)
            self._disk.shutdown(wait=False)

    def stop(self) -> None:
        self._fleet.stop()

    async def follow(self, urls: Mapping[str, Url], own: Mapping[str, Mapping[str, Any]]) -> None:
        """Capture these streams from here on, and no others: as `Fleet.follow`."""
        await self._opened.wait()
        if self._sequence is None:
            return
        new = urls.keys() - self._urls.keys()
        self._urls = urls
        if new:
            await self._on_disk(partial(self._look_back, self._sequence, new))
        await self._fleet.follow(urls, own)
        self._due.set()

    def _look_back(self, sequence: OwnedSequence, names: Set[str]) -> None:
        """Where streams that come later were left, if they were captured here before."""
        positions = sequence.writer.positions
        found = {name: positions[name] for name in names if name in positions}
        if found:
            self._began |= found
            shard = None if self._begin else self._name
            self._latest |= latest(sequence.dataset, found, shard, among=len(self._urls))

    def _open(self) -> OwnedSequence:
        dataset = Dataset(self._to.to)
        sequence = OwnedSequence(
            dataset,
            self._to,
            self._name,
            streams=self._urls,
            begin=self._begin,
            generation=self._generation,
        )
        if sequence.refused is not None:
            self._trouble = f"{sequence.refused.message}. {sequence.refused.hint}"
        began = sequence.before
        self._began = {name: began[name] for name in self._urls if name in began}
        if self._began:
            self._latest = latest(dataset, self._began, None if self._begin else self._name)
        return sequence

    async def _write(self) -> None:
        while True:
            await set_within(self._to.every, self._due)
            self._due.clear()
            await self._commit()
            self._room.set()

    async def _commit(self) -> None:
        sequence = self._sequence
        assert sequence is not None
        try:
            await self._on_disk(sequence.commit)
            self._trouble = ""
        except CaptureNotWritten as e:
            self._trouble = (
                f"{e.message}; events had to be let go"
                if sequence.losing
                else f"{e.message}. {e.hint}"
            )
        if sequence.needs_compaction:
            compacted = await self._on_disk(sequence.compact)
            self._trouble = compacted.failure or self._trouble

    async def _on_disk(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)

    # ------------------------------------------------------------------ the fleet's sink

    def begun(self, name: str) -> tuple[Position | None, list[EventBatch]]:
        return self._began.get(name), self._latest.pop(name, [])

    def append(
        self, name: str, batch: EventBatch, last_event_id: str, reconnection_time: int | None
    ) -> None:
        assert self._sequence is not None
        writer = self._sequence.writer
        writer.add(name, batch, last_event_id=last_event_id, reconnection_time=reconnection_time)
        rows, size = writer.pending
        if rows >= FLUSH_ROWS or size >= FLUSH_BYTES:
            self._due.set()
        if size > WAITING_BYTES and self._trouble:
            self._sequence.drop_oldest(WAITING_BYTES)

    @property
    def full(self) -> bool:
        if self._sequence is None or self._trouble:
            return False
        return self._sequence.writer.pending[1] > FULL_BYTES

    async def wait_for_space(self) -> None:
        """Wait while the disk is slower than the streams. Where it refuses, that would not help."""
        while self.full:
            self._room.clear()
            self._due.set()
            await self._room.wait()

    def gap(self, name: str, gap: Gap) -> None:
        assert self._sequence is not None
        self._sequence.writer.gap(name, gap)

    def written(self, name: str) -> int:
        return 0 if self._sequence is None else self._sequence.written(name)

    # ------------------------------------------------------------------ what is told and asked

    def reports(self) -> list[StreamReport]:
        return self._fleet.reports()

    def watch(self, name: str | None, watcher: Watcher) -> None:
        self._fleet.watch(name, watcher)

    def command(self, name: str, kind: str) -> None:
        self._fleet.command(name, kind)

    def trouble(self) -> str:
        return self._trouble


def take_over_all(
    dataset: Dataset,
    besides: Iterable[str],
    *,
    generation: str = "",
    shards: Collection[str] = (),
) -> dict[str, Position]:
    """Take all sequences but `besides` from their owners, and say how far each stream was in them.

    Args:
        besides: whose owner is the caller, or about to be.
        generation: the unique name of the caller, to which what is taken over is left.
        shards: those of the caller: begun where there are none, so that a later capture finds them all and no
            process of this one can begin after that.
    """
    there = set(dataset.shards())
    for shard in sorted(there - set(besides)):
        take_over(dataset, shard, generation)
    for shard in sorted(set(shards) - there):
        with contextlib.suppress(CaptureNotWritten):  # its owner tries again, and says so
            take_over(dataset, shard, generation)
    return dataset.streams()


def latest(
    dataset: Dataset, positions: Mapping[str, Position], shard: str | None, among: int = 0
) -> dict[str, list[EventBatch]]:
    """The newest events of each stream as they came, as far as telling repeats needs them.

    Args:
        among: of how many streams the newest rows may be, where of more than these.
    """
    found: dict[str, list[EventBatch]] = {}
    shards = dataset.shards() if shard is None else [shard]
    for one in shards:
        last = REMEMBER[0] * max(len(positions), among)
        rows = dataset.read(last=last, nbytes=_READ_BYTES // len(shards), shard=one)
        places: dict[str, list[int]] = {}
        for row, name in enumerate(rows["stream"].to_pylist()):
            places.setdefault(name, []).append(row)
        for name in places.keys() & positions.keys():
            some = rows.take(places[name][-REMEMBER[0] :])
            # In another shard it may have been further since.
            if some["seq"][-1].as_py() == positions[name].seq - 1:
                columns = ("type", "data", "last_event_id", "has_id")
                found[name] = [EventBatch(*(some[n].to_pylist() for n in columns))]
    return found
