"""Held folder: an open handle on a folder, which stays the same one when its name goes to another.

What is made, moved or deleted through it is in that very folder, and no name in it is followed where it is
a link: another process that may write beside us cannot make us write, read or delete elsewhere. It is opened from
a path; the links on the way to it are the user's own. Where the system has no handles of folders
(Windows) the path is used, and looked at again before and after. It knows nothing of captures.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import weakref
from pathlib import Path
from typing import Any, BinaryIO

BY_HANDLE = hasattr(os, "O_DIRECTORY") and os.open in os.supports_dir_fd
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_HERE = -2 if sys.platform == "darwin" else -100  # AT_FDCWD
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class FolderReplaced(FileNotFoundError):
    """The folder that was opened is not the one of that name any more."""


class HeldFolder:
    """A folder.

    Attributes:
        path: where it was when it was opened.
        identity: device and number of the folder: the same as long as it is the same one.

    Raises:
        OSError: there is none, it is none, or it is not ours to open.
    """

    def __init__(self, path: Path, *, _within: HeldFolder | None = None) -> None:
        self.path = path
        self._handle: int | None = None
        if _within is None:
            if BY_HANDLE:
                self._handle = os.open(path, _FOLDER_FLAGS)
        else:
            name, at = _within.at(path.name)
            if not at:
                _within.check()
            if not stat.S_ISDIR(os.lstat(name, **at).st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "a link, or no folder", str(path))
            if BY_HANDLE:
                self._handle = os.open(name, _FOLDER_FLAGS | _NO_LINK, **at)
        if self._handle is not None:  # let go of with the last reference, at the latest
            self._close = weakref.finalize(self, os.close, self._handle)
        self.identity = _identity(self.status())

    def at(self, name: str) -> tuple[Any, dict[str, Any]]:
        """How the system is told of something in this folder."""
        if "/" in name or os.sep in name or name in ("", ".", ".."):
            raise ValueError(f"{name!r} is no name in a folder")
        if self._handle is not None:
            return name, {"dir_fd": self._handle}
        return self.path / name, {}

    @property
    def handle(self) -> int | None:
        """The system's, where it has handles of folders."""
        return self._handle

    def status(self) -> os.stat_result:
        return self.path.stat() if self._handle is None else os.fstat(self._handle)

    def check(self) -> None:
        """
        Raises:
            FolderReplaced: its name leads elsewhere by now, or nowhere.
        """
        with contextlib.suppress(OSError):
            if _identity(self.path.stat()) == self.identity:
                return
        raise FolderReplaced(f"{self.path} was removed, renamed or replaced")

    def close(self) -> None:
        if self._handle is not None:
            self._close()
            self._handle = None

    def __enter__(self) -> HeldFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ what is in it

    def names(self) -> list[str]:
        return os.listdir(self.path if self._handle is None else self._handle)  # noqa: PTH208

    def look(self, name: str) -> os.stat_result | None:
        """What is there under this name, itself, not what it leads to; None for nothing."""
        path, at = self.at(name)
        try:
            return os.lstat(path, **at)
        except FileNotFoundError:
            return None

    def folder(self, name: str, *, make: bool = False, mode: int = 0o777) -> HeldFolder:
        """A folder in this one; made where there is none, if asked to.

        Raises:
            OSError: there is none, or something else has its name: a file, a link.
        """
        if make:
            path, at = self.at(name)
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, mode, **at)  # noqa: PTH102 (within a handle)
                self.sync()
        return HeldFolder(self.path / name, _within=self)

    def read(self, name: str, limit: int) -> bytes:
        """The beginning of a file."""
        path, at = self.at(name)
        with os.fdopen(
            os.open(path, os.O_RDONLY | _NO_LINK | _BINARY | _NO_WAIT, **at), "rb"
        ) as file:
            return file.read(limit)

    # ------------------------------------------------------------------ changing it

    def new_file(self, name: str) -> BinaryIO:
        """A file that was not there before, to be written.

        Raises:
            FileExistsError: something has its name, be it a link that leads nowhere.
        """
        path, at = self.at(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _BINARY
        return os.fdopen(os.open(path, flags, 0o666, **at), "wb")

    def lock_file(self, name: str) -> BinaryIO:
        """A file to lock: made where there is none, and never deleted."""
        path, at = self.at(name)
        flags = os.O_RDWR | os.O_CREAT | _NO_LINK | _BINARY
        return os.fdopen(os.open(path, flags, 0o666, **at), "r+b")

    def write_new(self, name: str, content: Any) -> None:
        """A file with this content, lasting; where that fails none is left."""
        file = self.new_file(name)
        try:
            with file:
                file.write(content)
                sync(file)
        except BaseException:
            with contextlib.suppress(OSError):
                self.unlink(name)
            raise

    def link(self, name: str, to: HeldFolder, new: str) -> None:
        """A second name, in another folder, for a file.

        Raises:
            FileExistsError: something has that name.
        """
        (a, at_a), (b, at_b) = self.at(name), to.at(new)
        os.link(a, b, src_dir_fd=at_a.get("dir_fd"), dst_dir_fd=at_b.get("dir_fd"))

    def rename(self, name: str, to: HeldFolder, new: str) -> None:
        (a, at_a), (b, at_b) = self.at(name), to.at(new)
        os.rename(a, b, src_dir_fd=at_a.get("dir_fd"), dst_dir_fd=at_b.get("dir_fd"))

    def unlink(self, name: str) -> None:
        path, at = self.at(name)
        os.unlink(path, **at)

    def discard(self, name: str) -> None:
        """Delete a file, or a folder with all in it, as far as that works; a link goes itself."""
        path, at = self.at(name)
        there = self.look(name)
        if there is None:
            return
        if stat.S_ISDIR(there.st_mode):
            shutil.rmtree(path, ignore_errors=True, **at)
        else:
            with contextlib.suppress(OSError):
                self.unlink(name)

    def sync(self) -> None:
        """Make the names in it last through a power cut, where the system can do that."""
        if self._handle is None:
            sync_folder(self.path)
        else:
            with contextlib.suppress(OSError):
                sync(self._handle)

    def for_system(self, name: str) -> tuple[int, bytes]:
        """Handle and name, for calls of the system that Python has not: (AT_FDCWD, path) without a
        handle."""
        path, at = self.at(name)
        return at.get("dir_fd", _HERE), os.fsencode(path)


def is_somebody_elses(link: Path) -> bool:
    """Whether a link was made by another user, in a folder that is not theirs: it may lead to what is
    ours. (As Linux has it with protected_symlinks, where folders are for all to write.)"""
    if not hasattr(os, "geteuid") or not link.is_symlink():
        return False
    return link.lstat().st_uid not in (os.geteuid(), link.parent.stat().st_uid)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def sync(file: BinaryIO | int) -> None:
    """Wait until it is on the disk. On macOS fsync stops at the disk's own memory."""
    handle = file if isinstance(file, int) else file.fileno()
    if not isinstance(file, int):
        file.flush()
    if sys.platform == "darwin":
        import fcntl

        with contextlib.suppress(OSError):  # a file system that cannot
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power cut, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            sync(handle)
        finally:
            os.close(handle)
