"""The demo server as an application: its routes, their parameters, what each stream sends.

Turns a request into a feed and a position in it; what the events say is `feeds`, where a reconnect
goes on is `history`, when they are sent is `pace`; logins, jobs and the like are `services`. Keeps no event
and listens on no port (`server` does).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from .feeds import FLAKY, TICKS, WIKI, Feed, sensors
from .flood import FloodResponse
from .front_page import ASK, page
from .history import Clock, Schedule
from .llm import MAX_BODY, TOO_LONG, Answer, BadRequest, failure, read
from .pace import ALL, HEADERS, RETRY, Pace
from .parameters import BadParameter, body_of, integer, last_id, number, refuse
from .replay import MAX_BYTES, events, find, numbered, sockets
from .services import service_routes


def create_app(
    replay_dir: Path | None = None, clock: Callable[[], float] | None = None
) -> Starlette:
    """The demo server. Setting `app.state.stopping` (an asyncio.Event) ends every open stream."""
    demo = _Demo(replay_dir, clock or Clock())
    app = Starlette(
        routes=[
            Route("/", demo.index),
            Route("/ticks", demo.live(TICKS)),
            Route("/wiki", demo.live(WIKI)),
            Route("/sensors", demo.sensors),
            Route("/llm", demo.llm, methods=["POST"]),
            Route("/llm", demo.llm_how),
            Route("/flaky", demo.flaky),
            Route("/flood", demo.flood),
            Route("/replay/{name:path}", demo.replay),
            *service_routes(demo.pace),
        ],
        # Loopback only, and nobody else's name for it: a page on the web must not reach a replay
        # folder by letting its own host name point here.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={BadParameter: refuse},
    )
    app.state.stopping = demo.pace.stopping
    return app


class _Demo:
    def __init__(self, replay_dir: Path | None, clock: Callable[[], float]) -> None:
        self._folder = replay_dir
        self.pace = Pace(clock, asyncio.Event())
        # Reconnects answered with an error, so that the next attempt is let in. Bounded: a client
        # that never comes back leaves its entry behind.
        self._refused: OrderedDict[tuple[str, int], None] = OrderedDict()

    # --- /ticks, /wiki, /sensors: what everybody sees at the same time ---------------------------

    def live(self, feed: Feed) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return self._follow(request, feed)

        return endpoint

    async def sensors(self, request: Request) -> Response:
        return self._follow(request, sensors(integer(request, "sensors", 8, 1, 10_000)))

    def _follow(self, request: Request, feed: Feed) -> Response:
        return EventSourceResponse(self.pace.follow(request, feed), headers=HEADERS, sep="\n")

    # --- /llm: an answer to somebody's question ---------------------------------------------------

    async def llm(self, request: Request) -> Response:
        rate = number(request, "rate", 40, 0.1, 5_000)
        drop_after = integer(request, "drop_after", 0, 0, 1_000_000)
        try:
            body = await body_of(request, MAX_BODY)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return JSONResponse(failure(TOO_LONG), status_code=413)
        try:
            answer, stream = read(body)
        except BadRequest as error:
            return JSONResponse(failure(str(error), error.param), status_code=400)
        if not stream:
            return JSONResponse(answer.whole())
        last = last_id(request) or 0
        if last >= answer.last:
            return Response(status_code=204)
        return EventSourceResponse(
            self._answering(request, answer, rate, last, 0 if last else drop_after),
            headers=HEADERS,
            sep="\n",
            ping=0,
        )

    async def _answering(
        self, request: Request, answer: Answer, rate: float, last: int, drop_after: int
    ) -> AsyncIterator[bytes]:
        schedule = Schedule(rate, last + 1, self.pace.clock())
        end = min(drop_after or answer.last, answer.last)
        yield RETRY
        async for due in self.pace.due(schedule, last + 1, ALL, end):
            yield b"".join(answer.encoded(n) for n in due)
        if end < answer.last and not self.pace.stopping.is_set():
            await _cut(request, answer.encoded(end + 1))

    async def llm_how(self, request: Request) -> Response:
        where = request.url.replace(query="")
        return PlainTextResponse(
            f"POST a chat completion request here, as a JSON body:\n\ncurl -N '{where}' -d '{ASK}'\n",
            status_code=405,
            headers={"Allow": "POST"},
        )

    # --- /flaky: a stream of one's own, since everybody is cut at another place ------------------

    async def flaky(self, request: Request) -> Response:
        rate = number(request, "rate", FLAKY.rate, 0.01, FLAKY.max_rate)
        drop_after = integer(request, "drop_after", 20, 1, 1_000_000)
        count = integer(request, "count", 0, 0, 10**9)
        fail = integer(request, "fail", 0, 0, 1)
        status = integer(request, "status", 503, 400, 599)
        last = last_id(request)
        if count and last is not None and last >= count:
            return Response(status_code=204)
        if fail and last is not None and not self._let_in(request.url.query, last):
            return PlainTextResponse("not yet\n", status_code=status, headers={"Retry-After": "1"})
        return EventSourceResponse(
            self._dropping(request, rate, drop_after, last or 0, count),
            headers=HEADERS,
            sep="\n",
            ping=0,
        )

    def _let_in(self, query: str, last: int) -> bool:
        key = (query, last)
        if key in self._refused:
            del self._refused[key]
            return True
        self._refused[key] = None
        while len(self._refused) > 1_000:
            self._refused.popitem(last=False)
        return False

    async def _dropping(
        self, request: Request, rate: float, drop_after: int, last: int, count: int
    ) -> AsyncIterator[bytes]:
        schedule = Schedule(rate, last + 1, self.pace.clock())
        end = min(last + drop_after, count or last + drop_after)
        yield RETRY
        # All of it is history here: a slow reader of a stream of its own is behind nobody.
        async for due in self.pace.due(schedule, last + 1, ALL, end):
            yield b"".join(FLAKY.encoded(n, schedule.at(n)) for n in due)
        # The first cut is a hard one, the next a clean one, and so on.
        hard = -(-end // drop_after) % 2 == 1
        if hard and end != count and not self.pace.stopping.is_set():
            await _cut(request, FLAKY.encoded(end + 1, schedule.at(end + 1)))

    # --- /flood -----------------------------------------------------------------------------------

    async def flood(self, request: Request) -> Response:
        rate = number(request, "rate", 20_000, 0.01, 200_000)
        size = integer(request, "size", 60, 1, 1_000_000)
        seconds = number(request, "seconds", 0, 0, 86_400)
        count = integer(request, "count", 0, 0, 10**9)
        ends = [n for n in (count, round(rate * seconds)) if n]
        end = min(ends) if ends else None
        last = last_id(request) or 0
        if end is not None and last >= end:
            return Response(status_code=204)
        return FloodResponse(rate, size, last + 1, end, self.pace.stopping, HEADERS)

    # --- /replay ----------------------------------------------------------------------------------

    async def replay(self, request: Request) -> Response:
        ids = integer(request, "ids", 0, 0, 1)
        speed = number(request, "speed", 0, 0, 200_000)
        if self._folder is None:
            return PlainTextResponse(
                "no recordings here: start the server with --replay-dir DIR\n", status_code=404
            )
        path = find(self._folder, request.path_params["name"])
        if path is None:
            return PlainTextResponse("no such recording\n", status_code=404)
        if path.stat().st_size > MAX_BYTES:
            return PlainTextResponse(f"larger than {MAX_BYTES >> 20} MiB\n", status_code=413)
        recording = path.read_bytes()
        after = (last_id(request) or 0) if ids else 0
        if after and after >= sum(is_event for _, is_event in events(recording)):
            return Response(status_code=204)
        if not ids and not speed:
            body = self._at_once((piece, False) for piece in sockets(recording))
        else:
            blocks = numbered(recording, after) if ids else events(recording)
            body = self._spread(blocks, speed) if speed else self._at_once(blocks)
        return StreamingResponse(body, headers=HEADERS)

    async def _at_once(self, blocks: Iterable[tuple[bytes, bool]]) -> AsyncIterator[bytes]:
        for block, _ in blocks:
            if self.pace.stopping.is_set():
                return
            yield block

    async def _spread(
        self, blocks: Iterable[tuple[bytes, bool]], speed: float
    ) -> AsyncIterator[bytes]:
        schedule = Schedule(speed, 0, self.pace.clock())
        sent = 0
        for block, is_event in blocks:
            while schedule.newest(self.pace.clock()) < sent and not self.pace.stopping.is_set():
                await self.pace.wait(schedule.wait(sent, self.pace.clock()))
            if self.pace.stopping.is_set():
                return
            yield block
            sent += is_event

    # --- / ----------------------------------------------------------------------------------------

    async def index(self, request: Request) -> Response:
        return HTMLResponse(page(str(request.base_url).rstrip("/"), self._folder))


async def _cut(request: Request, event: bytes) -> None:
    """Break the connection in the middle of an event, in the middle of a chunk."""
    transport = getattr(request.state, "transport", None)
    if transport is None:  # under another server than ours: all we can do is to end
        return
    transport.write(b"%x\r\n" % (len(event) * 2) + event[: len(event) * 2 // 3])
    transport.abort()
    # Until the server has noticed; returning earlier would look like a response we forgot to end.
    await asyncio.Event().wait()
