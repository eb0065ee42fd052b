"""Where a capture lies: a local folder, or any store of fsspec whose put is atomic.

A store lists, reads and removes files, and creates one *only if it is absent*, whole and lasting: that is
all the order there is between writers. fsspec is imported only where a URL with a scheme is given.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..errors import CaptureError

__all__ = ["FileInfo", "Folder", "FsspecStore", "LocalStore", "Store", "place_of", "sync_folder"]


class FileInfo(NamedTuple):
    """A file, by its path within the place."""

    path: str
    size: int


class FolderReplaced(FileNotFoundError):
    """The folder that was entered is not the one of that name any more."""


class Folder(Protocol):
    """A folder that was entered to create files in it."""

    def names(self) -> list[str]: ...
    def create(self, name: str, content: Any) -> None:
        """Make a file with this content, whole and lasting, if there is none of this name.

        Raises:
            FileExistsError: there is one.
            Vanished: the folder was replaced or removed since it was entered.
            OSError: it cannot be written; nothing is there.
        """

    def leave(self) -> None: ...


class Store(Protocol):
    name: str  # as the person wrote it

    @property
    def filesystem(self) -> Any:
        """pyarrow's, for paths made by `full`."""

    def full(self, path: str) -> str: ...
    def walk(self, below: str = "") -> list[FileInfo]: ...
    def folders(self, below: str = "") -> list[str]: ...
    def enter(self, path: str) -> Folder: ...
    def remove(self, path: str) -> None: ...


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
    return LocalStore(rest) if scheme in ("file", "local") else FsspecStore(scheme, text)


# ---------------------------------------------------------------------- a local folder


class LocalStore:
    """A folder on this machine, or one that is mounted."""

    def __init__(self, path: str) -> None:
        self.name = path
        self.root = Path(path).expanduser().absolute()
        if self.root.exists() and not self.root.is_dir():
            raise CaptureError(
                f"{path} is a file: a capture is a folder",
                hint="Name a folder; it is made where there is none.",
            )
        self._staging: Path | None = None

    @property
    def filesystem(self) -> Any:
        import pyarrow.fs

        return pyarrow.fs.LocalFileSystem()

    def full(self, path: str) -> str:
        return str(self.root / path)

    @property
    def staging(self) -> Path:
        """Where files are made before they have their name.

        Beside the folder, not in it: most readers look into hidden folders too.
        """
        if self._staging is None:
            self.root.mkdir(parents=True, exist_ok=True)
            beside = self.root.parent / f".{self.root.name}.staging"
            try:
                beside.mkdir(exist_ok=True)
                same = beside.stat().st_dev == self.root.stat().st_dev
            except OSError:
                same = False
            if not same:  # the folder is a mount of its own, or its parent is not ours to write
                with contextlib.suppress(OSError):
                    beside.rmdir()
                beside = self.root / ".staging"
                beside.mkdir(exist_ok=True)
            self._staging = beside
        if not self._staging.is_dir():  # somebody tidied up
            self._staging = None
            return self.staging
        return self._staging

    def walk(self, below: str = "") -> list[FileInfo]:
        found = []
        for folder, folders, names in os.walk(self.root / below):
            folders[:] = [f for f in folders if not f.startswith((".", "_"))]
            inside = os.path.relpath(folder, self.root)
            for name in names:
                # One that went away meanwhile was merged: its rows are elsewhere, so the whole list
                # is no longer true. Whoever asked asks again.
                size = Path(folder, name).stat().st_size
                path = name if inside == "." else f"{inside}/{name}".replace(os.sep, "/")
                found.append(FileInfo(path, size))
        return found

    def folders(self, below: str = "") -> list[str]:
        try:
            with os.scandir(self.root / below) as entries:
                return [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
        except FileNotFoundError:
            return []

    def enter(self, path: str) -> Folder:
        folder = self.root / path
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if made:
            for above in (folder.parent, self.root.parent):
                sync_folder(above)
        return _LocalFolder(self, folder)

    def remove(self, path: str) -> None:
        """A file, or a folder with all that is in it: gone from the readers' sight at once."""
        there = self.root / path
        gone = self.staging / f"gone-{secrets.token_hex(6)}"
        with contextlib.suppress(FileNotFoundError):
            there.rename(gone)
            sync_folder(there.parent)
            discard(gone)


class _LocalFolder:
    """Held by a handle, not by its name: whoever slept while the folder was replaced creates
    nothing in the new one."""

    def __init__(self, place: LocalStore, path: Path) -> None:
        self._place = place
        self._path = path
        by_handle = os.link in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")
        self._handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY) if by_handle else None

    def names(self) -> list[str]:
        # By the handle: the name may be another folder's by now.
        return os.listdir(self._path if self._handle is None else self._handle)  # noqa: PTH208

    def create(self, name: str, content: Any) -> None:
        beside = self._place.staging / f"{name}.{secrets.token_hex(6)}.tmp"
        try:
            with beside.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if self._handle is None:
                os.link(beside, self._path / name)
                return
            try:
                os.link(beside, name, dst_dir_fd=self._handle)
            except FileNotFoundError:
                self._check()
                raise
            self._check()
            os.fsync(self._handle)
        finally:
            with contextlib.suppress(OSError):
                beside.unlink()

    def _check(self) -> None:
        assert self._handle is not None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(self._path.stat(), os.fstat(self._handle)):
                return
        raise FolderReplaced(f"{self._path} was replaced")

    def leave(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power cut, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def discard(path: Path) -> None:
    """Delete what nobody sees any more, as far as that works."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


# ---------------------------------------------------------------------- a store


class FsspecStore:
    """A store that fsspec knows: an object is there whole or not at all."""

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
            from fsspec.core import url_to_fs

            self._fs, self._root = url_to_fs(url, use_listings_cache=False)
        except ImportError as e:
            raise CaptureError(
                f"{scheme}:// needs a package that is not installed: {e}",
                hint="pip install fsspec and the package for this store (s3fs, gcsfs, adlfs).",
            ) from None
        self._proven = False

    @property
    def filesystem(self) -> Any:
        import pyarrow.fs

        return pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(self._fs))

    def full(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}".rstrip("/")

    def walk(self, below: str = "") -> list[FileInfo]:
        try:
            found = self._fs.find(self.full(below), detail=True)
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
            listed = self._fs.ls(self.full(below), detail=True)
        except FileNotFoundError:
            return []
        names = [e["name"].rstrip("/").rpartition("/")[2] for e in listed if e["type"] != "file"]
        return [name for name in names if not name.startswith(".")]

    def enter(self, path: str) -> Folder:
        if not self._proven:
            self._prove()
        return _StoreFolder(self, path)

    def _prove(self) -> None:
        """That the store refuses a second file of one name: all order depends on it."""
        probe = self.full(f".probe-{secrets.token_hex(6)}")
        refused = False
        self._fs.pipe_file(probe, b"first", mode="create")
        try:
            self._fs.pipe_file(probe, b"second", mode="create")
        except FileExistsError:
            refused = True
        finally:
            with contextlib.suppress(Exception):
                self._fs.rm_file(probe)
        if not refused:
            raise CaptureError(
                f"{self.name} let a file be written twice: two writers would overwrite each other",
                hint="A newer version of its fsspec package may know how to create only if absent.",
            )
        self._proven = True

    def remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm(self.full(path), recursive=True)


class _StoreFolder:
    def __init__(self, store: FsspecStore, path: str) -> None:
        self._store = store
        self._path = path

    def names(self) -> list[str]:
        return [entry.path.rpartition("/")[2] for entry in self._store.walk(self._path)]

    def create(self, name: str, content: Any) -> None:
        path = self._store.full(f"{self._path}/{name}")
        self._store._fs.pipe_file(path, bytes(content), mode="create")

    def leave(self) -> None:
        pass
