"""Content codings: the bytes of a body as they were before the server compressed them.

In bounded steps, since a small compressed chunk may hold gigabytes. As lenient as browsers are: "deflate"
with and without the zlib header, several codings one over another, a body that is not compressed at all,
a gzip body with wrong checks, bytes behind the end, and names that are no compression ("utf-8"). It reads no socket and decides
nothing about the answer.

The rules are those of RFC 9110, 8.4, and of Fetch's "handle content codings".
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Collection, Generator, Iterator
from typing import Any, Protocol

from ..errors import reason_of

# The most that one step gives.
STEP_BYTES = 64 * 1024
# RFC 9659: what a server may ask of a client's memory.
_ZSTD_WINDOW_LOG = 23
# One block of zstd gives 128 KiB at most and takes 4 bytes at least; zstandard knows no other limit.
_ZSTD_SLICE = 32

# A block of deflate that is stored (RFC 1951, 3.2.4), and what it holds; and wrong checks (RFC 1952, 2.3).
_BLOCK, _HELD = b"\0\4\0\xfb\xffwxyz", b"wxyz"
_WRONG_CHECKS = (bytes(8), b"\xff" * 8, b"\x55" * 8)

_GZIP = frozenset({"gzip", "x-gzip"})
# The most that a gzip header may take, which has texts without a limit of their own; and the two checks
# at the end of a member (RFC 1952, 2.3).
_HEADER_BYTES = 64 * 1024
_TRAILER_BYTES = 8
# As in Fetch, any other name leaves the bytes as they are: servers write "utf-8", "none", "binary".
_READ = _GZIP | {"deflate", "br", "zstd"}


class BrokenCoding(Exception):
    """The bytes are not what the coding says."""

    def __init__(self, coding: str, why: str) -> None:
        super().__init__(f"the server's {coding} coding is broken: {why}")


class UnreadableCoding(Exception):
    """A compression that is not read: br or zstd.

    Attributes:
        coding: its name.
        package: what has to be installed to read it.
        asked: whether it was asked for.
    """

    def __init__(self, coding: str, package: str, asked: bool) -> None:
        super().__init__(coding)
        self.coding = coding
        self.package = package
        self.asked = asked


class Decoder(Protocol):
    """Reads one coding.

    Attributes:
        is_cut: whether what was fed ends before its end, and more than the trailer is missing. Only
            gzip and deflate tell.
    """

    @property
    def is_cut(self) -> bool: ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these bytes hold, about `STEP_BYTES` at most at a time, some of it perhaps empty.

        Raises:
            BrokenCoding: they cannot be read.
        """


def decoder_of(header: str, asked: Collection[str] = ()) -> Decoder | None:
    """What reads the codings of a Content-Encoding header; None where there are none.

    Args:
        asked: the codings of the request's Accept-Encoding. gzip and deflate are read in any case.

    Raises:
        UnreadableCoding: br or zstd, where it was not asked for or no package reads it.
    """
    names = [name for part in header.split(",") if (name := part.strip().lower()) in _READ]
    # They were applied in this order.
    decoders = [_decoder(name, asked) for name in reversed(names)]
    if not decoders:
        return None
    return decoders[0] if len(decoders) == 1 else _Chain(decoders)


def _decoder(name: str, asked: Collection[str]) -> Decoder:
    if name in _GZIP or name == "deflate":
        return _Inflater(name)
    was_asked = name in asked or "*" in asked
    make, package = (_brotli, "brotli") if name == "br" else (_zstd, "zstandard")
    decoder = make() if was_asked else None
    if decoder is None:
        raise UnreadableCoding(name, package, was_asked)
    return decoder


class _Chain:
    """One coding over another."""

    def __init__(self, decoders: list[Decoder]) -> None:
        self._first, *rest = decoders
        self._rest: Decoder = rest[0] if len(rest) == 1 else _Chain(rest)

    @property
    def is_cut(self) -> bool:
        return self._first.is_cut or self._rest.is_cut

    def feed(self, data: bytes) -> Iterator[bytes]:
        for piece in self._first.feed(data):
            if piece:
                yield from self._rest.feed(piece)
            else:
                yield b""


class _Inflater:
    """gzip and deflate."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._gzip = name in _GZIP
        self._inflater: Any = None
        self._beginning = b""  # too little of it to know what it is
        self._trailer = (
            0  # bytes of the checks of a member that have yet to come: browsers look at none
        )
        self._members = 0
        self._plain = self._ended = False
        self._is_empty = True  # this member gave nothing yet

    @property
    def is_cut(self) -> bool:
        if self._inflater is None:
            return bool(self._beginning) and not self._members
        # A server that is killed sends no end, and nothing is lost by that where it had flushed.
        lacks_check = not self._gzip and _lacks_check(self._inflater)
        return self._is_empty or not (lacks_check or _is_flushed(self._inflater))

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._ended:
                return
            if self._plain:
                yield data
                return
            if self._trailer:
                data, self._trailer = data[self._trailer :], max(self._trailer - len(data), 0)
                continue
            if self._inflater is None:
                data, self._beginning = self._beginning + data, b""
                begun = self._begin(data)
                if begun is None:
                    self._beginning = data
                    return
                data = data[begun:]
                continue
            data = yield from self._step(data)

    def _step(self, data: bytes) -> Generator[bytes, None, bytes]:
        """Steps to the end of the data, or of a member; returns what is left."""
        while True:
            try:
                piece = self._inflater.decompress(data, STEP_BYTES)
            except zlib.error as e:
                raise BrokenCoding(self._name, str(e)) from e
            yield piece
            self._is_empty = self._is_empty and not piece
            if self._inflater.eof:
                rest: bytes = self._inflater.unused_data
                self._inflater = None
                self._members += 1
                self._ended = not self._gzip
                self._trailer = _TRAILER_BYTES if self._gzip else 0
                return rest
            data = self._inflater.unconsumed_tail
            if not data and len(piece) < STEP_BYTES:
                return b""

    def _begin(self, data: bytes) -> int | None:
        """Take what the first bytes say, and tell where the compressed ones begin; None where these
        are too few."""
        self._is_empty = True
        if self._gzip:
            return self._begin_member(data)
        if len(data) < 2:
            return None
        # RFC 1950, 2.2. Some servers send deflate without its header.
        has_header = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        self._inflater = zlib.decompressobj(wbits=15 if has_header else -15)
        return 0

    def _begin_member(self, data: bytes) -> int | None:
        if data[:1] != b"\x1f":
            # Padding behind the end; or the server says gzip and does not compress.
            self._ended, self._plain = self._members > 0, self._members == 0
            return 0
        if len(data) < 2:
            return None
        if data[:2] != b"\x1f\x8b" and self._members:
            self._ended = True
            return 0
        end = _header_end(data)
        if end is None and len(data) > _HEADER_BYTES:
            raise BrokenCoding(self._name, f"its header is over {_HEADER_BYTES >> 10} KiB")
        if end is not None:
            # Without its frame: zlib would look at the checks, and give nothing where one is wrong.
            self._inflater = zlib.decompressobj(wbits=-15)
        return end


def _header_end(data: bytes) -> int | None:
    """Where the header of a gzip member ends (RFC 1952, 2.3); None where it goes on.

    Raises:
        BrokenCoding: it is none.
    """
    if data[:2] != b"\x1f\x8b" or (len(data) > 3 and (data[2] != 8 or data[3] & 0xE0)):
        raise BrokenCoding("gzip", "its header is none")
    if len(data) < 10:
        return None
    flags, at = data[3], 10
    if flags & 4:  # FEXTRA
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (8, 16):  # FNAME, FCOMMENT
        if flags & flag:
            at = data.find(b"\0", at) + 1
            if not at:
                return None
    if flags & 2:  # FHCRC
        at += 2
    return at if at <= len(data) else None


def _is_flushed(inflater: Any) -> bool:
    """Whether another block could begin here: in the middle of one the same bytes mean something
    else."""
    try:
        return bool(inflater.copy().decompress(_BLOCK) == _HELD)
    except zlib.error:
        return False


def _lacks_check(inflater: Any) -> bool:
    """Whether the last block has ended, and only the check behind it did not come, or half of it."""
    return all(_fails_as_check(inflater.copy(), wrong) for wrong in _WRONG_CHECKS)


def _fails_as_check(probe: Any, wrong: bytes) -> bool:
    try:
        # Byte by byte, to see whether they are read as data.
        return not any(probe.decompress(wrong[n : n + 1]) for n in range(len(wrong))) and probe.eof
    except zlib.error as e:
        return "incorrect" in str(e)


class _Brotli:
    is_cut = False

    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor
        self._process = getattr(decompressor, "process", None) or decompressor.decompress
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while not self._ended:
            try:
                piece = self._process(data, output_buffer_limit=STEP_BYTES)
            except Exception as e:  # brotli's own class, or brotlicffi's
                raise BrokenCoding("br", reason_of(e)) from e
            yield piece
            self._ended = self._decompressor.is_finished()
            # It takes more input before it has given all output.
            if self._decompressor.can_accept_more_data() and not piece:
                return
            data = b""


def _brotli() -> Decoder | None:
    for name in ("brotli", "brotlicffi"):
        module = _module(name)
        if module is not None:
            decoder = _Brotli(module.Decompressor())
            try:
                # Older versions give all there is at once.
                decoder._process(b"", output_buffer_limit=1)  # noqa: SLF001 (of those versions)
            except TypeError:
                continue
            return decoder
    return None


class _Zstd:
    """Frame after frame, by the module of Python 3.14 or its backport."""

    is_cut = False

    def __init__(self, module: Any) -> None:
        self._make: Callable[[], Any] = lambda: module.ZstdDecompressor(
            options={module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        )
        self._decompressor = self._make()

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data or not self._decompressor.needs_input:
            try:
                yield self._decompressor.decompress(data, STEP_BYTES)
            except Exception as e:
                raise BrokenCoding("zstd", str(e)) from e
            data = b""
            if self._decompressor.eof:
                data = self._decompressor.unused_data
                self._decompressor = self._make()


class _ZstdSlices:
    """The same by the package zstandard, which gives all that its input holds at once."""

    is_cut = False

    def __init__(self, module: Any) -> None:
        self._make: Callable[[], Any] = module.ZstdDecompressor(
            max_window_size=1 << _ZSTD_WINDOW_LOG
        ).decompressobj
        self._decompressor = self._make()

    def feed(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), _ZSTD_SLICE):
            piece = data[at : at + _ZSTD_SLICE]
            while piece:
                try:
                    yield self._decompressor.decompress(piece)
                except Exception as e:
                    raise BrokenCoding("zstd", str(e)) from e
                piece = b""
                if self._decompressor.eof:
                    piece = self._decompressor.unused_data
                    self._decompressor = self._make()


def _zstd() -> Decoder | None:
    kinds: list[tuple[str, Callable[[Any], Decoder]]] = [
        ("compression.zstd", _Zstd),
        ("backports.zstd", _Zstd),
        ("zstandard", _ZstdSlices),
    ]
    for name, kind in kinds:
        module = _module(name)
        if module is not None:
            return kind(module)
    return None


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
