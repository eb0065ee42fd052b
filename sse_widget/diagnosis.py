"""Failures in plain words: what an exception, a status or a body means and what to change.

Words only: it raises nothing, retries nothing and never repeats a header or a body beyond the
beginning of an answer. Imports `errors` only.
"""

from __future__ import annotations

import ssl

from .errors import ConnectionFailed

__all__ = ["content_hint", "explain", "quoted", "status_hint"]


def status_hint(status: int, last_id: str = "") -> str:
    """What a person can change after an answer with this status; "" where nothing is known.

    Args:
        last_id: the id the server was asked to resume after.
    """
    if last_id and status in _MAY_BE_THE_ID:
        return (
            f"It may not accept the id it was asked to resume after, {last_id!r}: "
            "last_event_id='' begins anew."
        )
    return _STATUS_HINTS.get(status, "")


_MAY_BE_THE_ID = frozenset({400, 409, 410, 412, 416, 422})


_STATUS_HINTS = {
    400: "The server did not understand the request: check the parameters.",
    401: "It wants to know who you are: pass auth=(user, password) or headers={...}.",
    403: "You are known but not allowed: check the token's rights.",
    404: "Check the path of the URL.",
    405: "It wants another method: try method='POST', or GET without a body.",
    406: "It has no event stream at this address.",
    407: "The proxy wants to know who you are.",
    410: "This address is gone for good.",
    429: "Too many requests: the server asks for patience.",
    500: "The server had an error of its own.",
    502: "The proxy in front of the server got no answer from it.",
    503: "The server is not available for now.",
    504: "The proxy in front of the server waited too long for it.",
}


def content_hint(essence: str, body: str) -> str:
    """What an answer is that is no event stream, from its content type and first bytes."""
    start = body.lstrip()[:200].lower()
    if essence == "text/html" or start.startswith(("<!doctype html", "<html")):
        return "This is an HTML page: a login page or a front end? Look for the API's address."
    if essence in ("application/x-ndjson", "application/ndjson", "application/jsonl") or (
        start.startswith("{") and "\n{" in body
    ):
        return "This is NDJSON: one JSON a line, no event stream."
    if "json" in essence or start.startswith(("{", "[")):
        return "This is plain JSON: the API may want a parameter such as stream=true."
    if start.startswith(("data:", "event:", "id:", ":")):
        return "The body looks like an event stream: the server should name it text/event-stream."
    return "Check that the address is the event stream's own."


def quoted(body: str) -> str:
    """The beginning of a body, as the end of a sentence."""
    line = " ".join(body.split())
    if not line:
        return ""
    return f": {line[:120]}…" if len(line) > 120 else f": {line}"


def explain(error: BaseException, masked: str, what: str) -> ConnectionFailed:
    """A transport's exception as one of ours: the cause in plain words, no secret in it."""
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain and len(chain) < 8:
        chain.append(at)
        at = at.__cause__ or at.__context__
    for e in chain:
        # Where Dask is loaded an exception is pickled with its causes, and httpx's know the request.
        for name in ("_request", "request_info"):
            if name in getattr(e, "__dict__", {}):
                setattr(e, name, None)
    names = " ".join(type(e).__name__ for e in chain)
    texts = " ".join(str(e) for e in chain)
    if any(isinstance(e, ssl.SSLCertVerificationError) for e in chain) or "CERTIFICATE" in texts:
        why, hint = (
            "the certificate cannot be trusted",
            ("Pass client=httpx.AsyncClient(verify=...) with the right certificates."),
        )
    elif "SSL" in names or "SSL" in texts:
        why, hint = "TLS failed", "Check whether the address is http or https."
    elif "ConnectionRefused" in names or "Connect call failed" in texts or "refused" in texts:
        why, hint = "connection refused", "Is the server running, at this host and port?"
    elif "gaierror" in names or "DNS" in names or "Name or service" in texts:
        why, hint = "no such host", "Check the host's name, and whether you are online."
    elif "ConnectionReset" in names or "reset by peer" in texts:
        why, hint = "connection reset by the server", ""
    elif "Timeout" in names:
        why, hint = "no answer in time", "Check the host and port, and a firewall between."
    elif "Payload" in names or "RemoteProtocol" in names or "IncompleteRead" in names:
        why, hint = "the body was cut in the middle", ""
    elif "Disconnected" in names or "ReadError" in names:
        why, hint = "the server closed the connection", ""
    else:
        why, hint = type(error).__name__, ""
    return ConnectionFailed(f"{what}: {why}", url=masked, hint=hint)
