"""Files of an fsspec store for pyarrow: what a store's own package raises becomes an OSError.

Some packages raise their own errors where a file is gone, and do so when it is read, not when it is opened; whoever
reads a capture looks again where a file is gone, and must know.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pyarrow import PythonFile
from pyarrow.fs import FSSpecHandler, PyFileSystem

from ..errors import message_of


def filesystem_of(fs: Any) -> PyFileSystem:
    """pyarrow's filesystem for one of fsspec."""
    return PyFileSystem(_Handler(fs))


@contextlib.contextmanager
def as_oserror() -> Iterator[None]:
    """What is raised here is an OSError; a FileNotFoundError where the store says that there is none."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        code = getattr(error, "status_code", getattr(error, "code", None))
        kind = FileNotFoundError if code in (404, "404") else OSError
        raise kind(message_of(error)) from error


class _Handler(FSSpecHandler):  # type: ignore[misc]
    def open_input_file(self, path: str) -> PythonFile:
        with as_oserror():
            return PythonFile(_File(self.fs.open(path, mode="rb")), mode="r")

    open_input_stream = open_input_file


class _File:
    """A file of fsspec that is read."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        with as_oserror():
            data: bytes = self._file.read(size)
            return data

    def seek(self, to: int, whence: int = 0) -> int:
        at: int = self._file.seek(to, whence)
        return at

    def tell(self) -> int:
        at: int = self._file.tell()
        return at

    def size(self) -> int:
        size: int = self._file.size
        return size

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing is written."""
