"""URLs without their secrets: userinfo, query values that look secret, and, where an address is mistyped,
everything that could be a password.

A URL is masked by its form alone. It is only for showing: a masked URL is never asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, unquote_plus

from .looks_secret import MASK, MIXED, TOKEN, secret_name, secret_value

_LEADING = re.compile(r"(?s)([\s'\"`<(\[{]*)(.*)")
_ABSOLUTE = re.compile(r"(?s)([a-zA-Z][a-zA-Z0-9+.-]*:/+|(?:https?|wss?):/*)([^/?#\\]*)(.*)")
_PORT = r"(?::[0-9]{0,5})?"
_HOST = re.compile(rf"(?:\[[0-9a-fA-F:.%\w]*\]|[^\s:@\[\]]*){_PORT}")
# No one has a user of such a name: a host with a dot and without a port, this computer, an address.
_SURELY_HOST = re.compile(
    rf"[\w-]+(?:\.[\w-]+)+\.?|(?:localhost|[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}|\[[0-9a-fA-F:.]+\]){_PORT}"
)
# What a user may have meant as an address: a host with a dot, and what follows.
_ADDRESS = re.compile(
    r"(?:https?/+)?(?:localhost|[\w-]{1,31}(?:\.[\w-]{1,31})*\.(?:[a-zA-Z]{2,24}|xn--[\w-]+)|"
    rf"[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}|[\w-]{{1,31}}(?=:[0-9])){_PORT}(?:[/?#].*)?|[/.?][^@]*",
    re.DOTALL,
)
_MATRIX = re.compile(r";([^=;/]+)=([^;/]*)")


def mask_url(url: str, secret_names: Iterable[str] = ()) -> str:
    """`url` without its secrets: userinfo, values that look secret or are named, and the fragment.

    A mistyped URL is masked too: up to its last "@", whatever stands before. Text that is no URL is
    shown only where it looks like an address.

    Args:
        secret_names: names of query values that are always masked: those that came by `params=`.
    """
    named = frozenset(secret_names)
    before, text = _LEADING.fullmatch(url).groups()  # type: ignore[union-attr]
    found = _ABSOLUTE.fullmatch(text)
    if found is None:
        _, at, rest = text.rpartition("@")
        if at:
            return f"{before}{MASK}@{_mask_rest(rest, named)}"
        if not _ADDRESS.fullmatch(text) or TOKEN.search(text.partition("/")[0]):
            return before + (MASK if text else "")
        return before + _mask_rest(text, named)
    scheme, authority, rest = found.groups()
    user, at, host = authority.rpartition("@")
    if "@" in rest and (at or not _SURELY_HOST.fullmatch(authority)):
        # "https://bob:hun/ter2@example.com": what looks like a host is a part of the password.
        _, _, host = (authority + rest).rpartition("@")
        split = re.fullmatch(r"(?s)([^/?#\\]*)(.*)", host)
        host, rest = split.groups() if split else ("", "")
        user = at = "@"
    if not _HOST.fullmatch(host):
        # "https://bob:hunter2": a port that is none is a password.
        host = f"{host.partition(':')[0]}:{MASK}" if host.count(":") == 1 else MASK
    return f"{before}{scheme}{f'{MASK}@' if user else ''}{host}{_mask_rest(rest, named)}"


def _mask_rest(rest: str, named: frozenset[str]) -> str:
    """Path and query without their secrets; what is none keeps its bytes."""
    rest = rest.partition("#")[0]
    path, mark, query = rest.partition("?")
    head, at, tail = path.rpartition("@")
    if at and head.strip("/"):
        path = f"/{MASK}@{tail}"
    path = _MATRIX.sub(
        lambda m: f";{m[1]}={MASK}" if m[2] and _secret(m[1], m[2], named) else m[0], path
    )
    path = "/".join(_mask_segments(path.split("/")))
    parts = re.split("([&;])", query)
    parts[::2] = [_mask_pair(part, named) for part in parts[::2]]
    return path + mark + "".join(parts)


def _mask_segments(segments: list[str]) -> Iterator[str]:
    before = ""
    for part in segments:
        plain = unquote(part)
        # "/token/hunter2...": what follows such a word and looks like no other word.
        is_secret = TOKEN.search(plain) or (secret_name(before) and MIXED.fullmatch(plain))
        yield MASK if is_secret else part
        before = plain


def _mask_pair(pair: str, named: frozenset[str]) -> str:
    name, mark, value = pair.partition("=")
    if not mark:
        word, colon, _ = unquote_plus(name).partition(":")
        named_so = bool(colon) and secret_name(word)
        return MASK if named_so or secret_value(unquote_plus(name)) or "@" in name else pair
    return f"{name}={MASK}" if value and _secret(name, value, named) else pair


def _secret(name: str, value: str, named: frozenset[str]) -> bool:
    name, value = unquote_plus(name), unquote_plus(value)
    return name in named or secret_name(name) or "@" in value or secret_value(value)
