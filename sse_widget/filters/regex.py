"""The pattern syntax that RE2 and JavaScript share, translated into RE2's own.

A pattern is read once, from left to right. What one of the engines lacks, or reads in another way, is
refused by name; the rest is written so that RE2 means what the page means. `js/src/filter/patterns.ts` is
the twin of this file: the same decisions, the same words, the same positions. No pattern is run here
(docs/decisions/0004-two-pattern-translators.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from ..errors import InvalidFilter
from .regex_escapes import LINEAR, SHARED, STEPS_CHAR, STEPS_RANGE, Item, Reader, char_item

# RE2 gives up on a program of about 350,000 instructions and V8 on large ones too, each with words
# of its own, so both sides count the same rough steps and stop far below. A scan costs up to
# steps x bytes.
MAX_STEPS = 50_000
MAX_REPEAT = 1000  # RE2's limit, for one {n,m} and for the product of nested ones
MAX_DEPTH = 100

_QUANTIFIER = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_GROUP_NAME = re.compile(r"\?<([A-Za-z_][A-Za-z0-9_]*)>")
_FLAGS = re.compile(r"\?([a-zA-Z^-]+)[:)]")
_POSIX = re.compile(r"\[:\^?[a-zA-Z]+:\]")

# What may follow "(?": the name to refuse it by, why, and what to write instead.
_NO_LOOK = "Use exclude= for text that must not occur."
_GROUPS = {
    "?=": ("look-ahead (?=…)", LINEAR, _NO_LOOK),
    "?!": ("look-ahead (?!…)", LINEAR, _NO_LOOK),
    "?<=": ("look-behind (?<=…)", LINEAR, _NO_LOOK),
    "?<!": ("look-behind (?<!…)", LINEAR, _NO_LOOK),
    "?>": ("atomic group (?>…)", LINEAR, "Write (?:…)."),
    "?P=": ("back-reference (?P=…)", LINEAR, "Repeat the pattern of the group."),
    "?P<": ("named group (?P<…>)", SHARED, "Write (?<name>…) or (?:…)."),
    "?(": ("conditional group (?(…)", LINEAR, "Write the alternatives out with |."),
    "?#": ("comment (?#…)", SHARED, "Leave the comment out."),
}


@dataclass(slots=True)
class _Piece:
    """A part of the translation: its text, its size in steps, the product of its repeats."""

    text: str
    steps: int
    repeats: int = 1
    repeatable: bool = True


@dataclass(slots=True)
class _Group:
    """A group that is still open."""

    start: int
    out: list[str] = field(default_factory=list)
    steps: int = 0
    repeats: int = 1

    def add(self, piece: _Piece) -> None:
        self.out.append(piece.text)
        self.steps += piece.steps
        self.repeats = max(self.repeats, piece.repeats)


def lone_surrogate(text: str) -> int | None:
    """Where `text` holds half a character, or None: it can match nothing that UTF-8 carries."""
    return next((at for at, char in enumerate(text) if "\ud800" <= char <= "\udfff"), None)


def refuse_half(field: str, text: str) -> None:
    """Refuse text that no event can hold.

    Raises:
        InvalidFilter: it holds half a character.
    """
    half = lone_surrogate(text)
    if half is not None:
        raise InvalidFilter(
            f"{field} holds half a character (a lone surrogate) at position {half}",
            hint="Remove it: no event can hold it.",
        )


@lru_cache(maxsize=256)
def translate(pattern: str) -> str:
    """`pattern` in RE2's syntax; raises InvalidFilter naming what is not shared, and where."""
    return _Translation(pattern).run()


class _Translation(Reader):
    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.groups = [_Group(-1)]
        self.names: set[str] = set()
        self.inner = False  # there is a \B

    def run(self) -> str:
        half = lone_surrogate(self.source)
        if half is not None:
            self.refuse("a lone surrogate", half, "is half a character", "Remove it.")
        while self.at < len(self.source):
            char = self.source[self.at]
            if char == "(":
                self.open_group()
            elif char == "|":
                self.at += 1
                self.groups[-1].add(_Piece("|", STEPS_CHAR))
            else:
                piece = self.close_group() if char == ")" else self.atom(char)
                self.groups[-1].add(self.quantified(piece))
        if len(self.groups) > 1:
            hint = r"Add the ), or write \( for the character itself."
            self.refuse("the group", self.groups[-1].start, "is never closed", hint)
        top = self.groups[0]
        if top.steps > MAX_STEPS:
            raise InvalidFilter(
                f"the pattern is too large: {top.steps} steps, of at most {MAX_STEPS}",
                hint="Use fewer repeats {n,m}, fewer \\p{…} under them, or a shorter pattern.",
            )
        whole = "".join(top.out)
        # RE2 walks in bytes and finds \B inside every character beyond ASCII: make it walk from
        # the beginning in whole characters.
        return f"^(?s:.)*?(?:{whole})" if self.inner else whole

    def open_group(self) -> None:
        start = self.at
        self.at += 1
        if self.ahead("?"):
            self.group_kind(start)
        if len(self.groups) > MAX_DEPTH:
            self.refuse("the group", start, f"is nested more than {MAX_DEPTH} deep", "Use fewer.")
        self.groups.append(_Group(start))

    def group_kind(self, start: int) -> None:
        if self.ahead("?:"):
            self.at += 2
            return
        for opening, (what, why, hint) in _GROUPS.items():
            if self.ahead(opening):
                self.refuse(what, start, why, hint)
        name = _GROUP_NAME.match(self.source, self.at)
        if name:
            if name[1] in self.names:
                self.refuse(f"the group name {name[1]}", start, "is used twice", "Write (?:…).")
            self.names.add(name[1])
            self.at = name.end()
            return
        flags = _FLAGS.match(self.source, self.at)
        if flags:
            hint = "Use case= for the whole filter."
            self.refuse(f"inline flags (?{flags[1]})", start, SHARED, hint)
        what = f"the group ({self.source[self.at : self.at + 2]}"
        self.refuse(
            what, start, "is of no known kind", r"Write (?:…), or \( for the character itself."
        )

    def close_group(self) -> _Piece:
        if len(self.groups) == 1:
            hint = r"Remove it, or write \) for the character itself."
            self.refuse("the )", self.at, "closes no group", hint)
        self.at += 1
        group = self.groups.pop()
        # No engine needs to remember what a group held: only whether the pattern was found counts.
        return _Piece(f"(?:{''.join(group.out)})", group.steps + STEPS_CHAR, group.repeats)

    def quantified(self, piece: _Piece) -> _Piece:
        start = self.at
        char = self.source[start : start + 1]
        if char not in ("*", "+", "?", "{"):
            return piece
        if not piece.repeatable:
            hint = "An anchor holds once: remove the quantifier."
            self.refuse(f"the {char}", start, "has nothing to repeat", hint)
        if char == "{":
            text = self.counted(piece, start)
        else:
            text = char
            self.at += 1
            piece.steps += STEPS_CHAR
        if self.ahead("+"):
            what = f"possessive quantifier {self.source[start : self.at + 1]}"
            self.refuse(what, start, LINEAR, "Remove the second sign.")
        if self.ahead("?"):
            self.at += 1
            text += "?"
        follower = self.source[self.at : self.at + 1]
        if follower in ("*", "+", "?", "{"):
            hint = (
                rf"Put what it repeats into (?:…), or write \{follower} for the character itself."
            )
            self.refuse(f"the {follower}", self.at, "has nothing to repeat", hint)
        piece.text += text
        return piece

    def counted(self, piece: _Piece, start: int) -> str:
        found = _QUANTIFIER.match(self.source, start)
        if not found:
            self.refuse("a lone {", start, SHARED, r"Write \{ for the character itself.")
        low, high = int(found[1][-9:]), int((found[3] or found[1])[-9:])
        endless = found[2] is not None and not found[3]
        written = found[0]
        if max(len(found[1].lstrip("0")), len((found[3] or "").lstrip("0"))) > 4:
            low = high = MAX_REPEAT + 1
        if max(low, high) > MAX_REPEAT:
            self.refuse(f"the repeat {written}", start, f"is over {MAX_REPEAT}", "Use + or *.")
        if low > high:
            self.refuse(f"the repeat {written}", start, "is out of order", "Put the lower first.")
        times = max(high, 1)
        piece.repeats *= times
        if piece.repeats > MAX_REPEAT:
            hint = "Use + or * for one of them."
            why = f"makes nested repeats multiply to {piece.repeats}, over {MAX_REPEAT}"
            self.refuse(f"the repeat {written}", start, why, hint)
        piece.steps = (piece.steps + STEPS_CHAR) * times
        self.at = found.end()
        return f"{{{low}}}" if found[2] is None else f"{{{low},{'' if endless else high}}}"

    def atom(self, char: str) -> _Piece:
        start = self.at
        if char == "[":
            return self.char_class()
        if char == "\\":
            if self.source[start + 1 : start + 2] in ("b", "B"):
                self.at += 2
                self.inner |= self.source[start + 1] == "B"
                return _Piece(self.source[start : self.at], STEPS_CHAR, repeatable=False)
            item = self.escape(inside=False)
            return _Piece(item.text if item.code is not None else f"[{item.text}]", item.steps)
        if char in "*+?":
            hint = rf"Write \{char} for the character itself."
            self.refuse(f"the {char}", start, "has nothing to repeat", hint)
        if char in "{}]":
            self.refuse(
                f"a lone {char}", start, SHARED, rf"Write \{char} for the character itself."
            )
        self.at += 1
        if char in "^$":
            return _Piece(char, STEPS_CHAR, repeatable=False)
        if char == ".":
            # A line ends with \n in an event, whatever it was on the wire; JavaScript's . also
            # stops at \r, U+2028 and U+2029, which are ordinary characters of a JSON string.
            return _Piece(r"[^\x{A}]", STEPS_CHAR)
        return _Piece(char_item(ord(char)).text, STEPS_CHAR)

    def char_class(self) -> _Piece:
        start = self.at
        self.at += 1
        negated = self.ahead("^")
        self.at += negated
        if self.ahead("]"):
            empty = self.source[start : self.at + 1]
            hint = r"Write \] for a bracket, [\s\S] for any character."
            self.refuse(f"the empty class {empty}", start, SHARED, hint)
        body: list[str] = []
        steps = 0
        while not self.ahead("]"):
            item = self.class_item(start)
            body.append(item.text)
            steps += item.steps
        self.at += 1
        return _Piece(f"[{'^' if negated else ''}{''.join(body)}]", steps + STEPS_RANGE)

    def class_item(self, start: int) -> Item:
        """A member of the class, or the range that begins with it."""
        begin = self.at
        first = self.class_member(start)
        if not self.ahead("-") or self.source.startswith("]", self.at + 1):
            return first
        self.at += 1
        last = self.class_member(start)
        written = self.source[begin : self.at]
        if first.code is None or last.code is None:
            hint = r"Write \- for a hyphen."
            self.refuse(f"the range {written}", begin, "begins or ends with a class", hint)
        if first.code > last.code:
            self.refuse(f"the range {written}", begin, "is out of order", r"Write \- for a hyphen.")
        return Item(f"{first.text}-{last.text}", STEPS_RANGE)

    def class_member(self, start: int) -> Item:
        if self.at >= len(self.source):
            hint = r"Add the ], or write \[ for the character itself."
            self.refuse("the class", start, "is never closed", hint)
        if self.ahead("\\"):
            return self.escape(inside=True)
        posix = _POSIX.match(self.source, self.at)
        if posix:
            hint = r"Write a-z, \d, \w, \s or \p{L}."
            self.refuse(f"the POSIX class {posix[0]}", self.at, SHARED, hint)
        self.at += 1
        return char_item(ord(self.source[self.at - 1]))
