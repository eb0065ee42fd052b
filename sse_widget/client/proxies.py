"""Proxies: which one a request goes through, by `proxy=` or the environment, and what may be shown of it.

The variables are those of curl and httpx (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY; on macOS and
Windows also the system's settings). An entry of NO_PROXY that cannot be read is passed over: it must
not end streams that need no proxy. A proxy that cannot be used is refused by the name of the variable
that has it. It connects to nothing.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from ..errors import InvalidURL
from ..masking import MASK

_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks5": 1080}
# GNOME writes "socks://". The "h" and the "a" let the proxy look names up, which we do always: names of
# the network behind it are known only there.
_SCHEMES = {"socks": "socks5", "socks5h": "socks5", "socks4a": "socks4"}
SOCKS_PACKAGE = "aiohttp_socks"


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a request goes through.

    Attributes:
        scheme: "http", "https", "socks4" or "socks5".
        auth: user and password, or None.
        source: what names it: "proxy=", or a variable of the environment.
    """

    scheme: str
    host: str
    port: int
    auth: tuple[str, str] | None = field(default=None, repr=False)
    source: str = "proxy="

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def url(self) -> str:
        """Its address without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __str__(self) -> str:
        """Its address, safe to show."""
        shown = self.url
        return shown if self.auth is None else shown.replace("://", f"://{MASK}@", 1)


def proxy_of(value: Any, source: str = "proxy=") -> Proxy:
    """The proxy with this address: a text, or what httpx has for it.

    Raises:
        TypeError: it is neither.
        InvalidURL: it is no address of a proxy, or that of a SOCKS proxy, and the package for it is
            not installed; the message names `source` and no secret.
    """
    auth: tuple[str, str] | None = None
    if isinstance(value, httpx.Proxy):
        auth = value.auth
        value = value.url
    if not isinstance(value, str | httpx.URL):
        raise TypeError(f"{source} must be the address of a proxy, not {type(value).__name__}")
    text = str(value).strip()
    try:
        url = httpx.URL(text if "://" in text else f"http://{text}")
        scheme = _SCHEMES.get(url.scheme, url.scheme)
        port = url.port or _PORTS.get(scheme, 0)
        if (
            scheme not in _PORTS
            or not _is_host(url.raw_host.decode("ascii"))
            or not 0 < port < 65_536
        ):
            raise ValueError
    except (httpx.InvalidURL, ValueError):
        raise InvalidURL(
            f"{source} is no address of a proxy",
            hint='Such as "http://proxy.example:3128" or "socks5://127.0.0.1:1080".',
        ) from None
    if auth is None and url.userinfo:
        auth = (url.username, url.password)
    proxy = Proxy(scheme, url.host, port, auth, source)
    if proxy.is_socks and importlib.util.find_spec(SOCKS_PACKAGE) is None:
        way_out = "Install sse-widget[socks]"
        if source != "proxy=":
            way_out += f", or list the host in NO_PROXY, or take {source} out of the environment"
        raise InvalidURL(
            f"{source} names a SOCKS proxy, {proxy}, and the package for it is not installed",
            hint=f"{way_out}.",
        )
    return proxy


def _is_host(host: str) -> bool:
    return _address(host) is not None or re.fullmatch(r"[\w.-]+", host) is not None


def environment_proxy(url: httpx.URL, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy the environment names for this URL; None for a direct connection.

    Args:
        environment: as `urllib.request.getproxies` has it: "http", "https", "all", "no".

    Raises:
        InvalidURL: as `proxy_of`.
    """
    found = urllib.request.getproxies() if environment is None else environment
    name = next((name for name in (url.scheme, "all") if found.get(name, "").strip()), None)
    if name is None or bypasses(url, found.get("no", "")):
        return None
    if environment is None and _system_bypasses(url.raw_host.decode("ascii")):
        return None
    variable = f"{name.upper()}_PROXY"
    known = variable in os.environ or variable.lower() in os.environ or environment is not None
    return proxy_of(found[name], variable if known else "the system's proxy setting")


def through(url: str, proxy: Proxy | None) -> str:
    """ " through the proxy http://p:3128", where our client goes through one to this URL, else ""."""
    try:
        found = proxy or environment_proxy(httpx.URL(url))
    except (httpx.InvalidURL, ValueError):
        return ""
    return "" if found is None else f" through the proxy {found}"


def _system_bypasses(host: str) -> bool:
    # The settings of these systems have exceptions of their own, which NO_PROXY knows nothing of.
    if sys.platform not in ("darwin", "win32") or urllib.request.getproxies_environment():
        return False
    return bool(urllib.request.proxy_bypass(host))


def bypasses(url: httpx.URL, no_proxy: str) -> bool:
    """Whether NO_PROXY lists the host of this URL.

    An entry is a host or a domain (with all below it; a leading dot or "*." changes nothing), an
    address, a range of addresses, each with a port or without; or "*" for all.
    """
    return any(_lists(entry, url) for entry in no_proxy.replace(",", " ").split())


def _lists(entry: str, url: httpx.URL) -> bool:
    entry = entry.lower()
    if entry == "*":
        return True
    scheme, _, entry = entry.rpartition("://")
    if scheme not in ("", "all", url.scheme):
        return False
    entry = entry.removeprefix("*").strip(".")
    host = url.raw_host.decode("ascii").lower().rstrip(".")
    address = _address(host)
    port = None
    if (network := _network(entry)) is None:
        entry, port = _without_port(entry)
        network = _network(entry)
    if port is not None and port != (url.port or _PORTS[url.scheme]):
        return False
    if network is not None:
        return address is not None and address in network
    if not entry or address is not None or any(c in entry for c in "[]/"):
        return False
    return any(name == entry or name.endswith(f".{entry}") for name in (host, _unicode(url)))


def _unicode(url: httpx.URL) -> str:
    """The host as people write it; "" where nobody can (not every "xn--" name can be read back)."""
    try:
        return url.host.lower()
    except UnicodeError:
        return ""


def _without_port(entry: str) -> tuple[str, int | None]:
    name, colon, port = entry.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()):
        return entry, None
    return name.strip("."), int(port)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """An address or a range, with brackets or without; None where it is none."""
    bracketed = re.fullmatch(r"\[(.*)\](/\d+)?", text)
    if bracketed is not None:
        text = bracketed[1] + (bracketed[2] or "")
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _address(host: str) -> Any:
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
