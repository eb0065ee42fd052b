"""Create only: give a file its name if nothing has that name, in one step that the file system vouches for.

All order between writers of a capture is that one of them makes part n. There are three ways, the first
that a file system has is taken: a hard link (most), a rename that replaces nothing (Windows, exFAT,
SMB, many FUSE mounts), a file that is opened exclusively under its name. With the last, others may see a file
while it is written, and one that was cut short where its writer is killed. Each is proven before it
is trusted: by making a file twice. It knows nothing of captures.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import secrets
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from .held_folder import HeldFolder

Create = Callable[[HeldFolder, HeldFolder, str, Any], None]
# The file system has no such operation. (EPERM: vfat and many FUSE mounts, for a link.)
_LACKS = frozenset(
    {errno.EPERM, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV}
    | {errno.EMLINK, errno.ENOTTY}
)


class Way(NamedTuple):
    """A way to create a file only if it is absent.

    Attributes:
        name: in words.
        create: called with the folder for what has no name yet, the folder, the name, the content.
            Raises FileExistsError where there is one.
        whole: nobody sees the file before all of it is there.
    """

    name: str
    create: Create
    whole: bool = True


def lacks(error: BaseException) -> bool:
    """Whether an error says that the file system has no such operation."""
    return isinstance(error, NotImplementedError) or (
        isinstance(error, OSError) and error.errno in _LACKS
    )


def _by_link(staging: HeldFolder, folder: HeldFolder, name: str, content: Any) -> None:
    beside = f"{name}.{secrets.token_hex(6)}.tmp"
    staging.write_new(beside, content)
    try:
        staging.link(beside, folder, name)
    finally:
        staging.discard(beside)


def _by_rename(staging: HeldFolder, folder: HeldFolder, name: str, content: Any) -> None:
    beside = f"{name}.{secrets.token_hex(6)}.tmp"
    staging.write_new(beside, content)
    try:
        rename_only(staging, beside, folder, name)
    except BaseException:
        staging.discard(beside)
        raise


def _in_place(staging: HeldFolder, folder: HeldFolder, name: str, content: Any) -> None:
    folder.write_new(name, content)


WAYS = (
    Way("a hard link", _by_link),
    Way("a rename that replaces nothing", _by_rename),
    Way("a file opened exclusively", _in_place, whole=False),
)


def proven_way(staging: HeldFolder) -> Way | None:
    """The first way that this file system has, and that refuses a second file of one name; None
    where there is none.

    Raises:
        OSError: the folder cannot be written at all: a full disk, no permission.
    """
    for way in WAYS:
        probe = f"probe-{secrets.token_hex(6)}"
        try:
            way.create(staging, staging, probe, b"first")
            try:
                way.create(staging, staging, probe, b"second")
            except FileExistsError:
                return way
        except (OSError, NotImplementedError) as e:
            if not lacks(e):
                raise
        finally:
            staging.discard(probe)
    return None


# ---------------------------------------------------------------------- calls of the system

_NOREPLACE, _EXCHANGE = 1, 2  # Linux, renameat2
_SWAP, _EXCL = 2, 4  # macOS, renameatx_np


def rename_only(source: HeldFolder, name: str, folder: HeldFolder, new: str) -> None:
    """Rename, if nothing has the new name.

    Raises:
        FileExistsError: something has.
        OSError: this system or file system cannot do that; nothing was changed.
    """
    if os.name == "nt":  # MoveFileEx without MOVEFILE_REPLACE_EXISTING
        source.rename(name, folder, new)
    else:
        rename_by_flags(source, name, folder, new, _NOREPLACE, _EXCL)


def exchange(one: HeldFolder, name: str, other: HeldFolder, its: str) -> None:
    """Each gets the other's name, in one step.

    Raises:
        OSError: this system or file system cannot do that; nothing was changed.
    """
    rename_by_flags(one, name, other, its, _EXCHANGE, _SWAP)


@functools.cache
def _system_library() -> Any:
    # Once: each has types of its own, in circles that only the collector frees.
    return ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def rename_by_flags(
    one: HeldFolder, name: str, other: HeldFolder, its: str, linux: int, macos: int
) -> None:
    library = _system_library()
    (a, from_), (b, to) = one.for_system(name), other.for_system(its)
    if sys.platform == "darwin" and hasattr(library, "renameatx_np"):
        failed = library.renameatx_np(a, from_, b, to, macos)
    elif hasattr(library, "renameat2"):
        failed = library.renameat2(a, from_, b, to, linux)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), from_.decode(errors="replace"))
