"""Finding plain text in Arrow columns whatever its case, exactly as `str.lower` would.

Where a pattern can decide, no Python string is made for a row. `ignore_case=True` is not used: it folds
(ſ equals s), and lowering does not. This module knows nothing of filters.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# A needle becomes a pattern of one class a character; RE2 takes some 100,000 of those.
_MAX_SEARCHED = 1_000
_SIGMAS = ("σ", "ς")
_DOT_ABOVE = "\u0307"


def search_caseless(needle: str, data: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which rows have `needle` in their `lower()`, without a Python string a row.

    Lowering is a matter of single characters, so the needle becomes a pattern with, for each of
    its characters, all that become it. Two things are not: a capital sigma becomes σ or ς by its
    neighbours, and İ becomes two characters. There, and in very long needles, the pattern only
    finds candidates and `str.lower` decides.
    """
    if _DOT_ABOVE in needle:
        exact, pattern = False, f"[{_DOT_ABOVE}İ]"
    else:
        searched = needle[:_MAX_SEARCHED]
        exact = searched == needle and not any(sigma in needle for sigma in _SIGMAS)
        pattern = "".join(map(_origins, searched))
        if searched.endswith("i"):
            # "İ".lower() begins with i; what follows it, U+0307, is no part of this needle.
            pattern = pattern[: -len(_origins("i"))] + "[iIİ]"
    hits = pc.match_substring_regex(data, pattern)
    if exact or not pc.any(hits).as_py():
        return hits
    candidates = data.filter(hits).to_pylist()
    return scatter(hits, pa.array([needle in row.lower() for row in candidates], pa.bool_()))


def _origins(char: str) -> str:
    """A pattern for the characters whose `lower()` is `char`."""
    if char.isascii():
        if char.isalpha():
            # The Kelvin sign is the one character beyond ASCII whose lower() is an ASCII letter.
            return "[kK\u212a]" if char == "k" else f"[{char}{char.upper()}]"
        return rf"\x{{{ord(char):X}}}"
    others = "Σ" if char == "ς" else _capitals().get(char, "")
    return f"[{char}{others}]" if others else char


@lru_cache(maxsize=1)
def _capitals() -> dict[str, str]:
    """All that `str.lower` of this very Python turns into one other character (10 ms, once)."""
    found: dict[str, str] = {}
    for code in range(0x80, 0x20000):
        low = chr(code).lower()
        if len(low) == 1 and ord(low) != code:
            found[low] = found.get(low, "") + chr(code)
    return found


def scatter(bits: pa.ChunkedArray, values: Any) -> pa.ChunkedArray:
    """`bits` with `values` in the places of its true ones, in their order."""
    whole = _joined(bits)
    return pa.chunked_array([pc.replace_with_mask(whole, whole, _joined(values))])


def _joined(bits: Any) -> pa.Array:
    # A bit a row: the copy is small.
    if isinstance(bits, pa.ChunkedArray):
        return pa.concat_arrays(bits.chunks) if bits.num_chunks else pa.array([], pa.bool_())
    return bits
