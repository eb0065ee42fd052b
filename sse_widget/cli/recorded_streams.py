"""The streams and options that `record` is started with: those of the command line, and of the files it names.

The command line is read once, since it may read standard input or ask for a password; files are read anew each
time. The command line goes before the files. Nothing is started here.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..client import Request, SourceOptions
from ..errors import InvalidURL
from ..filters import EventFilter
from ..fleet import named, own_options, told_to
from ..masking import Secrets, mask_url
from .config import Config, read_config
from .request_options import condition, duration, filter_of_options, request_keywords, stream


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be recorded. The repr tells no secret.

    Attributes:
        streams: URLs, or by name a URL or a mapping that says more.
        to: the folder or URL of the capture.
        keep: what is older is removed; None: nothing is.
        duration: the end comes after so long; None: when it is asked for.
        passing: which events are kept; None: all.
        told: options of `EventSource`, for all streams.
    """

    streams: Mapping[str, Any] | list[str] = field(repr=False)
    to: str
    keep: timedelta | None
    duration: timedelta | None
    passing: EventFilter | None
    told: Mapping[str, Any] = field(repr=False)

    def secrets(self) -> Secrets:
        """The secret values in all of this."""
        found = Secrets()
        found.add_later(lambda: self._add_to(found))
        return found

    def _add_to(self, found: Secrets) -> None:
        options = SourceOptions.of("record", self.told).keywords(self.told)
        urls, own = own_options(named(self.streams))
        for name, url in urls.items():
            with contextlib.suppress(InvalidURL):  # one that is never asked
                request = Request.of(url, SourceOptions(**told_to(name, options, own)))
                found.add_all(request.secrets)

    def differs_in_streams_alone(self, other: Wanted) -> bool:
        """Whether the other one has the same options, folder and filter."""
        return (self.to, self.keep, self.passing, self.told) == (
            other.to,
            other.keep,
            other.passing,
            other.told,
        )


class WantedReader:
    """Reads what is wanted.

    Args:
        options: the command line of `record`.

    Raises:
        ValueError: an option that cannot be used.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._told = request_keywords(options, options.json)

    @property
    def files(self) -> list[str]:
        """The files that are read again."""
        return [name for name in (self._options.config, self._options.list) if name]

    def read(self) -> Wanted:
        """What is wanted, as the files are now.

        Raises:
            ValueError: a file cannot be read or says what there is not, or something is not said at
                all; the message names what.
        """
        options = argparse.Namespace(**vars(self._options))
        config = read_config(options.config) if options.config else Config()
        try:
            _use(config, options)
        except argparse.ArgumentTypeError as error:
            raise ValueError(f"{options.config}: {error}") from None
        listed = read_list(options.list) if options.list else []
        streams = _streams([*options.urls, *listed], config)
        if not streams:
            raise ValueError("no streams: give URLs, --list FILE or --config FILE")
        if options.to is None:
            raise ValueError("no folder: give --to DIR")
        return Wanted(
            streams,
            options.to,
            options.keep,
            options.duration,
            filter_of_options(options),
            {**config.options, **self._told},
        )


def read_list(path: str) -> list[tuple[str | None, str]]:
    """The streams of a file with one on each line, as on the command line: a URL, or NAME=URL. Empty lines and
    lines that begin with # say nothing.

    Raises:
        ValueError: it cannot be read, or a line is none; the message names the line.
    """
    try:
        lines = Path(path).expanduser().read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeError:
        raise ValueError(f"{path}: no UTF-8") from None
    found = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                found.append(stream(text))
            except argparse.ArgumentTypeError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None
    return found


def _use(config: Config, options: argparse.Namespace) -> None:
    """What a file says and the command line does not."""
    options.to = options.to or config.to
    for name in ("duration", "keep"):
        written = getattr(config, name)
        if getattr(options, name) is None and written is not None:
            setattr(options, name, duration(written))
    options.filter = config.filter if options.filter is None else options.filter
    options.type = options.type or config.types
    if not options.where:
        options.where = [condition(one) if isinstance(one, str) else one for one in config.where]


def _streams(given: list[tuple[str | None, str]], config: Config) -> dict[str, Any] | list[str]:
    """The streams, by name where any has one."""
    unnamed = [url for name, url in given if name is None]
    named = {name: url for name, url in given if name is not None}
    if len(named) + len(unnamed) < len(given):
        raise ValueError("two streams have one name")
    if not named and not config.streams:
        return unnamed
    masked = {mask_url(url): url for url in unnamed}
    if len(masked) < len(unnamed):
        names = [mask_url(url) for url in unnamed]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two streams are {twice}: give each a name, as in NAME=URL")
    return {**config.streams, **named, **masked}
