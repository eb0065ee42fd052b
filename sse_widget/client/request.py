"""What is asked for, on every attempt anew: address, headers, cookies and body of one request.

It reads settings and writes headers, by WHATWG HTML 9.2.2 and 9.2.3, and knows the stream's secrets; it
sends nothing.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

import httpx

from .._version import __version__
from ..checks import takes_arguments
from ..errors import ConnectionFailed, SSEError
from ..masking import Secrets, mask_url
from ..runtime import Exited
from .client_choice import is_client
from .cookies import pairs_of
from .options import SourceOptions
from .request_parts import Asked, param_pairs
from .urls import Address, address_text, check_url

ASKED_URL = "(asked for on every attempt)"
PROJECT_PAGE = "https://github.com/sse-widget/sse-widget"
# Servers take 8 to 64 KiB of headers.
_ID_CHARS = 64 * 1024
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
USER_AGENT = f"sse-widget/{__version__} (+{PROJECT_PAGE})"


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for. The repr shows the masked URL alone.

    Attributes:
        url: as it was given: text, or the callable that is asked for it.
        options: everything else.
        address: None where it is not known yet: a path that goes on from the `base_url` of a client
            that a factory will make, or a callable that was not asked.
        masked: what may be shown of the URL.
        callables: which of "url" and "params" were asked for to make this one.
        secrets: the secret values in all of this, which nothing that a server said may show.
    """

    url: str | Asked[Any] = field(repr=False)
    options: SourceOptions = field(repr=False)
    address: Address | None = field(repr=False)
    masked: str
    secrets: Secrets = field(repr=False)
    callables: tuple[str, ...] = ()

    @classmethod
    def of(cls, url: object, options: SourceOptions) -> Request:
        """The request of a stream, its address checked as far as it is known.

        Raises:
            InvalidURL: the URL is none.
        """
        if callable(url) and not isinstance(url, type):
            if not takes_arguments(url, 0):
                raise TypeError(
                    "url= is called without arguments on every attempt; this wants some"
                )
            return cls(url, options, None, ASKED_URL, _secrets(None, options))
        text, client = address_text(url), options.client
        # A path may go on from the base_url of a client that is not made yet. A class has none.
        made_later = callable(client) and not isinstance(client, type) and not is_client(client)
        if made_later and text.startswith("/") and not text.startswith("//"):
            return cls(text, options, None, mask_url(text), _secrets(None, options))
        base = getattr(client, "base_url", None) if is_client(client) else None
        params = () if callable(options.params) else options.params
        address = check_url(text, params, base)
        return cls(text, options, address, address.masked, _secrets(address, options))

    async def asked(self, call: Callable[[Callable[[], Any]], Awaitable[Any]]) -> Request:
        """The request of one attempt: with the address and the parameters that the callables give
        for it, which are checked as what is given at once is.

        Raises:
            ConnectionFailed: a callable raised.
            InvalidURL, TypeError, ValueError: what it gave is no URL, or none are parameters.
        """
        if not (callable(self.url) or callable(self.options.params)):
            return self
        url = await resolve(self.url, "url", self.masked, call)
        params = await resolve(self.options.params, "params", self.masked, call)
        if callable(url):
            raise TypeError("url= gave another function, not a URL")
        made = Request.of(url, replace(self.options, params=param_pairs("params", params)))
        self.secrets.add_pairs(made.options.params_given)
        if made.address is not None:
            self.secrets.add_query(made.address.target.partition("?")[2])
            if made.address.auth is not None:
                self.secrets.add_login(*made.address.auth)
        both = (("url", self.url), ("params", self.options.params))
        callables = tuple(name for name, value in both if callable(value))
        return replace(made, secrets=self.secrets, callables=callables)

    def located(self, client: Any) -> Address:
        """Where this client asks: with the query values it has of its own, which are sent to the
        address that was given and nowhere else.

        Raises:
            InvalidURL: the URL is a path, and the client has no `base_url` either.
        """
        base, own = getattr(client, "base_url", None), getattr(client, "params", None)
        params = self.options.params_given
        if not own:
            return self.address or check_url(self.url, params, base)
        bare = check_url(self.url, (), base)
        named = bare.query_names()
        pairs = [(k, v) for k, v in own.multi_items() if k not in named]
        self.secrets.add_pairs(pairs)
        given = httpx.QueryParams(params)
        return bare.with_params(httpx.QueryParams(pairs).merge(given))


def _secrets(address: Address | None, options: SourceOptions) -> Secrets:
    """What is secret of a request, as far as it was given as a value."""
    secrets = Secrets()

    def given() -> None:
        if address is not None:
            secrets.add_query(address.target.partition("?")[2])
            if address.auth is not None:
                secrets.add_login(*address.auth)
        secrets.add_pairs(options.params_given)
        for name, value in () if callable(options.headers) else options.headers:
            secrets.add_header(name.decode("ascii"), value.decode("utf-8", "replace"))
        if isinstance(options.auth, tuple):
            secrets.add_login(*options.auth)
        secrets.add_pairs(pair.partition("=")[::2] for pair in pairs_of(options.cookies))
        secrets.add_body(options.json)
        if isinstance(options.content, bytes):
            secrets.add_content(options.content)
        if options.proxy is not None and options.proxy.auth is not None:
            secrets.add_login(*options.proxy.auth)
        for proxy in getproxies_environment().values():
            secrets.add_login(*_login_of(proxy))

    secrets.add_later(given)
    return secrets


def _login_of(proxy: str) -> tuple[str, str]:
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    except ValueError:
        return "", ""
    return unquote(parts.username or ""), unquote(parts.password or "")


async def resolve(
    value: Any,
    name: str,
    masked: str,
    call: Callable[[Callable[[], Any]], Awaitable[Any]] | None = None,
) -> Any:
    """A setting, or what the callable that was given for it returns, sync or async; `call` calls it
    where it may block, and waits there for what it awaits."""
    if not callable(value) or hasattr(value, "auth_flow") or is_request_function(value):
        return value
    try:
        value = value() if call is None else await call(value)
        return await value if inspect.isawaitable(value) else value
    except SSEError:
        raise
    except Exception as e:
        failed = raised(name, e, masked)
    # Not within the handler: the cause would go along, and with it what it says.
    raise failed


def raised(name: str, error: BaseException, masked: str) -> ConnectionFailed:
    """A user's callable raised when it was asked.

    Fetching a token fails like a connection does, and is tried again like one. What it raised may
    hold the token, so only its name is told, and where it was raised.
    """
    if isinstance(error, Exited) and error.__cause__ is not None:
        error = error.__cause__
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f", in {at.tb_frame.f_code.co_name}(), line {at.tb_lineno}" if at is not None else ""
    return ConnectionFailed(
        f"{name}= raised {type(error).__name__} when it was asked{where}", url=masked
    )


def is_request_function(auth: Any) -> bool:
    """Whether this is a function of the request, as httpx takes one for auth, and not one that is
    asked for the auth: it cannot be called without an argument."""
    if not callable(auth) or hasattr(auth, "auth_flow"):
        return False
    try:
        signature = inspect.signature(auth)
    except (TypeError, ValueError):
        return False
    try:
        signature.bind()
    except TypeError:
        try:
            signature.bind(None)
        except TypeError:
            return False
        return True
    return False


def sendable(last_event_id: str) -> bool:
    """Whether this id can be a header's value: RFC 9110, 5.5, has no control characters but the
    tab. A server may well send such an id, but no client can send it back; nor one of more than 64 KiB,
    which no server takes as a header."""
    return len(last_event_id) <= _ID_CHARS and not _CONTROLS.search(last_event_id)


def build_headers(own: Any, last_event_id: str) -> list[tuple[bytes, bytes]]:
    """The headers of one attempt: ours, where `own` does not say otherwise."""
    headers = httpx.Headers(
        {
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-cache",
            "User-Agent": USER_AGENT,
        }
    )
    headers.update(httpx.Headers(own))
    pairs = [(k, v) for k, v in headers.raw if k.lower() != b"last-event-id" or not last_event_id]
    if last_event_id:
        # As bytes: httpx refuses other text than ASCII. Spaces at the ends are no part of a
        # header's value.
        pairs.append((b"Last-Event-ID", last_event_id.encode("utf-8", "replace").strip(b" \t")))
    return pairs
