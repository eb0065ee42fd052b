"""ResponseHeaders: the headers of the answer that is the stream, as `source.response_headers` has them.

Sessions and rate limits are told in headers, so the values are there to be read. The repr, which ends up
in notebooks, masks those that may be secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import httpx

from ..masking import MASK, secret_name, secret_value


class ResponseHeaders(httpx.Headers):
    """Headers by name, in any case, as `httpx.Headers`: `headers["x-ratelimit-remaining"]`,
    `headers.get_list("set-cookie")`. Empty before the first answer.

    Args:
        pairs: names and values as they came.
        hide: takes the secrets that the user gave out of a text.
    """

    def __init__(
        self, pairs: Iterable[tuple[str, str]] = (), hide: Callable[[str], str] = str
    ) -> None:
        # As bytes: httpx refuses other text than ASCII, and servers send it.
        super().__init__(
            [(k.encode("utf-8", "replace"), v.encode("utf-8", "replace")) for k, v in pairs]
        )
        self._hide = hide

    def copy(self) -> ResponseHeaders:
        return ResponseHeaders(self.multi_items(), self._hide)

    def __repr__(self) -> str:
        shown = (f"{name!r}: {self._shown(name, value)!r}" for name, value in self.multi_items())
        return f"<ResponseHeaders {', '.join(shown)}>"

    def _shown(self, name: str, value: str) -> str:
        if name == "set-cookie":
            return f"{value.partition('=')[0]}={MASK}"
        return MASK if secret_name(name) or secret_value(value) else self._hide(value)
