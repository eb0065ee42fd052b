"""Folder swap: a folder with the same rows takes the place of a folder, while others read.

Where the system can, the two exchange their names in one step. Elsewhere (Windows, exFAT, SMB, many FUSE
mounts) it takes two renames, and between them nothing has the name. A file beside it says so beforehand, so that
our readers look again, and so that the next writer can go on after a crash. It knows nothing of rows.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import stat
import time

from .create_only import exchange, lacks
from .held_folder import HeldFolder
from .local_store import MOVING

_NEW = re.compile(r"merge-[\w.-]*@[0-9a-f]{12}", re.ASCII)
_LATE = 600.0
_OLD = re.compile(r"gone-[0-9a-f]{12}")


def replace_folder(where: HeldFolder, name: str, staging: HeldFolder, new: str) -> None:
    """`new`, a folder in `staging`, gets the name; the one that had it is deleted.

    Raises:
        OSError: it cannot be done now; nothing was changed.
    """
    try:
        exchange(staging, new, where, name)
    except OSError as e:
        if not lacks(e):
            raise
        _by_two_renames(where, name, staging, new)
        return
    where.sync()
    staging.discard(new)


def _by_two_renames(where: HeldFolder, name: str, staging: HeldFolder, new: str) -> None:
    note, old = f"{MOVING}{name}", f"gone-{secrets.token_hex(6)}"
    where.write_new(note, json.dumps({"new": new, "old": old}).encode())
    where.sync()
    try:
        where.rename(name, staging, old)
        try:
            staging.rename(new, where, name)
        except BaseException:
            staging.rename(old, where, name)
            raise
    except BaseException:
        # If that failed too, the next writer does it.
        if where.look(name) is not None:
            where.discard(note)
        raise
    where.sync()
    where.discard(note)
    staging.discard(old)


def recover(where: HeldFolder, staging: HeldFolder) -> None:
    """Go on where a process was killed between two renames."""
    for note in where.names():
        name, there = note.removeprefix(MOVING), where.look(note)
        if name == note or there is None or not stat.S_ISREG(there.st_mode):
            continue
        named = _named(where, note)
        if where.look(name) is None:
            for left in named:
                folder = staging.look(left)
                if folder is not None and stat.S_ISDIR(folder.st_mode):
                    staging.rename(left, where, name)
                    where.sync()
                    break
        # One that leads nowhere would keep everybody from reading. (Another user's folders are not in
        # our staging: they have a while to come back.)
        late = time.time() - there.st_mtime > _LATE
        if where.look(name) is not None or not named or late:
            where.discard(note)


def _named(where: HeldFolder, note: str) -> list[str]:
    """The two folders, the new one first: names as this package makes them, or none."""
    with contextlib.suppress(OSError, ValueError):
        said = json.loads(where.read(note, 1_000))
        if isinstance(said, dict):
            new, old = said.get("new"), said.get("old")
            if isinstance(new, str) and isinstance(old, str):
                return [n for n in (new, old) if _NEW.fullmatch(n) or _OLD.fullmatch(n)]
    return []
