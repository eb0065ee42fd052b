"""Secrets: the secret values that the user gave for one stream, and text without them.

They are taken out of what a server said, however the server encoded them. It reads no file and knows no
stream.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import quote, quote_plus, unquote_plus

from ..errors import SSEError
from ..visible import visible
from .looks_secret import MASK, SCHEME, USERINFO, secret_name, secret_value

E = TypeVar("E", bound=BaseException)

# Headers that are no secret, whatever their value is.
_PLAIN_HEADERS = frozenset(
    [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "dnt",
        "host",
        "last-event-id",
        "origin",
        "pragma",
        "prefer",
        "referer",
        "sec-fetch-mode",
        "te",
        "transfer-encoding",
        "user-agent",
        "x-requested-with",
    ]
)
# Words that stand in such values, and in what servers say, and are nobody's secret.
_PLAIN_WORDS = frozenset(
    [
        "basic",
        "bearer",
        "digest",
        "token",
        "apikey",
        "api-key",
        "key",
        "none",
        "null",
        "true",
        "false",
        "user",
        "username",
        "admin",
        "root",
        "guest",
        "anonymous",
        "public",
        "test",
        "demo",
        "json",
        "text",
        "html",
        "http",
        "https",
        "utf-8",
        "gzip",
        "identity",
        "close",
        "keep-alive",
        "no-cache",
        "yes",
    ]
)
# Values a stream remembers: of headers that a callable gives anew for weeks, the latest.
_KEPT = 64
_SHORTEST = 4
_MOST_READ = 2**20  # bytes of a body in which secrets are sought
_MOST_ENCODED = 4096  # bytes; what is longer is sought as it stands
# From here on a value is sought inside words too.
_INSIDE = 6


class Secrets:
    """The secret values of one stream, and text without them.

    What the user gave as headers, auth, cookies, params or in the URL is a secret; `hide` takes it
    out of what a server said, as it stands or encoded: by percent, as base64 (at any place of a longer
    one), hex, JSON or HTML.
    """

    def __init__(self) -> None:
        self._given: dict[str, None] = {}
        self._latest: OrderedDict[str, None] = OrderedDict()
        self._into: dict[str, None] = self._latest
        # Made when something is hidden for the first time: most streams never fail. A repr may
        # ask for it in another thread than the one that reads.
        self._lock = threading.Lock()
        self._later: list[Callable[[], None]] = []
        self._encoded: dict[str, tuple[str, ...]] = {}
        self._sorted: list[str] | None = None

    def __repr__(self) -> str:
        return f"<Secrets: {len(self._given) + len(self._latest)} values>"

    # ------------------------------------------------------------------ what is secret

    def add_later(self, add: Callable[[], None]) -> None:
        """Remember for good what this adds, once something is to be hidden. Of all that is added at
        once, the latest 64 values are kept."""
        self._later.append(add)

    def add(self, value: object, *, certain: bool = True) -> None:
        """Remember a value.

        Args:
            certain: False for one that may be none, such as a query value: it counts from four
                characters on, and not where it is a plain word or a small number.
        """
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        text = text.strip()
        if len(text) < (2 if certain else _SHORTEST) or text.lower() in _PLAIN_WORDS:
            return
        if not certain and text.isdigit() and len(text) < _INSIDE:
            return
        if text in self._given:
            return
        if text not in self._latest:
            self._sorted = None
        self._into.pop(text, None)
        self._into[text] = None
        while len(self._latest) > _KEPT:
            self._encoded.pop(self._latest.popitem(last=False)[0], None)

    def add_header(self, name: str, value: str) -> None:
        """Remember what is secret of a header."""
        name = name.lower()
        if name in _PLAIN_HEADERS:
            return
        if name == "cookie":
            for pair in value.split(";"):
                self.add(pair.partition("=")[2].strip(' "'), certain=False)
            return
        certain = secret_name(name)
        self.add(value, certain=certain)
        if not certain and not SCHEME.match(value):
            return  # words of it may be words of any sentence
        # "Bearer x", 'Token token="x"', "Basic dXNlcjpwYXNz".
        for piece in re.split(r"[\s,;\"]+", value):
            self.add(piece, certain=False)
            self.add(piece.partition("=")[2].strip('"'), certain=False)
            if name.endswith("authorization"):
                self._add_basic(piece)

    def _add_basic(self, text: str) -> None:
        try:
            user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return
        if colon and password:
            self.add_login(user, password)

    def add_login(self, user: object, password: object) -> None:
        """Remember a user and a password, and what Basic makes of them."""
        for value, certain in ((user, False), (password, True)):
            self.add(value, certain=certain)
        plain = [v.encode() if isinstance(v, str) else v for v in (user, password)]
        if all(isinstance(v, bytes) for v in plain):
            self.add(base64.b64encode(b":".join(plain)))  # type: ignore[arg-type]

    def add_pairs(self, pairs: Iterable[tuple[str, object]], *, all_of_them: bool = True) -> None:
        """Remember query values or cookies; or of them those that are secret by their name or look."""
        for name, value in pairs:
            certain = secret_name(str(name))
            if all_of_them or certain or secret_value(str(value)):
                self.add(value, certain=certain)

    def add_query(self, query: str) -> None:
        """Remember what is secret in the query of a URL."""
        parts = (part.partition("=") for part in re.split("[&;]", query))
        self.add_pairs(
            ((unquote_plus(n), unquote_plus(v)) for n, _, v in parts if v), all_of_them=False
        )

    def add_body(self, body: object) -> None:
        """Remember what is secret by its name in a JSON body."""
        self.add_pairs((pair for pair in _leaves(body) if secret_name(pair[0])), all_of_them=False)

    def add_content(self, content: bytes) -> None:
        """Remember the same of a body that was given as it is: JSON, or the fields of a form."""
        if len(content) > _MOST_READ:
            return
        text = content.decode("utf-8", "replace")
        try:
            self.add_body(json.loads(text))
        except (ValueError, RecursionError):
            self.add_query(text.strip())

    def add_all(self, others: Secrets) -> None:
        """Remember what others were given."""
        others._add_what_waits()
        for value in others._given:
            self.add(value)

    # ------------------------------------------------------------------ text without them

    def hide(self, text: str, *, cut: bool = False) -> str:
        """`text` without the secrets, and without the userinfo of any URL in it.

        Args:
            cut: the text ends where it was cut off, perhaps in the middle of a secret.
        """
        if not text:
            return text  # most notes are empty, and need nothing looked up
        if "://" in text:
            text = USERINFO.sub(f"{MASK}@", text)
        forms = self._forms()
        for form in forms:
            if form not in text:
                continue
            if len(form) >= _INSIDE:
                text = text.replace(form, MASK)
            else:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", MASK, text)
        if cut:
            ends = (f for f in forms if len(f) >= _INSIDE)
            longest = max((_overlap(text, form) for form in ends), default=0)
            text = text[: len(text) - longest] + MASK if longest else text
        return text

    def _add_what_waits(self) -> None:
        """Add what was put off until something is to be hidden."""
        with self._lock:
            if self._later:
                later, self._later = self._later, []
                into, self._into = self._into, self._given
                try:
                    for add in later:
                        add()
                finally:
                    self._into = into

    def _forms(self) -> list[str]:
        """All that is to be hidden, the longest first: it may hold a shorter one."""
        self._add_what_waits()
        if self._sorted is None:
            found: set[str] = set()
            for text in [*self._given, *self._latest]:
                if text not in self._encoded:
                    self._encoded[text] = _forms(text)
                found.update(self._encoded[text])
            self._sorted = sorted(found, key=len, reverse=True)
        return self._sorted

    @property
    def longest(self) -> int:
        """Characters of the longest form: text that is cut first and hidden then is cut through it."""
        return max(map(len, self._forms()), default=0)

    def clean(self, error: E) -> E | HiddenError:
        """An error that tells no secret, and no cause of it does, since a traceback tells them too.

        One of ours loses the secrets in its words; for any other that tells one something stands in.
        """
        return self._clean(error, set())

    def _clean(self, error: E, seen: set[int]) -> E | HiddenError:
        seen.add(id(error))
        suppressed = error.__suppress_context__
        for name in ("__cause__", "__context__"):
            cause = getattr(error, name)
            if cause is not None:
                setattr(error, name, None if id(cause) in seen else self._clean(cause, seen))
        error.__suppress_context__ = suppressed
        if isinstance(error, SSEError):
            error.args = tuple(self._without(value) for value in error.args)
            for name, value in vars(error).items():
                setattr(error, name, self._without(value))
            return error
        words = [_words_of(error, str), _words_of(error, repr), *getattr(error, "__notes__", ())]
        if all(self.hide(text) == text for text in words):
            return error
        stand_in = HiddenError(f"{type(error).__name__}: {self.hide(words[0])}")
        stand_in.__cause__, stand_in.__context__ = error.__cause__, error.__context__
        stand_in.__suppress_context__ = suppressed
        return stand_in.with_traceback(error.__traceback__)

    def _without(self, value: object) -> object:
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, list | tuple):
            return type(value)(self._without(inner) for inner in value)
        if isinstance(value, dict):
            return {self._without(k): self._without(v) for k, v in value.items()}
        return value


class HiddenError(Exception):
    """Stands for an exception whose words told a secret: its type, and its words without it."""


def _words_of(error: BaseException, how: Callable[[object], str]) -> str:
    try:
        return how(error)
    except Exception:  # somebody's class, and there are such
        return ""


def _overlap(text: str, form: str) -> int:
    """How many characters at the end of the text are the beginning of this form."""
    for n in range(min(len(form) - 1, len(text)), 2, -1):
        if text.endswith(form[:n]):
            return n
    return 0


def _forms(text: str) -> tuple[str, ...]:
    """A value as it stands, and as servers encode what they repeat."""
    raw = text.encode("utf-8", "replace")
    if len(raw) > _MOST_ENCODED:
        return (text,)
    percent = {quote(text, safe=safe) for safe in ("", "/", "!'()*~")} | {quote_plus(text)}
    every = "".join(f"%{byte:02X}" for byte in raw)
    units = text.encode("utf-16-be", "surrogatepass").hex()
    escaped = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    found = {text, html.escape(text), html.escape(text, quote=False), repr(text)[1:-1]}
    found |= {escaped, re.sub("[a-f]", lambda m: m[0].upper(), escaped)}
    # As it comes through other code before it is hidden here: made visible, in small letters (a
    # coding), decoded in another way (a reason phrase), as the repr of bytes (what is no HTTP).
    written = repr(raw)[2:-1]
    found |= {visible(text), text.lower(), text.upper(), written, written.replace("\\", "\\\\")}
    found |= {raw.decode("latin-1"), raw.decode("ascii", "ignore"), raw.decode("ascii", "replace")}
    found |= percent | {_small_hex(p) for p in percent} | {every, every.lower()}
    found |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    found |= {json.dumps(text)[1:-1].replace("/", "\\/"), raw.hex(), raw.hex().upper()}
    found |= set(_base64(raw))
    # "%25", where what is percent-encoded is encoded once more.
    found |= {quote(p, safe="") for p in percent}
    return tuple(sorted(found, key=len, reverse=True))


def _small_hex(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), text)


def _base64(raw: bytes) -> Iterator[str]:
    """As base64, whatever stands before and behind it in what was encoded."""
    encoders: tuple[Callable[[bytes], bytes], ...] = (
        base64.standard_b64encode,
        base64.urlsafe_b64encode,
    )
    for encode in encoders:
        for before in range(3):
            # Six bits a character: the first ones and the last depend on the neighbours.
            text = encode(b"\0" * before + raw).decode().rstrip("=")
            whole = (before + len(raw)) % 3 == 0
            text = text[-(-before * 8 // 6) : len(text) if whole else -1]
            if len(text) >= _INSIDE:
                yield text


def _leaves(value: object, name: str = "", depth: int = 8) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and depth:
        for key, inner in value.items():
            yield from _leaves(inner, str(key), depth - 1)
    elif isinstance(value, list | tuple) and depth:
        for inner in value:
            yield from _leaves(inner, name, depth - 1)
    elif isinstance(value, str):
        yield name, value
