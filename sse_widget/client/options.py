"""SourceOptions: what an EventSource is told beside its URL, checked and brought into one form.

An option that cannot work is refused in the cell that gave it, by name and without its value (which
may be a secret), not by a stream that fails later in another library's words. What can be read only
once, such as a generator of headers or a file as a body, is read here, so that every attempt sends
the same. It connects to nothing and calls none of the callables that it is given; what they return
later is brought into form by the same functions.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from http.cookiejar import CookieJar
from inspect import Parameter, Signature
from typing import Any, Literal, Protocol, Self, TypedDict

import httpx

from ..checks import plain_callable, seconds, takes_arguments, text, truth, whole_number, wrong_type
from ..events import Event
from .certificates import Verify, check_verify
from .client_choice import check_client
from .foreign_names import name_here
from .proxies import Proxy, proxy_of
from .request_parts import (
    Asked,
    AsyncBody,
    Auth,
    Content,
    Cookies,
    HeaderPairs,
    Headers,
    ParamPairs,
    Params,
    auth_of,
    content_of,
    cookies_of,
    header_pairs,
    is_pair,
    is_token,
    json_of,
    param_pairs,
)
from .resumption import Key
from .retry import RetryPolicy


class HttpClient(Protocol):
    """What is used of an httpx-compatible asynchronous client."""

    def build_request(self, *args: Any, **kwargs: Any) -> Any: ...
    async def send(self, *args: Any, **kwargs: Any) -> Any: ...
    async def aclose(self) -> None: ...


class SourceKeywords(TypedDict, total=False):
    """The options as they may be given: the keywords of `EventSource`, which `SSEStream` hands
    through. What each is after it was checked says `SourceOptions`."""

    last_event_id: str | None
    headers: Headers | Asked[Headers | None] | None
    method: str | None
    params: Params | Asked[Params | None] | None
    content: Content | None
    json: Any
    auth: Auth | Asked[Auth | None] | None
    cookies: Cookies | None
    client: HttpClient | Callable[[], HttpClient] | None
    verify: Verify | None
    proxy: str | httpx.URL | httpx.Proxy | None
    retry: RetryPolicy | None
    reconnect: bool | Literal["auto"]
    idle_timeout: float | None
    max_event_bytes: int | None
    stop_when: str | Callable[[Event], object] | Iterable[str | Callable[[Event], object]] | None
    dedupe: bool | Key
    resume: Callable[[str], str | None] | None


_USUAL_RETRY = RetryPolicy()  # it never changes: one is enough for all streams


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SourceOptions:
    """The options of one `EventSource`, each as it is used. The repr names them and shows no value.

    Attributes:
        last_event_id: the id to resume after, "" for none.
        headers: pairs of bytes, names as they were written; or the callable that gives headers.
        method: in capitals, GET or POST where none was given.
        params: pairs of text; or the callable that gives parameters.
        content: the body, or what is read when it is first sent; None where there is none or `json` is it.
        json: the value that is sent as JSON.
        auth: user and password, an `Auth`, or a callable that gives one.
        cookies: by name, or a jar.
        client: a client, or what makes one; None for ours.
        verify: what our client trusts: True, False, a path or a context.
        proxy: where our client goes through; None: what the environment says.
        retry: when to connect again.
        reconnect: True, False, or "auto", which `reconnects` explains.
        idle_timeout: seconds without a byte, None for no limit.
        max_event_bytes: the most bytes of one event; `event_limit` where it is None.
        stop_when: the texts that end the stream, or the callable that tells.
        dedupe: whether events that came before are dropped, or the callable that gives their key.
        resume: the callable that changes the id to resume after.

    Raises:
        TypeError: an option of the wrong type, or two that exclude each other, by name.
        ValueError: an option out of its range, by name.
    """

    last_event_id: str = ""
    headers: HeaderPairs | Asked[Headers | None] = ()
    method: str = ""
    params: ParamPairs | Asked[Params | None] = ()
    content: bytes | AsyncBody | None = None
    json: Any = None
    auth: Auth | Asked[Auth | None] | None = None
    cookies: dict[str, str] | CookieJar | httpx.Cookies | None = None
    client: HttpClient | Callable[[], HttpClient] | None = None
    verify: Verify = True
    proxy: Proxy | None = None
    retry: RetryPolicy = field(default_factory=lambda: _USUAL_RETRY)
    reconnect: bool | Literal["auto"] = "auto"
    idle_timeout: float | None = None
    max_event_bytes: int | None = None
    stop_when: frozenset[str] | Callable[[Event], object] | None = None
    dedupe: bool | Key = False
    resume: Callable[[str], str | None] | None = None

    def __post_init__(self) -> None:
        for name, checked in _FORMS.items():
            object.__setattr__(self, name, checked(name, getattr(self, name)))
        if self.content is not None and self.json is not None:
            raise TypeError("content= and json= exclude each other: a request has one body")
        if self.client is not None:
            for name, given in (("verify", self.verify is not True), ("proxy", self.proxy)):
                if given:
                    raise TypeError(
                        f"{name}= is for the client that is made here: give {name}= to client= itself"
                    )
        if not self.method:
            object.__setattr__(self, "method", "POST" if self.has_body else "GET")

    def __repr__(self) -> str:
        unset = SourceOptions()
        given = [n for n in self.keywords() if getattr(self, n) != getattr(unset, n)]
        return f"<SourceOptions {', '.join(given)}>"

    @classmethod
    def of(cls, owner: str, keywords: Mapping[str, Any]) -> Self:
        """The options as they were given to `owner`, such as "EventSource".

        Raises:
            TypeError: also for an option that there is none of.
        """
        known = SourceKeywords.__annotations__
        for name in keywords:
            if name not in known:
                raise unknown_option(owner, name, known)
        return cls(**keywords)

    def keywords(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Some of these options, or all, as keywords that make the same ones."""
        names = SourceKeywords.__annotations__ if names is None else names
        return {name: getattr(self, name) for name in names}

    @property
    def params_given(self) -> ParamPairs:
        """The parameters that are known without asking for them."""
        return () if callable(self.params) else self.params

    @property
    def has_body(self) -> bool:
        return self.content is not None or self.json is not None

    @property
    def event_limit(self) -> int:
        """The most bytes of one event."""
        if self.max_event_bytes is not None:
            return self.max_event_bytes
        return _EVENT_BYTES_AFTER_POST if self.method == "POST" else _EVENT_BYTES

    @property
    def reconnects(self) -> bool:
        """Whether a clean end is followed by another attempt: "auto" means where the method is
        safe, so that nothing is ordered twice."""
        return self.method in _SAFE_METHODS if self.reconnect == "auto" else self.reconnect

    def outline(self) -> dict[str, Any]:
        """What may be told of a request: what there is beside the address, by name, no value."""
        names = [] if callable(self.headers) else [name for name, _ in self.headers]
        ours = {"accept", "cache-control", "last-event-id"}
        return {
            "method": self.method,
            "headers": [n for raw in names if (n := raw.decode("ascii")).lower() not in ours],
            "auth": "" if self.auth is None else "basic" if is_pair(self.auth) else "other",
            "cookies": self.cookies is not None,
            "body": "json" if self.json is not None else "content" if self.content else "",
            "unknown": [
                what
                for what, there_is in (
                    ("the function of headers=", callable(self.headers)),
                    ("the function of params=", callable(self.params)),
                    ("the certificates of verify=", self.verify is not True),
                    ("the proxy of proxy=", self.proxy is not None),
                )
                if there_is
            ],
        }


# The registry of HTTP methods (RFC 9110, 16.1): asking twice orders nothing twice. QUERY is a draft's.
_SAFE_METHODS = frozenset(
    {"GET", "HEAD", "OPTIONS", "PROPFIND", "QUERY", "REPORT", "SEARCH", "TRACE"}
)
_EVENT_BYTES = 16 * 2**20
# What is asked for by a body may come as one event: an image of a model.
_EVENT_BYTES_AFTER_POST = 64 * 2**20


def unknown_option(owner: str, name: str, known: Iterable[str]) -> TypeError:
    """The error for a keyword that `owner` does not have, with the name that may be meant."""
    here = name_here(owner, name)
    if here:
        return TypeError(f"{owner} has no option {name!r}: {here}")
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return TypeError(f"{owner} has no option {name!r}{hint}")


def signature_of(init: Callable[..., Any]) -> Signature:
    """The signature of `init(self, ..., **options)` with the options by name: what an editor
    completes and `help` shows."""
    _, *own = Signature.from_callable(init).parameters.values()
    # What stands for "nobody gave it" after the check is None before.
    unset = (MISSING, (), "")
    options = [
        Parameter(
            f.name,
            Parameter.KEYWORD_ONLY,
            default=None if f.default in unset else f.default,
            annotation=SourceKeywords.__annotations__[f.name].__forward_arg__,
        )
        for f in fields(SourceOptions)
    ]
    return Signature([*(p for p in own if p.kind is not Parameter.VAR_KEYWORD), *options])


# ------------------------------------------------------------------ one function an option


def id_of(name: str, value: object) -> str:
    """A last event ID as a server can send it; None is "".

    Raises:
        TypeError: no text.
        ValueError: no server sends such an id.
    """
    if value is None:
        return ""
    found = text(name, value)
    # WHATWG HTML 9.2.6: an id field with a NUL is ignored, and its line ends at CR or LF.
    if any(c in found for c in "\0\r\n"):
        raise ValueError(f"{name} cannot hold a line end or NUL: no server sends such an id")
    try:
        found.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half a character: no server sends such an id") from None
    return found


def _method(name: str, value: object) -> str:
    found = "" if value is None else text(name, value).upper()
    if not found:
        return ""
    if not found.isascii() or not is_token(found.encode()):
        raise ValueError(f"{name} must be one word such as GET or POST")
    if found == "CONNECT":
        raise ValueError(f"{name} cannot be CONNECT, which asks a proxy for a tunnel")
    return found


def _client(name: str, value: Any) -> Any:
    if value is not None:
        check_client(name, value)
    return value


def _verify(name: str, value: Any) -> Verify:
    if value is None:
        return True
    check_verify(name, value)
    verify: Verify = value
    return verify


def _proxy(name: str, value: Any) -> Proxy | None:
    return value if value is None or isinstance(value, Proxy) else proxy_of(value)


def _retry(name: str, value: object) -> RetryPolicy:
    if value is None:
        return _USUAL_RETRY
    if not isinstance(value, RetryPolicy):
        raise wrong_type(name, "a RetryPolicy, such as RetryPolicy(attempts=3)", value)
    return value


def _reconnect(name: str, value: object) -> bool | Literal["auto"]:
    if value == "auto" and isinstance(value, str):
        return "auto"
    if isinstance(value, str):
        raise ValueError(f'{name} must be True, False or "auto", not another text')
    return truth(name, value, 'True, False or "auto"')


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True for an event whose type or data is one of these texts, or for which one of these
    callables is true: `stop_when` where both are given."""

    texts: frozenset[str]
    tests: tuple[Callable[[Event], object], ...]

    def __call__(self, event: Event) -> bool:
        if event.data in self.texts or event.type in self.texts:
            return True
        return any(test(event) for test in self.tests)


def _stop_when(name: str, value: Any) -> frozenset[str] | Callable[[Event], object] | None:
    wanted = "text, a callable that is given an Event, or several of these"
    if value is None:
        return None
    if isinstance(value, str):
        return frozenset((value,))
    test = _test_of(name, value, wanted)
    if test is not None:
        return test
    if isinstance(value, bytes | bytearray | Mapping) or not isinstance(value, Iterable):
        raise wrong_type(name, wanted, value)
    several = list(value)
    texts = frozenset(one for one in several if isinstance(one, str))
    tests = [_test_of(name, one, wanted) for one in several if not isinstance(one, str)]
    if not several or None in tests:
        raise TypeError(f"{name} must be {wanted}; it holds none, or what is neither")
    return AnyOf(texts, tuple(test for test in tests if test)) if tests else texts


def _test_of(name: str, value: Any, wanted: str) -> Callable[[Event], object] | None:
    """The callable that this is; an EventFilter, which is not imported here, is its `matches`."""
    if not callable(value):
        value = getattr(value, "matches", None)
        if not callable(value):
            return None
    plain_callable(name, value, wanted, 1)
    test: Callable[[Event], object] = value
    return test


def _dedupe(name: str, value: Any) -> bool | Key:
    wanted = "True, False, or a callable that is given an Event"
    if not callable(value):
        return truth(name, value, wanted)
    plain_callable(name, value, wanted, 1)
    key: Key = value
    return key


def _resume(name: str, value: Any) -> Callable[[str], str | None] | None:
    if value is not None:
        plain_callable(name, value, "a callable that is given the last event ID", 1)
    resume: Callable[[str], str | None] | None = value
    return resume


def _or_asked(form: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """The value in its form, or the callable that is asked for it on every attempt."""

    def checked(name: str, value: Any) -> Any:
        if not callable(value):
            return form(name, value)
        if not takes_arguments(value, 0):
            raise TypeError(
                f"{name}= is called without arguments on every attempt; this wants some"
            )
        return value

    return checked


_FORMS: dict[str, Callable[[str, Any], Any]] = {
    "last_event_id": id_of,
    "headers": _or_asked(header_pairs),
    "method": _method,
    "params": _or_asked(param_pairs),
    "content": content_of,
    "json": json_of,
    "auth": auth_of,
    "cookies": cookies_of,
    "client": _client,
    "verify": _verify,
    "proxy": _proxy,
    "retry": _retry,
    "reconnect": _reconnect,
    "idle_timeout": lambda name, value: None if value is None else seconds(name, value),
    "max_event_bytes": lambda name, value: (
        None if value is None else whole_number(name, value, at_least=1)
    ),
    "stop_when": _stop_when,
    "dedupe": _dedupe,
    "resume": _resume,
}
