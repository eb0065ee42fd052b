"""Our part of a Parquet footer, written and read: how far each stream is, and its gaps.

The checkpoint is in the same file as its rows, so both are there or neither is. `docs/capture-format.md` describes
what is written here.
"""

from __future__ import annotations

import base64
import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec

from ..errors import CaptureDamaged, CaptureError, CaptureTooNew, message_of
from ..events import Cause, Gap
from ..tables import OTHER_TYPES, utc_time
from .arrival_counts import MAX_STEPS, Pace
from .boot_clock import Reading

VERSION = 1
KEY = b"sse_widget"

# A thousand streams have a footer of 200 KB, which Parquet itself does not compress.
_COMPRESS_FROM = 16 * 1024
MAX_BYTES = 4 * 2**20
_MAX_OBJECTS = 200_000
MAX_NUMBER = 2**53  # what JavaScript can count to


class _Kept(NamedTuple):
    """What a footer tells at the most."""

    types: int  # of a stream
    gaps: int
    id_chars: int  # a longer id is left out: no server takes one of 16 KiB back


# The first of these with which it is short enough.
_KEPT = (
    _Kept(1_000, 10_000, 16_384),
    _Kept(100, 1_000, 16_384),
    _Kept(10, 100, 1_024),
    _Kept(0, 10, 64),
)


# What is believed of a footer that anybody may have written; all else is damage.
# A number of events, parts or milliseconds: what the page can count too.
_Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=MAX_NUMBER)]
# It goes into a header of the next request: no character that no event stream can carry in an id.
_NO_ID_CHARS = r"\0\r\n"
_Id: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"\A[^{_NO_ID_CHARS}]*\Z")]
_Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=-1e12, lt=1e12)]
# Seconds: more than the time from 1970 to the year 9000.
_Step: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**38)]


class Position(msgspec.Struct, frozen=True):
    """How far a stream is captured. A footer tells of a thousand, and hundreds of footers are read at once:
    msgspec makes and checks one in a tenth of the time that a dataclass would take.

    Attributes:
        seq: the number its next event gets.
        last_event_id: the id it is to be resumed after.
        types: event type -> how many came.
        stats: its other counters: duplicates, oversize, comments, ignored, bytes, connects.
        reconnection_time: the server's latest `retry:` in ms.
        at: when this was written, aware, UTC.
    """

    seq: _Whole
    last_event_id: _Id
    types: Mapping[str, _Whole]
    stats: Mapping[str, _Whole]
    reconnection_time: _Whole | None = None
    at: datetime | None = None


NOWHERE = Position(0, "", {}, {})


@dataclass(frozen=True, slots=True)
class Footer:
    """Beside the rows of a part.

    Attributes:
        part: the number of the part (the last one, where several were merged).
        closes: the next part opens another folder.
        at: when it was written, aware, UTC.
        begun: when the first part of its folder was.
        writer: who wrote it: a random name, a new one for each that opens the capture.
        streams: how far each stream is, those without rows in this part too.
        gaps: those noticed since the part before, as (stream, gap).
        clock: what a clock said that nobody sets, as it was written; None where it is not known.
        pace: of a merged part how its rows came over time; None where it does not tell.
    """

    part: int
    closes: bool
    at: datetime
    begun: datetime
    writer: str
    streams: Mapping[str, Position]
    gaps: tuple[tuple[str, Gap], ...] = ()
    clock: Reading | None = None
    pace: Pace | None = None

    def encode(self) -> dict[bytes, bytes]:
        """As key and value of a Parquet file. Where it would be too long it has the most frequent
        event types, the newest gaps, and no ids that are long.

        Raises:
            CaptureError: more streams than a footer can tell of.
        """
        for kept in _KEPT:
            text = _json(
                {
                    "version": VERSION,
                    "part": self.part,
                    "closes": self.closes,
                    "at": self.at.isoformat(),
                    "begun": self.begun.isoformat(),
                    "writer": self.writer,
                    "clock": None if self.clock is None else list(self.clock),
                    **({} if self.pace is None else {"pace": self.pace._asdict()}),
                    "streams": {n: _position(p, kept) for n, p in self.streams.items()},
                    "gaps": [
                        {"stream": name, **_gap(gap, kept)}
                        for name, gap in self.gaps[max(len(self.gaps) - kept.gaps, 0) :]
                    ],
                }
            )
            if len(text) <= MAX_BYTES:
                break
        else:
            raise CaptureError(
                f"what is to be known of {len(self.streams):,} streams takes {len(text):,} bytes, "
                f"more than the {MAX_BYTES:,} that a file can tell",
                hint="Spread them over several captures, or over a cluster.",
            )
        if len(text) > _COMPRESS_FROM:
            text = b"zlib:" + base64.b64encode(zlib.compress(text, 1))
        return {KEY: text}

    @classmethod
    def decode(cls, metadata: Mapping[bytes, bytes] | None, path: str) -> Footer:
        """Of a Parquet file's key-value metadata. It may be anybody's: nothing of it is believed
        that this package could not have written, and no more than `MAX_BYTES` of it are read.

        Raises:
            CaptureTooNew: a version that this one does not know.
            CaptureDamaged: there is none, or it makes no sense.
        """
        text = (metadata or {}).get(KEY)
        if text is None:
            raise CaptureDamaged(
                f"{path} is no file of a capture: it has no {KEY.decode()!r} in its footer",
                hint="Move it elsewhere; the rest of the capture can be read.",
            )
        try:
            text = _inflated(text)
            version = msgspec.json.decode(text, type=_Version).version
            if version > VERSION:
                raise CaptureTooNew(
                    f"{path} has version {version} of the capture format; "
                    f"this sse-widget knows it up to {VERSION}",
                    hint="pip install --upgrade sse-widget; nothing was changed.",
                )
            said = _READER.decode(text)
            at = _time(said.at)
            for position in said.streams.values():
                msgspec.structs.force_setattr(position, "at", at)
            return cls(
                part=said.part,
                closes=said.closes,
                at=at,
                begun=_time(said.begun),
                writer=said.writer,
                streams=said.streams,
                gaps=tuple((gap.stream, gap.gap()) for gap in said.gaps),
                clock=None if said.clock is None else Reading(*said.clock),
                pace=None if said.pace is None else said.pace.pace(),
            )
        except CaptureTooNew:
            raise
        except (ValueError, msgspec.MsgspecError, RecursionError) as e:
            raise CaptureDamaged(
                f"{path} has a footer that makes no sense: {message_of(e)}",
                hint="Move it elsewhere; the rest of the capture can be read.",
            ) from None


def _json(said: dict[str, Any]) -> bytes:
    """A footer of a thousand streams is written each second: msgspec takes a fifth of the time."""
    try:
        return msgspec.json.encode(said)
    except UnicodeEncodeError:  # half a character
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


# ---------------------------------------------------------------------- what is believed


def _inflated(text: bytes) -> bytes:
    """The JSON, as far as it may go."""
    if text.startswith(b"zlib:"):
        if len(text) > 2 * MAX_BYTES:
            raise ValueError("it is too long")
        try:
            inflater = zlib.decompressobj()
            text = inflater.decompress(base64.b64decode(text[5:]), MAX_BYTES + 1)
        except zlib.error as e:
            raise ValueError(f"it is not compressed as it says: {e}") from None
    if len(text) > MAX_BYTES:
        raise ValueError(f"it is longer than {MAX_BYTES:,} bytes")
    # Each takes twenty times the memory of its text.
    if text.count(b"[") + text.count(b"{") > _MAX_OBJECTS:
        raise ValueError(f"it has more than {_MAX_OBJECTS:,} objects")
    return text


def _time(text: str) -> datetime:
    at = utc_time(text)
    # Near the ends of what datetime can tell nothing can be added or taken away.
    if not 1970 <= at.year <= 9000:
        raise ValueError("a time is out of range")
    return at


class _SaidGap(msgspec.Struct):
    """A gap as a footer says it."""

    stream: str
    seq: _Whole
    at: str
    cause: Cause
    text: str
    resumed_from: _Id
    replayed: bool | None
    duration: _Seconds
    missing: _Whole | None
    repeated: _Whole

    def gap(self) -> Gap:
        said = msgspec.structs.asdict(self)
        del said["stream"]
        return Gap(**{**said, "at": _time(self.at)})


class _SaidPace(msgspec.Struct):
    """A pace as a footer says it."""

    start: _Step
    step: _Step
    rows: Annotated[tuple[_Whole, ...], msgspec.Meta(max_length=MAX_STEPS)]

    def pace(self) -> Pace:
        if not self.step:
            raise ValueError("a pace has steps of no time")
        return Pace(self.start, self.step, self.rows)


class _Version(msgspec.Struct):
    """Of a footer of any version."""

    version: _Whole


class _Said(msgspec.Struct):
    """A footer of this version, as it is written."""

    part: _Whole
    closes: bool
    at: str
    begun: str
    writer: str
    streams: dict[str, Position]
    gaps: list[_SaidGap]
    clock: tuple[str, _Seconds] | None = None
    pace: _SaidPace | None = None


_READER = msgspec.json.Decoder(_Said)
_NO_ID = re.compile(f"[{_NO_ID_CHARS}]")


# ---------------------------------------------------------------------- positions and gaps


def _position(position: Position, kept: _Kept) -> dict[str, Any]:
    types = dict(position.types)
    if len(types) > kept.types:
        most = dict(sorted(types.items(), key=lambda pair: -pair[1])[: kept.types])
        rest = sum(types.values()) - sum(most.values())
        types = {**most, OTHER_TYPES: most.get(OTHER_TYPES, 0) + rest}
    said: dict[str, Any] = {
        "seq": position.seq,
        "last_event_id": _kept_id(position.last_event_id, kept),
        "types": types,
        "stats": dict(position.stats),
    }
    if position.reconnection_time is not None:
        said["reconnection_time"] = min(position.reconnection_time, MAX_NUMBER - 1)
    return said


def _kept_id(last_id: str, kept: _Kept) -> str:
    return "" if len(last_id) > kept.id_chars or _NO_ID.search(last_id) else last_id


def _gap(gap: Gap, kept: _Kept) -> dict[str, Any]:
    return {
        "seq": gap.seq,
        "at": gap.at.isoformat(),
        "cause": gap.cause.value,
        "text": gap.text,
        "resumed_from": _kept_id(gap.resumed_from, _KEPT[2]),
        "replayed": gap.replayed,
        "duration": gap.duration if math.isfinite(gap.duration) else 0.0,
        "missing": gap.missing,
        "repeated": gap.repeated,
    }
