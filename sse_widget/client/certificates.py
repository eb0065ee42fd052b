"""Certificates: which ones a secure connection trusts, by `verify=` or the environment.

A context is kept for as long as what it was read from is the same, so that SSL_CERT_FILE takes effect
whenever it is set. It makes contexts and connects to nothing.
"""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

import httpx

from ..errors import ConnectionFailed

Verify = bool | str | os.PathLike[str] | ssl.SSLContext
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def check_verify(name: str, value: object) -> None:
    """Refuse what cannot be used.

    Raises:
        TypeError: neither True, False, a path nor an `ssl.SSLContext`.
        ValueError: a path where there are no certificates.
    """
    if isinstance(value, bool | ssl.SSLContext):
        return
    if not isinstance(value, str | os.PathLike):
        raise TypeError(
            f"{name} must be True, False, the path of certificates or an ssl.SSLContext, "
            f"not {type(value).__name__}"
        )
    path = Path(value).expanduser()
    if not os.fspath(value) or not path.exists():  # "" would be the folder one is in
        raise ValueError(f"{name} names no file or folder: {os.fspath(value)!r}")
    try:
        _of_path(str(path), _stamp(str(path)))
    except (OSError, ssl.SSLError) as e:
        why = getattr(e, "reason", None) or e.strerror or type(e).__name__
        raise ValueError(f"{name} names no certificates: {os.fspath(value)!r} ({why})") from None


def context(verify: Verify = True) -> ssl.SSLContext:
    """The context for these certificates. Reading them takes some 20 ms, where they are new.

    Raises:
        ConnectionFailed: the environment names certificates that cannot be read.
    """
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is False:
        return _of_nobody()
    if verify is not True:
        path = str(Path(verify).expanduser())
        return _of_path(path, _stamp(path))
    named = [(name, os.environ[name]) for name in _VARIABLES if os.environ.get(name)]
    try:
        return _of_environment(*((name, path, _stamp(path)) for name, path in named))
    except (OSError, ssl.SSLError) as e:
        variables = " and ".join(f"{name}={path}" for name, path in named)
        why = getattr(e, "reason", None) or e.strerror or type(e).__name__
        raise ConnectionFailed(
            f"the certificates of {variables} cannot be read: {why}",
            hint="Set it to a file of certificates in PEM format, or unset it.",
        ) from None


def _stamp(path: str) -> tuple[int, int] | None:
    """Another one where the file was written anew; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=8)
def _of_environment(*named: tuple[str, str, object]) -> ssl.SSLContext:
    return httpx.create_ssl_context()


@lru_cache(maxsize=8)
def _of_path(path: str, stamp: object) -> ssl.SSLContext:
    folder = Path(path).is_dir()
    return ssl.create_default_context(
        cafile=None if folder else path, capath=path if folder else None
    )


@lru_cache(maxsize=1)
def _of_nobody() -> ssl.SSLContext:
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    return trusting
