"""One connection: the answer to a request, the checks of it, and then its bytes.

Clients are known by duck type: httpx, httpx2 and stubs work. Every failure becomes one of our errors with
a masked URL. Nothing is tried again here: that is `driver` and `retry`. `exchange` sends the request.

The rules are those of WHATWG HTML 9.2.2 and 9.2.3: GET by default, `Accept: text/event-stream`,
Last-Event-ID as UTF-8, and only an answer of the essence text/event-stream is an event stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from ..errors import ConnectionFailed, SSEError
from ..runtime import Flow
from .answers import check, raw_body
from .codings import BrokenCoding, Decoder
from .exchange import Attempt, ask, close
from .request import Request
from .request_facts import RequestFacts
from .translation import translate_exception

__all__ = ["Connection"]


class Connection:
    """An open event stream: `origin`, its bytes by `chunks()`, and its `flow`, if the client has
    one to offer."""

    def __init__(
        self, response: Any, decoder: Decoder | None, facts: RequestFacts, origin: str = ""
    ) -> None:
        self._response = response
        self._decoder = decoder
        self._facts = facts
        self.origin = origin
        self.flow: Flow | None = getattr(response, "extensions", {}).get("sse_widget.flow")

    @classmethod
    async def open(cls, client: Any, request: Request, attempt: Attempt) -> Connection:
        """Send the request, follow its redirects, check the answer.

        Where headers or auth are asked of callables, a 401 asks them once more before it counts: a
        token may have expired on the way.

        Raises:
            ConnectionFailed, BadStatus, BadContentType, TooManyRedirects: each with the masked
                URL and a hint.
        """
        response, address, facts = await ask(client, request, attempt)
        if response.status_code == 401 and facts.asked:
            await close(response)
            response, address, facts = await ask(client, request, attempt)
            facts = replace(facts, asked_twice=True)
        try:
            decoder = await check(response, request, facts)
        except BaseException:
            await close(response)
            raise
        return cls(response, decoder, facts, address.origin)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the stream as they come, inflated in bounded steps where compressed.

        Raises:
            ConnectionFailed: the connection broke; a clean end just ends.
        """
        decoder = self._decoder
        try:
            async for chunk in raw_body(self._response):
                if decoder is None:
                    yield chunk
                    continue
                for n, piece in enumerate(decoder.feed(chunk)):
                    # A small compressed chunk may hold gigabytes, and the loop serves all streams.
                    if n:
                        await asyncio.sleep(0)
                    if piece:
                        yield piece
        except BrokenCoding as e:
            raise ConnectionFailed(str(e), url=self._facts.url) from e
        except (SSEError, TypeError):
            raise
        except Exception as e:
            raise translate_exception(e, self._facts, "body") from e

    async def aclose(self) -> None:
        await close(self._response)
