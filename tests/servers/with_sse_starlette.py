"""sse-starlette's EventSourceResponse on uvicorn: `python with_sse_starlette.py PORT`."""

import asyncio
import json
import sys
from itertools import count

import uvicorn
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route


async def events(request: Request) -> EventSourceResponse:
    last = int(request.headers.get("last-event-id", 0))
    end = int(request.query_params.get("end", 0))
    crash = int(request.query_params.get("crash", 0))

    async def stream():
        for n in count(last + 1):
            yield ServerSentEvent(json.dumps({"n": n, "text": "é\n🙂"}), id=str(n), event="tick")
            if n == last + end:
                return
            if n == last + crash:
                raise RuntimeError("the generator failed")
            await asyncio.sleep(0.002)

    return EventSourceResponse(stream())


async def silent(request: Request) -> EventSourceResponse:
    async def stream():
        await asyncio.sleep(3600)
        yield "never"

    return EventSourceResponse(stream(), ping=0.05)


async def complete(request: Request) -> EventSourceResponse:
    prompt = (await request.json())["prompt"]

    async def stream():
        for word in prompt.split(" "):
            yield word
        yield "two\nlines"

    return EventSourceResponse(stream())


app = Starlette(
    routes=[
        Route("/events", events),
        Route("/silent", silent),
        Route("/complete", complete, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
