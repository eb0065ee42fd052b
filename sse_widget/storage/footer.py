"""What the footer of a captured file says: how far each stream is, and its gaps.

The checkpoint is the data: these facts are in the same file as the rows, so they are there together
or not at all. `docs/capture-format.md` describes what is written here.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

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


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stream is captured.

    Attributes:
        seq: the number its next event gets.
        last_event_id: the id it is to be resumed after.
        types: event type -> how many came.
        stats: its other counters: duplicates, oversize, comments, ignored, bytes, connects.
        reconnection_time: the server's latest `retry:` in ms.
        at: when this was written, aware, UTC.
    """

    seq: int = 0
    last_event_id: str = ""
    types: Mapping[str, int] = field(default_factory=dict)
    stats: Mapping[str, int] = field(default_factory=dict)
    reconnection_time: int | None = None
    at: datetime | None = None


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
            said = _object(_from_json(_inflated(text)))
            version = _whole(said["version"])
            if version > VERSION:
                raise CaptureTooNew(
                    f"{path} has version {version} of the capture format; "
                    f"this sse-widget knows it up to {VERSION}",
                    hint="pip install --upgrade sse-widget; nothing was changed.",
                )
            at = _time(said["at"])
            return cls(
                part=_whole(said["part"]),
                closes=_flag(said["closes"]),
                at=at,
                begun=_time(said["begun"]),
                writer=_text(said["writer"]),
                streams={
                    _text(name): _to_position(_object(p), at)
                    for name, p in _object(said["streams"]).items()
                },
                gaps=tuple(
                    (_text(_object(gap)["stream"]), _to_gap(gap)) for gap in _array(said["gaps"])
                ),
                clock=_clock(said.get("clock")),
                pace=_pace(said.get("pace")),
            )
        except CaptureTooNew:
            raise
        except (ValueError, KeyError, RecursionError) as e:
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


def _from_json(text: bytes) -> object:
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(text)
    return json.loads(text.decode())  # it says what is wrong


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


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"an object is missing where {type(value).__name__} is")
    return value


def _array(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"an array is missing where {type(value).__name__} is")
    return value


def _whole(value: object) -> int:
    """A number of events, parts or milliseconds: what the page can count too."""
    if type(value) is not int or not 0 <= value < MAX_NUMBER:
        raise ValueError("a whole number is missing, or out of range")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false is missing")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or _HALVES.search(value):
        raise ValueError("a text is missing, or holds half a character")
    return value


def _id(value: object) -> str:
    """A last event ID: it goes into a header of the next request."""
    text = _text(value)
    if _NO_ID.search(text):
        raise ValueError("an id has a character that no event stream can carry in one")
    return text


def _time(value: object) -> datetime:
    at = utc_time(_text(value))
    # Near the ends of what datetime can tell nothing can be added or taken away.
    if not 1970 <= at.year <= 9000:
        raise ValueError("a time is out of range")
    return at


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e12:
        raise ValueError("a number of seconds is missing, or out of range")
    return float(value)


def _clock(value: object) -> Reading | None:
    if value is None:
        return None
    start, seconds = _array(value)
    return Reading(_text(start), _seconds(seconds))


def _pace(value: object) -> Pace | None:
    if value is None:
        return None
    said = _object(value)
    rows = _array(said["rows"])
    start, step = _whole(said["start"]), _whole(said["step"])
    if not 0 < step <= _MAX_STEP_S or start > _MAX_STEP_S or len(rows) > MAX_STEPS:
        raise ValueError("a pace has steps that are out of range")
    return Pace(start, step, tuple(map(_whole, rows)))


# Seconds: more than the time from 1970 to the year 9000.
_MAX_STEP_S = 2**38
_HALVES = re.compile("[\ud800-\udfff]")
_NO_ID = re.compile("[\0\r\n]")


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


def _to_position(said: Mapping[str, Any], at: datetime) -> Position:
    wait = said.get("reconnection_time")
    return Position(
        seq=_whole(said["seq"]),
        last_event_id=_id(said["last_event_id"]),
        types={_text(k): _whole(n) for k, n in _object(said["types"]).items()},
        stats={_text(k): _whole(n) for k, n in _object(said["stats"]).items()},
        reconnection_time=None if wait is None else _whole(wait),
        at=at,
    )


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


def _to_gap(said: Mapping[str, Any]) -> Gap:
    missing, replayed = said["missing"], said["replayed"]
    return Gap(
        seq=_whole(said["seq"]),
        at=_time(said["at"]),
        cause=Cause(said["cause"]),
        text=_text(said["text"]),
        resumed_from=_id(said["resumed_from"]),
        replayed=None if replayed is None else _flag(replayed),
        duration=_seconds(said["duration"]),
        missing=None if missing is None else _whole(missing),
        repeated=_whole(said["repeated"]),
    )
