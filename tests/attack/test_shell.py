"""Copy as cURL and as Python: whatever an id, a header's name or an address holds is one argument of the
command, and nothing runs but curl."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess

import pytest

from sse_widget import SSEStream

from ..helpers.page_code import PageModule

# Each runs something, hides, or breaks off, in some shell and some way of quoting.
HOSTILE = [
    "it's",
    "'; touch pwned; '",
    "\\'; touch pwned; \\'",
    "\\\\'; touch pwned; #",
    "\\\\\\'; touch pwned; #",
    "\x1b'; touch pwned; '",
    "\x1b\\'; touch pwned; #",
    "\u200b\\'; touch pwned; echo '",
    "\x1b[201~; touch pwned #",
    "\u202e\\';touch pwned;'",
    "$(touch pwned)",
    "`touch pwned`",
    "(touch pwned)",
    '"; touch pwned; "',
    '"$(touch pwned)"',
    '"; (touch pwned); "',
    "$'\\x27; touch pwned'",
    "${IFS}; touch pwned",
    "$TOKEN $HOME $0",
    "!!; touch pwned",
    "!touch",
    "^a^touch pwned",
    "a & touch pwned &",
    "| touch pwned",
    "> pwned",
    "<(touch pwned)",
    "{a,b}[1-9]*?~",
    "# not a comment",
    "\\",
    "\\\\",
    "a\\",
    "''",
    "'\\''",
    "'\\\\''; touch pwned; '",
    "%s%n\\033\\n\\c",
    "\t\x7f\x85\x9b31m\r",
    "\U000e0041\ufe0f\xadü 日本 \U0001f44d",
    "two\nlines\n",
    "-o pwned",
    "=touch",
    "a\0b",
]
# All that the name of a header, or a method, can hold.
NAMES = [
    "it's",
    "'`touch|pwned`'",
    "$HOME",
    "!!",
    "^a^touch",
    "#no",
    "a&touch&",
    "*",
    "~",
    "%s-%n",
    "'",
    "+.|",
]
SHELLS = {
    "sh": ["sh"],
    "dash": ["dash"],
    "bash": ["bash", "--norc"],
    "bash, interactive": ["bash", "--norc", "-i"],
    "bash, as POSIX says": ["bash", "--posix"],
    "zsh": ["zsh", "-f"],
    "zsh, interactive": ["zsh", "-f", "-i"],
    "zsh, other quotes": ["zsh", "-f", "-o", "rcquotes"],
    "fish": ["fish", "--no-config"],
}
INSTALLED = [n for n, words in SHELLS.items() if words[0] == "sh" or shutil.which(words[0])]
_CURL = """#!/bin/sh
for word; do printf '%s\\000' "$word"; done >> "$OUT"
printf '\\001' >> "$OUT"
"""
_COPY = """
const copied = (make) => given.map(([text, parts]) => make(`https://a.example/${text}?k=***&${text}`, text, parts));
return [copied(page.asCurl), copied(page.asPython)];
"""


def name_beside(text):
    """A name of a header and a method that goes with this text."""
    return NAMES[HOSTILE.index(text) % len(NAMES)]


def told(name):
    """What the kernel tells the page of a request with such a method and header."""
    with SSEStream("http://127.0.0.1:1/", method=name, headers={name: "s3cret"}) as stream:
        return stream.get_state()["_settings"]["request"]


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """What the page puts on the clipboard for each."""
    page = PageModule("export/command.ts", tmp_path_factory.mktemp("page"))
    parts = {name: told(name) for name in NAMES}
    return page.run(_COPY, [(text, parts[name_beside(text)]) for text in HOSTILE])


@pytest.fixture
def lines(copied):
    return copied[0]


@pytest.mark.parametrize("shell", INSTALLED)
def test_each_is_one_argument_and_nothing_else_runs(shell, lines, tmp_path):
    cwd, out, curl = tmp_path / "cwd", tmp_path / "out", tmp_path / "bin" / "curl"
    cwd.mkdir()
    curl.parent.mkdir()
    curl.write_text(_CURL)
    curl.chmod(0o755)
    secret = "t o'k\\en"
    env = {"LC_ALL": "C.UTF-8", "TERM": "dumb", "HOME": str(tmp_path), "TOKEN": secret}
    env |= {"PATH": f"{curl.parent}:{os.environ['PATH']}", "OUT": str(out)}
    pasted = "".join(f"{line}\n" for line in lines)
    # A terminal of its own: an interactive shell would take ours.
    run = subprocess.run(
        SHELLS[shell],
        input=pasted,
        encoding="utf-8",
        env=env,
        cwd=cwd,
        capture_output=True,
        timeout=600,
        start_new_session=True,
    )
    came = out.read_bytes().decode() if out.exists() else ""
    got = [line.split("\0")[:-1] for line in came.split("\1")[:-1]]
    expected = []
    for text in HOSTILE:
        name = name_beside(text)
        text = text.replace("\0", "")  # an argument cannot hold it
        globs = ["-g"] if set(text) & set("[]{}") else []
        last = f"https://a.example/{text}?k={secret}&{text}"
        words = ["-H", "Accept: text/event-stream", "-H", f"Last-Event-ID: {text}"]
        expected.append(["-N", *globs, "-X", name.upper(), *words, "-H", f"{name}: ", last])
    assert got == expected, run.stderr
    assert list(cwd.iterdir()) == []


def test_a_cell_of_python_has_each_as_one_text(copied):
    for text, cell in zip(HOSTILE, copied[1], strict=True):
        (call,) = (node for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Call))
        url = f"https://a.example/{text}?k=$TOKEN&{text}"
        said = {word.arg: word.value for word in call.keywords}
        assert [ast.literal_eval(word) for word in call.args] == [url]
        assert ast.literal_eval(said["last_event_id"]) == text
        assert ast.literal_eval(said["method"]) == name_beside(text).upper()
        assert list(ast.literal_eval(said["headers"])) == [name_beside(text)]


def test_the_text_itself_is_harmless(copied):
    """A terminal obeys some characters of what is pasted, quoted or not."""
    for line in [*copied[0], *copied[1]]:
        assert line.replace("\n", "").isprintable()
        assert "\ufe0f" not in line
