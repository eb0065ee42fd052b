"""Rows of a window as the page reads them: a head and six buffers.

The buffers: data (UTF-8) and its offsets (uint32), ids and their offsets, type codes (uint16, or uint32
where `wide`), times (float64, milliseconds since the epoch). Or the same six as
texts, `packed`, for hosts that write each byte of a buffer as a number (VS Code: 3.6 characters a byte).
Pure, from a snapshot to bytes; `channel`
decides when a message is sent.
"""

from __future__ import annotations

import binascii
from typing import Any

import numpy as np
import pyarrow as pa

from ..tables import Snapshot

Message = dict[str, Any]
Buffer = bytes | bytearray | memoryview | pa.Buffer

CUT_BYTES = 64 * 1024
# No server names a type so; one that does must not fill every message with it.
NAME_CHARS = 1000
_NAME_BYTES = 4 * (NAME_CHARS + 1)  # in UTF-8, with one more, by which a long one is known
_ROW_OVERHEAD = 24
_TEXTS = (0, 2)  # data and ids, among the buffers


def newest(snapshot: Snapshot, limit: int) -> Snapshot:
    """The newest rows that take at most `limit` bytes on the wire, at least one."""
    table = snapshot.table
    if table.num_rows <= 1 or _at_most(table) <= limit:
        return snapshot
    sizes = (
        np.minimum(_lengths(table.column("data")), CUT_BYTES)
        + np.minimum(_lengths(table.column("last_event_id")), CUT_BYTES)
        # Named once a message; but each may be another.
        + np.minimum(_lengths(table.column("type")), NAME_CHARS)
        + _ROW_OVERHEAD
    )
    from_the_end = np.cumsum(sizes[::-1])
    keep = max(int(np.searchsorted(from_the_end, limit, side="right")), 1)
    if keep >= table.num_rows:
        return snapshot
    skip = table.num_rows - keep
    return Snapshot(snapshot.first + skip, table.slice(skip))


def encode(snapshot: Snapshot) -> tuple[Message, list[Any]]:
    """Rows as the page reads them: a head and six buffers; no buffers where there are no rows.

    Arrow's own functions let go of the interpreter, and beside a busy cell each of them waits 5 ms
    for it again. So what comes with every message is read from the buffers.
    """
    table = snapshot.table
    content: Message = {"first": snapshot.first, "count": table.num_rows}
    if not table.num_rows:
        return content, []
    data, data_offsets, cut = _text(table.column("data"), CUT_BYTES)
    # An id is inherited: a long one would come with each event after it, and no header carries it.
    ids, id_offsets, _ = _text(table.column("last_event_id"), CUT_BYTES)
    names, codes = _types(table.column("type"))
    wide = len(names) > 0xFFFF
    content["types"] = [_name(t) for t in names]
    content["cut"] = cut
    if wide:
        content["wide"] = True
    at = [_fixed(chunk) for chunk in table.column("received_at").chunks]
    return content, [
        data,
        data_offsets.tobytes(),
        ids,
        id_offsets.tobytes(),
        codes.astype("<u4" if wide else "<u2").tobytes(),
        ((at[0] if len(at) == 1 else np.concatenate(at)) / 1000.0)
        .astype("<f8", copy=False)
        .tobytes(),
    ]


def packed(buffers: list[Any]) -> list[str]:
    """The buffers of a message as texts: of data and ids themselves, of the others base64."""
    return [
        bytes(buffer).decode()
        if i in _TEXTS
        else binascii.b2a_base64(buffer, newline=False).decode()
        for i, buffer in enumerate(buffers)
    ]


def _name(event_type: str) -> str:
    return event_type if len(event_type) <= NAME_CHARS else f"{event_type[:NAME_CHARS]}\u2026"


def _types(column: pa.ChunkedArray) -> tuple[list[str], Any]:
    """The different types, and which of them each row has."""
    # Cut first: what is not sent is not copied.
    text, offsets, _ = _text(column, _NAME_BYTES)
    rows, size = len(offsets) - 1, int(offsets[1])
    # Of one type are most streams, and most messages of the others.
    if len(text) == rows * size and (np.diff(offsets) == size).all():
        name = bytes(text[:size])
        if bytes(text) == name * rows:
            return [name.decode()], np.zeros(rows, np.uint16)
    buffers = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(text)]
    types: Any = pa.Array.from_buffers(pa.large_string(), rows, buffers).dictionary_encode()
    # Not by `to_numpy`, which imports pandas: the first rows would wait for that.
    return types.dictionary.to_pylist(), np.from_dlpack(types.indices)


def _fixed(array: Any) -> Any:
    return np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array)]


def _pieces(column: pa.ChunkedArray) -> list[tuple[Any, Any]]:
    """Of each chunk of a text column the offsets of its rows, and the buffer that they are of."""
    pieces = []
    for chunk in column.chunks:
        _, offsets, text = chunk.buffers()
        start = chunk.offset
        pieces.append((np.frombuffer(offsets, np.int64)[start : start + len(chunk) + 1], text))
    return pieces


def _at_most(table: pa.Table) -> int:
    """Bytes on the wire, or more where rows are cut."""
    texts = sum(
        int(offsets[-1] - offsets[0])
        for name in ("data", "last_event_id", "type")
        for offsets, _ in _pieces(table.column(name))
    )
    return texts + int(table.num_rows) * _ROW_OVERHEAD


def _lengths(column: pa.ChunkedArray) -> Any:
    return np.concatenate([np.diff(offsets) for offsets, _ in _pieces(column)])


def _joined(column: pa.ChunkedArray) -> tuple[Any, Any]:
    """A text column as one blob, and the offsets of its rows."""
    pieces = _pieces(column)
    if len(pieces) == 1:  # so are nearly all
        [(offsets, text)] = pieces
        first = int(offsets[0])
        return memoryview(text or b"")[first : int(offsets[-1])], offsets - first
    blobs, ends, size = [], [np.zeros(1, np.int64)], 0
    for offsets, text in pieces:
        first, last = int(offsets[0]), int(offsets[-1])
        blobs.append(memoryview(text or b"")[first:last])
        ends.append(offsets[1:] + (size - first))
        size += last - first
    return b"".join(blobs), np.concatenate(ends)


def _text(column: pa.ChunkedArray, cut_at: int) -> tuple[Any, Any, list[list[int]]]:
    """A text column as one blob, its offsets, and [row, whole size] of the rows cut short."""
    text, offsets = _joined(column)
    if len(text) <= cut_at or int(np.diff(offsets).max()) <= cut_at:
        return text, offsets.astype("<u4"), []
    blob = memoryview(text)
    pieces, cut = [], []
    for i, (a, b) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        piece = blob[a:b]
        if b - a > cut_at:
            end = cut_at
            while end and piece[end] & 0xC0 == 0x80:  # never inside a character
                end -= 1
            piece = piece[:end]
            cut.append([i, b - a])
        pieces.append(piece)
    starts = np.cumsum([0, *(len(p) for p in pieces)])
    return b"".join(pieces), starts.astype("<u4"), cut
