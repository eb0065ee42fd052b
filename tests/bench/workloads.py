"""What is measured: five event streams, the same on every machine, and four ways to cut them.

Pure data; imports nothing of the package.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable

__all__ = ["CUTS", "WORKLOADS", "keyed", "pieces"]


def ticks(n: int) -> list[bytes]:
    """Prices of 30 bytes, without id or type."""
    rng = random.Random(1)
    return [
        b'data: {"BTC":%d.%02d,"q":%d}\n\n' % (rng.randrange(10_000, 99_999), i % 100, i % 10)
        for i in range(n)
    ]


def keyed(n: int, keys: int = 1_000) -> list[bytes]:
    """Trades of so many symbols, of 75 bytes: type and data."""
    rng = random.Random(4)
    return [
        b'event: trade\ndata: {"symbol":"S%04d","price":%d.%02d,"size":%d,"side":"%s"}\n\n'
        % (
            rng.randrange(keys),
            rng.randrange(100, 999),
            i % 100,
            i % 10,
            rng.choice([b"buy", b"sell"]),
        )
        for i in range(n)
    ]


def json_with_ids(n: int) -> list[bytes]:
    """Objects of 1.6 KB, as of a feed of changes: `id` and `data`."""
    rng = random.Random(2)
    events = []
    for i in range(n):
        change = {
            "$schema": "/mediawiki/recentchange/1.0.0",
            "meta": {"id": f"{rng.getrandbits(128):032x}", "dt": f"2026-01-01T00:00:{i % 60:02}Z"},
            "id": i,
            "type": rng.choice(["edit", "categorize", "log"]),
            "title": f"Talk:Züge {i}" if i % 10 == 0 else f"Talk:Trains {i}",
            "comment": " ".join(
                rng.choice(["added", "a", "reference", "[[link]]"]) for _ in range(205)
            ),
            "bot": bool(i % 3),
        }
        data = json.dumps(change, ensure_ascii=False, separators=(",", ":"))
        events.append(f"id: {i}\ndata: {data}\n\n".encode())
    return events


def deltas(n: int) -> list[bytes]:
    """Tokens of a language model: 340 bytes of JSON around one word."""
    rng = random.Random(3)
    events = []
    for i in range(n):
        chunk = {
            "id": "chatcmpl-" + "7f3a" * 8,
            "object": "chat.completion.chunk",
            "created": 1_790_000_000,
            "model": "some-model-2026-01-01",
            "system_fingerprint": "fp_0123456789",
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": rng.choice([" the", " token", " of", ","])},
                    "logprobs": None,
                    "finish_reason": None,
                }
            ],
            "usage": None,
            "obfuscation": "x" * (17 + i % 5),
        }
        events.append(f"data: {json.dumps(chunk)}\n\n".encode())
    return events


def multi_line(n: int) -> list[bytes]:
    """Events of 20 lines: a type, an id and 18 lines of a log."""
    return [
        b"event: log\nid: %d\n" % i
        + b"".join(b"data: %04d INFO worker %d did its part\n" % (i, line) for line in range(18))
        + b"\n"
        for i in range(n)
    ]


def with_comments(n: int) -> list[bytes]:
    """Ticks; before every fifth of them a keep-alive comment, sent by itself."""
    events = []
    for i, event in enumerate(ticks(n)):
        if i % 5 == 0:
            events.append(b": keep-alive\n\n")
        events.append(event)
    return events


# name -> (events, how many in a run)
WORKLOADS: dict[str, tuple[Callable[[int], list[bytes]], int]] = {
    "ticks, 30 B": (ticks, 4000),
    "JSON with ids, 1.6 KB": (json_with_ids, 800),
    "token deltas, 340 B": (deltas, 2000),
    "20-line events": (multi_line, 500),
    "ticks and comments": (with_comments, 4000),
}

# name -> bytes of a chunk; None: a chunk an event
CUTS: dict[str, int | None] = {"1 byte": 1, "one event": None, "16 KiB": 2**14, "64 KiB": 2**16}


def pieces(events: list[bytes], size: int | None) -> list[bytes]:
    """The stream in chunks of `size` bytes."""
    if size is None:
        return list(events)
    stream = b"".join(events)
    return [stream[i : i + size] for i in range(0, len(stream), size)]
