"""One exchange: a request with its credentials, its redirects, and the answer at the end of them.

Redirects are followed here, because a client would send `X-Api-Key` and bodies along to another origin; this
module sends only headers there that cannot be secret. Cookies and auth are made here too, so that they work the
same with every client. `connection` says what the answer means. Nothing is tried twice.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from .. import runtime
from ..errors import BadStatus, InvalidURL, SSEError, TooManyRedirects
from ..masking import secret_name
from ..runtime import CallThread
from .cookies import OriginJar, cookie_header, pairs_of, split
from .exception_translation import translate_exception
from .hint_facts import RequestFacts
from .request import Request, build_headers, is_request_function, raised, resolve
from .request_parts import AsyncBody, HeaderPairs, auth_of, header_pairs
from .urls import Address, exact

MAX_REDIRECTS = 20
_CONNECT_TIMEOUT = 30.0
# What another origin may know of the request; anything else could be a secret.
_HARMLESS_HEADERS = frozenset(
    {"accept", "accept-encoding", "cache-control", "host", "last-event-id", "user-agent"}
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# A stream may be silent for hours: silence is the watchdog's to notice, not httpx's.
_TIMEOUT = {"connect": _CONNECT_TIMEOUT, "read": None, "write": _CONNECT_TIMEOUT, "pool": None}

# HTTP libraries log the whole URL of each request, and the headers of each answer, secrets and all,
# and from our thread, into whatever cell runs then.
_asking: ContextVar[bool] = ContextVar("sse_widget_asking", default=False)


def _not_ours(record: logging.LogRecord) -> bool:
    return not _asking.get()


for _name in ("httpx", "httpx2", "aiohttp.client", "hpack.hpack", "hpack.table"):
    logging.getLogger(_name).addFilter(_not_ours)
for _name in ("connection", "http11", "http2", "proxy", "socks"):
    for _package in ("httpcore", "httpcore2"):
        logging.getLogger(f"{_package}.{_name}").addFilter(_not_ours)


class Answer(NamedTuple):
    """What came back: the client's response, the address that gave it, what a hint may know, and the
    request as it was for this attempt."""

    response: Any
    address: Address
    facts: RequestFacts
    request: Request


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt goes on from.

    Attributes:
        last_event_id: the id to resume after.
        jar: the cookies that the server has set.
        reconnects: whether there was a connection before.
        sent: called when a request goes out, which may be later than it is given to the client.
        calls: where callables of the user's are asked, if this is the background loop.
    """

    last_event_id: str
    jar: OriginJar
    reconnects: bool
    sent: Callable[[], None]
    calls: CallThread


Call = Callable[[Callable[[], Any]], Awaitable[Any]]


async def ask(client: Any, request: Request, attempt: Attempt) -> Answer:
    """Send the request, and follow its redirects.

    Raises:
        ConnectionFailed, BadStatus, TooManyRedirects, InvalidURL: with the masked URL and a hint.
        TypeError, ValueError, RuntimeError: the request or the client cannot work; another attempt
            would not mend it.
    """
    # Asked on every attempt, so that short-lived tokens refresh. Fetching one blocks, and the
    # background loop serves all streams; any other loop is the user's own.
    call = attempt.calls.call if runtime.is_loop_thread() else _at_once
    request = await request.asked(call)
    asking = await _Asking.prepare(client, request, attempt, call)
    address, options = asking.first, request.options
    method, content, json = options.method, options.content, options.json
    if isinstance(content, AsyncBody):
        content = await _whole(content, call)
    for _ in range(MAX_REDIRECTS + 1):
        built = asking.build(address, method, content, json)
        response = await asking.send(built, address)
        attempt.jar.take(address, response.headers)
        if response.status_code not in _REDIRECTS:
            return Answer(response, address, asking.facts(address, response), request)
        await close(response)
        target = _target(response, address, request.masked)
        if method != "HEAD" and (
            response.status_code == 303 or (response.status_code < 303 and method == "POST")
        ):
            method, content, json = "GET", None, None
        if (content is not None or json is not None) and target.origin != asking.first.origin:
            raise BadStatus(
                f"the server redirects the {method} to {target.origin}; "
                "its body was not sent to another origin",
                url=request.masked,
                hint="Use that address itself where you trust it.",
                status=response.status_code,
            )
        address = target
    raise TooManyRedirects(
        f"more than {MAX_REDIRECTS} redirects",
        url=request.masked,
        hint="The server may redirect in a circle, or want a login.",
    )


async def _whole(body: AsyncBody, call: Call) -> bytes:
    read = await call(body.read)
    whole: bytes = await read if inspect.isawaitable(read) else read
    return whole


@dataclass(slots=True)
class _Asking:
    """What all requests of one attempt have in common."""

    client: Any
    request: Request
    attempt: Attempt
    first: Address
    headers: HeaderPairs
    auth: Any
    call: Call

    @classmethod
    async def prepare(cls, client: Any, request: Request, attempt: Attempt, call: Call) -> _Asking:
        if getattr(client, "is_closed", False) is True:
            raise RuntimeError("client= was closed: give one that stays open, or a function")
        options = request.options
        headers = await resolve(options.headers, "headers", request.masked, call)
        auth = await resolve(options.auth, "auth", request.masked, call)
        # What a callable gave is checked as what is given at once is; httpx would show it.
        headers, auth = header_pairs("headers", headers), auth_of("auth", auth)
        for name, value in headers:
            request.secrets.add_header(name.decode("ascii"), value.decode("utf-8", "replace"))
        first = request.located(client)
        if isinstance(auth, tuple):
            request.secrets.add_login(*auth)
        elif auth is None:
            auth = first.auth  # what stood in the URL
        return cls(client, request, attempt, first, headers, auth, call)

    def foreign(self, address: Address) -> bool:
        """Whether this is another origin than the one that was asked."""
        return address.origin != self.first.origin

    def build(self, address: Address, method: str, content: Any, json: Any) -> Any:
        """The client's own request object, which asks for the bytes of this address."""
        foreign = self.foreign(address)
        pairs = build_headers(self.headers, self.attempt.last_event_id)
        cookie = self._cookie(address, pairs)
        pairs = [pair for pair in pairs if pair[0].lower() != b"cookie"]
        if cookie:
            pairs.append((b"Cookie", cookie))
        if not any(name.lower() == b"host" for name, _ in pairs) and "xn--" in address.host:
            # Not every such name can be read back, and httpx reads it to write this header.
            pairs.insert(0, (b"Host", address.netloc.encode("ascii")))
        built = self.client.build_request(
            method,
            address.text,  # httpx2 has a URL class of its own
            headers=pairs,
            content=content,
            json=json,
            extensions={"timeout": _TIMEOUT, "sse_widget.sent": self.attempt.sent},
        )
        if foreign:
            harmless = _HARMLESS_HEADERS | ({"cookie"} if cookie else set())
            for name in [n for n in built.headers if n.lower() not in harmless]:
                del built.headers[name]
            built.headers["Host"] = address.netloc
        # It has put the query values of the client into every URL, another origin's too.
        asked = getattr(getattr(built, "url", None), "raw_path", None)
        if asked is not None and (asked != address.target.encode() or "xn--" in address.host):
            built.url = exact(built.url, address)
        return built

    def _cookie(self, address: Address, pairs: list[tuple[bytes, bytes]]) -> bytes:
        """The header of cookies; b"" for none. Another origin gets those that it has set."""
        theirs = self.attempt.jar.pairs(address)
        if self.foreign(address):
            return cookie_header([], [theirs])
        given = [v.decode("utf-8", "replace") for k, v in pairs if k.lower() == b"cookie"]
        own = [pair for value in given for pair in split(value)]
        own += pairs_of(self.request.options.cookies, address)
        clients = pairs_of(getattr(self.client, "cookies", None), address)
        return cookie_header(own, [theirs, clients])

    async def send(self, built: Any, address: Address) -> Any:
        """The answer to one request, with what `auth=` makes of it."""
        if self.foreign(address):
            return await self._send(built, address, auth=None)
        if self.auth is None:
            return await self._send(built, address)
        if isinstance(self.auth, tuple):
            return await self._send(built, address, auth=self.auth)
        if is_request_function(self.auth):
            changed = await self._asked(lambda: self.auth(built))
            if inspect.isawaitable(changed):
                changed = await self._awaited(changed)
            # One that changes the request in place may return nothing.
            return await self._send(built if changed is None else changed, address, auth=None)
        if callable(self.auth) and not hasattr(self.auth, "auth_flow"):
            raise TypeError("auth= gave a function without arguments, not what it should give")
        return await self._send_by_flow(built, address)

    async def _send(self, built: Any, address: Address, **options: Any) -> Any:
        quiet = _asking.set(True)
        if getattr(self.client, "tells_when_sent", False) is not True:
            self.attempt.sent()
        try:
            response = await self.client.send(built, stream=True, follow_redirects=False, **options)
        except (TypeError, AttributeError, NotImplementedError) as e:
            if self.request.options.client is None:
                # What was given was checked before: this is a library's, about what a server sent.
                raise self._failure(e, address) from e
            raise  # a mistake in the client: no other attempt would mend it
        except SSEError as e:  # of our own transport: a proxy or certificates that cannot be used
            e.url = e.url or self.request.masked
            raise
        except Exception as e:
            # What `raise_for_status()` raises in a hook of the client is an answer all the same.
            response = getattr(e, "response", None)
            if getattr(response, "status_code", None) is None:
                self._remember(built)
                raise self._failure(e, address) from e
        finally:
            _asking.reset(quiet)
        self._remember(response.request)
        return response

    def _remember(self, sent: Any) -> None:
        """What was really sent is secret: by the client, its hooks and its auth too."""
        headers = getattr(sent, "headers", None)
        for name, value in () if headers is None else headers.items():
            self.request.secrets.add_header(name, value)

    def _failure(self, e: Exception, address: Address) -> SSEError:
        # httpx looks at the Location even of a redirect that it is not to follow.
        if "InvalidURL" in type(e).__name__ or "location header" in str(e):
            return TooManyRedirects("a redirect to no valid address", url=self.request.masked)
        return translate_exception(e, self.facts(address), "connect")

    def facts(self, address: Address, response: Any = None) -> RequestFacts:
        """What a hint may know of this request."""
        options = self.request.options
        proxy = getattr(response, "extensions", {}).get("sse_widget.proxy")
        credentials = tuple(self._credentials())
        asked = [n for n in ("headers", "auth") if callable(getattr(options, n))]
        asked += self.request.callables
        return RequestFacts(
            url=self.request.masked,
            secure=address.scheme == "https",
            method=options.method,
            origin="" if response is None else address.origin,
            credentials=credentials,
            asked=tuple(f"{name}=" for name in asked),
            names=frozenset(name.decode("ascii").lower() for name, _ in self.headers),
            last_event_id=self.attempt.last_event_id,
            reconnected=self.attempt.reconnects,
            left_behind=bool(credentials) and self.foreign(address),
            own_client=options.client is not None,
            proxy="" if proxy is None else str(proxy),
        )

    def _credentials(self) -> Iterator[str]:
        """What holds credentials that were given."""
        options = self.request.options
        if self.auth is not None and self.auth is not self.first.auth:
            yield "auth="
        if self.first.auth is not None or any(map(secret_name, self.first.query_names())):
            yield "the URL"
        if any(secret_name(name.decode("ascii")) for name, _ in self.headers):
            yield "headers="
        if options.cookies is not None:
            yield "cookies="
        own = getattr(self.client, "headers", {}) if options.client is not None else {}
        if getattr(self.client, "auth", None) is not None or any(map(secret_name, own)):
            yield "client="

    # ------------------------------------------------------------------ auth flows

    async def _send_by_flow(self, built: Any, address: Address) -> Any:
        """As httpx does it, but for any client: the Auth of httpx2 is none to httpx. And an Auth
        that wants to see bodies never waits for that of the stream."""
        flow = self._flow(built)
        try:
            wanted = await self._step(anext(flow))
            while True:
                assert wanted is not None
                response = await self._send(wanted, address, auth=None)
                try:
                    wanted = await self._step(flow.asend(response))
                except BaseException:
                    await close(response)
                    raise
                if wanted is None:
                    return response
                await close(response)
        finally:
            await flow.aclose()

    def _flow(self, built: Any) -> AsyncGenerator[Any, Any]:
        auth = self.auth
        asynchronous = getattr(type(auth), "async_auth_flow", None)
        libraries = ("httpx", "httpx2")
        if asynchronous is not None and _library(asynchronous) not in libraries:
            return auth.async_auth_flow(built)  # type: ignore[no-any-return]
        return self._stepwise(auth, built, slow=_library(type(auth).auth_flow) not in libraries)

    async def _stepwise(self, auth: Any, built: Any, *, slow: bool) -> AsyncGenerator[Any, Any]:
        """A plain auth flow. A user's own may block while it fetches a token."""
        call = self.call if slow else _at_once
        if getattr(auth, "requires_request_body", False):
            await built.aread()
        flow: Generator[Any, Any, None] = auth.auth_flow(built)
        wanted = await call(partial(next, flow, None))
        while wanted is not None:
            response = yield wanted
            if getattr(auth, "requires_response_body", False) and not _is_stream(response):
                await response.aread()
            wanted = await call(partial(_next, flow, response))

    async def _step(self, step: Awaitable[Any]) -> Any:
        """The next request of a flow; None where it has no more."""
        try:
            return await step
        except StopAsyncIteration:
            return None
        except Exception as e:
            if _library(type(e)) in ("httpx", "httpx2"):
                failed: SSEError = translate_exception(e, self.facts(self.first), "connect")
            else:
                failed = raised("auth", e, self.request.masked)
        raise failed

    async def _asked(self, fn: Callable[[], Any]) -> Any:
        return await self._awaited(self.call(fn))

    async def _awaited(self, answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        except Exception as e:
            failed = raised("auth", e, self.request.masked)
        raise failed


def _library(thing: Any) -> str:
    """The package that a class or function is from."""
    return str(getattr(thing, "__module__", "")).partition(".")[0]


def _next(flow: Generator[Any, Any, None], response: Any) -> Any:
    try:
        return flow.send(response)
    except StopIteration:
        return None


def _is_stream(response: Any) -> bool:
    kind = str(response.headers.get("content-type", ""))
    return response.status_code == 200 and "text/event-stream" in kind.lower()


async def _at_once(fn: Callable[[], Any]) -> Any:
    return fn()


def _target(response: Any, address: Address, masked: str) -> Address:
    """Where a redirect leads."""
    location, status = response.headers.get("location"), response.status_code
    if not location:
        raise BadStatus(
            f"the server answered {status} without a Location to go to", url=masked, status=status
        )
    try:
        return address.join(location)
    except InvalidURL as e:
        scheme = location.partition(":")[0].lower()
        other = "://" in location and scheme not in ("http", "https") and scheme.isalnum()
        why = f"{scheme}: which is no event stream" if other else f"no valid address: {e.message}"
        failed = TooManyRedirects(f"a redirect to {why}", url=masked)
    raise failed


async def close(response: Any) -> None:
    """Give an answer up; within a second, whatever happens."""
    try:
        async with asyncio.timeout(1.0):
            await response.aclose()
    except Exception:  # a connection that fails while it is given up has nothing more to say
        pass
