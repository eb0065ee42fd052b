"""Takes the events of many streams and commits them as the next part of a sequence.

`add` is cheap and may be called from any thread. `commit` blocks and is called by one thread at a time. It
either creates part n or says why not: another writer has created it (then this writer is done for good), or
the disk refuses or is gone (then everything is kept, and the next call tries the same again).
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from ..errors import CaptureDamaged, CaptureError, CaptureNotWritten, CaptureTaken, reason_of
from ..events import Cause, EventBatch, Gap
from ..tables import GapLog, Snapshot
from . import boot_clock
from .compaction import finish
from .dataset import Checkpoint, Dataset
from .footer import Footer, Position
from .held_folder import FolderReplaced
from .lost_folder import FolderWatch
from .part_builder import Append, decode, encode, gather
from .store import Folder

# A folder is closed, to be merged, at the first of these.
FOLDER_PARTS = 200
FOLDER_BYTES = 64 * 2**20
FOLDER_TIME = timedelta(hours=1)
# Of a stream so many gaps wait to be written.
_GAPS_KEPT = 1_000


T = TypeVar("T")


class Dropped(NamedTuple):
    """What a stream lost of what waited, since it was last written.

    Attributes:
        end: the number after the last event that is lost.
        rows: how many are: those right before `end`.
    """

    end: int
    rows: int


@dataclass(slots=True)
class _Prepared:
    """A part on its way: tried again as it is until it is known to be there, or lost."""

    number: int
    folder: str
    content: Any
    footer: Footer
    rows: int
    anew: bool = False  # its folder was lost, and it says so


class Writer:
    """Writes one sequence of a capture, from its newest part on.

    Args:
        dataset: the capture.
        shard: the sequence; "" is that of a plain capture.
        folder_time: the longest time that one folder is written to.
        generation: begins the id of this writer: of all that one capture lets write.

    Attributes:
        positions: how far each stream is *committed*.
        id: names this writer in the footers.
        follows: the id of whoever wrote the newest part before this one; None where there is none.
        gapped: called with a stream and its gap where the capture is begun anew, because its folder
            is gone.
        held: where a single stream is written, whoever holds its events as Arrow: asked for the
            rows from one number to before another, gives those it still has.

    Raises:
        CaptureTooNew: a newer version of this package wrote the newest part.
        CaptureError: the place cannot be read.
    """

    def __init__(
        self,
        dataset: Dataset,
        shard: str = "",
        *,
        folder_time: timedelta = FOLDER_TIME,
        generation: str = "",
    ) -> None:
        self.dataset = dataset
        self.shard = shard
        try:
            finish(dataset, shard)
            checkpoint = dataset.checkpoint(shard)
        except CaptureError:
            raise
        except OSError as e:
            raise CaptureError(f"{dataset.place.name} cannot be read: {reason_of(e)}") from e
        self.positions: dict[str, Position] = checkpoint.streams
        self.next_part = checkpoint.part
        self.id = generation + secrets.token_hex(8)
        self._where = FolderWatch(dataset, shard, self.id)
        self._folder_time = folder_time
        self.folder = checkpoint.folder
        self._parts, self._bytes = checkpoint.parts, checkpoint.bytes
        footer = checkpoint.footer
        self.follows = None if footer is None else footer.writer
        self._begun = footer.begun if footer and not footer.closes else None
        self._entered: Folder | None = None
        self._lost: CaptureTaken | None = None
        self._prepared: _Prepared | None = None
        self._lock = threading.Lock()
        self._entries: deque[Append] = deque()
        self._seq: dict[str, int] = {}  # the number that the next event added gets, by stream
        self._gaps = GapLog(most=_GAPS_KEPT)
        self._rows = self._size = 0
        self._claiming = False
        self.held: Callable[[int, int], Snapshot] | None = None
        self.gapped: Callable[[str, Gap], None] = lambda stream, gap: None

    # ------------------------------------------------------------------ what is to be written

    @property
    def pending(self) -> tuple[int, int]:
        """Rows that wait to be committed, and about how many bytes they are in memory."""
        with self._lock:
            prepared = self._prepared
            if prepared is None:
                return self._rows, self._size
            return self._rows + prepared.rows, self._size + len(prepared.content)

    @property
    def idle(self) -> bool:
        """Nothing waits to be committed."""
        return not (self._entries or self._gaps or self._prepared)

    @property
    def refused(self) -> bool:
        """A part waits to be tried again, before all that came since."""
        return self._prepared is not None

    def add(
        self,
        stream: str,
        batch: EventBatch,
        *,
        last_event_id: str | None = None,
        reconnection_time: int | None = None,
        stats: Mapping[str, int] | None = None,
        nbytes: int | None = None,
    ) -> None:
        """The next events of a stream.

        Args:
            stream: its name: what a user may read. Never a URL with secrets.
            batch: its events; with `received_at`.
            last_event_id: the id to resume after; None: that of the last event.
            reconnection_time: the server's, where known.
            stats: the other counters of the stream as they are after this batch.
            nbytes: about how much memory the batch takes, where that is known.
        """
        size = 0
        if batch.types:
            size = batch.nbytes if nbytes is None else nbytes
        entry = Append(stream, batch, 0, last_event_id, reconnection_time, stats, size)
        with self._lock:
            if stream not in self._seq:
                self._seq[stream] = self.next_seq(stream)
            self._seq[stream] += len(batch)
            before = self._entries[-1] if self._entries else None
            if before is not None and before.stream == stream and not batch.types:
                # More is known, and nothing came: said once, however often that is.
                self._entries[-1] = _told(before, entry)
            else:
                self._entries.append(entry)
            self._rows += len(batch)
            self._size += size

    def gap(self, stream: str, gap: Gap) -> None:
        """A hole of a stream; or more is known of one (the same `at` and `cause`)."""
        with self._lock:
            self._gaps.most = _GAPS_KEPT * max(len(self._seq), 1)
            self._gaps.add(gap, stream)

    def next_seq(self, stream: str) -> int:
        """The number of the first event of a stream that is in no part yet, nor on its way."""
        there = self.positions if self._prepared is None else self._prepared.footer.streams
        return there[stream].seq if stream in there else 0

    def drop_oldest(self, size: int) -> dict[str, Dropped]:
        """Let go of the oldest rows until at most `size` bytes wait, those of a part that is on its way
        included; the numbers of the rows stay taken. From any thread.

        Returns:
            What each stream lost.
        """
        skips: dict[str, Append] = {}
        with self._lock:
            prepared = self._prepared
            size -= 0 if prepared is None else len(prepared.content)
            while self._entries and self._size > size:
                entry = self._entries.popleft()
                rows = 0 if entry.batch is None else len(entry.batch)
                self._size -= entry.nbytes
                self._rows -= rows
                skip = entry._replace(batch=None, skipped=entry.skipped + rows, nbytes=0)
                if skip.last_event_id is None and entry.batch is not None and rows:
                    skip = skip._replace(last_event_id=entry.batch.last_event_ids[-1])
                known = skips.get(entry.stream)
                skips[entry.stream] = skip if known is None else _told(known, skip)
            # What is left of those that went comes first, one entry a stream.
            self._entries.extendleft(skips.values())
            lost = {}
            for name, skip in skips.items():
                waiting = sum(
                    entry.skipped + (len(entry.batch) if entry.batch is not None else 0)
                    for entry in self._entries
                    if entry.stream == name
                )
                end = self._seq[name] - waiting + skip.skipped
                lost[name] = Dropped(end, skip.skipped)
        return lost

    # ------------------------------------------------------------------ writing it

    def claim(self, *streams: str) -> int:
        """Commit a part at once, be it an empty one: whoever wrote this sequence until now, and may
        only be asleep, loses its next part. Raises as `commit` does."""
        with self._lock:
            nothing = EventBatch()
            self._entries += [Append(s, nothing, 0, None, None, None) for s in streams]
            self._claiming = True
        number = self.commit()
        assert number is not None
        return number

    def commit(self) -> int | None:
        """Write what waits as the next part.

        Returns:
            The number of the part; None where nothing waited.

        Raises:
            CaptureTaken: another writer made this part: this one is done, for good.
            CaptureNotWritten: the disk is full, read-only or gone; all is kept.
        """
        if self._lost is not None:
            raise self._lost
        if self._prepared is None:
            self._prepare()
        part = self._prepared
        if part is None:
            return None
        try:
            part = self._create(part)
        except CaptureTaken as e:
            self._lost = e
            self._leave()
            raise
        except CaptureError:
            raise
        except Exception as e:  # whatever a store's own package raises
            raise CaptureNotWritten(
                f"{self.dataset.place.name} cannot be written: {reason_of(e)}",
                hint="What waits is kept in memory and written when that is possible again.",
            ) from e
        self._prepared = None
        self.positions = dict(part.footer.streams)
        self.next_part = part.number + 1
        self._parts += 1
        self._bytes += len(part.content)
        self._begun = part.footer.begun
        if part.footer.closes:
            self._leave()
            self.folder = self._sibling(f"{self.next_part:08}")
            self._parts = self._bytes = 0
            self._begun = None
        return part.number

    def close(self) -> None:
        """Let go of the folder and of all that is open; what waits stays uncommitted."""
        self._leave()
        self.dataset.place.close()

    def _leave(self) -> None:
        if self._entered is not None:
            self._entered.leave()
            self._entered = None

    def _sibling(self, folder: str) -> str:
        return f"{self.shard}/{folder}" if self.shard else folder

    def _create(self, part: _Prepared) -> _Prepared:
        """Make the part; the one that was made, which is another one where its folder is."""
        try:
            if self._entered is None:
                part = self._enter(part)
            name = f"part-{part.number:08}.parquet"
            assert self._entered is not None
            self._entered.create(name, part.content)
        except FileExistsError:
            # It may be our own: made by an attempt of which only the answer was lost.
            if not self._is_ours(part):
                raise self._taken(part.number) from None
        except FolderReplaced:
            self._leave()
            raise self._where.explain(part.number, part.folder) from None
        self._where.written()
        return part

    def _enter(self, part: _Prepared) -> _Prepared:
        """Take hold of the folder first, look who else is there then: in this order a writer that
        comes later meets us in the same folder."""
        trouble = self._where.trouble(part.number, part.folder, begun=self._parts > 0)
        if trouble is not None:
            if isinstance(trouble, CaptureTaken) or not self._where.may_begin_anew():
                raise trouble
            part = self._begin_anew(part)
        entered = self.dataset.place.enter(part.folder, self._where.root)
        self._where.entered()
        mine = int(part.folder.rpartition("/")[2])
        newer = [f for f in self.dataset.folders(self.shard) if int(f) > mine]
        merged = [n for n in entered.names() if n.startswith("part-") and n.count("-") > 1]
        if newer or merged:
            entered.leave()
            raise self._taken(part.number)
        self._entered = entered
        return part

    def _begin_anew(self, part: _Prepared) -> _Prepared:
        """The same part for the folder that is there now, or for a new one, with a gap that says
        what is not in it. Its number is new too: no name is used twice."""
        there = self.dataset.checkpoint(self.shard)
        number = max(part.number, there.part)
        gaps = [] if part.anew else list(self._missing(there))
        footer = replace(
            part.footer,
            part=number,
            closes=False,
            begun=part.footer.at,
            gaps=(*part.footer.gaps, *gaps),
        )
        self.folder = self._sibling(f"{number:08}")
        self._parts = self._bytes = 0
        self._where.root = None
        content = encode(decode(part.content), footer)
        self._prepared = _Prepared(number, self.folder, content, footer, part.rows, anew=True)
        for stream, gap in gaps:
            self.gapped(stream, gap)
        return self._prepared

    def _missing(self, there: Checkpoint) -> Iterator[tuple[str, Gap]]:
        for stream, position in self.positions.items():
            before = there.streams[stream].seq if stream in there.streams else 0
            lost = position.seq - before
            if lost > 0:
                text = (
                    f"{lost:,} events before this one are not here any more: "
                    "the folder of the capture was removed, renamed or mounted over"
                )
                now = datetime.now(UTC)
                yield (
                    stream,
                    Gap(position.seq, now, Cause.DISK, text, missing=lost, replayed=False),
                )

    def _is_ours(self, part: _Prepared) -> bool:
        for there in self.dataset.parts(self.shard):
            if there.path == f"{part.folder}/part-{part.number:08}.parquet":
                try:
                    footer = self.dataset.footer(there)
                except (CaptureDamaged, FileNotFoundError):
                    return False
                return (footer.writer, footer.part) == (self.id, part.number)
        return False

    def _taken(self, number: int) -> CaptureTaken:
        where = f"{self.dataset.place.name}/{self.shard}" if self.shard else self.dataset.place.name
        return CaptureTaken(
            f"another stream writes {where} now: part {number} is its own",
            hint="Nothing was lost or doubled. Stop one of the two, or give each a folder.",
        )

    def _prepare(self) -> None:
        """Make the next part of what waits, if anything does. Meanwhile that waits as it did."""
        with self._lock:
            entries, self._entries = list(self._entries), deque()
            gaps, self._gaps = self._gaps, GapLog(most=_GAPS_KEPT)
            rows, size = self._rows, self._size
            claiming, self._claiming = self._claiming, False
        if not (entries or gaps or claiming):
            return
        now = datetime.now(UTC)
        table, streams = gather(entries, self.positions, now, self.held)
        entries.clear()  # the texts are in the table now
        begun = self._begun or now
        # Decided before its size is known: by what the folder has so far.
        closes = (
            self._parts + 1 >= FOLDER_PARTS
            or self._bytes >= FOLDER_BYTES
            or not timedelta(0) <= now - begun < self._folder_time
        )
        named = tuple(gaps.by_stream())
        footer = Footer(
            self.next_part, closes, now, begun, self.id, streams, named, boot_clock.read()
        )
        prepared = _Prepared(self.next_part, self.folder, encode(table, footer), footer, rows)
        with self._lock:
            self._rows -= rows
            self._size -= size
            self._prepared = prepared


def _latest(known: T | None, otherwise: T | None) -> T | None:
    return otherwise if known is None else known


def _told(before: Append, after: Append) -> Append:
    """Two entries of one stream as one; the second has no rows."""
    return before._replace(
        skipped=before.skipped + after.skipped,
        last_event_id=_latest(after.last_event_id, before.last_event_id),
        reconnection_time=_latest(after.reconnection_time, before.reconnection_time),
        stats=_latest(after.stats, before.stats),
    )
