"""What an exception of the transport means: one table of (predicate, why, hint).

The cause decides, not the class that a library wrapped around it: the exceptions of a chain are looked
at from the innermost outwards, and the first row that fits one of them counts. Libraries are known by
the names of their classes, so that none is imported for it. It changes no exception.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .head_repair import MAX_HEAD_BYTES, HeadTooLarge, NotHTTP
from .hint_facts import RequestFacts

Phase = Literal["connect", "body"]
_PREFIX: dict[Phase, str] = {"connect": "could not connect", "body": "the connection broke"}


def prefix(phase: Phase) -> str:
    """What happened, where nothing more is known."""
    return _PREFIX[phase]


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception with its causes, the innermost first."""

    phase: Phase
    facts: RequestFacts
    chain: tuple[BaseException, ...]


def words_of(error: BaseException) -> str:
    """What an exception says; "" where it cannot say it."""
    try:
        # The others repeat the address, or print the whole request.
        said = getattr(error, "message", None) if hasattr(error, "request_info") else str(error)
        return said if isinstance(said, str) else ""
    except Exception:
        return ""


Means = Callable[[BaseException, Failure], bool]


class Explanation(NamedTuple):
    """What happened, why, and what can be changed."""

    what: str
    why: str
    hint: str


def cause_of(failure: Failure) -> Explanation | None:
    """What the first row that fits says; None where none does."""
    for error, row in ((e, row) for e in failure.chain for row in _TABLE):
        if row.when(error, failure):
            why = row.why if isinstance(row.why, str) else row.why(error)
            return Explanation(row.what or _PREFIX[failure.phase], why, row.hint)
    return None


class _Row(NamedTuple):
    when: Means
    why: str | Callable[[BaseException], str]
    hint: str = ""
    what: str = ""  # instead of the prefix of the phase


def is_named(*names: str) -> Means:
    """By the name of its class or of a base: the libraries are not imported for it, and httpx2,
    httpcore and anyio have classes of the same names."""
    wanted = frozenset(names)
    return lambda e, f: any(c.__name__ in wanted for c in type(e).__mro__)


_ERRNO = re.compile(r"\[Errno (-?\d+)\]")


def _errno(*codes: int) -> Means:
    """By the system's code. Several addresses that failed are one OSError that names the codes."""

    def means(e: BaseException, f: Failure) -> bool:
        if not isinstance(e, OSError) or isinstance(e, ssl.SSLError | socket.gaierror):
            return False
        if e.errno is not None:
            return e.errno in codes
        return any(int(n) in codes for n in _ERRNO.findall(words_of(e)))

    return means


def _tls(*reasons: str) -> Means:
    """By OpenSSL's reason."""

    def means(e: BaseException, f: Failure) -> bool:
        return isinstance(e, ssl.SSLError) and any(
            r in f"{getattr(e, 'reason', None) or ''} {words_of(e)}" for r in reasons
        )

    return means


def _says(name: str, *texts: str) -> Means:
    """By its class, and what it says: where one class stands for many causes."""
    means = is_named(name)
    return lambda e, f: means(e, f) and any(t in words_of(e).lower() for t in texts)


def _in(phase: Phase, means: Means) -> Means:
    return lambda e, f: f.phase == phase and means(e, f)


def _plain(means: Means) -> Means:
    """Only for http addresses."""
    return lambda e, f: not f.facts.secure and means(e, f)


def _certificate(*codes: int) -> Means:
    """By what OpenSSL finds wrong with a certificate (X509_V_ERR_...)."""

    def means(e: BaseException, f: Failure) -> bool:
        return isinstance(e, ssl.SSLCertVerificationError) and (
            getattr(e, "verify_code", None) in codes
        )

    return means


def _is(*classes: type[BaseException]) -> Means:
    return lambda e, f: isinstance(e, classes)


def _speaks_tls(e: BaseException, f: Failure) -> bool:
    # A record of TLS (RFC 8446, 5.1): an alert, or its handshake.
    return isinstance(e, NotHTTP) and e.beginning[:2] in (b"\x15\x03", b"\x16\x03")


def _speaks_http2(e: BaseException, f: Failure) -> bool:
    # It begins with SETTINGS (RFC 9113, 3.4 and 4.1).
    return isinstance(e, NotHTTP) and e.beginning[:1] == b"\0" and e.beginning[3:4] == b"\x04"


def _begins(e: BaseException) -> str:
    beginning = getattr(e, "beginning", b"")[:40]
    return f"what came is no HTTP: it begins with {beginning!r}"


_HUNG_UP = "the server closed the connection without an answer"
_HUNG_UP_HINT = "Check the port, and whether the address is http or https."
_hangs_up = is_named("ServerDisconnectedError")
_hangs_up_stock = _says("RemoteProtocolError", "without sending", "disconnected")
_cut = is_named(
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
        is_named("ClientConnectorCertificateError", "ServerFingerprintMismatch"),
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
    # Names.
    _Row(
        _is(socket.gaierror),
        "no such host",
        "Check the host's name, and whether you are online.",
    ),
    _Row(_says("UnicodeError", "idna", "label"), "no such host", "Check the host's name."),
    _Row(
        is_named("ClientConnectorDNSError"),
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
    # In a browser.
    _Row(
        is_named("FetchFailed"),
        "the browser did not get it",
        "Is the server there, and does it allow this page (Access-Control-Allow-Origin)? The browser's "
        "console says more.",
    ),
    # What is no HTTP.
    _Row(_speaks_tls, "the port speaks TLS", "Take https:// instead of http://.", "no answer"),
    _Row(
        _speaks_http2,
        "the server speaks HTTP/2 alone",
        "Pass client=lambda: httpx.AsyncClient(http1=False, http2=True).",
        "no answer",
    ),
    _Row(
        _is(HeadTooLarge),
        f"the headers of the answer are over {MAX_HEAD_BYTES // 1024} KiB",
        "A server that sends so many cookies, or writes its body there, has a fault of its own.",
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
        _in(
            "connect", is_named("HttpProcessingError", "ClientResponseError", "RemoteProtocolError")
        ),
        "what came is no HTTP that can be read",
        _HUNG_UP_HINT,
        "no answer",
    ),
    _Row(
        is_named("HttpProcessingError", "RemoteProtocolError", "ClientResponseError"),
        "what came is no HTTP that can be read",
    ),
    _Row(is_named("PoolTimeout"), "the client has no connection free", "Raise its limits=."),
    _Row(
        is_named("ReadTimeout", "SocketTimeoutError"),
        "nothing came in time",
        "The client's own timeout ended it.",
    ),
    _Row(
        _is(TimeoutError),
        "no answer in time",
        "Check the host and port, and a firewall between.",
    ),
    _Row(
        is_named("ConnectTimeout", "TimeoutException", "ServerTimeoutError"),
        "no answer in time",
        "Check the host and port, and a firewall between.",
    ),
    _Row(
        _is(ConnectionResetError, BrokenPipeError, ConnectionAbortedError),
        "connection reset by the server",
    ),
    _Row(
        is_named("ReadError", "CloseError", "WriteError", "ClientConnectionError"),
        "the server closed the connection",
    ),
)
