"""What can go wrong, in words that a reader can act on.

Every error says what happened, to which URL (masked: no userinfo, no secrets), and has a `hint`: what to
change. What a server said is in it only as `visible` text, so an error can be printed anywhere. Whether an
error ends a stream is decided by `client.retry`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .visible import visible

__all__ = [
    "BadContentType",
    "BadStatus",
    "CaptureDamaged",
    "CaptureError",
    "CaptureNotWritten",
    "CaptureTaken",
    "CaptureTooNew",
    "ConnectionFailed",
    "EventTooLarge",
    "IdleTimeout",
    "InvalidFilter",
    "InvalidURL",
    "SSEError",
    "TooManyRedirects",
    "hint_of",
    "message_of",
    "reason_of",
]


class SSEError(Exception):
    """The base of all errors of this package.

    Attributes:
        url: the URL it happened at, masked; "" where there is none.
        hint: what a user can change, one sentence; "" where there is nothing to say.
    """

    def __init__(self, message: str, *, url: str = "", hint: str = "") -> None:
        # A server's words are in many messages: none of them gets here as it was said.
        self.message = visible(message)
        super().__init__(self.message)
        self.url = visible(url)
        self.hint = visible(hint)

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Subclasses take keyword-only arguments; without this a pickled error cannot be read back.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[SSEError], args: tuple[object, ...], state: dict[str, object]) -> SSEError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def message_of(error: BaseException) -> str:
    """What an error says, on one line, safe to show; one that is not ours with its type."""
    if isinstance(error, SSEError):
        return error.message
    return visible(f"{type(error).__name__}: {error}")


def reason_of(error: BaseException) -> str:
    """What an error of the system or of another library says, without its type and its path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def hint_of(error: BaseException) -> str:
    """What a user can change; "" where nothing is known."""
    notes: list[str] = getattr(error, "__notes__", [])  # which callable of the user's raised it
    return getattr(error, "hint", "") or visible(" ".join(notes))


class InvalidURL(SSEError, ValueError):
    """The URL is no absolute http or https URL."""


class ConnectionFailed(SSEError):
    """No connection, or a connection that broke: refused, reset, cut in the middle, no such host."""


class BadStatus(SSEError):
    """The server answered with a status other than 200.

    Attributes:
        status: the HTTP status code.
        body: the body as text, up to 64 KiB; "" where none came within a second.
        headers: of the answer, by name in any case; without the values of cookies.
        retry_after: seconds the server asked to wait (`Retry-After`), or None.
        proxy: the address of the proxy that answered in the server's place, masked; "" where it was
            the server. A SOCKS proxy has no HTTP statuses: 407 is a user or password that it does not
            accept, 403 an address that it does not allow.
    """

    def __init__(
        self,
        message: str,
        *,
        url: str = "",
        hint: str = "",
        status: int = 0,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        proxy: str = "",
    ) -> None:
        super().__init__(message, url=url, hint=hint)
        self.status = status
        self.body = body
        self.headers = {} if headers is None else headers
        self.retry_after = retry_after
        self.proxy = proxy


class BadContentType(SSEError):
    """The server answered 200 with something that is no event stream.

    Attributes:
        content_type: the Content-Type header, "" where there was none.
        body: the first 1 KiB of the body as text.
    """

    def __init__(
        self,
        message: str,
        *,
        url: str = "",
        hint: str = "",
        content_type: str = "",
        body: str = "",
    ) -> None:
        super().__init__(message, url=url, hint=hint)
        self.content_type = content_type
        self.body = body


class TooManyRedirects(SSEError):
    """More redirects than the limit of 20, or one that leads nowhere."""


class EventTooLarge(SSEError):
    """One event passed `max_event_bytes`; it was dropped and the stream went on.

    Attributes:
        limit: the limit in bytes.
        index: how many events of the same batch came before it.
        last_event_id: the id of the dropped event where its line was seen, else None.
    """

    def __init__(
        self,
        message: str,
        *,
        url: str = "",
        hint: str = "",
        limit: int = 0,
        index: int = 0,
        last_event_id: str | None = None,
    ) -> None:
        super().__init__(message, url=url, hint=hint)
        self.limit = limit
        self.index = index
        self.last_event_id = last_event_id


class IdleTimeout(SSEError, TimeoutError):
    """No byte came for `idle_timeout` seconds; the connection was given up."""


class InvalidFilter(SSEError, ValueError):
    """A filter that cannot be run, such as a pattern outside the shared syntax."""


class CaptureError(SSEError):
    """Something about a folder of captured events."""


class CaptureTaken(CaptureError):
    """Another writer took this capture over: this one wrote nothing more, and stops."""


class CaptureNotWritten(CaptureError, OSError):
    """The disk is full, read-only or gone; what was to be written is kept and can be tried again."""


class CaptureTooNew(CaptureError, ValueError):
    """A newer version of this package wrote these files."""


class CaptureDamaged(CaptureError, ValueError):
    """A file of a capture cannot be read."""
