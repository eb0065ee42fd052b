"""What a hint may know of a request: which options were given, and never their values.

So no hint suggests an option that was given already, and each uses the words of its reader: Python's, or those
of the command line. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Speech:
    """How options are called, and how one says what is to be given.

    Attributes:
        bearer, basic, digest, other: how a token, a user with a password, and other schemes of
            authentication are given.
        refresh: how a token is given that expires.
        post: how a request becomes a POST.
        anew: how a stream is begun anew, without the id it would resume after.
        slow: how a server is waited for that answers late.
        stream: how a parameter such as stream=true is given.
        http2: how HTTP/2 is spoken.
        verify, headers: names of options.
    """

    bearer: str
    basic: str
    digest: str
    other: str
    refresh: str
    post: str
    anew: str
    slow: str
    stream: str
    http2: str
    verify: str
    headers: str


PYTHON = Speech(
    bearer='headers={"Authorization": "Bearer ..."}',
    basic="auth=(user, password)",
    digest="auth=httpx.DigestAuth(user, password)",
    other="auth= takes any httpx.Auth that speaks it",
    refresh="for a token that expires headers= takes a function, which is asked on every attempt",
    post="json= or content= makes it a POST",
    anew="last_event_id='' begins anew",
    slow="A server that answers with its first event alone needs idle_timeout=, the seconds to wait.",
    stream='params={"stream": "true"}, or "stream" in json=',
    http2="client=lambda: httpx.AsyncClient(http2=True) speaks HTTP/2",
    verify="verify=",
    headers="headers=",
)
COMMAND_LINE = Speech(
    bearer='--header "Authorization: Bearer ..."',
    basic="user:password@ before the host of the URL",
    digest="which this command does not speak",
    other="this command does not speak it",
    refresh="for a token that expires run the command again: it goes on where it stopped",
    post="this command asks by GET alone",
    anew="another folder in --to begins anew",
    slow="",
    stream="?stream=true in the URL",
    http2="this command does not speak HTTP/2",
    verify="--cacert",
    headers="--header",
)

_speech: ContextVar[Speech] = ContextVar("sse_widget_speech", default=PYTHON)


def speech() -> Speech:
    """The words of the reader: of Python, or of the command line."""
    return _speech.get()


@contextmanager
def speaking(words: Speech) -> Iterator[None]:
    """Within it, and in the tasks that are begun within it, hints speak so."""
    before = _speech.set(words)
    try:
        yield
    finally:
        _speech.reset(before)


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """One request, as far as a hint may know it.

    Attributes:
        url: masked.
        secure: whether it is https.
        method: as it was asked for, before redirects.
        origin: who answered; "" for no answer.
        credentials: what holds credentials that were given, such as ("auth=", "the URL").
        asked: those callables among the options that are asked on every attempt, such as
            ("headers=",).
        names: of the headers that were given, in small letters.
        last_event_id: the id the server was asked to resume after.
        reconnected: whether there was a connection before.
        left_behind: whether a redirect to another origin left credentials behind.
        asked_twice: whether the callables were asked once more after a 401.
        own_client: whether the user gave the client.
        proxy: what the request went through, masked; "" where it went through none, or that is not known.
        speech: the words of its reader.
    """

    url: str = ""
    secure: bool = False
    method: str = "GET"
    origin: str = ""
    credentials: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    last_event_id: str = ""
    reconnected: bool = False
    left_behind: bool = False
    asked_twice: bool = False
    own_client: bool = False
    proxy: str = ""
    speech: Speech = field(default_factory=speech)

    def named(self, options: tuple[str, ...]) -> str:
        """Options by their names, as words."""
        return " and ".join(self.speech.headers if name == "headers=" else name for name in options)
