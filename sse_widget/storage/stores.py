"""Where a capture lies: a local folder, or any store of fsspec whose put is atomic.

A store lists, reads and removes files, and creates one *only if it is absent*, whole and lasting: that is
all the order there is between writers. No link is followed below the folder that was named, and nothing is
deleted that this package did not make. fsspec is imported only where a URL with a scheme is given.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.request import url2pathname

from ..errors import CaptureError
from .create_only import Way, proven_way
from .held_folder import FolderReplaced, HeldFolder, is_somebody_elses, sync_folder

T = TypeVar("T")


class FileInfo(NamedTuple):
    """A file, by its path within the place."""

    path: str
    size: int
    modified: int = 0  # ns since 1970; 0 where the store does not say


class Folder(Protocol):
    """A folder that was entered to create files in it."""

    def names(self) -> list[str]: ...
    def create(self, name: str, content: Any) -> None:
        """Make a file with this content, whole and lasting, if there is none of this name.

        Raises:
            FileExistsError: there is one.
            FolderReplaced: the folder was replaced or removed since it was entered.
            OSError: it cannot be written; nothing is there.
        """

    def leave(self) -> None: ...


class Store(Protocol):
    name: str  # as the user wrote it

    @property
    def links(self) -> list[str]:
        """Names below it that are links, found when it was walked last: nothing is read through them."""

    @property
    def notes(self) -> list[str]:
        """What a user should know of it."""

    @property
    def filesystem(self) -> Any:
        """pyarrow's, for paths made by `full`."""

    def full(self, path: str) -> str: ...
    def walk(self, below: str = "") -> list[FileInfo]: ...
    def folders(self, below: str = "") -> list[str]: ...
    def names(self, below: str) -> set[str]: ...
    def identity(self) -> tuple[int, int] | None:
        """Of the folder that has the name now: another one where it was replaced; None for none."""

    def device_above(self) -> int:
        """The disk that its folder would be made on."""

    def enter(self, path: str, root: tuple[int, int] | None = None) -> Folder:
        """A folder to create files in, made where there is none.

        Args:
            root: the identity that the place must have; None: it is made where there is none.

        Raises:
            FolderReplaced: it has another one.
        """

    def remove(self, path: str) -> None: ...
    def close(self) -> None:
        """Let go of what is open: a disk can be unmounted then."""


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


# ---------------------------------------------------------------------- a local folder


class LocalStore:
    """A folder on this machine, or one that is mounted.

    Attributes:
        links: names below it that are links: nothing is read through one.
    """

    def __init__(self, path: str) -> None:
        self.name = path
        self.root = Path(path).expanduser().absolute()
        if self.root.exists() and not self.root.is_dir():
            raise CaptureError(
                f"{path} is a file: a capture is a folder",
                hint="Name a folder; it is made where there is none.",
            )
        if is_somebody_elses(self.root):
            raise CaptureError(
                f"{path} is a link that somebody else made",
                hint="Name the folder itself, if that is what you mean.",
            )
        self.links: list[str] = []
        # Open as long as we write in it: some mounts number a folder anew each time it is opened.
        self._anchor: HeldFolder | None = None
        self._staging: HeldFolder | None = None
        self._inside = False  # beside it there is another file system, whatever its number
        self._way: Way | None = None

    @property
    def filesystem(self) -> Any:
        import pyarrow.fs

        return pyarrow.fs.LocalFileSystem()

    def full(self, path: str) -> str:
        return str(self.root / path)

    @property
    def notes(self) -> list[str]:
        """What a user should know of this file system."""
        if self._way is None or self._way.whole:
            return []
        return [
            "this file system can neither link nor rename without replacing: "
            "others may see a file while it is written"
        ]

    # ------------------------------------------------------------------ what is there

    def walk(self, below: str = "") -> list[FileInfo]:
        if not below:
            self.links = []
        found: list[FileInfo] = []
        if self._is_within(below):
            self._walk(self.root / below, f"{below}/" if below else "", found)
        return found

    def _walk(self, folder: Path, inside: str, found: list[FileInfo]) -> None:
        for entry in _entries(folder):
            name = f"{inside}{entry.name}"
            if entry.is_symlink():
                self.links.append(name)
            elif entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith((".", "_")):
                    self._walk(folder / entry.name, f"{name}/", found)
            elif entry.is_file(follow_symlinks=False) and not entry.name.startswith(MOVING):
                # One that went away meanwhile was merged: its rows are elsewhere, so the whole list
                # is no longer true. The caller asks again.
                there = entry.stat(follow_symlinks=False)
                found.append(FileInfo(name, there.st_size, there.st_mtime_ns))

    def folders(self, below: str = "") -> list[str]:
        if not self._is_within(below):
            return []
        return [
            entry.name
            for entry in _entries(self.root / below)
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
        ]

    def names(self, below: str) -> set[str]:
        """All that is in a folder, whatever it is."""
        return {entry.name for entry in _entries(self.root / below)}

    def _is_within(self, below: str) -> bool:
        """Whether it is a folder below the root, without a link on the way."""
        at = self.root
        for name in below.split("/") if below else ():
            at = at / name
            try:
                if not stat.S_ISDIR(at.lstat().st_mode):
                    return False
            except FileNotFoundError:
                return False
        return True

    def is_moving(self, below: str = "") -> bool:
        """Whether a folder is being replaced in two steps, or was when a process was killed."""
        with contextlib.suppress(OSError), os.scandir(self.root / below) as found:
            return any(entry.name.startswith(MOVING) for entry in found)
        return False

    def identity(self) -> tuple[int, int] | None:
        """Of the folder that has the name now; None where there is none."""
        try:
            there = self.root.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return there.st_dev, there.st_ino

    def device_above(self) -> int:
        """The disk of the next folder above that is there."""
        above = next(path for path in self.root.parents if path.exists())
        return above.stat().st_dev

    # ------------------------------------------------------------------ changing it

    def hold(self, below: str = "", *, make: bool = False) -> HeldFolder:
        """A folder of the capture, opened.

        Raises:
            OSError: there is none, or a link in its place.
        """
        held = HeldFolder(self.root)
        for name in below.split("/") if below else ():
            with held:
                held = held.folder(name, make=make)
        return held

    def enter(self, path: str, root: tuple[int, int] | None = None) -> Folder:
        if root is None and not self.root.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            sync_folder(self.root.parent)
        if root is not None and self.identity() != root:
            raise FolderReplaced(f"{self.root} was removed, renamed or replaced")
        if self._anchor is None or self._anchor.identity != self.identity():
            self._anchor = HeldFolder(self.root)
        return _LocalFolder(self, self.hold(path, make=True))

    def remove(self, path: str) -> None:
        """A file, or a folder with all that is in it: gone from the readers' sight at once."""
        above, _, name = path.rpartition("/")
        gone = f"gone-{secrets.token_hex(6)}"
        with contextlib.suppress(FileNotFoundError), self.hold(above) as held:
            staging = self.staging()
            held.rename(name, staging, gone)
            held.sync()
            staging.discard(gone)

    def staging(self) -> HeldFolder:
        """Where files are made before they have their name: a folder that we made.

        Beside the capture, not in it: most readers look into hidden folders too. One that is a link, or
        somebody else's, is left alone and another name taken.

        Raises:
            OSError: there is nowhere to make one; or the capture itself is gone.
        """
        if self._staging is not None:
            with contextlib.suppress(FolderReplaced):
                self._staging.check()
                return self._staging
        self.forget_staging()
        with HeldFolder(self.root) as root:
            beside = [f".{self.root.name}.staging{more}" for more in _MORE]
            if not self._inside:
                with contextlib.suppress(PermissionError), HeldFolder(self.root.parent) as parent:
                    self._staging = _first_of_ours(parent, beside, root)
            if self._staging is None:  # a mount of its own, or its parent is not ours to write
                inside = [f".staging{more}" for more in _MORE]
                self._staging = _first_of_ours(root, inside, root)
        if self._staging is None:
            raise PermissionError(
                errno.EACCES, "there is no folder beside it for files that are being made"
            )
        return self._staging

    def stagings(self) -> list[Path]:
        """The staging folders that are there, whoever of this package made them; none is made."""
        beside = [self.root.with_name(f".{self.root.name}.staging{more}") for more in _MORE]
        inside = [self.root / f".staging{more}" for more in _MORE]
        return [
            folder
            for folder in (*beside, *inside)
            if not folder.is_symlink() and (folder / MARKER).is_file()
        ]

    @property
    def staging_is_inside(self) -> bool:
        return self.staging().path.parent == self.root

    def forget_staging(self, *, inside: bool = False) -> None:
        """It went away, or the file system may be another one by now.

        Args:
            inside: from here on it is in the capture, not beside it.
        """
        self._inside = self._inside or inside
        if self._staging is not None:
            self._staging.close()
        self._staging = self._way = None

    def close(self) -> None:
        self.forget_staging()
        if self._anchor is not None:
            self._anchor.close()
            self._anchor = None

    def create(self, folder: HeldFolder, name: str, content: Any) -> None:
        """A file in a folder, whole and lasting, if there is none of this name."""
        staging = self.staging()
        if self._way is None:
            self._way = proven_way(staging)
        if self._way is None:
            raise CaptureError(
                f"the file system of {self.name} lets a file be made twice: two writers would "
                "overwrite each other",
                hint="Capture to a local disk, and copy the folder there afterwards.",
            )
        self._way.create(staging, folder, name, content)


# Where one is somebody else's.
_MORE = ("", *(f"-{n}" for n in range(2, 10)))
MARKER = ".sse-widget"
_MARKED = (
    b"Files that sse-widget has not given their names yet. It made this folder, and tidies it.\n"
)
MOVING = ".merging-"  # the beginning of a name that says that a folder is being replaced


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing where there is none.

    Raises:
        FileNotFoundError: a folder is being replaced by one with the same rows in this very moment:
            the list would lack it.
    """
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []
    names = {entry.name for entry in entries}
    for entry in entries:
        name = entry.name
        moving = name.startswith(MOVING) and entry.is_file(follow_symlinks=False)
        if moving and name.removeprefix(MOVING) not in names:
            raise FileNotFoundError(
                f"{folder / name.removeprefix(MOVING)} is being merged, or was when a process was "
                "killed: opening the capture to write goes on with that"
            )
    return entries


def _first_of_ours(holder: HeldFolder, names: list[str], root: HeldFolder) -> HeldFolder | None:
    """A folder of one of these names, on the disk of `root`, that we made, or make now."""
    if root.identity[0] != holder.identity[0]:
        return None
    for name in names:
        try:
            folder = holder.folder(name, make=True, mode=0o700)
            if _is_ours(folder, root) and folder.identity[0] == root.identity[0]:
                return folder
            folder.close()
        except OSError as e:
            if e.errno not in _TAKEN:
                raise
    return None


# A link or a file has the name, or a folder that is not for us.
_TAKEN = frozenset({errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENOENT})


def _is_ours(folder: HeldFolder, root: HeldFolder) -> bool:
    """Made by this package, and nobody but us, or whose capture it is, could have put our mark there.
    (Some mounts show one owner for all.)"""
    owners = {os.geteuid(), root.status().st_uid} if hasattr(os, "geteuid") else set()
    if owners and folder.status().st_uid not in owners:
        return False
    mark = folder.look(MARKER)
    if mark is None:
        if folder.names():
            return False  # a user's own
        with contextlib.suppress(FileExistsError):  # another process does the same
            folder.write_new(MARKER, _MARKED)
        return True
    return stat.S_ISREG(mark.st_mode)


class _LocalFolder:
    """Held by a handle, not by its name: a process that slept while the folder was replaced creates
    nothing in the new one."""

    def __init__(self, store: LocalStore, held: HeldFolder) -> None:
        self._store = store
        self._held = held

    def names(self) -> list[str]:
        # By the handle: the name may be another folder's by now.
        return self._held.names()

    def create(self, name: str, content: Any) -> None:
        held, store = self._held, self._store
        held.check()
        try:
            store.create(held, name, content)
        except OSError as e:
            if e.errno not in (errno.ENOENT, errno.EXDEV):
                raise
            held.check()
            # Somebody tidied up; or beside the capture there is another mount of the same disk.
            store.forget_staging(inside=e.errno == errno.EXDEV)
            store.create(held, name, content)
        try:
            held.check()
        except FolderReplaced:
            if held.handle is None:  # made by its path: it is in the new one
                held.discard(name)
            raise
        held.sync()

    def leave(self) -> None:
        self._held.close()


# ---------------------------------------------------------------------- a store


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
        from .store_files import filesystem_of

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
        from .store_files import as_oserror

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
