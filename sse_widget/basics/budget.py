"""The bytes that one stream may hold, and which part of it holds how many.

A part that keeps bytes for longer than a moment (the window of events, live columns, the events that repeats
are compared with, the events that wait for the disk) draws them from the stream's budget, under a name. The
window takes what the others leave, and gives way when they grow, so the sum stays within the limit. The
budget counts, and tells what it counted; it frees nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

UNLIMITED = 2**62
# Who takes what the others leave is told after steps of this size, not of every change.
_STEP_BYTES = 2**18
_SMALLEST_STEP = 64  # of the limit


@dataclass(frozen=True, slots=True)
class Memory:
    """What a stream holds, in bytes.

    Attributes:
        limit: the most it may hold (`max_bytes`).
        parts: what holds -> how many bytes: "events" (the window), "columns" (live columns), "text" (of
            `stream.text`), "latest" (of `stream.latest`), "remembered" (what is compared after a reconnect), "unfinished" (the event
            that is being received), "types" (event types and their counts), "waiting" (what the disk has
            not taken yet), "files" (what is remembered of captured files), "page" (what is on its way to
            pages). Parts that hold nothing may be missing.
    """

    limit: int
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def used(self) -> int:
        """The sum of all parts."""
        return sum(self.parts.values())

    def __str__(self) -> str:
        parts = sorted(self.parts.items(), key=lambda part: -part[1])
        listed = ", ".join(f"{name} {_mib(size)}" for name, size in parts if size)
        return f"{_mib(self.used)} of {_mib(self.limit)} MiB" + (f": {listed}" if listed else "")


def _mib(nbytes: int) -> str:
    return f"{nbytes / 2**20:,.1f}"


class Share:
    """What one holder has of a budget.

    Attributes:
        beside_events: it grows and shrinks with the events of the window.
        read: how many bytes it holds, where that is asked for rather than told.
        nbytes: how many it was told to hold.
    """

    __slots__ = ("_budget", "_most", "_part", "_told", "beside_events", "nbytes", "read")

    def __init__(self, budget: Budget, most: int, part: float, *, beside_events: bool) -> None:
        self._budget = budget
        self._most = most
        self._part = part
        self.beside_events = beside_events
        self._told = 0
        self.read: Callable[[], int] | None = None
        self.nbytes = 0

    @property
    def limit(self) -> int:
        """The most bytes it may hold; the holder keeps to that."""
        return min(self._most, int(self._budget.limit * self._part))

    def hold(self, nbytes: int) -> None:
        """It holds so many bytes now. From any thread."""
        self.nbytes = nbytes
        step = self._budget.step
        if not -step < nbytes - self._told < step:
            self._told = nbytes
            self._budget.make_room()

    def now(self) -> int:
        """How many bytes it holds."""
        return self.nbytes if self.read is None else self.read()


class Budget:
    """The bytes of one stream.

    Args:
        limit: the most bytes; `UNLIMITED` for no limit.

    Attributes:
        limit: may be changed at any time.
        make_room: called when the holders took or gave back much; who takes what is left sets it.
    """

    def __init__(self, limit: int = UNLIMITED) -> None:
        self.limit = limit
        self.make_room: Callable[[], None] = _nothing
        self._shares: dict[str, Share] = {}

    @property
    def step(self) -> int:
        """Bytes more or less in one share that are worth a call of `make_room`."""
        return max(min(_STEP_BYTES, self.limit // _SMALLEST_STEP), 1)

    def share(
        self,
        name: str,
        *,
        most: int = UNLIMITED,
        part: float = 1.0,
        beside_events: bool = False,
        read: Callable[[], int] | None = None,
    ) -> Share:
        """The share of this name: the one there is, or a new one.

        Args:
            most: the most bytes it may hold, however large the budget is.
            part: the most it may hold of the whole budget, 0 to 1.
            beside_events: it holds something of each event that is held, and lets go of it with them.
            read: how many bytes it holds, where that is asked for rather than told.
        """
        share = self._shares.get(name)
        if share is None:
            share = Share(self, most, part, beside_events=beside_events)
            self._shares = {**self._shares, name: share}  # whoever reads them now reads on
        share.read = read or share.read
        return share

    def others(self, name: str) -> tuple[int, int]:
        """Bytes that all shares but this one hold: those that go with events, and the rest."""
        beside = rest = 0
        for key, share in self._shares.items():
            if key != name and share.beside_events:
                beside += share.now()
            elif key != name:
                rest += share.now()
        return beside, rest

    @property
    def memory(self) -> Memory:
        """All parts, as of now."""
        return Memory(self.limit, {name: share.now() for name, share in self._shares.items()})


def _nothing() -> None:
    pass
