"""Loopback: whether a request to a server on this machine was meant for this machine.

The page of a foreign site can let a name of its own lead to 127.0.0.1 (DNS rebinding); the browser then writes
that name into the `Host` header. No such name is trusted, only addresses and "localhost". It opens no socket.
"""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether this is a loopback address or "localhost"; an IPv6 address may stand in brackets."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return host == "localhost"


def asks_loopback(header: str) -> bool:
    """Whether a `Host` header, with or without a port, names this machine."""
    host, colon, port = header.rpartition(":")
    return is_loopback(host if colon and port.isdecimal() else header)
