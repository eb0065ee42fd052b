"""Events as a table for a spreadsheet: `.csv`, a header, then quoted as RFC 4180 says.

It is written only: it does not keep all that an event is. It opens no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from ..payload import Written, free_name, payloads, written_values
from .rows import ROWS, TABLE_SCHEMA, Reached, iso_times, slices

# OWASP, "CSV Injection": what makes a formula of a cell that begins with it.
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"


def write_csv(
    table: pa.Table,
    file: IO[bytes],
    reached: Reached,
    *,
    paths: Sequence[str] = (),
    formulas: bool = False,
) -> None:
    """The same bytes as the page's "Save shown"."""
    taken = set(TABLE_SCHEMA.names)
    names = [*TABLE_SCHEMA.names, *(free_name(path, taken) for path in paths)]
    file.write(b",".join(_quoted(_texts(names), formulas).to_pylist()) + b"\n")
    for some in slices(table, ROWS, reached):
        cells = [
            some["seq"].cast(pa.string()).cast(pa.large_binary()),
            _quoted(_texts(iso_times(some)), formulas=True),
            *(_quoted(some[name], formulas) for name in ("type", "last_event_id", "data")),
            *(_cells(values, formulas) for values in written_values(payloads(some["data"]), paths)),
        ]
        whole = [
            cell.combine_chunks() if isinstance(cell, pa.ChunkedArray) else cell for cell in cells
        ]
        lines = pc.binary_join_element_wise(*whole, pa.scalar(b",", pa.large_binary()))
        file.write(b"\n".join(lines.to_pylist()) + b"\n")


def _texts(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def _quoted(texts: pa.Array | pa.ChunkedArray, formulas: bool) -> pa.Array | pa.ChunkedArray:
    """Texts as cells, in quotes."""
    if not formulas:
        begins = pc.match_substring_regex(texts, _FORMULA)
        if pc.any(begins).as_py():
            texts = pc.if_else(begins, _between("'", texts, ""), texts)
    return _between('"', pc.replace_substring(texts, '"', '""'), '"').cast(pa.large_binary())


def _between(
    before: str, texts: pa.Array | pa.ChunkedArray, after: str
) -> pa.Array | pa.ChunkedArray:
    first, last, nothing = (pa.scalar(text, pa.large_string()) for text in (before, after, ""))
    return pc.binary_join_element_wise(first, texts, last, nothing)


def _cells(values: list[Written | None], formulas: bool) -> pa.Array:
    """Values as cells: a text, an object and a list in quotes, a number as it is, nothing where there is none."""
    texts = _texts(["" if value is None else value.text for value in values])
    bare = [value is None or not (value.is_string or value.text[0] in "[{") for value in values]
    return pc.if_else(
        pa.array(bare, pa.bool_()), texts.cast(pa.large_binary()), _quoted(texts, formulas)
    )
