"""Folder watch: whether the folder that a writer writes is still where it was, and what to do where not.

A folder can be removed, renamed, or have another one mounted over it while it is written. That is no takeover:
who takes a capture over makes a part first, and that part is there. So the writer waits and says what is
gone; where the folder comes back it goes on in it; where it does not, it begins anew in a folder of that name.
Another capture in its place is never written to. It decides and writes nothing itself.
"""

from __future__ import annotations

import time

from ..errors import CaptureError, CaptureNotWritten, CaptureTaken
from .dataset import Checkpoint, Dataset

# Seconds that a folder is waited for before it is begun anew.
PATIENCE = 1.5
# The same where its disk is gone: what is written elsewhere meanwhile is in two places for ever.
UNMOUNTED = 6.0


class FolderWatch:
    """Of the folder of one sequence.

    Args:
        dataset, shard: the sequence.
        writer: the name of who writes it, as it is in the footers.

    Attributes:
        root: the identity of the capture's folder; None before it was entered.
    """

    def __init__(self, dataset: Dataset, shard: str, writer: str) -> None:
        self._dataset = dataset
        self._shard = shard
        self._writer = writer
        self._gone_since: float | None = None
        self.root: tuple[int, int] | None = None

    def entered(self) -> None:
        """A folder of the sequence is open."""
        self.root = self._dataset.place.identity()

    def written(self) -> None:
        """A part is there: all is well."""
        self._gone_since = None

    def trouble(self, number: int, folder: str, *, begun: bool) -> CaptureError | None:
        """What keeps part `number` from being made in this folder; None for nothing.

        Args:
            begun: the folder has parts of this writer.
        """
        if self.root is None:
            return None
        if self._dataset.place.identity() == self.root:
            name = folder.rpartition("/")[2]
            if not begun or name in self._dataset.folders(self._shard):
                return None
        return self.explain(number, folder)

    def explain(self, number: int, folder: str) -> CaptureError:
        """What it means that the folder that was held has lost its name."""
        place = self._dataset.place
        there = place.identity()
        found = self._found()
        if there == self.root and found.part > number and not self._is_ours(found):
            where = f"{place.name}/{self._shard}" if self._shard else place.name
            return CaptureTaken(
                f"another stream writes {where} now",
                hint="Nothing was lost or doubled. Give each stream a folder of its own.",
            )
        if self._gone_since is None:
            self._gone_since = time.monotonic()
        hint = "What comes is kept in memory; the folder is waited for, then begun anew."
        if there is None:
            what = f"{place.name} is gone: it was removed or renamed"
        elif there == self.root:
            what = f"{place.name}/{folder} is gone: it was removed or renamed"
        elif self._is_another(found):
            what = f"another capture is in the place of {place.name}"
            hint = "What comes is kept in memory. Put the folder back, or begin the stream again."
        else:
            what = f"another folder has the name {place.name}: it was replaced, or mounted over"
        return CaptureNotWritten(what, hint=hint)

    def may_begin_anew(self) -> bool:
        """Whether it was waited for long enough, and nobody else's capture is there."""
        found = self._found()
        if self._is_another(found):
            return False
        if self._is_ours(found):
            return True  # a folder of ours is back, an earlier one
        assert self.root is not None
        there = self._dataset.place.identity()
        device = there[0] if there is not None else self._dataset.place.device_above()
        patience = PATIENCE if device == self.root[0] else UNMOUNTED
        return self._gone_since is None or time.monotonic() - self._gone_since >= patience

    def _found(self) -> Checkpoint:
        # Files of a name that is known may be others by now.
        self._dataset.forget()
        return self._dataset.checkpoint(self._shard)

    def _is_ours(self, found: Checkpoint) -> bool:
        return found.footer is not None and found.footer.writer == self._writer

    def _is_another(self, found: Checkpoint) -> bool:
        return found.footer is not None and found.footer.writer != self._writer
