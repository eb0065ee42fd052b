"""Checking: whether a capture keeps what its format promises, and if not, what is wrong, in plain sentences.

Every file is read to its end, one after the other and a mebibyte at a time, by the reader that everything else
uses (`dataset`), so both agree on what is damaged. It changes nothing, not even the remains of a merge that was
interrupted, and its memory stays bounded whatever the files hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby

from ..errors import CaptureDamaged, CaptureTooNew
from ..events import Cause
from ..visible import visible, visible_name
from .compaction import leftovers
from .dataset import Dataset
from .event_numbers import Numbers, named
from .footer import NOWHERE, Footer, Position
from .part_facts import Wanted
from .part_schema import Part

_MOST_SENTENCES = 1_000
_MOST_BYTES = 64 * 2**20
_TRIES = 3


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found.

    Attributes:
        files, rows, streams: how many there are that can be read.
        problems: what is wrong, a sentence each; at most a thousand.
        notes: what a user should know, and nothing is wrong with.
    """

    files: int
    rows: int
    streams: int
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def check(
    dataset: Dataset,
    *,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    most_bytes: int = _MOST_BYTES,
) -> CheckReport:
    """Read all of a capture and compare: the numbers of parts, what each footer says, the rows it stands
    beside, and the numbers of each stream. It blocks. A writer may go on meanwhile: what it writes after
    the beginning is not looked at.

    Args:
        progress: called with the files that are done, and all of them.
        stop: asked before each file; where it says so, the report says how far it came.
        most_bytes: what the numbers of all streams may take; a stream without interruptions takes some
            hundred bytes.
    """
    for _ in range(_TRIES):
        try:
            return _Check(dataset, progress, stop, most_bytes).report()
        except (
            FileNotFoundError
        ) as e:  # merged or removed meanwhile, or a merge that was interrupted
            trouble = str(e)
            dataset.forget()
    return CheckReport(
        0,
        0,
        0,
        (f"Files come and go, or a merge was interrupted: {visible(trouble)}.",),
        _notes(dataset),
    )


@dataclass(slots=True)
class _SoFar:
    """What is known of a sequence: its numbers, whether older parts were removed, the newest part, and the
    newest footer that could be read."""

    numbers: Numbers
    was_cut: bool
    newest: Part | None = None
    footer: Footer | None = None


class _Check:
    """One reading of a capture."""

    def __init__(
        self,
        dataset: Dataset,
        progress: Callable[[int, int], None] | None,
        stop: Callable[[], bool],
        most_bytes: int,
    ) -> None:
        self._dataset = dataset
        self._progress = progress
        self._stop = stop
        self._problems: list[str] = []
        self._more = 0
        self._files = self._rows = self._done = 0
        self._most_bytes = most_bytes
        self._numbers = Numbers(most_bytes)

    def report(self) -> CheckReport:
        parts = self._dataset.parts()
        ended = all(
            self._sequence(list(some), len(parts))
            for _, some in groupby(parts, lambda part: part.shard)
        )
        if not ended:
            self._say(f"The check was stopped after {self._done:,} of {len(parts):,} files.")
        elif self._numbers.is_full:
            self._say(
                "There are more streams, or more interruptions of their numbers, than can be compared in "
                f"{self._most_bytes / 2**20:g} MiB: holes and rows that are there twice were not looked for."
            )
        else:
            for problem in self._numbers.problems():
                self._say(problem)
        if self._more:
            self._problems.append(f"There are {self._more:,} more problems.")
        return CheckReport(
            self._files,
            self._rows,
            len(self._numbers.runs),
            tuple(map(visible, self._problems)),
            _notes(self._dataset),
        )

    def _say(self, problem: str) -> None:
        if len(self._problems) < _MOST_SENTENCES:
            self._problems.append(problem)
        else:
            self._more += 1

    def _sequence(self, parts: list[Part], total: int) -> bool:
        """All files of one sequence; whether nobody stopped it."""
        so_far = _SoFar(Numbers(self._numbers.free), was_cut=parts[0].first > 0)
        for part in parts:
            if self._stop():
                return False
            self._part(part, so_far)
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, total)
        if so_far.footer is not None:
            newest = f"the newest part of {parts[0].shard or 'the capture'}"
            for name, position in so_far.footer.streams.items():
                so_far.numbers.add_reached(name, position.seq, newest)
        self._numbers.merge(so_far.numbers)
        return True

    def _part(self, part: Part, so_far: _SoFar) -> None:
        """One file, after those of its sequence that come before it."""
        newest = so_far.newest
        found = self._read(part, so_far.numbers.free)
        if newest is not None:
            self._follows(part, newest, None if found is None else found[0])
        is_new = newest is None or part.first > newest.last
        if is_new:
            so_far.newest = part
        if found is None:
            return
        footer, held = found
        if is_new:
            before = so_far.footer
            if before is None and so_far.was_cut:
                _forgive(so_far.numbers, footer, held)
            known = {} if before is None else before.streams
            whole = before is not None or not so_far.was_cut
            self._compare(part, footer, known, held, whole=whole)
            so_far.footer = footer
        so_far.numbers.merge(held)
        for name, gap in footer.gaps:
            so_far.numbers.add_gap(name, gap)

    def _follows(self, part: Part, newest: Part, footer: Footer | None) -> None:
        """The number of a part, after those before it."""
        gaps = () if footer is None else footer.gaps
        if part.first <= newest.last:
            twice = _numbers_of(part.first, min(part.last, newest.last))
            self._say(f"{twice} {_is_are(twice)} there twice: {newest.path} and {part.path}.")
        elif part.first > newest.last + 1 and all(g.cause is not Cause.DISK for _, g in gaps):
            # (A writer whose folder went away begins anew, and tells of what was in it as a gap.)
            gone = _numbers_of(newest.last + 1, part.first - 1)
            self._say(
                f"{gone} {_is_are(gone)} not there: the file would come between {newest.path} and "
                f"{part.path}."
            )

    def _read(self, part: Part, free: int) -> tuple[Footer, Numbers] | None:
        """The footer of a file and the numbers in it; None where it cannot be read, which is said."""
        folder = int(part.folder.rpartition("/")[2])
        if part.first < folder:
            self._say(f"{part.path} lies in a folder that begins with part {folder}.")
        held = Numbers(free)
        rows = 0
        try:
            footer = self._dataset.footer(part)
            for table in self._dataset.tables_of(part, Wanted()):
                held.add_rows(table, part.path)
                rows += table.num_rows
        except (CaptureDamaged, CaptureTooNew) as e:
            self._say(f"{e.message}.")
            return None
        self._files += 1
        self._rows += rows
        return footer, held

    def _compare(
        self,
        part: Part,
        footer: Footer,
        before: Mapping[str, Position],
        held: Numbers,
        *,
        whole: bool,
    ) -> None:
        """A footer with the one before it and the rows beside it.

        Args:
            whole: what is not in `before` was at 0: nothing older was removed.
        """
        for name in before.keys() - footer.streams.keys():
            self._say(f"The footer of {part.path} has forgotten the stream {named(name)}.")
        for name in held.runs.keys() - footer.streams.keys():
            self._say(f"{part.path} has rows of {named(name)}, of which its footer knows nothing.")
        for name, position in footer.streams.items():
            was = before.get(name)
            if was is not None and position.seq < was.seq:
                self._say(
                    f"The footer of {part.path} counts {position.seq:,} events of {named(name)}, "
                    f"the one before it {was.seq:,}."
                )
            runs = held.runs.get(name)
            if not runs or held.is_full:
                continue
            if was is not None and runs[0].start < was.seq:
                self._say(
                    f"The rows of {named(name)} in {part.path} begin with number "
                    f"{runs[0].start:,}, but the footer before it counts {was.seq:,} events."
                )
            if runs[-1].stop > position.seq:
                self._say(
                    f"{part.path} has rows of {named(name)} up to number {runs[-1].stop - 1:,}, but "
                    f"its footer counts {position.seq:,} events."
                )
            elif was is not None or whole:
                self._count(part, name, was or NOWHERE, position, held)

    def _count(self, part: Part, name: str, was: Position, now: Position, held: Numbers) -> None:
        """The rows of a stream in a file against what two footers count, where these tell it exactly."""
        runs = held.runs[name]
        rows = sum(run.stop - run.start for run in runs)
        counted = sum(now.types.values()) - sum(was.types.values())
        goes_on = runs[0].start == was.seq and runs[-1].stop == now.seq and len(runs) == 1
        if goes_on and counted != rows:
            self._say(
                f"{part.path} has {rows:,} rows of {named(name)}, but by their types its footer "
                f"counts {counted:,}."
            )


def _forgive(numbers: Numbers, footer: Footer, held: Numbers) -> None:
    """Older files were removed: what a stream had before the oldest one that is left."""
    for name, position in footer.streams.items():
        runs = held.runs.get(name)
        numbers.add_removed(name, runs[0].start if runs else position.seq)


def _notes(dataset: Dataset) -> tuple[str, ...]:
    """What lies there and is no part of the capture."""
    notes = []
    try:
        foreign = dataset.foreign_files()
    except FileNotFoundError:
        foreign = []
    for what, found in (
        ("file", foreign),
        ("link", sorted(dataset.place.links)),
        ("leftover of a writer", leftovers(dataset)),
    ):
        if found:
            such = ", ".join(visible_name(one, 200) for one in found[:3])
            more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
            notes.append(f"No part of the capture, and harmless ({what}): {such}{more}.")
    return tuple(map(visible, notes))


def _numbers_of(first: int, last: int) -> str:
    return f"Part {first}" if first == last else f"Parts {first} to {last}"


def _is_are(parts: str) -> str:
    return "are" if parts.startswith("Parts") else "is"
