"""What the demo feeds say: event n of a feed, as bytes.

Every event is a pure function of its number (and, where the data carries a time, of that time), so
history needs no storage and a resumed stream repeats nothing and skips nothing. This module does no
I/O, knows no server.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Feed:
    """One kind of stream: how fast it runs by itself, and its event number n.

    Attributes:
        event: (number, seconds since the epoch) -> (event type or "", data).
        rate, max_rate: events a second, by default and at most.
    """

    name: str
    about: str
    rate: float
    max_rate: float
    event: Callable[[int, float], tuple[str, str]]

    def encoded(self, number: int, at: float) -> bytes:
        kind, data = self.event(number, at)
        return encode(kind, data, number)


def encode(kind: str, data: str, number: int) -> bytes:
    """One event as the wire has it; "message" is the type an event has without an event line."""
    head = f"event: {kind}\n" if kind else ""
    return f"id: {number}\n{head}data: {data}\n\n".encode()


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _iso(at: float) -> str:
    when = datetime.fromtimestamp(at, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _chance(salt: str, number: int) -> random.Random:
    # A str seed is hashed with SHA-512: the same on every machine and every Python.
    return random.Random(f"{salt}/{number}")


# --- /ticks -------------------------------------------------------------------------------------

# symbol -> (price it wanders around, typical size of a trade, decimals of the price)
_SYMBOLS = {
    "BTC": (67_000.0, 0.2, 1),
    "ETH": (3_500.0, 2.0, 2),
    "SOL": (150.0, 30.0, 2),
    "ACME": (84.0, 120.0, 2),
    "INIT": (12.5, 400.0, 3),
}
_NAMES = tuple(_SYMBOLS)
_WEIGHTS = (8, 6, 4, 3, 2)
_RANDOM = random.Random("noise")
_NOISE = tuple(_RANDOM.gauss(0, 1) for _ in range(4096))
_OCTAVES = 15
_HEADLINES = (
    "{} opens a second office, next door to the first",
    "{} says the quarter was a quarter of a year",
    "Analysts divided on {}, then multiplied",
    "{} denies rumours that nobody had heard",
    "Record volume in {} after a quiet morning",
    "{}: what the charts do not show",
)


def _walk(lane: int, number: int) -> float:
    """A random walk that can be read at any point: noise of ever longer wave lengths.

    Each wave length is twice as long and sqrt(2) as high as the last one, which is the spectrum of
    a walk; a true walk would have to be added up from event 0.
    """
    total = 0.0
    for octave in range(1, _OCTAVES):
        position, inside = divmod(number, 1 << octave)
        offset = lane * 1_009 + octave * 271 + position
        left, right = _NOISE[offset & 4095], _NOISE[(offset + 1) & 4095]
        total += math.sqrt(1 << octave) * (left + (right - left) * inside / (1 << octave))
    return total


def _tick(number: int, at: float) -> tuple[str, str]:
    chance = _chance("ticks", number)
    symbol = chance.choices(_NAMES, _WEIGHTS)[0]
    base, typical, digits = _SYMBOLS[symbol]
    price = base * math.exp(0.00015 * _walk(_NAMES.index(symbol), number))
    kind = chance.random()
    if kind < 0.0005:
        return "halt", _dump(
            {"symbol": symbol, "reason": "volatility", "seconds": chance.choice((30, 60, 120))}
        )
    if kind < 0.01:
        return "news", _dump(
            {"symbol": symbol, "headline": chance.choice(_HEADLINES).format(symbol)}
        )
    size = round(chance.lognormvariate(0, 0.8) * typical, 3)
    if kind < 0.4:
        spread = price * chance.uniform(0.00005, 0.0003)
        bid = round(price - spread, digits)
        # Rounded, both could be the same: no market quotes that.
        ask = round(max(price + spread, bid + 10.0**-digits), digits)
        return "quote", _dump({"symbol": symbol, "bid": bid, "ask": ask, "size": size})
    side = chance.choice(("buy", "sell"))
    return "trade", _dump(
        {"symbol": symbol, "price": round(price, digits), "size": size, "side": side}
    )


# --- /wiki --------------------------------------------------------------------------------------

# language -> titles; all invented
_TITLES = {
    "en": ("History of the paper clip", "Lighthouse at Sable Point", "List of slow rivers"),
    "de": ("Geschichte der Büroklammer", "Großer Mühlteich", "Straßenbahn Überlingsen"),
    "fr": ("Phare de l’Île-aux-Brumes", "Forêt des Œillets", "Histoire du trombone à coulisse"),
    "es": ("Montaña de los Siete Ñandúes", "Biblioteca pública de Río Claro", "Pingüino errante"),
    "ja": ("紙クリップの歴史", "霧の島灯台", "ゆっくり流れる川の一覧"),
    "ru": ("История скрепки", "Маяк на мысе Соболином", "Список медленных рек"),
    "ar": ("تاريخ مشبك الورق", "منارة رأس الرمل", "قائمة الأنهار البطيئة"),
    "zh": ("回形针的历史", "雾岛灯塔", "缓流河列表"),
    "he": ("תולדות אטב הנייר", "מגדלור כף החול", "רשימת נהרות איטיים"),
    "hi": ("पेपर क्लिप का इतिहास", "धुंध द्वीप प्रकाशस्तंभ", "धीमी नदियों की सूची"),
}
_LANGUAGES = tuple(_TITLES)
_LANGUAGE_WEIGHTS = (10, 5, 4, 4, 4, 3, 2, 3, 1, 2)
_USERS = ("Heron", "Quill", "Übersetzer", "Brumaire", "Ñusta", "灯台守", "Скрепка", "Kitebuilder")
_BOTS = ("CommaBot", "LinkMender", "DateSorter")
_COMMENTS = (
    "/* Early years */ added a source for the first lighthouse keeper's diary",
    "typo",
    "/* See also */ sorted by name; removed a link that led to itself",
    "undid the last change: the river is slow, not dry",
    "new page, translated from the English one; the table still needs a look 🙂",
    "categories",
)


_PARSED = (
    '<span dir="auto"><span class="autocomment"><a href="{page}#History" title="{title}">'
    "→</a> </span>{comment}</span>"
)


def _change(number: int, at: float) -> tuple[str, str]:
    chance = _chance("wiki", number)
    language = chance.choices(_LANGUAGES, _LANGUAGE_WEIGHTS)[0]
    kind = chance.choices(("edit", "new", "log", "categorize"), (70, 6, 8, 16))[0]
    bot = chance.random() < 0.25
    title = chance.choice(_TITLES[language])
    user = chance.choice(_BOTS if bot else _USERS)
    comment = chance.choice(_COMMENTS)
    server = f"{language}.wiki.example.org"
    path = quote(title.replace(" ", "_"))
    page = f"https://{server}/wiki/{path}"
    old = chance.randrange(400, 90_000)
    revision = 1_000_000 + number
    change: dict[str, Any] = {
        "$schema": "/example/recentchange/1.0.0",
        "meta": {
            "uri": page,
            "request_id": f"{chance.getrandbits(128):032x}",
            "id": f"{chance.getrandbits(128):032x}",
            "dt": _iso(at),
            "domain": server,
            "stream": "example.recentchange",
            "topic": "demo.example.recentchange",
            "partition": 0,
            "offset": number,
        },
        "id": 5_000_000 + number,
        "type": kind,
        "namespace": 14 if kind == "categorize" else 0,
        "title": title,
        "title_url": page,
        "comment": comment,
        "timestamp": int(at),
        "user": user,
        "bot": bot,
        "notify_url": f"https://{server}/w/index.php?diff={revision}&oldid={revision - 1}",
        "server_url": f"https://{server}",
        "server_name": server,
        "server_script_path": "/w",
        "wiki": f"{language}wiki",
        "parsedcomment": _PARSED.format(page=page, title=title, comment=comment),
    }
    change["performer"] = {
        "user_text": user,
        "user_groups": ["bot", "*", "user"] if bot else ["*", "user", "autoconfirmed"],
        "user_is_bot": bot,
        "user_edit_count": chance.randrange(1, 60_000),
    }
    if kind in ("edit", "new"):
        change["minor"] = chance.random() < 0.3
        change["patrolled"] = bot
        grown = old + chance.randrange(-300, 1_200)
        change["length"] = {"new": grown} if kind == "new" else {"old": old, "new": max(0, grown)}
        change["revision"] = {"old": revision - 1, "new": revision}
    if kind == "log":
        change["log_type"] = chance.choice(("move", "delete", "upload", "block"))
        change["log_params"] = {"target": title, "noredir": "0"}
    return "", _dump(change)


# --- /sensors -----------------------------------------------------------------------------------

# kind -> (degrees Celsius it works at, swing of the temperature, bar, revolutions a minute)
_MACHINES = {
    "boiler": (61.0, 6.0, 1.013, 1_480),
    "pump": (38.0, 3.0, 4.2, 2_950),
    "turbine": (412.0, 18.0, 42.0, 3_000),
    "compressor": (74.0, 8.0, 7.5, 1_460),
    "chiller": (-4.0, 1.5, 2.1, 990),
}
_KINDS = tuple(_MACHINES)
_TOO_HOT = 1.06  # swings above what a machine works at: about one reading in a hundred


def _measure(sensors: int, number: int, at: float) -> tuple[str, str]:
    turn, index = divmod(number, sensors)
    kind = _KINDS[index % len(_KINDS)]
    base, swing, bar, speed = _MACHINES[kind]
    of_its_own = _chance("sensor", index)
    wave = math.tau * (turn / of_its_own.randrange(150, 400) + of_its_own.random())
    chance = _chance("sensors", number)
    load = math.sin(wave) + chance.gauss(0, 0.06)
    temperature, limit = round(base + swing * load, 2), round(base + swing * _TOO_HOT, 2)
    reading = {
        "sensor": f"{kind}-{index // len(_KINDS) + 1}",
        "t": _iso(at),
        "temperature": temperature,
        "pressure": round(bar * (1 + 0.02 * load + chance.gauss(0, 0.002)), 3),
        "rpm": round(speed * (1 - 0.01 * load + chance.gauss(0, 0.001))),
    }
    if temperature <= limit:
        return "reading", _dump(reading)
    return "alarm", _dump({**reading, "limit": limit})


def sensors(count: int) -> Feed:
    """The readings of so many sensors, one after the other."""
    return Feed(
        "sensors",
        "readings of machines, now and then an alarm",
        20,
        5_000,
        partial(_measure, count),
    )


# --- /flaky -------------------------------------------------------------------------------------


def _reading(number: int, at: float) -> tuple[str, str]:
    level = 20 + 3 * math.sin(number / 40) + _chance("flaky", number).gauss(0, 0.2)
    return "", _dump({"n": number, "celsius": round(level, 2)})


SENSORS = sensors(8)
TICKS = Feed("ticks", "prices: trades, quotes, now and then news", 5, 5_000, _tick)
WIKI = Feed("wiki", "changes of an invented wiki, about 1.5 KB each", 20, 2_000, _change)
FLAKY = Feed("flaky", "a thermometer whose connection drops", 10, 5_000, _reading)
