"""What the footer of a captured file says: how far each stream is, and its gaps.

The checkpoint is the data: these facts are in the same file as the rows, so they are there together
or not at all. `docs/capture-format.md` describes what is written here. Imports `errors` and
`events`.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..errors import CaptureDamaged, CaptureTooNew
from ..events import Cause, Gap

__all__ = ["KEY", "VERSION", "Footer", "Position"]

VERSION = 1
KEY = b"sse_widget"

# A thousand streams have a footer of 200 KB, which Parquet itself does not compress.
_COMPRESS_FROM = 16 * 1024
_TYPES_KEPT = 1_000
_OTHERS = "(other types)"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stream is captured.

    Attributes:
        seq: the number its next event gets.
        last_event_id: the id it is to be resumed after.
        types: event type -> how many came.
        stats: its other counters: duplicates, oversize, comments, bytes, connects.
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
    """

    part: int
    closes: bool
    at: datetime
    begun: datetime
    writer: str
    streams: Mapping[str, Position]
    gaps: tuple[tuple[str, Gap], ...] = ()

    def encode(self) -> dict[bytes, bytes]:
        """As key and value of a Parquet file."""
        text = json.dumps(
            {
                "version": VERSION,
                "part": self.part,
                "closes": self.closes,
                "at": self.at.isoformat(),
                "begun": self.begun.isoformat(),
                "writer": self.writer,
                "streams": {name: _position(p) for name, p in self.streams.items()},
                "gaps": [{"stream": name, **_gap(gap)} for name, gap in self.gaps],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode("utf-8", "surrogatepass")
        if len(text) > _COMPRESS_FROM:
            text = b"zlib:" + base64.b64encode(zlib.compress(text, 1))
        return {KEY: text}

    @classmethod
    def decode(cls, metadata: Mapping[bytes, bytes] | None, path: str) -> Footer:
        """Of a Parquet file's key-value metadata.

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
            if text.startswith(b"zlib:"):
                text = zlib.decompress(base64.b64decode(text[5:]))
            said = json.loads(text.decode("utf-8", "surrogatepass"))
            version = int(said["version"])
            if version > VERSION:
                raise CaptureTooNew(
                    f"{path} has version {version} of the capture format; "
                    f"this sse-widget knows it up to {VERSION}",
                    hint="pip install --upgrade sse-widget; nothing was changed.",
                )
            at = _time(said["at"])
            return cls(
                part=int(said["part"]),
                closes=bool(said["closes"]),
                at=at,
                begun=_time(said["begun"]),
                writer=str(said["writer"]),
                streams={n: _to_position(p, at) for n, p in said["streams"].items()},
                gaps=tuple((str(g["stream"]), _to_gap(g)) for g in said["gaps"]),
            )
        except CaptureTooNew:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as e:
            raise CaptureDamaged(
                f"{path} has a footer that makes no sense: {type(e).__name__}: {e}",
                hint="Move it elsewhere; the rest of the capture can be read.",
            ) from None


def _position(position: Position) -> dict[str, Any]:
    types = dict(position.types)
    if len(types) > _TYPES_KEPT:
        first = sorted(types, key=lambda name: -types[name])[:_TYPES_KEPT]
        kept = {name: types.pop(name) for name in types.copy() if name in set(first)}
        types = {**kept, _OTHERS: kept.get(_OTHERS, 0) + sum(types.values())}
    said: dict[str, Any] = {
        "seq": position.seq,
        "last_event_id": position.last_event_id,
        "types": types,
        "stats": dict(position.stats),
    }
    if position.reconnection_time is not None:
        said["reconnection_time"] = position.reconnection_time
    return said


def _to_position(said: Mapping[str, Any], at: datetime) -> Position:
    return Position(
        seq=int(said["seq"]),
        last_event_id=str(said["last_event_id"]),
        types={str(k): int(n) for k, n in said["types"].items()},
        stats={str(k): int(n) for k, n in said["stats"].items()},
        reconnection_time=said.get("reconnection_time"),
        at=at,
    )


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "seq": gap.seq,
        "at": gap.at.isoformat(),
        "cause": gap.cause.value,
        "text": gap.text,
        "resumed_from": gap.resumed_from,
        "replayed": gap.replayed,
        "duration": gap.duration,
        "missing": gap.missing,
        "repeated": gap.repeated,
    }


def _to_gap(said: Mapping[str, Any]) -> Gap:
    return Gap(
        seq=int(said["seq"]),
        at=_time(said["at"]),
        cause=Cause(said["cause"]),
        text=str(said["text"]),
        resumed_from=str(said["resumed_from"]),
        replayed=said["replayed"],
        duration=float(said["duration"]),
        missing=said["missing"],
        repeated=int(said["repeated"]),
    )


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
