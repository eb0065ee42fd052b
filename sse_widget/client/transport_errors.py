"""The exceptions of our transport: they tell who failed. `exception_translation` turns them into words.

They have no base of httpx or aiohttp; the cause of each is what the library raised.
"""

from __future__ import annotations


class FetchFailed(Exception):
    """A browser did not get an answer, or may not show it to this page; it does not say which."""


class NoAnswer(Exception):
    """The other side did not answer.

    Attributes:
        proxy: the address of the proxy, safe to show, where the request was sent to one; "" where it
            was sent to the server, perhaps through a tunnel.
    """

    def __init__(self, proxy: str = "") -> None:
        super().__init__(proxy)
        self.proxy = proxy


class ProxyDown(Exception):
    """The proxy cannot be reached, or is none.

    Attributes:
        proxy: its address, safe to show.
        source: what names it: "proxy=", or a variable of the environment.
    """

    def __init__(self, proxy: str, source: str) -> None:
        super().__init__(proxy, source)
        self.proxy = proxy
        self.source = source


class ProxyRefused(Exception):
    """The proxy answered, and did not connect.

    Attributes:
        proxy, source: as of `ProxyDown`.
        status: of HTTP; 0 where it speaks SOCKS.
        reason: its words.
        headers: of its answer.
        code: of SOCKS (RFC 1928, 6), None where it gave none.
    """

    def __init__(
        self,
        proxy: str,
        source: str,
        status: int,
        reason: str,
        headers: list[tuple[str, str]],
        code: int | None = None,
    ) -> None:
        super().__init__(proxy, source, status, reason)
        self.proxy = proxy
        self.source = source
        self.status = status
        self.reason = reason
        self.headers = headers
        self.code = code
