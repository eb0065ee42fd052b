"""Retention: old folders of a capture are removed, by age or while there is too much.

How old a folder is is told by several clocks, and the youngest answer counts: a wall clock that is set
wrong, or was, must not remove what came a moment ago. A folder that holds a user's own file loses its
parts and stays. It merges nothing and removes nothing else.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

from ..errors import CaptureDamaged, reason_of
from . import boot_clock
from .dataset import Dataset
from .part_facts import PartFacts
from .part_schema import Part


def expire(
    dataset: Dataset,
    folders: dict[str, list[Part]],
    keep: timedelta | None,
    keep_bytes: int | None,
    writer: str | None,
) -> tuple[int, str]:
    """How many folders were removed, and why no more, where a user should know; never the newest,
    which is the checkpoint.

    Args:
        folders: the parts by folder, oldest first; what is removed is taken out.
        keep: folders whose newest part is older than this go.
        keep_bytes: the oldest go while all of them are larger than this.
        writer: the id of who asks: its own parts it knows the time of.
    """
    size = sum(part.size for parts in folders.values() for part in parts)
    removed = 0
    newest = {folder: _newest(dataset, parts) for folder, parts in folders.items()}
    ages = _Ages([facts for facts in newest.values() if facts is not None], writer)
    for folder in list(folders)[:-1]:
        facts = newest[folder]
        too_old = keep is not None and facts is not None and ages.of(facts) > keep.total_seconds()
        if not too_old and (keep_bytes is None or size <= keep_bytes):
            break
        try:
            _remove(dataset, folder, folders[folder])
        except OSError as e:  # a file that somebody reads cannot be moved on Windows
            return removed, f"old files stay for now: {reason_of(e)}"
        parts = folders.pop(folder)
        dataset.forget(parts)
        size -= sum(part.size for part in parts)
        removed += 1
    return removed, ""


def _remove(dataset: Dataset, folder: str, parts: list[Part]) -> None:
    if not dataset.only_parts(folder, parts):
        for part in parts:
            dataset.place.remove(part.path)
    else:
        dataset.place.remove(folder)


def _newest(dataset: Dataset, parts: list[Part]) -> PartFacts | None:
    """What the newest of these parts says. A capture has hundreds of folders: whole footers of a thousand
    streams would take a megabyte each."""
    for part in reversed(parts):
        with contextlib.suppress(CaptureDamaged):
            return dataset.facts(part)
    return None


class _Ages:
    """How long ago parts were written, told by what others say of themselves.

    Args:
        facts: of the newest part of each folder, oldest first.
        writer: whose process this is.
    """

    def __init__(self, facts: list[PartFacts], writer: str | None) -> None:
        self._clock = boot_clock.read()
        # By the older of two clocks: one that was set wrong must not remove what is new.
        self._now = min([datetime.now(UTC), *(newest.at for newest in facts[-1:])])
        self._writer = writer
        self._before: datetime | None = None  # the latest that others wrote
        self._since = 0.0  # how long we have written since then, at least
        if writer is not None:
            others = [known.at for known in facts if known.writer != writer]
            own = [known.clock for known in facts if known.writer == writer]
            self._before = others[-1] if others else None
            self._since = (self._clock.since(own[0]) or 0.0) if own else 0.0

    def of(self, known: PartFacts) -> float:
        """Seconds, at least."""
        ages = [(self._now - known.at).total_seconds()]
        counted = self._clock.since(known.clock)
        if counted is not None:
            ages.append(counted)
        if self._before is not None and known.writer != self._writer:
            # Between the last part of another process and our first nobody knows how much time has
            # passed: a pause, or a clock that was set. It does not count.
            ages.append((self._before - known.at).total_seconds() + self._since)
        return min(ages)
