"""Streams that ask for more than a GET: logins, a job, a tool server, a change feed, a house.

Each imitates, in a few lines, a kind of service that people meet, so that every recipe of the
documentation runs without a network. What the other feeds send is `feeds`; who is let in is `logins`.
"""

from __future__ import annotations

import json
import math
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import logins
from .feeds import SENSORS, TICKS, encode
from .history import EPOCH, Schedule
from .llm import MAX_BODY, TOO_LONG, BadRequest, failure, read
from .pace import ALL, RETRY, Pace, answer
from .parameters import body_of, integer, last_id, number

_JSON_RPC = {"jsonrpc": "2.0"}
_PROTOCOL = "2025-06-18"
_TOOL = {
    "name": "count",
    "description": "Counts slowly.",
    "inputSchema": {"type": "object", "properties": {"to": {"type": "integer"}}},
}
_ROOMS = {"kitchen": 21.0, "bath": 23.0, "hall": 18.5, "cellar": 12.0}
_SAME_ID = 4  # changes of one instant, which share their id
_SESSIONS = 1_000
_INSTANTS = 40.0  # a second, at which changes happen


def service_routes(pace: Pace) -> list[Route]:
    """The routes of all services of one server."""
    services = _Services(pace)
    return [
        Route("/basic", services.basic),
        Route("/digest", services.digest),
        Route("/token", services.token, methods=["POST"]),
        Route("/private", services.private),
        Route("/job", services.job),
        Route("/messages", services.messages, methods=["POST"]),
        Route("/mcp", services.mcp, methods=["POST"]),
        Route("/changes", services.changes),
        Route("/states", services.states),
    ]


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _event(kind: str, data: str) -> bytes:
    """One event without an id."""
    return f"event: {kind}\ndata: {data}\n\n".encode()


def _refused(asks: str, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=401, headers={"WWW-Authenticate": asks})


class _Services:
    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._sessions: OrderedDict[str, None] = OrderedDict()  # of /mcp

    # --- logins ---------------------------------------------------------------------------------

    async def basic(self, request: Request) -> Response:
        if not logins.basic(request.headers.get("authorization", "")):
            return _refused('Basic realm="sse-widget demo"', "user demo, password secret")
        return answer(self._pace.follow(request, TICKS))

    async def digest(self, request: Request) -> Response:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if not logins.digest(request.headers.get("authorization", ""), request.method, target):
            return _refused(logins.challenge(), "user demo, password secret")
        return answer(self._pace.follow(request, TICKS))

    async def token(self, request: Request) -> Response:
        lifetime = number(request, "lifetime", 60, 0.1, 86_400)
        return JSONResponse(
            {
                "access_token": logins.issue(self._pace.clock(), lifetime),
                "token_type": "Bearer",
                "expires_in": lifetime,
            }
        )

    async def private(self, request: Request) -> Response:
        """Readings, until the token expires: then the stream ends, and the next attempt needs a new one."""
        end = logins.expires(request.headers.get("authorization", ""))
        if end <= self._pace.clock():
            asks = 'Bearer error="invalid_token"' if end else "Bearer"
            why = "the token has expired" if end else "POST /token gives a token"
            return _refused(asks, why)
        return answer(self._until(end, self._pace.follow(request, SENSORS)))

    async def _until(self, end: float, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for event in events:
            yield event
            if self._pace.clock() >= end:
                return

    # --- a job ----------------------------------------------------------------------------------

    async def job(self, request: Request) -> Response:
        steps = integer(request, "steps", 20, 1, 10_000)
        seconds = number(request, "seconds", 4, 0, 3_600)
        fails = integer(request, "fail", 0, 0, 1)
        last = last_id(request) or 0
        events = list(_job(steps, bool(fails)))
        if last >= len(events):
            return Response(status_code=204)
        rate = len(events) / seconds if seconds else 100_000.0
        return answer(self._pace.spread([RETRY, *events[last:]], rate))

    # --- a language model, the other way ----------------------------------------------------------

    async def messages(self, request: Request) -> Response:
        rate = number(request, "rate", 40, 0.1, 5_000)
        body = await body_of(request, MAX_BODY)
        if body is None:
            return JSONResponse(failure(TOO_LONG), status_code=413)
        try:
            reply, stream = read(body)
        except BadRequest as error:
            return JSONResponse(failure(str(error), error.param), status_code=400)
        if not stream:
            return JSONResponse(failure('This one only streams: "stream": true'), status_code=400)
        events = (_event(kind, data) for kind, data in reply.messages())
        return answer(self._pace.spread(events, rate))

    # --- a tool server (MCP, streamable HTTP) -----------------------------------------------------

    async def mcp(self, request: Request) -> Response:
        if "text/event-stream" not in request.headers.get("accept", ""):
            return PlainTextResponse(
                "Accept: application/json, text/event-stream\n", status_code=406
            )
        body = await body_of(request, MAX_BODY)
        try:
            call = json.loads(body or b"")
            method, params = str(call["method"]), dict(call.get("params") or {})
        except (ValueError, TypeError, KeyError, RecursionError):
            return JSONResponse({"error": "this is no JSON-RPC call"}, status_code=400)
        if method == "initialize":
            session = secrets.token_hex(16)
            self._sessions[session] = None
            while len(self._sessions) > _SESSIONS:
                self._sessions.popitem(last=False)
            about = {"name": "sse-widget demo", "version": "1"}
            result = {
                "protocolVersion": _PROTOCOL,
                "capabilities": {"tools": {}},
                "serverInfo": about,
            }
            return self._replies([_reply(call, result)], {"Mcp-Session-Id": session})
        if request.headers.get("mcp-session-id") not in self._sessions:
            return JSONResponse({"error": "no such session"}, status_code=404)
        if "id" not in call:
            return Response(status_code=202)
        return self._replies(_results(call, method, params))

    def _replies(
        self, replies: list[dict[str, Any]], headers: dict[str, str] | None = None
    ) -> Response:
        return answer(
            self._pace.spread((_event("message", _dump(r)) for r in replies), 20), headers
        )

    # --- a change feed whose ids are instants -----------------------------------------------------

    async def changes(self, request: Request) -> Response:
        """Rows of a table that change. An id is an instant, and so shared by several changes; after a
        reconnect all changes of that instant come again, for a client may have seen only some."""
        drop_after = integer(request, "drop_after", 50, 1, 1_000_000)
        rate = _INSTANTS * _SAME_ID
        newest = Schedule(rate, 1, EPOCH).newest(self._pace.clock())
        asked = _first_of(request.headers.get("last-event-id", ""))
        first = newest if asked is None else min(asked, newest)
        return answer(self._changing(first, drop_after))

    async def _changing(self, first: int, count: int) -> AsyncIterator[bytes]:
        schedule = Schedule(_INSTANTS * _SAME_ID, 1, EPOCH)
        yield b"retry: 200\n\n"
        async for due in self._pace.due(schedule, first, ALL, first + count - 1):
            yield b"".join(_change(n) for n in due)

    # --- a house --------------------------------------------------------------------------------

    async def states(self, request: Request) -> Response:
        """States as a home automation tells them: no ids, and now and then a ping that is no JSON."""
        if request.headers.get("authorization") != f"Bearer {logins.PASSWORD}":
            return _refused("Bearer", "the token is: secret")
        rate = number(request, "rate", 10, 0.1, 5_000)
        return answer(self._changing_states(rate))

    async def _changing_states(self, rate: float) -> AsyncIterator[bytes]:
        schedule = Schedule(rate, 1, EPOCH)
        first = schedule.newest(self._pace.clock())
        async for due in self._pace.due(schedule, first, 1_000):
            for n in due:
                yield b"data: ping\n\n" if n % 25 == 0 else _state(n, schedule.at(n))


def _job(steps: int, fails: bool) -> Iterator[bytes]:
    """The events of a job: its progress, and how it ended."""
    for n in range(1, (steps // 2 if fails else steps) + 1):
        kind, data = "progress", {"step": n, "steps": steps, "message": f"part {n} of {steps}"}
        yield encode(kind, _dump(data), n)
    last = (steps // 2 if fails else steps) + 1
    if fails:
        yield encode("failed", _dump({"error": f"part {last} cannot be read"}), last)
    else:
        yield encode("done", _dump({"result": "report.csv", "rows": steps * 1_000}), last)


def _reply(call: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {**_JSON_RPC, "id": call["id"], "result": result}


def _results(call: dict[str, Any], method: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    """What a tool server answers: of a call that takes long, its progress first."""
    if method == "tools/list":
        return [_reply(call, {"tools": [_TOOL]})]
    if method != "tools/call" or params.get("name") != "count":
        return [
            {**_JSON_RPC, "id": call["id"], "error": {"code": -32601, "message": "no such method"}}
        ]
    arguments, about = params.get("arguments") or {}, params.get("_meta") or {}
    to = arguments.get("to", 3) if isinstance(arguments, dict) else 3
    to = min(max(to, 1), 1_000) if isinstance(to, int) else 3
    token = about.get("progressToken") if isinstance(about, dict) else None
    told = [
        {
            **_JSON_RPC,
            "method": "notifications/progress",
            "params": {"progressToken": token, "progress": n, "total": to},
        }
        for n in range(1, to + 1)
        if token is not None
    ]
    content = [{"type": "text", "text": f"counted to {to}"}]
    return [*told, _reply(call, {"content": content, "isError": False})]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _change(n: int) -> bytes:
    at = EPOCH + (n - 1) // _SAME_ID / _INSTANTS
    row = {
        "n": n,
        "table": "orders",
        "op": ("insert", "update", "update")[n % 3],
        "row": n * 7 % 40,
    }
    return f"id: {_iso(at)}\nevent: change\ndata: {_dump(row)}\n\n".encode()


def _first_of(instant: str) -> int | None:
    """The number of the first change of an instant; None where it is none."""
    try:
        at = datetime.fromisoformat(instant).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0, round((at - EPOCH) * _INSTANTS)) * _SAME_ID + 1


def _state(n: int, at: float) -> bytes:
    room = list(_ROOMS)[n % len(_ROOMS)]
    entity = f"sensor.{room}_temperature"

    def state(number: int) -> dict[str, Any]:
        value = _ROOMS[room] + 2 * math.sin(number / 60) + (number * 7919 % 100) / 200
        return {
            "entity_id": entity,
            "state": f"{value:.1f}",
            "attributes": {"unit_of_measurement": "°C", "friendly_name": room.capitalize()},
            "last_changed": _iso(at),
        }

    told = {
        "event_type": "state_changed",
        "data": {"entity_id": entity, "old_state": state(n - len(_ROOMS)), "new_state": state(n)},
        "origin": "LOCAL",
        "time_fired": _iso(at),
    }
    return f"data: {_dump(told)}\n\n".encode()
