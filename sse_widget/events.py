"""The values that travel: `Event`, `EventBatch`, `Gap`, `Stats`, `Status`.

They are plain data; what each field means is said here and nowhere else.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from itertools import repeat
from typing import Any, ClassVar

import msgspec

from .basics import refuse_change
from .errors import EventTooLarge, message_of
from .visible import quoted, quoted_repr, visible

__all__ = [
    "Cause",
    "Event",
    "EventBatch",
    "Gap",
    "Reason",
    "State",
    "Stats",
    "Status",
    "TypeCounts",
]


# An id may be as long as an event; a sentence is not.
_GAP_CHARS = 1_000


def _repr_of_fields(called: str, value: object, names: Iterable[str]) -> str:
    """A repr like that of any dataclass, in which two texts that differ look different."""
    told = (f"{name}={quoted_repr(getattr(value, name))}" for name in names)
    return f"{called}({', '.join(told)})"


class _QuotedRepr:
    __slots__ = ()

    def __repr__(self) -> str:
        names = [f.name for f in fields(self)]  # type: ignore[arg-type]
        return _repr_of_fields(type(self).__name__, self, names)


class TypeCounts(dict[str, int]):
    """Event type -> how many came: a dict in whose repr two types that differ look different."""

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{quoted(name)}: {n}' for name, n in self.items())}}}"


# What three texts and their places in lists take beside their characters.
EVENT_BYTES = 180


def _as_dataclass(struct: type[msgspec.Struct]) -> dict[str, dataclasses.Field[Any]]:
    """What `dataclasses`, pandas and orjson know a dataclass by, for a struct of msgspec."""
    made = dataclasses.make_dataclass(
        struct.__name__,
        [(name, object, dataclasses.field(default=None)) for name in struct.__struct_fields__],
    )
    return dict(vars(made)["__dataclass_fields__"])


# A struct of msgspec is made seven times as fast as a frozen dataclass, and one is made of every event.
# gc=False: its fields are texts, numbers and a time, which never refer back to it.
class Event(msgspec.Struct, frozen=True, gc=False):
    """One event of a stream, as WHATWG HTML 9.2 dispatches it.

    Attributes:
        type: the event type; "message" where the stream named none.
        data: the payload; the lines of several `data` fields joined by LF.
        last_event_id: the last event ID of the stream when this event was dispatched (it may have
            been set by an earlier event).
        origin: scheme, host and port the event came from, after redirects.
        received_at: when its last byte was read, aware, UTC; None for events of a bare parser. Up
            to 200 events a second each read has its own time. Of more an `SSEStream` or SSECapture
            reads what came in 30 ms together (350 ms beside a cell that computes), with one time;
            `exact_times=True` reads all as it comes.
        seq: the number of the event since its `SSEStream` began, from 0; None elsewhere.
    """

    type: str = "message"
    data: str = ""
    last_event_id: str = ""
    origin: str = ""
    received_at: datetime | None = None
    seq: int | None = None

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __repr__(self) -> str:
        return _repr_of_fields(type(self).__name__, self, self.__struct_fields__)

    def json(self) -> Any:
        """`data` read as JSON.

        Raises:
            json.JSONDecodeError: (a ValueError) where it is none.
        """
        return json.loads(self.data)


Event.__dataclass_fields__ = _as_dataclass(Event)
# Set afterwards: of those in the body of a frozen struct msgspec takes no notice.
Event.__setattr__ = Event.__delattr__ = refuse_change  # type: ignore[method-assign]


class EventBatch(msgspec.Struct, eq=False):
    """What one piece of a stream held: parallel columns, one entry an event.

    Attributes:
        types, data, last_event_ids: one `str` an event.
        has_id: one `bool` an event: it carried an id line of its own.
        faults: events that were dropped, as the errors that say why; `fault.index` is the number
            of events in this batch that came before it.
        comments: the comment lines of this piece, without their colon.
        origin: scheme, host and port, set by the client.
        received_at: one time for the whole batch, aware, UTC, set by the client.
    """

    types: list[str] = []
    data: list[str] = []
    last_event_ids: list[str] = []
    has_id: list[bool] = []
    faults: list[EventTooLarge] = []
    comments: list[str] = []
    origin: str = ""
    received_at: datetime | None = None

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EventBatch):
            return NotImplemented
        return msgspec.structs.astuple(self) == msgspec.structs.astuple(other)

    def __repr__(self) -> str:
        return _repr_of_fields("EventBatch", self, self.__struct_fields__)

    def __reduce__(self) -> tuple[type[EventBatch], tuple[Any, ...]]:
        return EventBatch, msgspec.structs.astuple(self)

    def __len__(self) -> int:
        return len(self.types)

    @property
    def nbytes(self) -> int:
        """About how much memory these events take, at most. Joined first, because a length each
        costs three times; an id that events inherit is one text."""
        n = len(self.types)
        ids = self.last_event_ids
        if n == 1:
            texts = (self.data[0], ids[0], self.types[0])
            return sum(map(sys.getsizeof, texts)) + EVENT_BYTES
        distinct = ids if self.has_id.count(True) == n else dict.fromkeys(ids)
        texts = ("".join(self.data), "".join(distinct), "".join(self.types))
        return sum(map(sys.getsizeof, texts)) + n * EVENT_BYTES

    def slice(self, start: int, stop: int) -> EventBatch:
        """Some of these events; faults and comments go with the first of them."""
        return EventBatch(
            self.types[start:stop],
            self.data[start:stop],
            self.last_event_ids[start:stop],
            self.has_id[start:stop],
            [] if start else self.faults,
            [] if start else self.comments,
            self.origin,
            self.received_at,
        )

    def __iter__(self) -> Iterator[Event]:
        types, data, ids = self.types, self.data, self.last_event_ids
        if not len(types) == len(data) == len(ids):
            raise ValueError(
                f"columns of one length are needed, not {len(types)} types, {len(data)} data and "
                f"{len(ids)} ids"
            )
        if self.origin or self.received_at is not None:
            return map(Event, types, data, ids, repeat(self.origin), repeat(self.received_at))
        return map(Event, types, data, ids)


EventBatch.__dataclass_fields__ = _as_dataclass(EventBatch)


class SingleEvent(EventBatch, eq=False, gc=False):
    """A batch that was made of one event, without comments or faults: the least that such a one can
    cost. What it refers to never refers back to it (a fault would, by its traceback)."""

    def __iter__(self) -> Iterator[Event]:
        try:
            [type_], [data], [id_] = self.types, self.data, self.last_event_ids
        except ValueError:  # somebody changed its columns
            return EventBatch.__iter__(self)
        return iter((Event(type_, data, id_, self.origin, self.received_at),))


class NoEvents(EventBatch, eq=False):
    """A batch that stays without events. One is iterated for each byte where a stream comes so."""

    # No function: it is called without an instance, and without a frame.
    __iter__ = ().__iter__


class Cause(StrEnum):
    """Why a stream has a hole."""

    RECONNECT = "reconnect"
    OVERSIZE = "oversize"
    SLEEP = "sleep"
    RESTART = "restart"
    TRUNCATED = "truncated"
    DISK = "disk"


@dataclass(frozen=True, slots=True, repr=False)
class Gap(_QuotedRepr):
    """A place in the stream where events may be missing.

    Attributes:
        seq: the number of the first event after the hole.
        at: when the hole was noticed, aware, UTC.
        cause: why.
        text: one sentence for a user.
        resumed_from: the Last-Event-ID the server was asked to resume after, "" where there was
            none; whether it did is said by `text`.
        replayed: True where the server is known to have sent what was missed, False where it is
            known not to have, None where nothing tells ("unknown loss").
        duration: seconds without a connection.
        missing: how many events are missing, where ids that count up tell; else None.
        repeated: how many events came twice, where ids tell.
    """

    seq: int
    at: datetime
    cause: Cause
    text: str
    resumed_from: str = ""
    replayed: bool | None = None
    duration: float = 0.0
    missing: int | None = None
    repeated: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", visible(self.text, _GAP_CHARS))


@dataclass(frozen=True, slots=True)
class Stats:
    """Counters since the stream began. `received == held + evicted + cleared`, always.

    Attributes:
        received: events that got a number.
        held: events in the window now.
        evicted: events that left it by its bounds.
        cleared: events that left it by `clear()`.
        duplicates: events that came twice after a reconnect, as far as ids tell; with `dedupe`
            they were dropped: never received, no number.
        oversize: events over `max_event_bytes`, dropped (never received, no number).
        comments: comment lines.
        ignored: lines whose field name the standard does not know.
        bytes: bytes of event streams read.
        connects: connections that were opened.
        not_sent: events the page was not sent as they came, because it was slower than the
            stream; the window has them.
    """

    received: int = 0
    held: int = 0
    evicted: int = 0
    cleared: int = 0
    duplicates: int = 0
    oversize: int = 0
    comments: int = 0
    ignored: int = 0
    bytes: int = 0
    connects: int = 0
    not_sent: int = 0

    def __add__(self, other: Stats) -> Stats:
        """Both together, counter by counter."""
        if not isinstance(other, Stats):
            return NotImplemented
        return Stats(*(getattr(self, n) + getattr(other, n) for n in Stats.__slots__))


class State(StrEnum):
    """The states of a connection.

    connecting -> open <-> quiet; from each of them -> waiting (a retry is due) -> connecting, or
    -> closed (ended by the user, by `stop_when`, or by the server for good), or -> failed.
    """

    CONNECTING = "connecting"
    OPEN = "open"
    QUIET = "quiet"
    WAITING = "waiting"
    CLOSED = "closed"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a stream is over."""

    STOPPED = "stopped"
    STOP_WHEN = "stop_when"
    STOP_WHEN_NOT_MET = "stop_when_not_met"
    ENDED = "ended"
    NO_CONTENT = "no_content"
    GAVE_UP = "gave_up"
    PLAYED = "played"
    FAILED = "failed"

    @property
    def sentence(self) -> str:
        """The same in a plain sentence."""
        return _SENTENCES[self]

    @property
    def warns(self) -> bool:
        """Whether the stream may be less than it was meant to be."""
        return self in (Reason.STOP_WHEN_NOT_MET, Reason.GAVE_UP)


_SENTENCES = {
    Reason.STOPPED: "You stopped it.",
    Reason.STOP_WHEN: "The event came that stop_when= waits for.",
    Reason.STOP_WHEN_NOT_MET: "The stream ended before the event came that stop_when= waits for.",
    Reason.ENDED: "The server ended the stream.",
    Reason.NO_CONTENT: "The server answered 204 No Content: the stream is over.",
    Reason.GAVE_UP: "RetryPolicy(attempts=) allows no more attempts.",
    Reason.PLAYED: "The recording was played to its end.",
    Reason.FAILED: "It failed: the error says why.",
}


@dataclass(frozen=True, slots=True)
class Status:
    """What a stream is doing now.

    Attributes:
        state: one of `State`.
        attempt: how many attempts to connect failed in a row.
        retry_in: seconds from `since` to the next attempt, only while waiting.
        since: when this state began, aware, UTC.
        error: the latest error of this trouble, None while all is well.
        note: one plain sentence about what is odd while the stream runs, such as that bytes come
            and no event does; "" where nothing is. It is no error: the stream goes on.
        reason: why it is over, where it is: one of `Reason`; None while it runs.
        sent_at: when the request of the latest attempt was sent, aware, UTC; None before. From there
            to the first event's `received_at` is the "time to first token".
    """

    state: State
    attempt: int
    retry_in: float | None
    since: datetime
    error: Exception | None = None
    note: str = ""
    reason: Reason | None = None
    sent_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "note", visible(self.note))

    @property
    def text(self) -> str:
        """`note`, or what went wrong, or the sentence of `reason`; "" where there is nothing to say."""
        if self.reason is Reason.FAILED and self.error is not None:
            return message_of(self.error)
        return self.note or ("" if self.reason is None else self.reason.sentence)
