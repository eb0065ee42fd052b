"""`Capture`: where the events of a stream are kept and how, checked."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..basics import unchangeable
from ..checks import number, truth, whole_number
from ..tables import seconds_of_text


@unchangeable
@dataclass(frozen=True, slots=True)
class Capture:
    """Where the events of a stream are kept, and how.

    Args:
        to: a folder, or the URL of a store whose put is atomic (`s3://...`, extra packages).
        stream: the name of the stream in the capture, which may hold several; None: its URL, masked.
        every: seconds after which events that came are on disk.
        keep: events older than this are removed: a timedelta, or "90s", "30m", "12h", "7d".
        keep_bytes: the oldest folders of files are removed while the files are larger than this; the
            newest folder stays. On a cluster it bounds the files of each shard.
        merge: small files are merged into large ones.

    Raises:
        TypeError, ValueError: an argument that cannot be, by name.
    """

    to: str | os.PathLike[str]
    stream: str | None = None
    every: float = 1.0
    keep: timedelta | str | None = None
    keep_bytes: int | None = None
    merge: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.to, (str, os.PathLike)):
            raise TypeError(f"capture must be a folder or a Capture, not {type(self.to).__name__}")
        if not os.fspath(self.to):  # which a path would take for the folder one is in
            raise ValueError('capture must name a folder, not ""')
        if self.stream is not None:
            check_stream_name(self.stream)
        object.__setattr__(self, "merge", truth("merge", self.merge))
        object.__setattr__(self, "every", number("every", self.every, "a number of seconds"))
        if not 0.01 <= self.every <= 3600:
            raise ValueError(f"every must be from 0.01 to 3600 seconds, not {self.every:g}")
        if self.keep_bytes is not None:
            keep_bytes = whole_number("keep_bytes", self.keep_bytes, at_least=1)
            object.__setattr__(self, "keep_bytes", keep_bytes)
        object.__setattr__(self, "keep", span(self.keep))


# The name of a stream is in every file of its capture.
_NAME_CHARS = 16_384


def check_stream_name(name: object) -> str:
    """`name`, if a stream can be captured under it.

    Raises:
        TypeError: it is no text, or an empty one.
        ValueError: it is too long, or holds half a character, which no file can.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"stream must be a name, not {type(name).__name__ if name else 'nothing'}")
    if len(name) > _NAME_CHARS:
        raise ValueError(f"a stream's name has at most {_NAME_CHARS:,} characters")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name!r} is no name of a stream: it holds half a character") from None
    return name


def capture_of(value: str | os.PathLike[str] | Capture) -> Capture:
    return value if isinstance(value, Capture) else Capture(value)


def span(keep: Any) -> timedelta | None:
    """A length of time a user wrote."""
    if isinstance(keep, str):
        seconds = seconds_of_text(keep)
        if math.isnan(seconds):
            raise ValueError('keep must be like "90s", "30m", "12h" or "7d", and this is not')
        try:
            keep = timedelta(seconds=seconds)
        except OverflowError:
            raise ValueError("keep is longer than a timedelta can be") from None
    if keep is not None and not isinstance(keep, timedelta):
        raise TypeError(f'keep must be a timedelta or like "7d", not {type(keep).__name__}')
    if keep is not None and keep <= timedelta(0):
        raise ValueError(f"keep must be more than nothing, not {keep}")
    return keep
