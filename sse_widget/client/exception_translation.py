"""Exceptions of the transport -> ours, in plain words, with no secret in them.

`exception_causes` says what an exception means. This module finds the exceptions behind one, tells whether the server or
a proxy failed, and takes the secrets of the request out of the text. It raises nothing and retries nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from types import SimpleNamespace

from ..errors import BadStatus, ConnectionFailed, SSEError
from ..masking import MASK
from .exception_causes import Explanation, Failure, Phase, cause_of, is_named, prefix, words_of
from .hint_facts import COMMAND_LINE, RequestFacts
from .hints import NAMED_BY_ITSELF, proxy_hint
from .transport_errors import NoAnswer, ProxyDown, ProxyRefused


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
    told: SSEError = ConnectionFailed(f"{prefix(phase)}: {type(error).__name__}", url=facts.url)
    chain = tuple(_chain(error))
    # What explains a failure must not be one.
    with contextlib.suppress(Exception):
        told = _told(Failure(phase, facts, chain))
    for e in chain:
        with contextlib.suppress(Exception):
            _disarm(e, facts.url)
    return told


def _told(failure: Failure) -> SSEError:
    refused = _refusal(failure)
    if refused is not None:
        return refused
    what, why, hint = _cause(failure)
    return ConnectionFailed(f"{what}: {why}", url=failure.facts.url, hint=hint)


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
    key = kept.get("_conn_key")
    if key is not None and hasattr(key, "_replace"):
        bare = key._replace(proxy=None, proxy_auth=None, proxy_headers_hash=None)
        kept["_conn_key"] = bare
        error.args = (bare, *error.args[1:])
    if "_url" in kept:
        kept["_url"] = masked
        error.args = (masked, *error.args[1:])


# ---------------------------------------------------------------------- proxies


def _refusal(failure: Failure) -> SSEError | None:
    """The answer of a proxy that did not connect, as an answer; None where there is none."""
    refused = next((e for e in failure.chain if isinstance(e, ProxyRefused)), None)
    if refused is None:
        of_httpx = is_named("ProxyError")
        found = next((e for e in failure.chain if of_httpx(e, failure)), None)
        if found is None or isinstance(found, OSError):  # aiohttp's: it could not be reached
            return None
        refused = _of_httpx(words_of(found))
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


# ---------------------------------------------------------------------- the cause


def _cause(failure: Failure) -> Explanation:
    """The cause, which names who failed, in the words of its reader: Python's or the command line's."""
    what, why, hint = cause_of(failure) or _unknown(failure)
    down = next((e for e in failure.chain if isinstance(e, ProxyDown)), None)
    if down is not None:
        hint = f"Is it running, at this host and port? {down.source} names it."
        if down.source not in NAMED_BY_ITSELF:
            hint += " A host in NO_PROXY needs none."
        why = why.replace("the server's", "its", 1).replace("the server", "it", 1)
        return Explanation(f"could not connect to the proxy {down.proxy}", why, hint)
    asked = next((e.proxy for e in failure.chain if isinstance(e, NoAnswer)), "")
    if asked:
        why = why.replace("the server", f"the proxy {asked}", 1)
    return Explanation(what, why, _in_words(hint, failure.facts))


def _unknown(failure: Failure) -> Explanation:
    known = [e for e in failure.chain if not isinstance(e, NoAnswer | ProxyDown)]
    return Explanation(
        prefix(failure.phase), type(known[-1]).__name__ if known else "no answer", ""
    )


def _in_words(hint: str, facts: RequestFacts) -> str:
    if facts.speech is COMMAND_LINE and ("SSLContext" in hint or "client=" in hint):
        return f"In Python: {hint}"
    return hint.replace(
        "verify=", "the client's verify=" if facts.own_client else facts.speech.verify
    )
