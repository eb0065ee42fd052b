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
from .answers import check, raw_body
from .codings import BrokenCoding, Decoder
from .exception_translation import translate_exception
from .exchange import Answer, Attempt, ask, close
from .read_pacer import Flow
from .request import Request
from .response_headers import ResponseHeaders


class Connection:
    """An open event stream: its bytes by `chunks()`.

    Attributes:
        url: what was asked for, masked.
        origin: scheme, host and port that answered, after redirects.
        headers: of the answer.
        flow: pauses the reading of the socket, where the client can; else None.
    """

    def __init__(self, answer: Answer, decoder: Decoder | None) -> None:
        response, request = answer.response, answer.request
        self._response = response
        self._decoder = decoder
        self._facts = answer.facts
        self.url = request.masked
        self.origin = answer.address.origin
        pairs = getattr(response.headers, "multi_items", response.headers.items)()
        self.headers = ResponseHeaders(pairs, request.secrets.hide)
        self.flow: Flow | None = getattr(response, "extensions", {}).get("sse_widget.flow")

    @classmethod
    async def open(cls, client: Any, request: Request, attempt: Attempt) -> Connection:
        """Send the request, follow its redirects, check the answer.

        Where the URL, params, headers or auth are asked of callables, a 401 asks them once more before it counts: a
        token may have expired on the way.

        Raises:
            ConnectionFailed, BadStatus, BadContentType, TooManyRedirects: each with the masked
                URL and a hint.
            InvalidURL: a callable gave a URL that is none.
        """
        answer = await ask(client, request, attempt)
        if answer.response.status_code == 401 and answer.facts.asked:
            await close(answer.response)
            answer = await ask(client, request, attempt)
            answer = answer._replace(facts=replace(answer.facts, asked_twice=True))
        try:
            decoder = await check(answer.response, answer.request, answer.facts)
        except BaseException:
            await close(answer.response)
            raise
        return cls(answer, decoder)

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

    @property
    def is_cut(self) -> bool:
        """Whether the body ended before its compression says that it ends, and something of it is
        missing; asked after a clean end. Always False where it is not compressed by gzip or deflate."""
        return self._decoder is not None and self._decoder.is_cut

    async def aclose(self) -> None:
        await close(self._response)
