"""Recording: timed events read from a file or a capture, for a `Player`.

It reads event streams, NDJSON and Parquet, packed by gzip or not, ours and those of other programs as far as they
say what an event is. The same content gives the same events in the same order each time. `player` plays them.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from .. import storage
from ..checks import number
from ..tables import SCHEMA
from ..visible import quoted, visible
from .ndjson_file import read_ndjson
from .parquet_file import read_parquet
from .sse_file import read_sse

_GZIP = b"\x1f\x8b"
# A recording is played from memory; a few MiB of gzip can hold thousands of times their size.
UNPACKED_BYTES = 2 * 2**30


class Recording:
    """Events and when they came.

    Args:
        content: the path of a file, or the bytes of one, or the folder or URL of a capture. A file
            named `.sse`, `.ndjson` or `.parquet` is that; of any other name (`.txt`, `.jsonl`, `.log`,
            none) and of bytes, the beginning tells. What is packed by gzip is unpacked, whatever its
            name. The last event of a stream needs no blank line: the end of a file is no broken
            connection. Where gzip says that a file was cut, its whole events are read, and `is_cut`.
        speed: how much faster than they came they come again; `math.inf` is at once.

    Raises:
        ValueError: content that is not what its format says, or no recording at all, and what it is; a
            speed that is not above 0; a stream that is not in the capture, or none was named where it
            has several. The message says where.
        TypeError: neither a path nor bytes; a speed that is no number.
        OSError: the file cannot be read. FileNotFoundError: there is no such file or folder.
    """

    def __init__(
        self,
        content: str | os.PathLike[str] | bytes,
        speed: float = 1.0,
        stream: str | None = None,
    ) -> None:
        self.speed = number("speed", speed, "a number above 0")
        if not self.speed > 0:
            raise ValueError(f"speed must be a number above 0, not {speed:g}")
        self.is_cut = False  # the end of the file is missing
        self.table: pa.Table  # received_at is null where the recording does not say
        if isinstance(content, (str, os.PathLike)) and is_capture(content):
            self.name, self.size, self.table = _read_capture(content, stream)
            return
        if stream is not None:
            raise ValueError(f"a file has no streams with names: {stream!r} is none of it")
        if isinstance(content, (bytes, bytearray, memoryview)):
            self.name, kind, content = "bytes", "", bytes(content)
        elif isinstance(content, (str, os.PathLike)):
            path = _there(content)
            self.name, content = path.name, path.read_bytes()
            kind = Path(path.name.lower().removesuffix(".gz")).suffix
        else:
            raise TypeError(f"a path or bytes can be replayed, not {type(content).__name__}")
        if kind == ".csv":
            raise ValueError(
                f"{visible(self.name)}: a .csv file cannot be replayed, for it does not keep all that an "
                "event is; .sse, .ndjson and .parquet files do"
            )
        self.size = len(content)
        plain, self.is_cut = _unpacked(content, visible(self.name))
        kind = kind if kind in _READERS else _kind_of(plain)
        if self.is_cut and kind == ".ndjson":
            plain = plain[: plain.rfind(b"\n") + 1]
        elif not self.is_cut and kind == ".sse":
            # The last event may lack its line end and its blank line: a file that ends is no connection
            # that broke, so what is there of it is all of it.
            plain += b"\n\n"
        self.table = _READERS[kind](plain, self.name)


def _there(content: str | os.PathLike[str]) -> Path:
    """The path, where something is there."""
    path = Path(content).expanduser()
    if not path.exists():
        named = os.fspath(content)
        what = "file" if path.suffix else "file or folder"
        if named.endswith(("/", os.sep)):
            what = "folder"
        raise FileNotFoundError(errno.ENOENT, f"there is no such {what}", named)
    return path


def _unpacked(content: bytes, name: str) -> tuple[bytes, bool]:
    """What gzip has packed, once or several times, and whether its end is missing.

    Raises:
        ValueError: it is no gzip, or unpacks to more than is reasonable.
    """
    is_cut = False
    for _ in range(8):
        if not content.startswith(_GZIP):
            break
        members: list[bytes] = []
        room = UNPACKED_BYTES
        while content.startswith(_GZIP):
            inflater = zlib.decompressobj(wbits=31)
            try:
                members.append(inflater.decompress(content, room))
            except zlib.error as error:
                raise ValueError(f"{name} is no gzip file that can be read: {error}") from None
            room -= len(members[-1])
            if room <= 0:
                raise ValueError(
                    f"{name} unpacks to more than {UNPACKED_BYTES >> 30} GiB: replay a part of it"
                )
            is_cut = is_cut or not inflater.eof
            content = inflater.unused_data
        content = b"".join(members)
    return content, is_cut


def is_capture(content: str | os.PathLike[str]) -> bool:
    """Whether this names a folder or a store rather than a file."""
    return "://" in os.fspath(content) or Path(content).expanduser().is_dir()


def _read_capture(to: str | os.PathLike[str], stream: str | None) -> tuple[str, int, pa.Table]:
    dataset = storage.Dataset(to)
    parts = dataset.parts()
    if not parts:
        raise ValueError(f"there is no capture in {os.fspath(to)}")
    streams = [name for name, position in dataset.streams().items() if position.seq]
    if stream is None and len(streams) > 1:
        raise ValueError(f"this capture has several streams: name one of {_listed(streams)}")
    if stream is not None and stream not in streams:
        raise ValueError(f"no stream {stream!r} in this capture, which has {_listed(streams)}")
    # A name or a masked URL: safe to show.
    name = os.fspath(to).rstrip("/").rpartition("/")[2]
    rows = dataset.read(stream or (streams[0] if streams else None))
    return name, sum(part.size for part in parts), rows.select(SCHEMA.names)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(map(quoted, names[:5])) + more


def _kind_of(content: bytes) -> str:
    if content.startswith(b"PAR1"):
        return ".parquet"
    begin = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return ".ndjson" if begin == b"{" else ".sse"


_READERS: dict[str, Callable[[bytes, str], pa.Table]] = {
    ".sse": read_sse,
    ".ndjson": read_ndjson,
    ".parquet": read_parquet,
}
