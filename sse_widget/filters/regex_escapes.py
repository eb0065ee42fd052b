"""What a backslash means in a pattern: escapes, character sets and properties.

The lower half of `regex`: a reader with a position in the pattern. It refuses by name what RE2 and
JavaScript do not share, and writes the rest in RE2's syntax. `js/src/filter/escapes.ts` is its twin.
Groups and repeats are read in `regex`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from ..errors import InvalidFilter

# Steps are never less than RE2's instructions (`\p{L}` has 780).
STEPS_CHAR, STEPS_RANGE, STEPS_CLASS, STEPS_PROPERTY = 10, 20, 40, 1000

LINEAR = "is not supported: patterns must run in linear time"
SHARED = "is not supported: Python and the page do not share it"
_ESCAPE_HINT = r"Write \\ for a backslash."

# JavaScript's white space; RE2's own \s is ASCII and lacks \v.
_SPACE = r"\x{9}-\x{D}\x{20}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}"
_NOT_SPACE = (
    r"\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}"
    r"\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{FEFE}\x{FF00}-\x{10FFFF}"
)
_SETS = {"d": r"\d", "D": r"\D", "w": r"\w", "W": r"\W", "s": _SPACE, "S": _NOT_SPACE}

_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}

# General categories without C, Cn (the unassigned are others in each Unicode version, and RE2's C
# has none of them) and Cs; scripts: those that UAX #31 recommends. Each engine brings its own
# Unicode version: characters that one of them does not know yet are letters to the other only.
_PROPERTY = re.compile(
    r"(L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfo])|"
    r"(?:Script=|sc=)?(Arabic|Armenian|Bengali|Bopomofo|Common|Cyrillic|Devanagari|Ethiopic|"
    r"Georgian|Greek|Gujarati|Gurmukhi|Han|Hangul|Hebrew|Hiragana|Inherited|Kannada|Katakana|Khmer|"
    r"Lao|Latin|Malayalam|Myanmar|Oriya|Sinhala|Tamil|Telugu|Thaana|Thai|Tibetan)"
)
_HEX = re.compile(r"[0-9A-Fa-f]+")

# Letters that have a meaning after a backslash in one engine, or in neither.
_LETTERS = {
    "A": ("text begin", "Write ^."),
    "z": ("text end", "Write $."),
    "Z": ("text end", "Write $."),
    "Q": ("quotation", "Put a backslash before each character that needs one."),
    "E": ("quotation", "Put a backslash before each character that needs one."),
    "C": ("single byte", r"Write [\s\S] for any character."),
}


@dataclass(slots=True)
class Item:
    """A member of a character class; `code` where it is a single character."""

    text: str
    steps: int
    code: int | None = None


_DIGITS = "0123456789"


def char_item(code: int) -> Item:
    char = chr(code)
    plain = code >= 0x80 or (char.isascii() and char.isalnum())
    return Item(char if plain else rf"\x{{{code:X}}}", STEPS_CHAR, code)


class Reader:
    """A pattern and a place in it."""

    def __init__(self, pattern: str) -> None:
        self.source = pattern
        self.at = 0

    def refuse(self, what: str, at: int, why: str, hint: str) -> NoReturn:
        raise InvalidFilter(f"{what} at position {at} {why}", hint=hint)

    def ahead(self, text: str) -> bool:
        return self.source.startswith(text, self.at)

    def escape(self, *, inside: bool) -> Item:
        start = self.at
        char = self.source[start + 1 : start + 2]
        self.at += 2
        if char == "":
            self.refuse("the \\", start, "escapes nothing", _ESCAPE_HINT)
        if char in _CONTROLS:
            return char_item(_CONTROLS[char])
        if char in _SETS:
            return Item(_SETS[char], STEPS_CLASS)
        if inside and char == "b":
            return char_item(8)
        if char in "pP":
            return self.property(char, start)
        if char in "xu":
            return char_item(self.hexadecimal(char, start))
        if char == "c":
            return self.control(start)
        if char in _DIGITS:
            return self.number(char, start, inside=inside)
        if char == "k" and not inside:
            hint = "Repeat the pattern of the group."
            self.refuse("back-reference \\k", start, LINEAR, hint)
        if char in _LETTERS:
            what, hint = _LETTERS[char]
            self.refuse(f"{what} \\{char}", start, SHARED, hint)
        # Punctuation may always be escaped: JavaScript's u flag is stricter, but `re.escape` is
        # how people quote in Python.
        if char.isascii() and not char.isalnum():
            return char_item(ord(char))
        self.refuse(f"the escape \\{char}", start, "is not known", _ESCAPE_HINT)

    def control(self, start: int) -> Item:
        letter = self.source[self.at : self.at + 1]
        if letter.isascii() and letter.isalpha():
            self.at += 1
            return char_item(ord(letter) % 32)
        self.refuse("the escape \\c", start, "needs a letter", _ESCAPE_HINT)

    def number(self, char: str, start: int, *, inside: bool) -> Item:
        following = self.source[self.at : self.at + 1]
        if char != "0" and not inside:
            what, hint = f"back-reference \\{char}", "Repeat the pattern of the group."
            self.refuse(what, start, LINEAR, hint)
        if char != "0" or following in tuple(_DIGITS):
            self.refuse(f"octal escape \\{char}", start, SHARED, r"Write \xHH.")
        return char_item(0)

    def digits(self, low: int, high: int) -> str:
        found = _HEX.match(self.source, self.at, min(self.at + high, len(self.source)))
        if found and len(found[0]) >= low:
            self.at = found.end()
            return found[0]
        return ""

    def hexadecimal(self, kind: str, start: int) -> int:
        hint = r"Write \xHH, \uHHHH or \u{H…}."
        if kind == "x":
            digits = self.digits(2, 2)
        elif self.ahead("{"):
            self.at += 1
            digits = self.digits(1, len(self.source))
            if digits and (not self.ahead("}") or len(digits.lstrip("0")) > 6):
                digits = ""
            self.at += 1
        else:
            digits = self.digits(4, 4)
        code = int(digits or "110000", 16)
        if 0xD800 <= code < 0xDC00 and len(digits) == 4 and self.ahead("\\u"):
            # JavaScript writes a character beyond U+FFFF as a pair too.
            self.at += 2
            low = int(self.digits(4, 4) or "0", 16)
            if 0xDC00 <= low < 0xE000:
                return 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00)
        if 0xD800 <= code < 0xE000:
            self.refuse(f"the escape \\{kind}", start, "is half a character", hint)
        if code > 0x10FFFF:
            self.refuse(f"the escape \\{kind}", start, "names no character", hint)
        return code

    def property(self, kind: str, start: int) -> Item:
        hint = r"Write a general category, \p{L}, or a script, \p{Script=Greek}."
        end = self.source.find("}", self.at)
        if not self.ahead("{") or end < 0:
            self.refuse(f"the escape \\{kind}", start, "needs a name in braces", hint)
        written = self.source[self.at + 1 : end]
        found = _PROPERTY.fullmatch(written)
        if not found:
            self.refuse(f"the property \\{kind}{{{written}}}", start, SHARED, hint)
        self.at = end + 1
        return Item(f"\\{kind}{{{found[1] or found[2]}}}", STEPS_PROPERTY)
