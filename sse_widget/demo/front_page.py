"""The first page of the demo server: every feed, with a link and a command to try it by.

HTML as text; knows the feeds and no server.
"""

from __future__ import annotations

import html
from pathlib import Path

from .feeds import FLAKY, SENSORS, TICKS, WIKI

ASK = (
    '{"model": "demo", "stream": true, '
    '"messages": [{"role": "user", "content": "Tell me about lighthouses"}]}'
)
"""A request that /llm answers."""

_TOKEN = '-H "Authorization: Bearer $TOKEN"'
_MCP = (
    "-H 'Accept: text/event-stream' "
    """-d '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}'"""
)


def page(base: str, folder: Path | None) -> str:
    """The page of the server at `base`, which replays what is in `folder`."""
    recordings = (
        f"recordings in {folder}, byte for byte; ?ids=1 adds ids, ?speed=10 events a second"
        if folder
        else "recorded streams; start with --replay-dir DIR"
    )
    feeds = [
        (f"/ticks?rate={TICKS.rate:g}", TICKS.about, ""),
        (f"/wiki?rate={WIKI.rate:g}", WIKI.about, ""),
        (f"/sensors?rate={SENSORS.rate:g}&sensors=8", SENSORS.about, ""),
        ("/llm", "POST: an answer token by token, as language models give it", f"-d '{ASK}'"),
        (f"/flaky?drop_after=20&rate={FLAKY.rate:g}", FLAKY.about + "; ?fail=1 adds a 503", ""),
        ("/flood?rate=20000&size=60", "as fast as you like; ?seconds= or ?count= ends it", ""),
        ("/job?seconds=4&steps=20", "the progress of a job, and how it ended; ?fail=1", ""),
        ("/changes?drop_after=50", "changes of a table; several share an id, which is a time", ""),
        ("/messages", "POST: the same answer in Anthropic's events", f"-d '{ASK}'"),
        ("/basic", "prices, for user demo with password secret", "-u demo:secret"),
        ("/digest", "the same, with Digest", "--digest -u demo:secret"),
        ("/private", "readings, with a token that POST /token?lifetime=60 gives", _TOKEN),
        (
            "/states",
            "states of a house, for who has the token",
            "-H 'Authorization: Bearer secret'",
        ),
        ("/mcp", "POST: a tool server (MCP) that counts slowly", _MCP),
        ("/replay/NAME.sse", recordings, ""),
    ]
    items = "".join(
        f"<dt><a href='{html.escape(path)}'>{html.escape(path)}</a></dt>"
        f"<dd>{html.escape(about)}<pre>{_command(base + path, options)}</pre></dd>"
        for path, about, options in feeds
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>sse-widget demo feeds</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:44em;margin:2em auto;padding:0 1em;"
        "color-scheme:light dark}pre{overflow:auto}</style>"
        f'<h1>Demo feeds</h1><p>In a notebook: <code>SSEStream("{html.escape(base)}/ticks")'
        f"</code></p><dl>{items}</dl></html>"
    )


def _command(url: str, options: str) -> str:
    return html.escape(f"curl -N '{url}' {options}".rstrip(), quote=False)
