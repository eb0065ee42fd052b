"""Resume command: what a page needs to write a command that requests the same stream elsewhere.

The page knows the address and the last event ID, and puts them in by itself, also while a cell runs. Secrets
are not told: in the place of a value that is given by name only (headers, credentials, a body) stands a
variable. Pure text; it knows no page.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TypedDict


class CommandParts(TypedDict):
    """What stands beside the address and the last event ID.

    Attributes:
        curl: what follows `curl -N`, and what follows the last event ID, up to the address.
        python: the arguments of `SSEStream` that follow the last event ID.
        places: the variables that stand for what is secret.
        unknown: options that are functions: what they give is not known.
    """

    curl: tuple[str, str]
    python: str
    places: list[str]
    unknown: list[str]


def command_parts(
    *, method: str, headers: list[str], auth: str, cookies: bool, body: str, unknown: list[str]
) -> CommandParts:
    """The parts for a request of which this may be told, as `SourceOptions.outline` tells it."""
    secret = _secret_headers(headers, auth, cookies)
    # With a body curl, and SSEStream, send POST by themselves.
    if method == ("POST" if body else "GET"):
        method = ""
    # The shell puts a value in only between double quotes.
    curl = [f'-H {_word(f"{name}: ")}"{variable}"' for name, variable in secret]
    python = [f"method={json.dumps(method)}"] if method else []
    if secret:
        pairs = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in secret)
        python.append(f"headers={{{', '.join(pairs)}}}")
    places = [variable for _, variable in secret]
    if auth == "basic":
        curl.append('-u "$AUTH"')
        python.append('auth=tuple("$AUTH".split(":", 1))')
        places.append("$AUTH")
    if body == "json":
        curl.append("-H 'Content-Type: application/json'")
    if body:
        curl.append('--data-binary "$BODY"')
        python.append(f'{body}="$BODY"')
        places.append("$BODY")
    return {
        "curl": (f" -X {_word(method)}" if method else "", "".join(f" {word}" for word in curl)),
        "python": "".join(f", {argument}" for argument in python),
        "places": places,
        "unknown": unknown,
    }


def _secret_headers(headers: list[str], auth: str, cookies: bool) -> list[tuple[str, str]]:
    """The headers whose values are not told, each with a variable of its own."""
    # curl would take what follows an @ for the name of a file, and no request can have such a header.
    names = [name for name in headers if not name.startswith("@")]
    if auth == "other" and "authorization" not in map(str.lower, names):
        names.append("Authorization")
    if cookies:
        names.append("Cookie")
    taken: Counter[str] = Counter()
    found = []
    for name in names:
        base = re.sub(r"[^A-Z0-9]", "_", name.upper())
        # Without a letter its name could be one of the shell's.
        base = re.sub(r"^(?=\d)", "_", base) if re.search("[A-Z]", base) else "HEADER"
        taken[base] += 1
        found.append((name, f"${base}" + (f"_{taken[base]}" if taken[base] > 1 else "")))
    return found


def _word(text: str) -> str:
    """One word that sh, bash, dash, zsh and fish all read as this: a name as HTTP has it, or a method."""
    return "'" + text.replace("'", "'\\''") + "'"
