"""What the kernel and a page of a capture tell each other, as types: the contract that `js/src/kernel/roster.ts`
and `capture_history.ts` have too.

Messages of one log are those of `notebook.messages`, with the number of the selection as `log`. Times are
milliseconds since the epoch. A test holds these types against the page's, field by field. Nothing here runs.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ..fleet import WorkerRow


class TotalsMessage(TypedDict):
    """The sums over all streams, as far as a page shows them."""

    streams: int
    open: int
    failed: int
    received: int
    written: int
    pending: int
    rate: float
    lag: float
    gaps: int


class OverviewMessage(TypedDict):
    """All streams, or those that changed since the message before."""

    kind: Literal["overview"]
    # The page that asked; all where it is left out.
    to: NotRequired[str]
    n: int
    now: float
    running: bool
    trouble: str
    stats: TotalsMessage
    # Name and masked address of every stream, in the order of the rows' numbers.
    names: NotRequired[list[list[str]]]
    # A number, and what `StreamTable.wire` says.
    rows: list[list[object]]
    workers: list[WorkerRow]
    # The number of the selection, the stream's name and its settings.
    log: list[object] | None


class ScriptMessage(TypedDict):
    """What draws a log, for the page that asked."""

    kind: Literal["script"]
    to: str
    source: str


class TimelineMessage(TypedDict):
    """Events in steps of equal length, from `start` on; both in seconds."""

    kind: Literal["timeline"]
    start: float
    step: float
    rows: list[int]


class SeekMessage(TypedDict):
    """The first event at a time or later; None where there is none."""

    kind: Literal["seek"]
    name: str | None
    seq: int | None


class FoundMessage(TypedDict):
    """What the next part of a search found."""

    kind: Literal["found"]
    # Stream, number, time, type, and the beginning of the data.
    rows: list[list[object]]
    # Of so many events so many were looked at.
    searched: int
    events: int
    # All that is newer was looked at.
    since: float | None
    done: bool


class FailedMessage(TypedDict):
    """Why the files do not answer."""

    kind: Literal["past-failed"]
    error: str


PastMessage = TimelineMessage | SeekMessage | FoundMessage | FailedMessage


class CommandRequest(TypedDict):
    """A page comes, asks for what draws a log, or starts or stops the capture."""

    kind: Literal["hello", "script", "start", "stop"]


class AckRequest(TypedDict):
    """So far this page is; `log`: with the log of that selection."""

    kind: Literal["ack"]
    n: int
    log: NotRequired[int]


class SelectRequest(TypedDict):
    """The log of this stream; None for no log."""

    kind: Literal["select"]
    name: str | None


class TimelineRequest(TypedDict):
    """How events came, of this stream or of all."""

    kind: Literal["timeline"]
    id: int
    name: str | None


class SeekRequest(TypedDict):
    """To the first event at a time or later."""

    kind: Literal["seek"]
    id: int
    name: str | None
    at: float


class FindRequest(TypedDict):
    """A search, or, with the id of one that goes on, the next part of it."""

    kind: Literal["find"]
    id: int
    name: str | None
    text: str
    regex: bool


class FindEndRequest(TypedDict):
    """The page has no use for the answer any more."""

    kind: Literal["find-end"]
    id: int
