"""Which store a path or a URL names: a local folder, or a store of fsspec.

It opens nothing. fsspec is imported only where a URL has a scheme that is not a file's.
"""

from __future__ import annotations

import os
from urllib.request import url2pathname

from ..errors import CaptureError
from .fsspec_store import FsspecStore
from .local_store import LocalStore
from .store import Store


def place_of(to: str | os.PathLike[str]) -> Store:
    """The place a path or an fsspec URL names.

    Raises:
        CaptureError: no such kind of store, or one whose put is not atomic.
        TypeError: it is neither.
    """
    if not isinstance(to, (str, os.PathLike)):
        raise TypeError(f"a capture is a folder's path or URL, not {type(to).__name__}")
    text = os.fspath(to)
    if not isinstance(text, str):
        raise TypeError("a capture's path must be text, not bytes")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CaptureError(
            f"{text!r} holds bytes that are no text, which readers of Parquet cannot open",
            hint="Name a folder whose path is UTF-8.",
        ) from None
    scheme, colon, rest = text.partition("://")
    if not colon:
        return LocalStore(text)
    if scheme not in ("file", "local"):
        return FsspecStore(scheme, text)
    # On Windows file:///C:/x is C:/x.
    return LocalStore(url2pathname(rest) if os.name == "nt" else rest)
