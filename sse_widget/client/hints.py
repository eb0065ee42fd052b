"""What a user can change after an answer that is no event stream, in plain words.

A hint knows what was given (`hint_facts`), what the server asks for, and where redirects led: it tells
nobody to pass what was passed. It raises nothing, retries nothing and repeats nothing of an answer but
names that it knows, and the beginning of a body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..visible import quoted as quoted_id
from .hint_facts import RequestFacts

if TYPE_CHECKING:
    from .options import SourceOptions

# An id is only one more suspect where the address, or the whole request, may be wrong.
_MAY_BE_THE_ID = frozenset({400, 404, 409, 410, 412, 413, 414, 416, 422, 431})
_ID_SHOWN = 60

Headers = Mapping[str, str]


def status_hint(status: int, facts: RequestFacts, headers: Headers, body: str = "") -> str:
    """What can be changed after an answer with this status; "" where nothing is known.

    Args:
        headers: of the answer.
        body: its beginning.
    """
    if status == 400 and not facts.secure and "https" in body.lower():
        return "The port speaks TLS: take https:// instead of http://."
    special = _SPECIAL.get(status)
    hint = _WORDS.get(status, "") if special is None else special(facts, headers)
    if facts.left_behind and status in (401, 403):
        hint = (
            f"It was redirected to {facts.origin}, and credentials do not go to another origin: take "
            "that address itself where you trust it."
        )
    if facts.last_event_id and status in _MAY_BE_THE_ID:
        shown = facts.last_event_id[:_ID_SHOWN]
        more = f"… ({len(facts.last_event_id):,} characters)"
        it = quoted_id(shown) + (more if shown != facts.last_event_id else "")
        hint += (
            f" It may not accept the id it was asked to resume after, {it}: {facts.speech.anew}."
        )
    if facts.proxy and status in _OF_PROXIES:
        hint += f" It came through the proxy {facts.proxy}, which may be the one that says so."
    return hint.strip()


_OF_PROXIES = frozenset({403, 502, 503, 504})
_CLOUDFLARE = "Cloudflare got no good answer from the server behind it."

_WORDS = {
    400: "The server did not understand the request: check the parameters.",
    402: "It wants to be paid first: check the account.",
    404: "Check the path of the URL.",
    407: "A proxy wants a user and a password: give them to the client of client=, with its proxy.",
    408: "The server did not get the request in time.",
    409: "It does not fit to what goes on there already: another stream of the same account?",
    410: "This address is gone for good.",
    411: "It wants to know the length of the body before.",
    413: "The request is too large.",
    414: "The URL is too long.",
    416: "It does not have the part that was asked for.",
    421: "This server is not the one for this host: check the address.",
    422: "It understood the request and cannot use what it says: check the parameters.",
    425: "It does not take requests so early.",
    429: "Too many requests: the server asks for patience.",
    431: "The headers of the request are too large: a long token, or many cookies?",
    451: "It may not answer for legal reasons.",
    500: "The server had an error of its own.",
    501: "It does not know this method.",
    502: "The proxy in front of the server got no answer from it.",
    503: "The server is not available for now.",
    504: "The proxy in front of the server waited too long for it.",
    505: "It does not speak this version of HTTP.",
    511: "This network wants a login first: open any page in a browser.",
    529: "The service is overloaded.",
    **dict.fromkeys((*range(520, 528), 530), _CLOUDFLARE),
}


def _unauthorized(facts: RequestFacts, headers: Headers) -> str:
    """401: by what it asks for, and by what it was given."""
    said = headers.get("www-authenticate", "")
    asks = _asks_for(said, facts)
    if facts.asked:
        names = facts.named(facts.asked)
        again = ", though it was asked for once more" if facts.asked_twice else ""
        return f"It does not accept what {names} gave{again}. {asks}".strip()
    if not facts.credentials:
        speech = facts.speech
        return asks or f"It wants to know who you are: {speech.bearer}, or {speech.basic}."
    hint = f"It does not accept the credentials in {facts.named(facts.credentials)}"
    expired = facts.reconnected or re.search("expired|invalid_token", said, re.I)
    hint += ": they may have expired; " if expired else ": check them; "
    return f"{hint}{facts.speech.refresh}. {asks}".strip()


def _asks_for(challenge: str, facts: RequestFacts) -> str:
    """What a WWW-Authenticate header asks for (RFC 9110, 11.6.1); "" where that says nothing new."""
    schemes = {
        name.lower()
        for name in re.findall(r"(?:^|,)\s*([A-Za-z][\w-]*)(?=\s|,|$)(?!\s*=)", challenge)
    }
    speech = facts.speech
    # Who gave a token or a password is asked for the same again.
    given = bool(facts.credentials or facts.asked)
    ways = []
    if schemes & {"bearer", "token", "dpop", "oauth"} and not given:
        ways.append(f"a token: {speech.bearer}")
    if "digest" in schemes:
        ways.append(f"Digest: {speech.digest}")
    if "basic" in schemes and not given:
        ways.append(f"a user and a password: {speech.basic}")
    others = sorted(schemes - {"bearer", "token", "dpop", "oauth", "digest", "basic"})
    known = {"negotiate": "Negotiate", "ntlm": "NTLM", "kerberos": "Kerberos"}
    ways += [f"{known[name]}: {speech.other}" for name in others if name in known]
    return f"It asks for {', or for '.join(ways)}." if ways else ""


def _forbidden(facts: RequestFacts, headers: Headers) -> str:
    """403."""
    if facts.credentials or facts.asked:
        return "You are known but not allowed: check the rights of the token or the account."
    if "cf-mitigated" in headers or headers.get("server", "").lower() == "cloudflare":
        return "Cloudflare stands in front of it and lets no programs in: ask for an API's address."
    return f"It may want to know who you are: {facts.speech.bearer}."


def _method(facts: RequestFacts, headers: Headers) -> str:
    """405."""
    allowed = re.sub(r"[^A-Z, -]", "", headers.get("allow", "").upper())[:60].strip(" ,")
    hint = f"It wants another method{f', one of {allowed}' if allowed else ''}"
    if facts.method == "GET":
        return f"{hint}: {facts.speech.post}."
    return f"{hint}: a GET has no json= and no content=."


def _not_acceptable(facts: RequestFacts, headers: Headers) -> str:
    """406."""
    if "accept" in facts.names:
        return f"It has nothing of what Accept in {facts.speech.headers} asks for: leave it out."
    return "It has no event stream at this address."


def _unsupported(facts: RequestFacts, headers: Headers) -> str:
    """415."""
    return (
        "It does not take this kind of body: json= sends JSON, and with content= the kind is a header "
        f'of yours, {facts.speech.headers} with "Content-Type".'
    )


def _upgrade(facts: RequestFacts, headers: Headers) -> str:
    """426."""
    return f"It wants another version of HTTP: {facts.speech.http2}."


def _not_modified(facts: RequestFacts, headers: Headers) -> str:
    """304."""
    return f"Leave If-None-Match and If-Modified-Since out of {facts.speech.headers}."


_SPECIAL: dict[int, Callable[[RequestFacts, Headers], str]] = {
    304: _not_modified,
    401: _unauthorized,
    403: _forbidden,
    405: _method,
    406: _not_acceptable,
    415: _unsupported,
    426: _upgrade,
}

# What names a proxy by itself, and not for all programs.
NAMED_BY_ITSELF = frozenset({"proxy=", "--proxy", "the client"})


def proxy_hint(status: int, source: str, *, authorized: bool, asks: str = "") -> str:
    """What a user can change where a proxy answers with this status.

    Args:
        source: what names the proxy.
        authorized: whether it was sent a user and a password.
        asks: its Proxy-Authenticate header.
    """
    if status == 407 and asks and not re.search(r"(?:^|,)\s*basic\b", asks, re.I):
        scheme = re.sub(r"[^\w-].*", "", asks.strip())[:20]
        return (
            f"It asks for {scheme}, which is not spoken here: a proxy of your own that does (such as "
            "px or cntlm) can stand between."
        )
    if status == 407 and authorized:
        return f"It does not accept the user and password in {source}."
    if status == 407:
        return f"It wants a user and a password: write user:password@host:port in {source}."
    if status == 403:
        direct = "" if source in NAMED_BY_ITSELF else ", or list the host in NO_PROXY"
        return f"Its rules do not allow this address: ask who runs it{direct}."
    if 300 <= status < 400:
        return "It may want a login first: open any page in a browser that goes through it."
    if status == 429:
        return "Too many requests: it asks for patience."
    if status in (500, 501, 505):
        return "This is an error of the proxy: ask who runs it."
    return "The server may be down, or out of its reach."


def unanswered_note(options: SourceOptions, sent: bool, through: str, limit: float) -> str:
    """What is told of an attempt that has no answer for a while.

    Args:
        sent: whether the request went out.
        through: what it goes through, such as " through the proxy http://p:3128".
        limit: seconds after which it is asked anew, where it is.
    """
    if not sent:
        asked = [f"{n}=" for n in ("headers", "auth") if callable(getattr(options, n))]
        if asked:
            return f"The callable of {' or '.join(asked)} has not returned yet."
        return "It waits for its turn: other streams connect to this host."
    if options.idle_timeout is not None:
        then = f"after {options.idle_timeout:g} s it is given up (idle_timeout=)"
    elif options.reconnects:
        then = f"after {limit:g} s it is asked anew"
    else:
        then = f"a {options.method} is not sent twice, so it is waited for (idle_timeout= ends it)"
    return f"The server has not answered yet{through}; {then}."


# ---------------------------------------------------------------------- what a body is

_FIELD = re.compile(r"(?:data|event|id|retry)[ \t]*:|:")


def content_hint(essence: str, body: str, facts: RequestFacts) -> str:
    """What an answer is that is no event stream, from its first bytes, then from its type."""
    text = body.lstrip("\ufeff").lstrip()
    start = text[:200].lower()
    if _FIELD.match(text):
        return (
            "The body looks like an event stream: whoever runs the server should name it "
            "text/event-stream."
        )
    if start.startswith(("<!doctype html", "<html")):
        return _html_hint(text)
    if start.startswith("<"):
        return "This is XML or a part of a page, no event stream. Look for the API's address."
    if start.startswith("{") and re.search(r"}\s*\n\s*{", text):
        return "This is NDJSON: one JSON a line, no event stream."
    if start.startswith(("{", "[")):
        return f"This is plain JSON: the API may want a parameter: {facts.speech.stream}."
    if text.startswith(("\x1f\ufffd", "PK\x03\x04", "\ufffdPNG", "%PDF")):
        return "This is a file or a compressed body, no event stream."
    if essence == "text/html":
        return _html_hint(text)
    if essence in ("application/x-ndjson", "application/ndjson", "application/jsonl"):
        return "This is NDJSON: one JSON a line, no event stream."
    if "json" in essence:
        return f"This is plain JSON: the API may want a parameter: {facts.speech.stream}."
    if essence == "application/grpc" or essence.startswith("application/grpc+"):
        return "This is gRPC, no event stream."
    if "accept" in facts.names:
        return f"Accept in {facts.speech.headers} asks for other types: leave it out."
    return "Check that the address is the event stream's own."


def _html_hint(text: str) -> str:
    if re.search(r"""type=["']?password""", text, re.I):
        return "This is an HTML page: a login page. The stream's API may want a token."
    return "This is an HTML page: a login page or a front end? Look for the API's address."


def quoted(body: str) -> str:
    """The beginning of a body, as the end of a sentence."""
    line = " ".join(body[:4096].split())
    if not line:
        return ""
    return f": {line[:120]}…" if len(line) > 120 else f": {line}"
