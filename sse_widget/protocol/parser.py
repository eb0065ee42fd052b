"""`EventStreamParser`: bytes in, events out, by WHATWG HTML 9.2.5 and 9.2.6.

Pure: no I/O, no clock, no knowledge of connections. Any split of the bytes gives the same events.

How it works: bytes are normalised to LF ends, cut after the last blank line, and everything before that
cut, which is whole blocks, is decoded and read at once by `fields`. What follows the cut waits as fragments
that are joined once. Only a block that is long (`_ABSORB` bytes without a blank line), or bytes that might
hold an event over the limit, go through the line machine (`_read_lines`), which keeps the fields of one
block and can drop it half-way.
"""

from __future__ import annotations

from ..errors import EventTooLarge
from ..events import EventBatch
from .fields import read_blocks, read_one, read_retry

__all__ = ["EventStreamParser"]

_BOM = b"\xef\xbb\xbf"
_LF, _CR, _COLON = 10, 13, 58
_ABSORB = 64 * 1024
_QUICK = 8 * 1024
_new = object.__new__


class _Block:
    """The fields of a block whose blank line has not come yet."""

    __slots__ = ("data", "dropped", "id", "size", "type")

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.type = b""
        self.id: bytes | None = None
        self.size = 0
        self.dropped = False


class EventStreamParser:
    """Turns the bytes of an event stream into batches of events.

    Args:
        max_event_bytes: the most bytes one event may take: its lines, as UTF-8, with one byte for
            each line end and without comments. A larger one is dropped and reported as a fault;
            the stream goes on.
        last_event_id: where the stream resumes.

    Attributes:
        last_event_id: the last event ID string of the stream, kept over `reset()`.
    """

    def __init__(self, *, max_event_bytes: int = 16 * 2**20, last_event_id: str = "") -> None:
        if max_event_bytes < 1:
            raise ValueError(f"max_event_bytes must be at least 1, not {max_event_bytes}")
        self.max_event_bytes = max_event_bytes
        self.last_event_id = last_event_id
        self._reconnection_time: int | None = None
        self._absorb_at = min(_ABSORB, max_event_bytes)
        self._quick_up_to = min(_QUICK, max_event_bytes)
        self._nothing = EventBatch()  # what a call returns that completes nothing
        # What the next feed() returns, where lines that were absorbed before it left comments.
        self._next: EventBatch | None = None
        self._start()

    @property
    def nbytes(self) -> int:
        """Bytes held of the event whose end has not come yet."""
        return self._waiting_size + (self._block.size if self._block is not None else 0)

    @property
    def reconnection_time(self) -> int | None:
        """The latest valid `retry` of the stream in milliseconds; None where there was none."""
        self._settle()
        return self._reconnection_time

    def reset(self) -> None:
        """A new connection begins: drop the unfinished event, keep the last event ID."""
        self._settle()
        self._start()

    def _settle(self) -> None:
        """Read the lines that wait: `retry` counts from its line end, not from its blank line."""
        if self._waiting_has_line:
            self._quick, self._inside = -1, False
            if self._next is None:
                self._next = EventBatch()
            self._absorb(self._next)

    def _start(self) -> None:
        self._inside = False  # something waits, and nothing but the next line end matters
        self._quick = -1  # where nothing waits: a chunk of up to so many bytes may go the quick way
        self._bom: bytes | None = b""  # what may be the beginning of a BOM; None once decided
        self._after_cr = False  # the last byte was a CR: an LF now belongs to it
        self._line_start = True  # the last line has ended
        self._skipping = False  # inside a line that is too long to keep
        self._waiting: list[bytes] = []  # fragments after the last blank line, or line absorbed
        self._waiting_size = 0
        self._waiting_has_line: bool = False
        self._block: _Block | None = None  # what was absorbed of the unfinished block

    def feed(self, chunk: bytes) -> EventBatch:
        """Read the next bytes of the stream; return the events they complete.

        What is empty, a batch or its lists of faults and comments, may be the same object each
        time: nothing is to be added to it.
        """
        if self._inside:
            # A piece from the middle of an event only has to wait.
            if _LF not in chunk and _CR not in chunk:
                size = self._waiting_size + len(chunk)
                if size <= self._absorb_at:
                    self._waiting.append(chunk)
                    self._waiting_size = size
                    self._line_start = False
                    return self._nothing
        elif len(chunk) <= self._quick:
            # What most servers send at a time is one whole event. This is the least of what
            # `_feed` does for it: all that is spent here is spent on every event.
            try:
                text = chunk.decode()
            except UnicodeDecodeError:
                return self._feed(chunk)
            if "\r" in text:
                text = text.replace("\r\n", "\n")
                if "\r" in text:
                    return self._feed(chunk)
            line, _, rest = text.partition("\n")
            # Half the price of a comparison and a slice: the prefix was there where it is gone.
            data = line.removeprefix("data: ")
            if rest == "\n" and data != line:
                type_, own = "message", False
            elif text[-2:] == "\n\n":
                one = read_one(text, line, rest)
                if one is None:
                    batch = EventBatch()
                    self._read_blocks(text, batch)
                    return batch
                type_, data, id_ = one
                own = id_ is not None
                if id_ is not None:
                    self.last_event_id = id_
            else:
                return self._feed(chunk)
            # Half the cost of calling the class.
            batch, nothing = _new(EventBatch), self._nothing
            batch.types = [type_]
            batch.data = [data]
            batch.last_event_ids = [self.last_event_id]
            batch.has_id = [own]
            batch.faults = nothing.faults
            batch.comments = nothing.comments
            batch.origin = ""
            batch.received_at = None
            return batch
        return self._feed(chunk)

    def _feed(self, chunk: bytes) -> EventBatch:
        """Any bytes in any state."""
        batch = EventBatch() if self._next is None else self._next
        self._next = None
        self._quick, self._inside = -1, False
        text = self._normalise(chunk)
        if not text:
            return batch

        if self._skipping:
            end = text.find(b"\n")
            if end < 0:
                return batch
            self._skipping = False
            self._line_start = True
            text = text[end + 1 :]
            if not text:
                return batch

        # Everything up to the last blank line is whole blocks. The two LFs of a blank line may
        # have come in two chunks.
        cut = text.rfind(b"\n\n") + 2
        if cut == 1:
            cut = 1 if self._line_start and text[0] == _LF else 0
        self._line_start = text[-1] == _LF

        if cut:
            whole, text = text[:cut], text[cut:]
            if self._waiting:
                self._waiting.append(whole)
                whole = b"".join(self._waiting)
            self._waiting = [text] if text else []
            self._waiting_size = len(text)
            self._waiting_has_line = b"\n" in text
            # Where all blocks together are within the limit, each of them is.
            if self._block is None and len(whole) <= self.max_event_bytes:
                self._read_blocks(whole.decode("utf-8", "replace"), batch)
            else:
                self._read_lines(whole, batch)
        else:
            self._waiting.append(text)
            self._waiting_size += len(text)
            self._waiting_has_line = self._waiting_has_line or b"\n" in text

        if self._waiting_size > self._absorb_at or self._block is not None:
            self._absorb(batch)
        if not (self._after_cr or self._skipping or self._block is not None):
            self._inside = bool(self._waiting)
            self._quick = self._quick_up_to
        return batch

    def _read_blocks(self, text: str, batch: EventBatch) -> None:
        self.last_event_id, self._reconnection_time = read_blocks(
            text, batch, self.last_event_id, self._reconnection_time
        )

    def _normalise(self, chunk: bytes) -> bytes:
        """Line ends to LF, at once: an event that ends in CR does not wait for the next byte."""
        if self._bom is not None:
            chunk = self._bom + chunk
            if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
                self._bom = chunk
                return b""
            self._bom = None
            chunk = chunk.removeprefix(_BOM)
        if not chunk:
            return chunk
        if self._after_cr:
            self._after_cr = False
            if chunk[0] == _LF:
                chunk = chunk[1:]
                if not chunk:
                    return chunk
        if _CR in chunk:
            self._after_cr = chunk[-1] == _CR
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk

    def _absorb(self, batch: EventBatch) -> None:
        """Move the whole lines that wait into the block, so that what waits is one partial line."""
        if self._waiting_has_line:
            text = b"".join(self._waiting)
            cut = text.rfind(b"\n") + 1
            partial = text[cut:]
            self._waiting = [partial] if partial else []
            self._waiting_size = len(partial)
            self._waiting_has_line = False
            self._read_lines(text[:cut], batch)
        block = self._block or _Block()
        # A comment is no part of an event: it counts by itself.
        alone = block.dropped or bool(self._waiting and self._waiting[0][0] == _COLON)
        kept = 0 if alone else block.size
        if self._waiting and kept + self._waiting_size > self.max_event_bytes:
            self._block = block
            self._drop(block, batch)
            self._waiting.clear()
            self._waiting_size = 0
            self._skipping = True

    def _read_lines(self, text: bytes, batch: EventBatch) -> None:
        """Whole lines, one at a time: the only place that knows half a block."""
        block = self._block or _Block()
        for line in text.split(b"\n")[:-1]:
            if not line:
                self._dispatch(block, batch)
                block = _Block()
                continue
            comment = line[0] == _COLON
            kept = 0 if comment or block.dropped else block.size
            if kept + len(line) > self.max_event_bytes:
                self._drop(block, batch)
                continue
            if comment:
                batch.comments.append(line[1:].decode("utf-8", "replace"))
                continue
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"id":
                # The id of a dropped event is kept, or a resume would meet that event for ever.
                if b"\0" not in value:
                    block.id = value
            elif name == b"retry":
                self._reconnection_time = read_retry(value, self._reconnection_time)
            elif block.dropped:
                continue
            elif name == b"data":
                block.data.append(value)
            elif name == b"event":
                block.type = value
            block.size += len(line) + 1
        self._block = block if block.size or block.dropped else None

    def _drop(self, block: _Block, batch: EventBatch) -> None:
        if block.dropped:
            return
        block.dropped = True
        block.data.clear()
        block.type = b""
        limit = self.max_event_bytes
        batch.faults.append(
            EventTooLarge(
                f"an event passed {_size(limit)} (max_event_bytes={limit}); "
                "it was skipped, the stream goes on",
                hint="Raise max_event_bytes where such events are meant.",
                limit=limit,
                index=len(batch),
                last_event_id=None if block.id is None else block.id.decode("utf-8", "replace"),
            )
        )

    def _dispatch(self, block: _Block, batch: EventBatch) -> None:
        if block.id is not None:
            self.last_event_id = block.id.decode("utf-8", "replace")
        if block.data and not block.dropped:
            batch.types.append(block.type.decode("utf-8", "replace") or "message")
            batch.data.append(b"\n".join(block.data).decode("utf-8", "replace"))
            batch.last_event_ids.append(self.last_event_id)
            batch.has_id.append(block.id is not None)


def _size(n: int) -> str:
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if n >= unit:
            return f"{n / unit:.4g} {name}"
    return f"{n} bytes"
