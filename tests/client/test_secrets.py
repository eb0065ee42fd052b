"""Planted secrets must appear nowhere.

Each way a secret can come in, against each place where text goes out.
"""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import traceback

import pytest

from sse_widget import RetryPolicy, SSEStream
from sse_widget.masking import Secrets, mask_url

from ..helpers.clients import over
from ..helpers.pages import head
from ..helpers.scripted import Peer, Server, answers, free_port, sends

SECRET = "hunter2hunter2"
ONCE = RetryPolicy(initial=0, minimum=0, attempts=1)


def options():
    return {
        "headers": {"Authorization": f"Bearer {SECRET}", "X-Api-Key": SECRET},
        "params": {"plain": SECRET, "page": "1"},
        "json": {"password": SECRET},
        "auth": ("user", SECRET),
        "cookies": {"sid": SECRET},
        "retry": ONCE,
    }


def said(stream, log) -> str:
    """All that a stream says of itself."""
    parts = [repr(stream), str(stream), repr(stream.status), repr(stream.stats), stream.url]
    parts += [repr(g) for g in stream.gaps]
    for error in stream.errors:
        parts += [repr(error), str(error), error.url, error.hint, repr(pickle.dumps(error))]
        parts += traceback.format_exception(error)
    state = {k: v for k, v in stream.get_state().items() if k not in ("_esm", "_css")}
    parts += [repr(state), repr(head(stream)), log.getvalue()]
    return "\n".join(parts)


def redirect(peer):
    peer.answer("302 Go", f"Location: http://u:{SECRET}@127.0.0.1:1/?token={SECRET}\r\n")


SCRIPTS = {
    "open": sends("data: a\n\n", then="hold"),
    "ends": sends("id: 1\ndata: a\n\n"),
    "404": answers("404 Not Found"),
    "html": answers("200 OK", "Content-Type: text/html\r\n", "<html>"),
    "reset": Peer.reset,
    "redirect elsewhere": redirect,
    "redirect nowhere": answers("302 Go", "Location: ftp://x\r\n"),
    "refused": None,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_planted_secrets_appear_nowhere(name):
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with Server(SCRIPTS[name] or Peer.hold) as server:
            port = server.port if SCRIPTS[name] else free_port()
            stream = SSEStream(
                f"http://me:{SECRET}@127.0.0.1:{port}/events?token={SECRET}&q=visible", **options()
            )
            if name == "open":
                asyncio.run(stream.until(timeout=60))
            else:
                over(stream)
            text = said(stream, log)
            stream.close()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert SECRET not in text
    assert "q=visible" in text


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://x.org/a?b=c", "https://x.org/a?b=c"),
        ("https://u:p@x.org/a", "https://***@x.org/a"),
        ("https://x.org/a?token=abc&b=c", "https://x.org/a?token=***&b=c"),
        ("https://x.org/a?access_token=abc", "https://x.org/a?access_token=***"),
        (
            "https://x.org/a?apikey=1&X-Amz-Signature=2",
            "https://x.org/a?apikey=***&X-Amz-Signature=***",
        ),
        ("https://x.org/a?monkey=1&keyboard=2", "https://x.org/a?monkey=1&keyboard=2"),
        ("https://x.org/a?q=sk-abcdef", "https://x.org/a?q=***"),
        ("https://x.org/a#token=abc", "https://x.org/a"),
        *[
            (f"https://x.org/a?{name}=v&page=1", f"https://x.org/a?{name}=***&page=1")
            for name in [
                "sessionid",
                "JSESSIONID",
                "PHPSESSID",
                "session_id",
                "sid",
                "connect.sid",
                "secretKey",
                "authkey",
                "authKey",
                "auth_token",
                "accessToken",
                "refresh-token",
                "X-API-Key",
                "apiKey",
                "AWSAccessKeyId",
                "private_key",
                "clientSecret",
                "client_secret",
                "passphrase",
                "passwd",
                "pwd",
                "password1",
                "signature",
                "Sig",
                "credential",
                "jwt",
                "bearer",
                "csrf_token",
                "otp",
                "%74oken",
                "subscription-key",
                "sharedKey",
                "code",
            ]
        ],
        *[
            (f"https://x.org/a?{name}=v", f"https://x.org/a?{name}=v")
            for name in [
                "monkey",
                "keyboard",
                "keyword",
                "author",
                "symbol",
                "page",
                "assignee",
                "consider",
                "design",
            ]
        ],
        *[
            (f"https://x.org/a?q={value}", "https://x.org/a?q=***")
            for value in [
                "sk_live_4eC39Hq",
                "sk_test_4eC39Hq",
                "rk_live_4eC",
                "sk-proj-abc",
                "github_pat_11ABC",
                "ghp_abc",
                "gho_abc",
                "AKIAIOSFODNN7EXAMPLE",
                "ASIAIOSFODNN7EXAMPLE",
                "AIzaSyD-abcdefg",
                "glpat-abcdef",
                "xoxb-1-2",
                "xapp-1-a",
                "whsec_abc",
                "ya29.abc",
                "eyJhbGciOi.eyJzdWI.c2ln",
                "Bearer%20abc",
                "SG.abcdefgh.x",
                "0123456789abcdef0123456789abcdef",
                "https%3A%2F%2Fu%3Ap%40h%2F",
                "x%3Ftoken%3Dabc",
            ]
        ],
        ("https://x.org/a;token=abc/b;v=1?c", "https://x.org/a;token=***/b;v=1?c"),
        ("https://x.org/a;jsessionid=abc", "https://x.org/a;jsessionid=***"),
        ("https://x.org/a?b=1;token=abc;c=2", "https://x.org/a?b=1;token=***;c=2"),
        ("https://x.org/bot123456:AAabc/x", "https://x.org/***/x"),
        ("https://x.org/token/hunter2hunter2/e", "https://x.org/token/***/e"),
        ("https://x.org/api/session/stream", "https://x.org/api/session/stream"),
        ("https://x.org/sessions/2024/live", "https://x.org/sessions/2024/live"),
        ("https://x.org/a?token:abc&b", "https://x.org/a?***&b"),
        ("https://x.org/a?ticket=abc", "https://x.org/a?ticket=***"),
        ("https://x.org/a?q=glsa_abc", "https://x.org/a?q=***"),
        ("https://x.org/a?%7e=%41+b&token=x", "https://x.org/a?%7e=%41+b&token=***"),
        ("https://mastodon.example/@user/feed", "https://mastodon.example/@user/feed"),
        ("https://x.org/of/bob@x.org/feed", "https://x.org/***@x.org/feed"),
        ("http://localhost:8000/@user?mail=a@b", "http://localhost:8000/@user?mail=***"),
        ("https://x.org/a?empty=&token=", "https://x.org/a?empty=&token="),
    ],
)
def test_mask_url(url, masked):
    assert mask_url(url) == masked


def test_what_was_put_off_waits_until_there_is_text_to_hide_it_in():
    """Most streams say nothing of themselves when they end, and then nothing is looked up for it."""
    secrets, asked = Secrets(), []

    def later() -> None:
        asked.append("it")
        secrets.add(SECRET)

    secrets.add_later(later)
    assert secrets.hide("") == ""
    assert asked == []
    assert SECRET not in secrets.hide(f"with {SECRET} in it")
    assert asked == ["it"]
