"""`EventStreamParser`: bytes in, events out, by WHATWG HTML 9.2.5 and 9.2.6.

Pure: no I/O, no clock, no knowledge of connections. Any split of the bytes gives the same events.

How it works: bytes are normalised to LF ends, cut after the last blank line, and everything before that
cut, which is whole blocks, is decoded and read at once by `fields`. What follows the cut waits as fragments
that are joined once. Three kinds of bytes go through the line machine (`_read_lines`), which keeps the
fields of one block and can drop it half-way: a block that is long (`_ABSORB` bytes without a blank line),
bytes that might hold an event over the limit, and a block with a line that is no part of an event (a
comment, a `retry`, an unknown field), for such a line counts from its own end on.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import EventTooLarge
from ..events import EventBatch, NoEvents, SingleEvent
from .fields import read_blocks, read_one, read_retry, read_whole

_BOM = b"\xef\xbb\xbf"
_LF, _CR, _COLON = 10, 13, 58
# The fields an event is made of. A line without one of these names is no part of an event.
_FIELDS = (b"data", b"event", b"id")
_NAME = rb"(?:data|event|id)[:\n]"
_begins_with_name = re.compile(_NAME).match
_NAME_SIZE = 6  # bytes that such a name takes at most, with what follows it
_find_apart = re.compile(rb"\n(?!%s)[^\n]" % _NAME).search
_ABSORB = 64 * 1024
_CONDENSE_LINES = 4096
# For the last blank line: bytes that are looked at one by one, and then lines that are hopped over.
_LAST_BYTES, _LAST_LINES = 256, 4
_QUICK = 8 * 1024
# Where a stream comes byte by byte: the bytes that only have to wait, and the fields an event is
# made of, as lines begin.
_LETTERS = frozenset(bytes([n]) for n in range(256)) - {b"\n", b"\r"}
_LINE_NAMES = (b"data:", b"event:", b"id:")


def _last_blank(text: bytes) -> int:
    """`text.rfind(b"\\n\\n")`, where the last lines are long and few in a tenth of its time: it looks at
    each byte, and for a single one does not."""
    end = text.rfind(b"\n\n", -_LAST_BYTES)
    if end >= 0:
        return end
    end = text.rfind(b"\n")
    for _ in range(_LAST_LINES):
        if end < 1:
            return -1
        if text[end - 1] == _LF:
            return end - 1
        end = text.rfind(b"\n", 0, end)
    return text.rfind(b"\n\n", 0, end + 1)


class _Block:
    """The fields of a block whose blank line has not come yet."""

    __slots__ = ("begun", "condensed", "data", "dropped", "id", "size", "type")

    def __init__(self) -> None:
        self.data: list[bytes] = []  # lines, or several of them as one piece with its line ends
        self.condensed = 0  # how many of these are such pieces
        self.type = b""
        self.id: bytes | None = None
        self.size = 0
        self.begun = False  # it has an id or a type
        self.dropped = False

    def condense(self) -> None:
        """An object for each line takes many times what an empty line does."""
        if len(self.data) - self.condensed > _CONDENSE_LINES:
            self.data[self.condensed :] = [b"\n".join(self.data[self.condensed :])]
            self.condensed += 1

    def take_id(self, value: bytes) -> None:
        """A line `id`. That of a dropped event is kept, or a resume would meet that event for ever."""
        self.begun = True
        if b"\0" not in value:
            self.id = value


class Unfinished(NamedTuple):
    """What has come of an event that is not complete.

    Attributes:
        size: its bytes so far, one for each line end and none for comments.
        data: whether a `data` line has begun, so that the whole would be an event.
        id: of its own, where that line is complete; None else.
    """

    size: int
    data: bool
    id: str | None


class EventStreamParser:
    """Turns the bytes of an event stream into batches of events.

    Args:
        max_event_bytes: the most bytes one event may take: its lines, as UTF-8, with one byte for
            each line end and without comments. A larger one is dropped and reported as a fault;
            the stream goes on. The default is for answers to a POST, whose events may be images;
            `EventSource` sets 16 MiB for all others.
        last_event_id: where the stream resumes.

    Attributes:
        last_event_id: the last event ID string of the stream, kept over `reset()`.
        reconnection_time: the latest valid `retry` of the stream in milliseconds, kept over `reset()`;
            None where there was none.
        ignored: how many lines had a field name that the standard does not know, kept over `reset()`.
    """

    def __init__(self, *, max_event_bytes: int = 64 * 2**20, last_event_id: str = "") -> None:
        if max_event_bytes < 1:
            raise ValueError(f"max_event_bytes must be at least 1, not {max_event_bytes}")
        self.max_event_bytes = max_event_bytes
        self.last_event_id = last_event_id
        self.reconnection_time: int | None = None
        self.ignored = 0
        self._absorb_at = min(_ABSORB, max_event_bytes)
        self._quick_up_to = min(_QUICK, max_event_bytes)
        self._nothing = NoEvents()  # what a call returns that completes nothing
        self.reset()

    @property
    def nbytes(self) -> int:
        """Bytes held of the event whose end has not come yet."""
        waiting = self._waiting_size + len(self._letters)
        return waiting + (self._block.size if self._block is not None else 0)

    @property
    def unfinished(self) -> Unfinished | None:
        """What has come of an event whose blank line has not: what `reset()` drops. None where no
        line of one has begun, or where it was reported as too large."""
        self._settle()
        block = self._block or _Block()
        if block.dropped:
            return None
        *lines, partial = b"".join(self._waiting).split(b"\n")
        size, data, id_ = block.size, bool(block.data), block.id
        begun = block.begun or data
        for line in lines:
            name, _, value = line.partition(b":")
            size += len(line) + 1
            begun = begun or name in _FIELDS
            data = data or name == b"data"
            if name == b"id" and b"\0" not in value:
                id_ = value.removeprefix(b" ")
        if partial and partial[0] != _COLON:
            name, colon, _ = partial.partition(b":")
            size += len(partial)
            begun = begun or _may_be_field(name, whole=bool(colon))
            data = data or name == b"data"
        if not begun:
            return None
        return Unfinished(size, data, None if id_ is None else id_.decode("utf-8", "replace"))

    def reset(self) -> None:
        """A new connection begins: drop the unfinished event, keep the last event ID."""
        self._inside = False  # something waits, and nothing but the next line end matters
        # Where nothing waits, and the stream does not come byte by byte: a chunk of up to so many bytes
        # may go the quick way.
        self._quick = -1
        # While the stream comes byte by byte: the bytes that only have to wait, else none; and those
        # that do, all of one line.
        self._bytewise: frozenset[bytes] | tuple[()] = ()
        self._letters: list[bytes] = []
        self._room = 0  # for so many of them
        self._bom: bytes | None = b""  # what may be the beginning of a BOM; None once decided
        self._after_cr = False  # the last byte was a CR: an LF now belongs to it
        self._line_start = True  # the last line has ended
        self._skipping = False  # inside a line that is too long to keep
        self._waiting: list[bytes] = []  # fragments after the last blank line, or line absorbed
        self._waiting_size = 0
        self._waiting_has_line: bool = False
        # Where the line that has not ended begins, or will: in which fragment, and where in it.
        self._line_in = self._line_at = 0
        self._block: _Block | None = None  # what was absorbed of the unfinished block

    def feed(self, chunk: bytes | bytearray | memoryview) -> EventBatch:
        """Read the next bytes of the stream; return the events they complete.

        An empty batch, and an empty list in one, may be shared by several calls: do not add to it.

        Args:
            chunk: bytes, or a buffer of them such as a bytearray or a memoryview, which is copied: it
                may be written to again.

        Raises:
            TypeError: neither of these.
        """
        try:
            if chunk in self._bytewise:
                letters = self._letters
                if len(letters) < self._room:
                    letters.append(chunk)  # type: ignore[arg-type]
                    return self._nothing
        except (TypeError, ValueError):  # a buffer that may be written to has no hash
            return self.feed(_copied(chunk))
        if type(chunk) is not bytes:
            chunk = _copied(chunk)
        if len(chunk) <= self._quick:
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
            if rest == "\n":
                # The lists that stay empty are shared by all batches: making them is a fifth of all this.
                data, none = line.removeprefix("data: "), self._nothing
                if data != line:
                    ids = [self.last_event_id]
                    return SingleEvent(
                        ["message"], [data], ids, [False], none.faults, none.comments
                    )
                if line[:1] == ":":
                    empty = none.types
                    return NoEvents(empty, empty, empty, none.has_id, none.faults, [line[1:]])
            if text[-2:] == "\n\n":
                return self._whole(text, line, rest)
        elif self._bytewise:
            return self._end_bytewise(chunk)
        elif self._inside and _LF not in chunk and _CR not in chunk:
            # A piece from the middle of an event only has to wait.
            size = self._waiting_size + len(chunk)
            if size <= self._absorb_at:
                if chunk:  # one of no bytes does not end the beginning of a line
                    self._waiting.append(chunk)
                    self._waiting_size = size
                    self._line_start = False
                return self._nothing
        return self._feed(chunk)

    def _end_bytewise(self, chunk: bytes) -> EventBatch:
        """Where the stream comes byte by byte: an LF, what is longer, or a letter too many."""
        if chunk == b"\n" and self._line_start:
            done = self._end_line() if self._letters else self._end_event()
            if done is not None:
                return done
        self._settle()
        if not chunk:
            return self._nothing
        self._bytewise = ()
        if not self._inside:
            self._quick = self._quick_up_to
        return self.feed(chunk)

    def _whole(self, text: str, line: str, rest: str) -> EventBatch:
        """Whole blocks, most often one: `line` is the first line of `text`, `rest` what follows."""
        none = self._nothing
        if rest == "\n" and line[:1] == ":":
            lists = (none.types, none.data, none.last_event_ids, none.has_id, none.faults)
            return NoEvents(*lists, [line[1:]])
        one = read_one(text, line, rest)
        if one is None:
            batch = EventBatch()
            self._read_blocks(text, batch)
            return batch
        type_, data, id_ = one
        own = id_ is not None
        if id_ is not None:
            self.last_event_id = id_
        return SingleEvent([type_], [data], [self.last_event_id], [own], none.faults, none.comments)

    def _settle(self) -> None:
        """The letters that were put aside become a fragment like any other."""
        if not self._letters:
            return
        fragment = b"".join(self._letters)
        self._letters.clear()
        self._waiting.append(fragment)
        self._waiting_size += len(fragment)
        self._room -= len(fragment)
        self._line_start = False
        self._inside = True

    def _end_line(self) -> EventBatch | None:
        """An LF after letters that began a line: what is complete with it; None where `_feed` must
        say. The least of what that does."""
        self._letters.append(b"\n")
        line = b"".join(self._letters)
        size = self._waiting_size + len(line)
        if size <= self._absorb_at:
            if line.startswith(_LINE_NAMES):
                self._letters.clear()
                self._waiting.append(line)
                self._waiting_size, self._room = size, self._absorb_at - size
                self._line_in = len(self._waiting)
                self._waiting_has_line = self._inside = True
                return self._nothing
            if line[0] == _COLON and not self._waiting:
                self._letters.clear()
                comment = line[1:-1].decode("utf-8", "replace")
                return NoEvents([], [], [], [], [], [comment])
        self._letters.pop()
        return None

    def _end_event(self) -> EventBatch | None:
        """A blank line after whole lines: the event; None where `_feed` must say."""
        waiting = self._waiting
        if self._block is not None or self._waiting_size >= self._quick_up_to:
            return None
        if not waiting:
            return self._nothing  # a blank line after a blank line
        whole = waiting[0] if len(waiting) == 1 else b"".join(waiting)
        try:
            text = whole.decode()
        except UnicodeDecodeError:
            return None
        waiting.clear()
        self._waiting_size = self._line_in = self._line_at = 0
        self._waiting_has_line = self._inside = False
        self._room = self._absorb_at
        line, _, rest = text.partition("\n")
        if not rest:
            data = line.removeprefix("data: ")
            if data != line:
                none, ids = self._nothing, [self.last_event_id]
                return SingleEvent(["message"], [data], ids, [False], none.faults, none.comments)
        return self._whole(text + "\n", line, rest + "\n")

    def _feed(self, chunk: bytes) -> EventBatch:
        """Any bytes in any state."""
        if not chunk:
            return self._nothing
        batch = EventBatch()
        self._quick, self._inside, self._bytewise = -1, False, ()
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
        cut = _last_blank(text) + 2
        begins = self._line_start
        if cut == 1:
            cut = 1 if begins and text[0] == _LF else 0
        self._line_start = text[-1] == _LF

        if cut:
            if self._waiting:
                # Not cut off first: that would be one copy more of all that came.
                whole = b"".join((*self._waiting, memoryview(text)[:cut]))
            else:
                whole = text[:cut]
            text = text[cut:]
            self._waiting = [text] if text else []
            self._waiting_size = len(text)
            self._waiting_has_line = has_line = _LF in text
            self._line_in = self._line_at = 0
            begins = True
            # Where all blocks together are within the limit, each of them is.
            if self._block is None and len(whole) <= self.max_event_bytes:
                self.last_event_id, self.reconnection_time, ignored = read_whole(
                    whole, batch, self.last_event_id, self.reconnection_time
                )
                self.ignored += ignored
            else:
                self._read_lines(whole, batch)
        else:
            self._waiting.append(text)
            self._waiting_size += len(text)
            has_line = _LF in text
            self._waiting_has_line = self._waiting_has_line or has_line

        if (
            self._block is not None
            or self._waiting_size > self._absorb_at
            or (has_line and self._ends_apart(text, begins))
        ):
            self._absorb(batch)
        if not (self._after_cr or self._skipping or self._block is not None):
            self._inside = bool(self._waiting)
            self._quick = -1 if self._inside else self._quick_up_to
            if len(chunk) == 1:
                self._bytewise, self._room = _LETTERS, self._absorb_at - self._waiting_size
                self._quick = -1
        return batch

    def _ends_apart(self, text: bytes, begins: bool) -> bool:
        """Whether a line that is no part of an event ends in this text, which is the last fragment
        that waits and ends at least one line.

        Args:
            begins: whether it begins with a line, and not in the middle of one.
        """
        if begins:
            named = _begins_with_name(text)
        else:
            # So many fragments are enough, however small they are; all that waits is not much.
            begin = b"".join(self._waiting[self._line_in : self._line_in + _NAME_SIZE])
            named = _begins_with_name(begin, self._line_at)
        last = text.rfind(b"\n")
        if last + 1 < len(text):
            self._line_in, self._line_at = len(self._waiting) - 1, last + 1
        else:
            self._line_in, self._line_at = len(self._waiting), 0
        if named is None or last == 0:
            return named is None
        return _find_apart(text, 0, last + 1) is not None

    def _read_blocks(self, text: str, batch: EventBatch) -> None:
        self.last_event_id, self.reconnection_time, ignored = read_blocks(
            text, batch, self.last_event_id, self.reconnection_time
        )
        self.ignored += ignored

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
            self._line_in = self._line_at = 0
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
                block.take_id(value)
            elif name == b"retry":
                self.reconnection_time = read_retry(value, self.reconnection_time)
            elif name not in _FIELDS:
                self.ignored += 1
            elif block.dropped:
                continue
            elif name == b"data":
                block.data.append(value)
            else:
                block.begun = True
                block.type = value
            block.size += len(line) + 1
        block.condense()
        self._block = block if block.size or block.dropped else None

    def _drop(self, block: _Block, batch: EventBatch) -> None:
        if block.dropped:
            return
        block.dropped = True
        block.data.clear()
        block.condensed = 0
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


def _may_be_field(name: bytes, *, whole: bool) -> bool:
    """Whether this is the name of a field; half a name may become one."""
    return name in _FIELDS if whole else any(field.startswith(name) for field in _FIELDS)


def _size(n: int) -> str:
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if n >= unit:
            return f"{n / unit:.4g} {name}"
    return f"{n} bytes"


def _copied(chunk: object) -> bytes:
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        return bytes(chunk)
    way_out = ": encode it, as UTF-8" if isinstance(chunk, str) else ""
    raise TypeError(f"feed takes bytes, not {type(chunk).__name__}{way_out}")
