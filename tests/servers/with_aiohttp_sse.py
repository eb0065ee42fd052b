"""aiohttp-sse on aiohttp's own server: `python with_aiohttp_sse.py PORT`."""

import asyncio
import json
import sys
from itertools import count

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response


async def events(request: web.Request) -> EventSourceResponse:
    end = int(request.query.get("end", 0))
    crash = int(request.query.get("crash", 0))
    async with sse_response(request) as response:
        last = int(response.last_event_id or 0)
        for n in count(last + 1):
            await response.send(json.dumps({"n": n, "text": "é\n🙂"}), id=str(n), event="tick")
            if n == last + end:
                break
            if n == last + crash:
                raise RuntimeError("the handler failed")
            await asyncio.sleep(0.002)
    return response


async def silent(request: web.Request) -> EventSourceResponse:
    async with sse_response(request, ping_interval=0.05) as response:
        await response.wait()
    return response


async def complete(request: web.Request) -> EventSourceResponse:
    prompt = (await request.json())["prompt"]
    async with sse_response(request, allow_all_methods=True) as response:
        for word in prompt.split(" "):
            await response.send(word)
        await response.send("two\nlines")
    return response


app = web.Application()
app.router.add_get("/events", events)
app.router.add_get("/silent", silent)
app.router.add_post("/complete", complete)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), shutdown_timeout=0.2)
