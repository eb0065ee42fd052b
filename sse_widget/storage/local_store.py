"""LocalStore: a capture in a folder of a file system.

No link is followed below the folder that was named, and nothing is deleted that this package did not make. How a
file is created only if it is absent, `create_only` says.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import Any

from ..errors import CaptureError
from .create_only import Way, proven_way
from .held_folder import FolderReplaced, HeldFolder, is_somebody_elses, sync_folder
from .store import FileInfo, Folder


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
        return LocalFolder(self, self.hold(path, make=True))

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


class LocalFolder:
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
            # A user removed it; or beside the capture there is another mount of the same disk.
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
