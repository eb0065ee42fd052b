"""FastAPI's own EventSourceResponse on uvicorn: `python with_fastapi.py PORT`."""

import asyncio
import sys
from collections.abc import AsyncIterable
from itertools import count
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

app = FastAPI()


class Prompt(BaseModel):
    prompt: str


@app.get("/events", response_class=EventSourceResponse)
async def events(
    end: int = 0, crash: int = 0, last_event_id: Annotated[int, Header()] = 0
) -> AsyncIterable[ServerSentEvent]:
    for n in count(last_event_id + 1):
        yield ServerSentEvent(data={"n": n, "text": "é\n🙂"}, id=str(n), event="tick")
        if n == last_event_id + end:
            return
        if n == last_event_id + crash:
            # FastAPI drops the event it was just given; the next connection brings it.
            raise RuntimeError("the generator failed")
        await asyncio.sleep(0.002)


@app.get("/silent", response_class=EventSourceResponse)
async def silent() -> AsyncIterable[ServerSentEvent]:
    # FastAPI's own keep-alive comes every 15 s, which is not for tests; it has the same form.
    while True:
        yield ServerSentEvent(comment="ping")
        await asyncio.sleep(0.05)


@app.post("/complete", response_class=EventSourceResponse)
async def complete(body: Prompt) -> AsyncIterable[ServerSentEvent]:
    for word in body.prompt.split(" "):
        yield ServerSentEvent(raw_data=word)
    yield ServerSentEvent(raw_data="two\nlines")


if __name__ == "__main__":
    # Without a limit uvicorn waits for open streams for ever.
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), timeout_graceful_shutdown=1)
