"""What the kernel and a page of a stream tell each other, as types: the contract of `js/src/kernel/wire.ts`.

Times are milliseconds since the epoch, `seq` is the number of an event. A test holds these types against
the interfaces of the same name there, field by field. Nothing here runs.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class StatsMessage(TypedDict):
    """Counters since the stream began."""

    received: int
    held: int
    evicted: int
    cleared: int
    duplicates: int
    oversize: int
    comments: int
    ignored: int
    bytes: int
    connects: int
    not_sent: int


class StatusMessage(TypedDict):
    """What a stream is doing now."""

    state: str
    attempt: int
    # Seconds until the next attempt.
    retry_in: float | None
    since: float
    # When the request of this attempt went out.
    sent_at: NotRequired[float | None]
    error: str | None
    hint: str | None
    # What is odd while the stream runs; it is no error.
    note: str | None
    # Why it is over, in a sentence; None while it runs.
    reason: NotRequired[str | None]
    # Whether it may have ended before it was meant to.
    warns: NotRequired[bool]


class GapMessage(TypedDict):
    """A place where events may be missing."""

    seq: int
    at: float
    cause: str
    text: str


class CaptureMessage(TypedDict):
    """How the capture of a stream goes."""

    to: str
    state: str
    written: int
    waiting: int
    not_kept: int
    error: str | None
    hint: str | None
    notes: list[str]


class Described(TypedDict):
    """The part of a head that the stream itself knows."""

    stats: StatsMessage
    status: StatusMessage
    # The address, where it is another one than the settings say.
    url: NotRequired[str | None]
    last_event_id: str
    reconnection_time: int | None
    # None where the stream is not captured.
    capture: NotRequired[CaptureMessage | None]


class HeadMessage(Described, TypedDict):
    """What comes with every batch, and with the answer to a page that came."""

    now: float
    # The number of the oldest event that can be had.
    oldest: int
    cleared_to: int
    # Of the types that are new or changed: how many came of each.
    counts: list[tuple[str, int]]
    gaps: list[GapMessage]


class RowsMessage(TypedDict):
    """Which rows the buffers of a message hold; `wire` writes those."""

    first: int
    count: int
    types: NotRequired[list[str]]
    # The row and the whole size of each that was cut short.
    cut: NotRequired[list[tuple[int, int]]]
    # Types are numbered in 32 bits, not in 16.
    wide: NotRequired[bool]


class HelloRequest(TypedDict):
    """A page comes, or hears nothing. Every request has the name of its `page` too."""

    kind: Literal["hello", "poll"]
    # Buffers are to come as texts: the host would carry each byte as a number.
    packed: NotRequired[bool]


class FilesRequest(TypedDict):
    """A page that cannot reach the model which has the page's files asks for them."""

    kind: Literal["files"]


class FilesMessage(TypedDict):
    """The files of the page, by name."""

    kind: Literal["files"]
    files: dict[str, str]


class RowsRequest(TypedDict):
    """The newest part of a range of events that fits into one message."""

    kind: Literal["rows"]
    id: int
    first: int
    stop: int


class EventRequest(TypedDict):
    """One whole event."""

    kind: Literal["event"]
    id: int
    seq: int


class AckRequest(TypedDict):
    """Batches up to this number are painted; where a changed trait would run cells again."""

    kind: Literal["ack"]
    n: int


class SightRequest(TypedDict):
    """Whether any view of the page is on the screen."""

    kind: Literal["sight"]
    seen: bool


class CommandRequest(TypedDict):
    """What a user pressed."""

    kind: Literal["start", "stop", "retry"]
