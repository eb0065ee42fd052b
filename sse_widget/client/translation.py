"""Exceptions of the transport -> ours, in plain words, with no secret in them.

What an exception means is one table, `_TABLE`: a predicate, why it failed, and a hint. The cause
decides, not the class that a library wrapped around it: the exceptions of a chain are looked at from
the innermost outwards. It raises nothing and retries nothing.
"""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Literal, NamedTuple

from ..errors import BadStatus, ConnectionFailed, SSEError
from ..masking import MASK
from .failures import NoAnswer, ProxyDown, ProxyRefused
from .heads import NotHTTP
from .hints import NAMED_BY_ITSELF, proxy_hint
from .request_facts import RequestFacts

__all__ = ["translate_exception"]

Phase = Literal["connect", "body"]
_PREFIX: dict[Phase, str] = {"connect": "could not connect", "body": "the connection broke"}


def translate_exception(error: BaseException, facts: RequestFacts, phase: Phase) -> SSEError:
    """A transport's exception as one of ours: the cause in plain words, no secret in it.

    It explains whatever it is given: an exception that it cannot read is named by its class. What
    the exception keeps of the request (address, headers, the proxy's password) is taken out of it,
    for it stays the cause of ours, and is shown and pickled with it.

    Args:
        phase: whether there was no answer yet, or it broke while the body came.

    Returns:
        A `ConnectionFailed`; a `BadStatus` where a proxy answered in the server's place.
    """
    told: SSEError = ConnectionFailed(f"{_PREFIX[phase]}: {type(error).__name__}", url=facts.url)
    chain = tuple(_chain(error))
    # What explains a failure must not be one.
    with contextlib.suppress(Exception):
        told = _told(_Failure(phase, facts, chain))
    for e in chain:
        with contextlib.suppress(Exception):
            _disarm(e, facts.url)
    return told


def _told(failure: _Failure) -> SSEError:
    refused = _refusal(failure)
    if refused is not None:
        return refused
    what, why, hint = _read(failure)
    return ConnectionFailed(f"{what}: {why}", url=failure.facts.url, hint=hint)


@dataclass(frozen=True, slots=True)
class _Failure:
    """An exception with its causes, the innermost first."""

    phase: Phase
    facts: RequestFacts
    chain: tuple[BaseException, ...]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The causes of an exception, the innermost first, the exception itself last."""
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo and len(seen) < 16:
        at = todo.pop()
        if at is None or any(at is e for e in seen):
            continue
        seen.append(at)
        if isinstance(at, BaseExceptionGroup):
            todo.extend(at.exceptions)
        # Also where it is not to be shown: httpcore raises its own "from None".
        todo.append(at.__cause__ or at.__context__)
    return reversed(seen)


def _words(error: BaseException) -> str:
    """What an exception says; "" where it cannot say it."""
    try:
        # The others repeat the address, or print the whole request.
        said = getattr(error, "message", None) if hasattr(error, "request_info") else str(error)
        return said if isinstance(said, str) else ""
    except Exception:
        return ""


def _disarm(error: BaseException, masked: str) -> None:
    """Take the request out of an exception of a library: it may hold a token or a password."""
    kept = getattr(error, "__dict__", {})
    for name in ("_request", "_response", "request", "response"):
        if name in kept:
            setattr(error, name, None)
    if "request_info" in kept:
        shown = SimpleNamespace(url=masked, method="", headers={}, real_url=masked)
        error.request_info = shown  # type: ignore[attr-defined]
        error.history, error.headers = (), None  # type: ignore[attr-defined]
        error.args = (shown, ())
    if hasattr(kept.get("_conn_key"), "_replace"):
        key = kept["_conn_key"]._replace(proxy=None, proxy_auth=None, proxy_headers_hash=None)
        error._conn_key = key  # type: ignore[attr-defined]
        error.args = (key, *error.args[1:])
    if "_url" in kept:
        error._url = masked  # type: ignore[attr-defined]
        error.args = (masked, *error.args[1:])


# ---------------------------------------------------------------------- proxies


def _refusal(failure: _Failure) -> SSEError | None:
    """The answer of a proxy that did not connect, as an answer; None where there is none."""
    refused = next((e for e in failure.chain if isinstance(e, ProxyRefused)), None)
    if refused is None:
        of_httpx = _named("ProxyError")
        found = next((e for e in failure.chain if of_httpx(e, failure)), None)
        if found is None or isinstance(found, OSError):  # aiohttp's: it could not be reached
            return None
        refused = _of_httpx(_words(found))
    status = refused.status or _status_of_socks(refused)
    said = " ".join(filter(None, (str(refused.status or ""), refused.reason)))
    message = f"the proxy {refused.proxy}".rstrip() + f" did not connect to the server: {said}"
    if not status:
        return ConnectionFailed(message, url=failure.facts.url)
    headers = {name.lower(): value for name, value in refused.headers}
    return BadStatus(
        message,
        url=failure.facts.url,
        hint=proxy_hint(
            status,
            refused.source,
            authorized=MASK in refused.proxy,
            asks=headers.get("proxy-authenticate", ""),
        ),
        status=status,
        headers=headers,
        proxy=refused.proxy or "(of the client)",
    )


def _of_httpx(words: str) -> ProxyRefused:
    """What httpx's own transport says: "407 Proxy Authentication Required", or the words of SOCKS."""
    found = re.match(r"(\d{3})(?: (.*)|$)", words)
    status, reason = (int(found[1]), found[2] or "") if found is not None else (0, words)
    return ProxyRefused("", "the client", status, reason, [])


def _status_of_socks(refused: ProxyRefused) -> int:
    """The status of HTTP that means the same; 0 where trying again may help."""
    if refused.code == 2:
        return 403
    said = refused.reason.lower()
    return 407 if "authentication" in said or "username" in said else 0


# ---------------------------------------------------------------------- the table

Means = Callable[[BaseException, _Failure], bool]


class _Row(NamedTuple):
    when: Means
    why: str | Callable[[BaseException], str]
    hint: str = ""
    what: str = ""  # instead of the prefix of the phase


def _read(failure: _Failure) -> tuple[str, str, str]:
    """(what happened, why, what to change) of a failure."""
    what, why, hint = _PREFIX[failure.phase], "", ""
    for error, row in ((e, row) for e in failure.chain for row in _TABLE):
        if row.when(error, failure):
            what, hint = row.what or what, row.hint
            why = row.why if isinstance(row.why, str) else row.why(error)
            break
    else:
        known = [e for e in failure.chain if not isinstance(e, NoAnswer | ProxyDown)]
        why = type(known[-1]).__name__ if known else "no answer"
    down = next((e for e in failure.chain if isinstance(e, ProxyDown)), None)
    if down is not None:
        what = f"could not connect to the proxy {down.proxy}"
        hint = f"Is it running, at this host and port? {down.source} names it."
        if down.source not in NAMED_BY_ITSELF:
            hint += " A host in NO_PROXY needs none."
        why = why.replace("the server", "it")
    facts = failure.facts
    verify = "the client's verify=" if facts.own_client else facts.speech.verify
    return what, why, hint.replace("verify=", verify)


def _named(*names: str) -> Means:
    """By the name of its class or of a base: the libraries are not imported for it, and httpx2,
    httpcore and anyio have classes of the same names."""
    wanted = frozenset(names)
    return lambda e, f: any(c.__name__ in wanted for c in type(e).__mro__)


_ERRNO = re.compile(r"\[Errno (-?\d+)\]")


def _errno(*codes: int) -> Means:
    """By the system's code. Several addresses that failed are one OSError that names the codes."""

    def means(e: BaseException, f: _Failure) -> bool:
        if not isinstance(e, OSError) or isinstance(e, ssl.SSLError | socket.gaierror):
            return False
        if e.errno is not None:
            return e.errno in codes
        return any(int(n) in codes for n in _ERRNO.findall(_words(e)))

    return means


def _tls(*reasons: str) -> Means:
    """By OpenSSL's reason."""

    def means(e: BaseException, f: _Failure) -> bool:
        return isinstance(e, ssl.SSLError) and any(
            r in f"{getattr(e, 'reason', None) or ''} {_words(e)}" for r in reasons
        )

    return means


def _says(name: str, *texts: str) -> Means:
    """By its class, and what it says: where one class stands for many causes."""
    is_named = _named(name)
    return lambda e, f: is_named(e, f) and any(t in _words(e).lower() for t in texts)


def _in(phase: Phase, means: Means) -> Means:
    return lambda e, f: f.phase == phase and means(e, f)


def _plain(means: Means) -> Means:
    """Only for http addresses."""
    return lambda e, f: not f.facts.secure and means(e, f)


def _certificate(*codes: int) -> Means:
    """By what OpenSSL finds wrong with a certificate (X509_V_ERR_...)."""

    def means(e: BaseException, f: _Failure) -> bool:
        return isinstance(e, ssl.SSLCertVerificationError) and (
            getattr(e, "verify_code", None) in codes
        )

    return means


def _is(*classes: type[BaseException]) -> Means:
    return lambda e, f: isinstance(e, classes)


def _speaks_tls(e: BaseException, f: _Failure) -> bool:
    # A record of TLS (RFC 8446, 5.1): an alert, or its handshake.
    return isinstance(e, NotHTTP) and e.beginning[:2] in (b"\x15\x03", b"\x16\x03")


def _speaks_http2(e: BaseException, f: _Failure) -> bool:
    # It begins with SETTINGS (RFC 9113, 3.4 and 4.1).
    return isinstance(e, NotHTTP) and e.beginning[:1] == b"\0" and e.beginning[3:4] == b"\x04"


def _begins(e: BaseException) -> str:
    beginning = getattr(e, "beginning", b"")[:40]
    return f"what came is no HTTP: it begins with {beginning!r}"


_HUNG_UP = "the server closed the connection without an answer"
_HUNG_UP_HINT = "Check the port, and whether the address is http or https."
_hangs_up = _named("ServerDisconnectedError")
_hangs_up_stock = _says("RemoteProtocolError", "without sending", "disconnected")
_cut = _named(
    "ClientPayloadError", "TransferEncodingError", "ContentLengthError", "IncompleteReadError"
)

# The first row that fits decides, for the innermost cause first.
_TABLE: tuple[_Row, ...] = (
    # Certificates.
    _Row(
        _certificate(10),
        "the server's certificate has expired",
        "Its owner must renew it, or the clock of this computer is wrong.",
    ),
    _Row(
        _certificate(9), "the server's certificate is not valid yet", "Check this computer's clock."
    ),
    _Row(
        _certificate(62, 64),
        "the server's certificate is for another host",
        "Check the host's name in the address.",
    ),
    _Row(
        _certificate(18, 19),
        "the server's certificate is signed by nobody this computer knows",
        "Where you trust it: verify= with the path of its certificate.",
    ),
    _Row(
        _is(ssl.SSLCertVerificationError),
        "the server's certificate cannot be trusted",
        "Pass verify= with the path of the right certificates, or set SSL_CERT_FILE.",
    ),
    _Row(
        _named("ClientConnectorCertificateError", "ServerFingerprintMismatch"),
        "the server's certificate cannot be trusted",
        "Pass verify= with the path of the right certificates, or set SSL_CERT_FILE.",
    ),
    # TLS.
    _Row(
        _tls(
            "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"
        ),
        "TLS failed: the port does not speak TLS",
        "Check the port, and whether the address is http or https.",
    ),
    _Row(
        _tls(
            "CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_CERTIFICATE"
        ),
        "TLS failed: the server wants a certificate of yours, or another one",
        "Pass verify= an ssl.SSLContext that has it (load_cert_chain).",
    ),
    _Row(
        _tls(
            "PROTOCOL_VERSION",
            "UNSUPPORTED_PROTOCOL",
            "NO_PROTOCOLS",
            "HANDSHAKE_FAILURE",
            "NO_SHARED",
        ),
        "TLS failed: server and client have no version or cipher in common",
        "An old server? Pass verify= an ssl.SSLContext that allows what it speaks.",
    ),
    _Row(
        _tls("UNRECOGNIZED_NAME"),
        "TLS failed: the server does not know this host's name",
        "Check the host's name in the address.",
    ),
    _Row(
        _in("connect", _is(ssl.SSLEOFError, ssl.SSLZeroReturnError)),
        "TLS failed: the server closed the connection",
        "Check the port, and whether the address is http or https.",
    ),
    _Row(
        _in("body", _is(ssl.SSLEOFError, ssl.SSLZeroReturnError)),
        "the server closed the connection",
    ),
    _Row(
        _in("connect", _is(ssl.SSLError)),
        "TLS failed",
        "Check the port, and whether the address is http or https.",
    ),
    _Row(_is(ssl.SSLError), "TLS failed"),
    # In a browser.
    _Row(
        _named("FetchFailed"),
        "the browser did not get it",
        "Is the server there, and does it allow this page (Access-Control-Allow-Origin)? The browser's "
        "console says more.",
    ),
    # Names.
    _Row(
        _is(socket.gaierror, UnicodeError),
        "no such host",
        "Check the host's name, and whether you are online.",
    ),
    _Row(
        _named("ClientConnectorDNSError"),
        "no such host",
        "Check the host's name, and whether you are online.",
    ),
    # The system's codes.
    _Row(
        _errno(errno.ECONNREFUSED),
        "connection refused",
        "Is the server running, at this host and port?",
    ),
    _Row(
        _in("connect", _plain(_errno(errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED))),
        "connection reset by the server",
        _HUNG_UP_HINT,
    ),
    _Row(
        _errno(errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN),
        "connection reset by the server",
    ),
    _Row(
        _errno(errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN),
        "no way to this host",
        "Are you online? A VPN may be needed.",
    ),
    _Row(
        _errno(errno.EMFILE, errno.ENFILE),
        "this process has too many files and connections open",
        "Close streams that are not needed, or raise the limit (ulimit -n).",
    ),
    _Row(
        _errno(errno.EADDRNOTAVAIL, errno.ENOBUFS),
        "this computer has no free port or memory for another connection",
        "Close streams that are not needed.",
    ),
    _Row(
        _errno(errno.EACCES, errno.EPERM),
        "this computer does not allow the connection",
        "A firewall or a sandbox forbids it.",
    ),
    _Row(
        _errno(errno.ETIMEDOUT),
        "no answer in time",
        "Check the host and port, and a firewall between.",
    ),
    # What is no HTTP.
    _Row(_speaks_tls, "the port speaks TLS", "Take https:// instead of http://.", "no answer"),
    _Row(
        _speaks_http2,
        "the server speaks HTTP/2 alone",
        "Pass client=lambda: httpx.AsyncClient(http1=False, http2=True).",
        "no answer",
    ),
    _Row(_is(NotHTTP), _begins, _HUNG_UP_HINT, "no answer"),
    # What libraries make of it.
    _Row(_in("connect", _hangs_up), _HUNG_UP, _HUNG_UP_HINT, "no answer"),
    _Row(_in("connect", _hangs_up_stock), _HUNG_UP, _HUNG_UP_HINT, "no answer"),
    _Row(_in("body", _hangs_up), "the server closed the connection"),
    _Row(_cut, "the body was cut in the middle"),
    _Row(
        _says("RemoteProtocolError", "incomplete", "peer closed", "complete message body"),
        "the body was cut in the middle",
    ),
    _Row(
        _in("connect", _named("HttpProcessingError", "ClientResponseError", "RemoteProtocolError")),
        "what came is no HTTP that can be read",
        _HUNG_UP_HINT,
        "no answer",
    ),
    _Row(
        _named("HttpProcessingError", "RemoteProtocolError", "ClientResponseError"),
        "what came is no HTTP that can be read",
    ),
    _Row(_named("PoolTimeout"), "the client has no connection free", "Raise its limits=."),
    _Row(
        _named("ReadTimeout", "SocketTimeoutError"),
        "nothing came in time",
        "The client's own timeout ended it.",
    ),
    _Row(
        _is(TimeoutError),
        "no answer in time",
        "Check the host and port, and a firewall between.",
    ),
    _Row(
        _named("ConnectTimeout", "TimeoutException", "ServerTimeoutError"),
        "no answer in time",
        "Check the host and port, and a firewall between.",
    ),
    _Row(
        _is(ConnectionResetError, BrokenPipeError, ConnectionAbortedError),
        "connection reset by the server",
    ),
    _Row(
        _named("ReadError", "CloseError", "WriteError", "ClientConnectionError"),
        "the server closed the connection",
    ),
)
