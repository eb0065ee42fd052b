"""Store: where the files of a capture lie, as the rest of this package sees it.

A store lists, reads and removes files, and creates one *only if it is absent*, whole and lasting: that is
all the order there is between writers. These are interfaces: `local_store` and `fsspec_store` have the code.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


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
