"""Option names of other libraries -> what they are called here.

People who come from httpx, requests, aiohttp or another client of event streams write the names that they
know. Pure: names in, words out.
"""

from __future__ import annotations

_CLIENT = "client=lambda: httpx.AsyncClient({}) has it"
_RETRY = "retry=RetryPolicy({}) says it"
_HEADERS = 'headers={{"{}": ...}} sends it'
_FILTER = {
    "SSEStream": "stream.filter = EventFilter(types={...}) chooses them, and so do the page's chips",
    "SSECapture": "filter=EventFilter(types={...}) chooses them",
    "EventSource": "source.add_event_listener(type, fn) chooses them, or event.type in the loop",
}
_LISTEN = {
    "SSEStream": "@stream.on(type) registers one",
    "SSECapture": "an SSEStream has callbacks: @stream.on(type)",
    "EventSource": "source.add_event_listener(type, fn) registers one, or source.on_message = fn",
}
_HELD = {
    "SSEStream": "max_events= and max_bytes= bound what is held",
    "SSECapture": "Capture(to, keep=, keep_bytes=) bounds what is kept",
    "EventSource": "it holds no events; max_event_bytes= bounds one",
}

_NAMES: dict[str, str | dict[str, str]] = {
    **dict.fromkeys(("cert",), _CLIENT.format("cert=...")),
    **dict.fromkeys(("http2", "http1"), _CLIENT.format("http2=True")),
    "trust_env": _CLIENT.format("trust_env=False"),
    "proxies": "proxy= is one proxy for all; client=lambda: httpx.AsyncClient(mounts=...) has several",
    "mounts": _CLIENT.format("mounts=..."),
    "uds": _CLIENT.format("transport=httpx.AsyncHTTPTransport(uds=...)"),
    **dict.fromkeys(("transport", "app"), _CLIENT.format("transport=...")),
    "limits": _CLIENT.format("limits=..."),
    "event_hooks": _CLIENT.format("event_hooks=..."),
    "base_url": _CLIENT.format("base_url=..."),
    **dict.fromkeys(
        ("session", "http_client", "http", "httpx_client", "connector"),
        "client= takes an httpx-compatible async client, or a function that makes one",
    ),
    **dict.fromkeys(
        ("ssl", "ssl_context", "ssl_verify", "verify_ssl", "ca_certs", "cafile", "ca_bundle"),
        "verify= takes False, the path of certificates, or an ssl.SSLContext",
    ),
    **dict.fromkeys(
        ("proxy_url", "http_proxy", "https_proxy", "proxy_auth"),
        "proxy= takes the address, such as http://user:password@host:port",
    ),
    **dict.fromkeys(
        ("timeout", "read_timeout", "timeouts", "sock_read", "heartbeat_timeout", "heartbeat"),
        "idle_timeout= is the silence after which a connection is given up; there is no limit else",
    ),
    "connect_timeout": "it is 30 seconds; " + _CLIENT.format("timeout=..."),
    **dict.fromkeys(
        ("data", "body", "payload", "files"), "content= is a body as it is, json= one as JSON"
    ),
    **dict.fromkeys(
        ("token", "api_key", "apikey", "bearer", "bearer_token", "access_token", "authorization"),
        'headers={"Authorization": "Bearer ..."} sends it; a function there is asked on every attempt',
    ),
    "user_agent": _HEADERS.format("User-Agent"),
    "content_type": _HEADERS.format("Content-Type"),
    **dict.fromkeys(("username", "user", "password", "login"), "auth=(user, password) sends both"),
    **dict.fromkeys(("query", "query_params", "querystring"), "params= is the query"),
    **dict.fromkeys(
        ("max_retries", "retries", "max_attempts", "max_reconnects", "max_reconnect_attempts"),
        _RETRY.format("attempts=...") + "; reconnect=False connects once",
    ),
    **dict.fromkeys(
        (
            "retry_delay",
            "reconnect_delay",
            "initial_retry_delay",
            "initial_delay",
            "reconnection_time",
            "reconnection_delay",
            "retry_interval",
            "reconnect_interval",
        ),
        _RETRY.format("initial=..., maximum=..."),
    ),
    **dict.fromkeys(("max_delay", "max_retry_delay", "max_backoff"), _RETRY.format("maximum=...")),
    **dict.fromkeys(("backoff", "backoff_factor"), _RETRY.format("multiplier=...")),
    **dict.fromkeys(
        ("auto_reconnect", "reconnects", "should_reconnect"), 'reconnect= is True, False or "auto"'
    ),
    **dict.fromkeys(
        ("last_id", "last_event", "lastEventId", "latest_event_id", "since_id"),
        "last_event_id= is the id to resume after",
    ),
    **dict.fromkeys(
        ("follow_redirects", "allow_redirects", "max_redirects"),
        "redirects are followed, 20 at most, and secrets stay within their origin",
    ),
    **dict.fromkeys(
        ("encoding", "charset", "decode_unicode"), "an event stream is UTF-8 by its standard"
    ),
    **dict.fromkeys(
        ("stream", "chunk_size"), "it always streams; json={...} holds a stream= of an API"
    ),
    **dict.fromkeys(
        ("withCredentials", "with_credentials"), "cookies= or auth= hold the credentials"
    ),
    **dict.fromkeys(
        ("event_types", "types", "events", "event_type", "event", "event_name"), _FILTER
    ),
    **dict.fromkeys(
        (
            "on_message",
            "on_event",
            "onmessage",
            "on_open",
            "on_error",
            "onopen",
            "onerror",
            "callback",
            "handler",
        ),
        _LISTEN,
    ),
    **dict.fromkeys(
        ("maxlen", "max_len", "buffer", "buffer_size", "max_size", "maxsize", "max_rows", "limit"),
        _HELD,
    ),
    **dict.fromkeys(
        ("until", "stop_on", "stop_at"), "stop_when= is an event's text, type or a function"
    ),
}


def name_here(owner: str, name: str) -> str:
    """How an option of another library is given to `owner`, as a clause; "" where nobody knows it."""
    found = _NAMES.get(name, "")
    return found if isinstance(found, str) else found.get(owner, found["EventSource"])
