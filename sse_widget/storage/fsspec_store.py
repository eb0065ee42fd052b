"""FsspecStore: a capture in any store of fsspec whose put is atomic, such as S3, Azure Blob or GCS.

A file is created by the store's own conditional write, which is proven before it is trusted
(docs/decisions/0009-stores-by-fsspec.md). fsspec is imported when the first such store is made.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import CaptureError
from .store import FileInfo, Folder

T = TypeVar("T")


class FsspecStore:
    """A store that fsspec knows: an object is there whole or not at all.

    Files are created by the store's own conditional write (S3: `If-None-Match`, Azure: the same, GCS:
    `ifGenerationMatch=0`), through `pipe_file(mode="create")`. That a server honours it is tried once before
    the first file, because there are servers of these protocols that do not.
    """

    # Others (sftp, ftp, hdfs, ...) show a file while it is being written.
    ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})

    def __init__(self, scheme: str, url: str) -> None:
        self.name = url
        if scheme.lower() not in self.ATOMIC:
            raise CaptureError(
                f"{scheme}:// cannot hold a capture: nothing says that its files appear whole",
                hint=f"Use a local folder, or one of {', '.join(sorted(self.ATOMIC))}.",
            )
        try:
            self._fs, self._root = _filesystem(url)
        except ImportError as e:
            raise CaptureError(
                f"{scheme}:// needs a package that is not installed: {e}",
                hint="pip install fsspec and the package for this store (s3fs, gcsfs, adlfs).",
            ) from None
        self._proven = False
        self.links: list[str] = []
        self.notes: list[str] = []

    @property
    def filesystem(self) -> Any:
        from .arrow_filesystem import filesystem_of

        return filesystem_of(self._fs)

    def full(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}".rstrip("/")

    def walk(self, below: str = "") -> list[FileInfo]:
        try:
            found = self._ask(lambda: self._fs.find(self.full(below), detail=True))
        except FileNotFoundError:
            return []
        start = len(self.full("x")) - 1
        paths = [(info["name"][start:], info.get("size") or 0) for info in found.values()]
        return [
            FileInfo(p, size)
            for p, size in paths
            if not any(piece.startswith((".", "_")) for piece in p.split("/"))
        ]

    def folders(self, below: str = "") -> list[str]:
        try:
            listed = self._ask(lambda: self._fs.ls(self.full(below), detail=True))
        except FileNotFoundError:
            return []
        names = [e["name"].rstrip("/").rpartition("/")[2] for e in listed if e["type"] != "file"]
        return [name for name in names if not name.startswith(".")]

    def names(self, below: str) -> set[str]:
        try:
            found = self._ask(lambda: self._fs.ls(self.full(below), detail=False))
        except FileNotFoundError:
            return set()
        return {str(path).rstrip("/").rpartition("/")[2] for path in found}

    def identity(self) -> tuple[int, int] | None:
        return (0, 0)  # its folders are names

    def device_above(self) -> int:
        return 0

    def enter(self, path: str, root: tuple[int, int] | None = None) -> Folder:
        if not self._proven:
            self._prove()
        return _StoreFolder(self, path)

    def _prove(self) -> None:
        """That the store refuses a second file of one name, and lists the first at once: all order depends
        on both.

        Raises:
            CaptureError: it does not.
        """
        name = f".probe-{secrets.token_hex(6)}"
        probe = self.full(name)
        refused = False
        self.create(probe, b"first")
        try:
            listed = name in self.names("")
            self.create(probe, b"second")
        except FileExistsError:
            refused = True
        finally:
            with contextlib.suppress(Exception):
                self._fs.rm_file(probe)
        if not refused:
            raise CaptureError(
                f"{self.name} let a file be written twice: two writers would overwrite each other",
                hint="Its server must know conditional writes (S3: If-None-Match, GCS: "
                "ifGenerationMatch), and so must its fsspec package: a newer version may.",
            )
        if not listed:
            raise CaptureError(
                f"{self.name} does not list a file as soon as it is there: two writers would not see "
                "each other",
                hint="Capture to a store whose listing is consistent, as that of S3, GCS and Azure is.",
            )
        self._proven = True

    def close(self) -> None:
        pass

    def create(self, path: str, content: bytes) -> None:
        """Write a file that is not there, all of it or nothing; `path` is a full one."""
        try:
            self._fs.pipe_file(path, content, mode="create")
        except Exception as error:
            if _is_refused(error):
                self._renew()
            raise  # the writer tries again

    def remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._ask(lambda: self._fs.rm(self.full(path), recursive=True))

    def _ask(self, ask: Callable[[], T]) -> T:
        """What the store answers; where it refuses our credentials they are read again, and it is asked once
        more.

        Raises:
            OSError: whatever the store's own package raises.
        """
        from .arrow_filesystem import as_oserror

        with as_oserror():
            try:
                return ask()
            except Exception as error:
                if not _is_refused(error):
                    raise
                self._renew()
                return ask()

    def _renew(self) -> None:
        """Another filesystem, with the credentials as the environment and files have them now: of a token
        that is renewed every hour fsspec keeps the first."""
        type(self._fs).clear_instance_cache()
        self._fs, self._root = _filesystem(self.name)


def _filesystem(url: str) -> tuple[Any, str]:
    """fsspec's for this URL, and the path in it.

    Raises:
        ImportError: a package is missing.
    """
    from fsspec.core import url_to_fs

    fs, root = url_to_fs(url, use_listings_cache=False)
    return fs, root


def _is_refused(error: BaseException) -> bool:
    """Whether a store says that our credentials are not good, or not any more. (Each package has exceptions
    of its own.)"""
    code = getattr(error, "status_code", getattr(error, "code", None))
    return isinstance(error, PermissionError) or code in (401, 403, "401", "403")


class _StoreFolder:
    def __init__(self, store: FsspecStore, path: str) -> None:
        self._store = store
        self._path = path

    def names(self) -> list[str]:
        return [entry.path.rpartition("/")[2] for entry in self._store.walk(self._path)]

    def create(self, name: str, content: Any) -> None:
        path = self._store.full(f"{self._path}/{name}")
        self._store.create(path, bytes(content))

    def leave(self) -> None:
        pass
