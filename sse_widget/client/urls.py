"""URLs: the address of a stream, checked once, and asked for by the very bytes that were given.

A signed URL breaks when a client writes it anew: `%2F` is not `/`, `%7e` is not `~`, and `?` at the end
is a query. So the request target is kept as it was written, and only what no request line can hold
(spaces, quotes, anything beyond ASCII) is percent-encoded, as the URL standard does. What cannot be an
address at all is refused here, by name: asked for, it would be waited for for ever. It connects to
nothing.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, unquote_plus, urljoin

import httpx

from ..errors import InvalidURL
from ..masking import mask_url

Url: TypeAlias = (
    str | httpx.URL | Callable[[], str | httpx.URL] | Callable[[], Awaitable[str | httpx.URL]]
)
"""The URL of a stream: URL objects of other libraries are taken too."""

_HINT = 'An event stream has an absolute address, such as "https://example.com/events".'
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ABSOLUTE = re.compile(
    r"(?s)(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)"
)
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
# RFC 3986, 3.2.2, without percent-encoding: no name server knows such a name.
_REG_NAME = re.compile(r"[a-z0-9._~!$&'()*+,;=-]+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# What goes out as it is: the path and query percent-encode sets of the URL standard, and "%".
_PATH_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"#<>?`{}')
_QUERY_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"#<>')
_SHOWN = 500  # characters of one that is refused
_MAX_LENGTH = 65_536  # as httpx has it


@dataclass(frozen=True, slots=True)
class Address:
    """Where to ask. The repr shows only what may be shown.

    Attributes:
        scheme: "http" or "https".
        host: ASCII and in small letters; an IPv6 address without its brackets.
        port: None for the scheme's own.
        target: path and query as they stand in the request line.
        auth: user and password that stood in the URL: they are sent as a header.
        masked: the URL without its secrets.
    """

    scheme: str
    host: str
    port: int | None
    target: str = field(repr=False)
    auth: tuple[str, str] | None = field(repr=False)
    masked: str

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, as `MessageEvent.origin` has them: ASCII."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def text(self) -> str:
        """The whole URL, without userinfo."""
        return self.origin + self.target

    def query_names(self) -> set[str]:
        """The names of its query values."""
        query = self.target.partition("?")[2]
        return {unquote_plus(pair.partition("=")[0]) for pair in query.split("&")}

    def with_params(self, params: httpx.QueryParams) -> Address:
        """The same address with these query values; one of the same name gives way.

        What else the query holds keeps its bytes.
        """
        if not params:
            return self
        path, _, query = self.target.partition("?")
        old = query.split("&") if query else []
        kept = [pair for pair in old if unquote_plus(pair.partition("=")[0]) not in params]
        return replace(self, target=f"{path}?{'&'.join([*kept, str(params)])}")

    def join(self, location: str) -> Address:
        """The address that a `Location` means (RFC 3986, 5.2), without its userinfo.

        Raises:
            InvalidURL: it is none.
        """
        location = location.strip().partition("#")[0]
        path = self.target.partition("?")[0]
        if _SCHEME.match(location):
            whole = location
        elif location.startswith("//"):
            whole = f"{self.scheme}:{location}"
        elif location.startswith("?"):
            whole = f"{self.origin}{path}{location}"
        elif not location:
            whole = self.text
        else:
            to, mark, query = location.partition("?")
            to = to if to.startswith("/") else urljoin(path, to)
            whole = f"{self.origin}{to}{mark}{query}"
        return replace(_parse(whole), auth=None)


def check_url(url: object, params: Iterable[tuple[str, str]] = (), base: object = None) -> Address:
    """The address of a stream, with its parameters.

    Args:
        url: text, or a URL object of httpx, yarl, pydantic and their like.
        params: added to its query; never shown.
        base: what a URL without a host goes on from: the `base_url` of the client.

    Raises:
        InvalidURL: it is not an absolute http or https URL with a host that can be.
    """
    text = address_text(url)
    if base is not None and str(base) and not _SCHEME.match(text) and not text.startswith("//"):
        # As httpx has it: "/events" goes on from the path of the base as "events" does.
        text = f"{str(base).rstrip('/')}/{text.lstrip('/')}"
    query = httpx.QueryParams(list(params))
    names = list(query.keys())
    address = _parse(text, names).with_params(query)
    shown = f"{address.scheme}://{'x@' if address.auth else ''}{address.netloc}{address.target}"
    if not text.partition("://")[2].partition("#")[0].rstrip().count("/"):
        shown = shown.removesuffix("/")
    return replace(address, masked=mask_url(shown, names))


def address_text(url: object) -> str:
    """A URL as text: of text, or of a URL object of some library.

    Raises:
        InvalidURL: it is something else; its value is not told.
    """
    if not isinstance(url, str):
        # httpx, httpx2, yarl, pydantic, Starlette, urllib: all of them have a scheme and a host.
        has_host = any(hasattr(url, name) for name in ("host", "hostname", "netloc"))
        if not (hasattr(url, "scheme") and has_host) or isinstance(url, type):
            raise InvalidURL(
                f"the URL must be a string, not {type(url).__name__}",
                hint='Such as SSEStream("https://example.com/events").',
            )
        geturl = getattr(url, "geturl", None)
        url = geturl() if callable(geturl) else str(url)
    return str(url).strip()


def _parse(text: str, secret_names: Iterable[str] = ()) -> Address:
    """The parts of a URL; `masked` is not among them yet."""

    def no(why: str) -> InvalidURL:
        shown = _shown(text, secret_names)
        return InvalidURL(f"not a URL: {shown!r} ({why})", url=shown, hint=_HINT)

    if len(text) > _MAX_LENGTH:
        why = f"not a URL: it has {len(text):,} characters; {_MAX_LENGTH:,} are the most"
        raise InvalidURL(why, hint=_HINT)
    found = _ABSOLUTE.fullmatch(text)
    scheme = found["scheme"].lower() if found else ""
    if found is None or scheme not in _DEFAULT_PORTS or not found["authority"]:
        shown = _shown(text, secret_names)
        raise InvalidURL(
            f"not an http or https URL: {shown!r}", url=shown, hint=_hint(shown) or _HINT
        )
    if any(c < " " or c == "\x7f" for c in text):
        raise no("it holds a line end, a tab or another control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise no("it holds half a character") from None
    userinfo, at, place = found["authority"].rpartition("@")
    host, port = _place(place, scheme, no)
    auth = None
    if at and userinfo:
        user, _, password = userinfo.partition(":")
        auth = (unquote(user), unquote(password))
    path, mark, query = found["rest"].partition("#")[0].partition("?")
    target = (quote(path, safe=_PATH_SAFE) or "/") + mark + quote(query, safe=_QUERY_SAFE)
    return Address(scheme, host, port, target, auth, "")


def _shown(text: str, secret_names: Iterable[str]) -> str:
    shown = mask_url(text, secret_names)
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"


def _hint(shown: str) -> str:
    """What may have been meant, from what may be shown of it; "" where that is not known."""
    if shown.startswith("/") and not shown.startswith("//"):
        return f"{_HINT} A path alone goes on from the base_url of client=httpx.AsyncClient(base_url=...)."
    found = re.fullmatch(r"(?is)(https?:?(?=/))?/*(.+)", shown.strip(" '\"`<>()[]{}"))
    if found is None or not found[2].strip("*") or found[2][0] in "/.?#" or "://" in found[2]:
        return ""
    if found[1]:
        return f'Did you mean "{found[1].lower().rstrip(":")}://{found[2]}"?'
    return f'Did you mean "https://{found[2]}" or "http://{found[2]}"?'


def _place(place: str, scheme: str, no: Any) -> tuple[str, int | None]:
    """Host and port, or why they can be none."""
    split = re.fullmatch(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?", place)
    if split is None or re.fullmatch(r"[0-9a-fA-F.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*", place):
        raise no("an IPv6 address stands in brackets")
    port = split["port"] or None
    if port is not None and not (re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65_536):
        # Its text is not told: a password with a slash in it looks like a port.
        raise no("its port is no number from 1 to 65535")
    number = None if port is None or int(port) == _DEFAULT_PORTS[scheme] else int(port)
    if split["host"].startswith("["):
        host = split["host"][1:-1].lower()
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise no("no IPv6 address stands in its brackets") from None
        return host, number
    return _name(split["host"], no), number


def _name(host: str, no: Any) -> str:
    """The host in ASCII, as a name server is asked for it."""
    if not host.isascii():
        try:
            host = httpx.URL(f"http://{host}/").raw_host.decode("ascii")
        except (httpx.InvalidURL, ValueError):
            # Browsers take more than IDNA 2008 does, such as an emoji.
            try:
                host = host.encode("idna").decode("ascii")
            except UnicodeError:
                raise no("its host is no name of the internet") from None
    host = host.lower()
    if not host:
        raise no("it has no host")
    if not _REG_NAME.fullmatch(host):
        raise no("its host holds a character that no host has")
    labels = host.removesuffix(".").split(".")
    # RFC 1035, 2.3.4: no name server can be asked for such a name.
    if not all(0 < len(label) < 64 for label in labels) or len(host) > 254:
        raise no("a part of its host is empty, or the host too long")
    if _NUMBER.fullmatch(labels[-1]):
        # The URL standard: a host that ends in a number is an IPv4 address, or nothing.
        try:
            socket.inet_aton(host.removesuffix("."))
        except OSError:
            raise no("its host is no IPv4 address, but ends in a number") from None
    return host


def exact(url: Any, address: Address) -> Any:
    """This URL object of a client, as one that asks for the bytes of `address`."""
    kind: Any = type(url)
    made = _exact_class(kind)(address.text)
    made.target = address.target.encode("ascii")
    made.name = address.host
    return made


@functools.cache
def _exact_class(kind: type[Any]) -> type[Any]:
    class ExactURL(kind):  # type: ignore[misc]
        """A URL of httpx or httpx2 that changes nothing: they resolve "..", and cannot tell the host
        of every valid name."""

        target = b""
        name = ""

        @property
        def raw_path(self) -> bytes:
            return self.target

        @property
        def host(self) -> str:
            try:
                host: str = super().host
                return host
            except ValueError:  # idna's errors are ones
                return self.name

    return ExactURL
