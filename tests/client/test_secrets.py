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
from sse_widget.masking import mask_url

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
    parts += [repr(state), repr(stream._describe()), repr(stream._source), log.getvalue()]
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
                asyncio.run(stream.until(timeout=10))
            else:
                stream._task.result(10)
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
        ("https://x.org/a?empty=&token=", "https://x.org/a?empty=&token="),
    ],
)
def test_mask_url(url, masked):
    assert mask_url(url) == masked
