"""One event stream over HTTP: connect, read, reconnect, resume.

It must never know of tables, files or notebooks.
"""

from .certificates import check_verify
from .client_choice import load_our_client, make_client
from .connect_limiter import ConnectLimiter
from .event_source import EventSource, HookedSource
from .hint_facts import COMMAND_LINE, speaking
from .options import SourceKeywords, SourceOptions, signature_of, unknown_option
from .proxies import Proxy, proxy_of
from .recent_batches import RecentBatches
from .request import Request
from .request_parts import AsyncBody
from .response_headers import ResponseHeaders
from .retry import RetryPolicy
from .source_interface import ResumePoint, Source, SourceHooks
from .urls import Url, address_text, check_url

__all__ = [
    "COMMAND_LINE",
    "AsyncBody",
    "ConnectLimiter",
    "EventSource",
    "HookedSource",
    "Proxy",
    "RecentBatches",
    "Request",
    "ResponseHeaders",
    "ResumePoint",
    "RetryPolicy",
    "Source",
    "SourceHooks",
    "SourceKeywords",
    "SourceOptions",
    "Url",
    "address_text",
    "check_url",
    "check_verify",
    "load_our_client",
    "make_client",
    "proxy_of",
    "signature_of",
    "speaking",
    "unknown_option",
]
