"""The file that says which streams to record: TOML, or the JSON of an `mcp.json`.

    to = "captures"
    keep = "7d"

    [headers]                                   # of all streams
    Authorization = "Bearer ${TOKEN}"           # of the environment

    [streams]
    ticks = "https://example.com/ticks"
    news = { url = "https://example.com/news", headers = { X-Feed = "world" } }

It reads the file and gives what the command line would have given; it starts nothing.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..client import SourceKeywords

_TEXTS = ("to", "duration", "keep", "filter")
_STREAMS = ("streams", "mcpServers", "servers")
_ENVIRONMENT = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Config:
    """What a file says.

    Attributes:
        to, duration, keep, filter: as the options of these names; None where it says nothing.
        types: as `--type`.
        where: conditions, each text or a list of three.
        streams: name -> URL, or a mapping with a URL and more.
        options: of `EventSource`, for all streams.
    """

    to: str | None = None
    duration: str | None = None
    keep: str | None = None
    filter: str | None = None
    types: list[str] = field(default_factory=list)
    where: list[Any] = field(default_factory=list)
    streams: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def read_config(path: str) -> Config:
    """What this file says.

    Raises:
        ValueError: it cannot be read, or says what there is not; the message names where.
    """
    said = _filled(_read(path), path)
    texts = {name: _text(said.pop(name, None), f"{path}: {name}") for name in _TEXTS}
    types = _list_of_texts(said.pop("type", []), f"{path}: type")
    where = said.pop("where", [])
    if not isinstance(where, list):
        raise ValueError(f"{path}: where must be a list of conditions")
    streams = _streams(said, path)
    return Config(**texts, types=types, where=where, streams=streams, options=_options(said, path))


def _read(path: str) -> dict[str, Any]:
    try:
        text = Path(path).expanduser().read_text("utf-8")
        read: Any = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # of TOML, JSON and UTF-8 alike
        raise ValueError(f"{path}: {error}") from None
    if not isinstance(read, dict):
        raise ValueError(f"{path}: it is no table of options")
    return read


def _text(value: object, what: str) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{what} must be text")
    return value


def _streams(said: dict[str, Any], path: str) -> dict[str, Any]:
    """The table of the streams, which is taken out."""
    streams = [said.pop(name) for name in _STREAMS if name in said]
    if len(streams) > 1 or not all(isinstance(some, Mapping) for some in streams):
        raise ValueError(f"{path}: the streams must be one table, [streams]")
    return dict(streams[0]) if streams else {}


def _options(said: dict[str, Any], path: str) -> dict[str, Any]:
    """What is left: options of all streams."""
    known = {*SourceKeywords.__annotations__, "insecure", "cacert", "exact_times"}
    # What other readers of an mcp.json know.
    said = {name: value for name, value in said.items() if name not in ("inputs", "$schema")}
    if unknown := sorted(said.keys() - known):
        raise ValueError(f"{path}: there is no option {unknown[0]!r}")
    trusted, insecure = said.pop("cacert", None), said.pop("insecure", False)
    if insecure or trusted is not None:
        said["verify"] = False if insecure else trusted
    return said


def _filled(value: Any, path: str) -> Any:
    """The value with `${NAME}` as the environment has it."""
    if isinstance(value, Mapping):
        return {key: _filled(one, path) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, path) for one in value]
    if not isinstance(value, str):
        return value

    def of_environment(match: re.Match[str]) -> str:
        try:
            return os.environ[match[1]]
        except KeyError:
            raise ValueError(f"{path}: the environment has no {match[1]}") from None

    return _ENVIRONMENT.sub(of_environment, value)


def _list_of_texts(value: object, what: str) -> list[str]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise ValueError(f"{what} must be text, or a list of texts")
    return listed
