"""A server's words in a terminal: they show, and a terminal obeys none of them."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import httpx
import pytest

from sse_widget import EventFilter, EventStreamParser, SSEStream
from sse_widget.errors import BadContentType, BadStatus, SSEError, TooManyRedirects
from sse_widget.events import Cause, Event, Gap
from sse_widget.recordings.recording import Recording
from sse_widget.recordings.server import CaptureServer
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.writer import Writer
from sse_widget.visible import quoted, visible, visible_name

from ..helpers.clients import AT_ONCE, over
from ..helpers.scripted import Peer, Server, answers, sends
from ..storage.test_dataset import AT, batch

TOLD = json.loads((Path(__file__).parents[1] / "vectors" / "visible-cases.json").read_text("utf-8"))
# Sets the title, clears the screen, writes the clipboard; the same by C1; hides what follows.
HOSTILE = "\x1b]0;PWNED\x07\x1b[2J\x1b]52;c;cm0gLXJm\x07\x9b2J\u202eevil\x08\x00\u2066"
# What a header line can hold of it: the client refuses controls.
HIDES = "\u202eevil\u2066\x9b2J"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> bool:
    return OBEYED.search(text) is None


# ---------------------------------------------------------------------- what is shown how


@pytest.mark.parametrize("told", TOLD["cases"], ids=lambda told: ascii(told["text"]))
def test_text_is_visible(told):
    text = told["text"]
    assert visible(text) == told["line"]
    assert visible(text, lines=True) == told["lines"]
    assert visible_name(text) == told["name"]
    assert eval(quoted(text)) == text
    assert quoted(text).isprintable()


@pytest.mark.parametrize(("show", "key"), [(visible, "odd"), (visible_name, "unseen")])
def test_every_character_shows_or_is_named(show, key):
    changed: list[list[int]] = []
    for code in range(0x110000):
        char = f"a{chr(code)}a"
        if show(char) == char:
            continue
        if changed and changed[-1][1] == code - 1:
            changed[-1][1] = code
        else:
            changed.append([code, code])
    assert changed == TOLD[key]


def test_names_that_differ_by_what_is_unseen_differ_in_sight():
    names = [told["text"] for told in TOLD["cases"]]
    assert len({visible_name(name) for name in names}) == len(names)
    events = [Event(type="trade"), Event(type="trade\ufe0f"), Event(type="trade\u200d")]
    assert len({repr(event) for event in events}) == 3
    for event in events:
        assert repr(event).isprintable()
        assert eval(repr(event), {"Event": Event}) == event
    assert "trade\\ufe0f" in repr(EventFilter(types={"trade\ufe0f"}))
    parsed = EventStreamParser().feed("event: trade\ufe0f\nid: 1\u3164\ndata: x\n\n".encode())
    assert "'trade\\ufe0f'" in repr(parsed)
    assert "'1\\u3164'" in repr(parsed)


def test_types_of_a_stream_differ_in_sight():
    stream = SSEStream.replay("event: a\ndata:\n\nevent: a\ufe0f\ndata:\n\n".encode())
    try:
        over(stream)
        assert stream.event_types == {"a": 1, "a\ufe0f": 1}
        assert repr(stream.event_types) == "{'a': 1, 'a\\ufe0f': 1}"
    finally:
        stream.close()


# ---------------------------------------------------------------------- where it is a message


def test_no_message_has_them_however_it_is_made():
    for error in (SSEError(HOSTILE), BadStatus(HOSTILE, hint=HOSTILE, url=HOSTILE, body=HOSTILE)):
        said = [str(error), repr(error), error.message, error.hint, error.url]
        assert all(map(harmless, said))
        assert harmless("".join(traceback.format_exception(error)))
    assert harmless(Gap(0, AT, Cause.DISK, HOSTILE).text)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (answers("404 Not Found", body=HOSTILE), BadStatus),
        (answers(f"410 {HIDES}", body=HOSTILE), BadStatus),
        (answers("200 OK", f"Content-Type: {HIDES}\r\n", HOSTILE), BadContentType),
        (answers("302 Found", f"Location: http://{HIDES}/\r\n"), SSEError),
        (answers("302 Found", f"Location: {HIDES}://x\r\n"), SSEError),
        (answers("302 Found", "Location: javascript:x\r\n"), TooManyRedirects),
    ],
)
def test_an_error_of_a_stream_can_be_printed(script, kind):
    with Server(script) as server:
        stream = SSEStream(server.url, reconnect=False)
        try:
            over(stream)
            error = stream.status.error
            assert isinstance(error, SSEError)
            said = [str(error), repr(stream.status), repr(stream), *map(str, stream.errors)]
            assert all(map(harmless, said))
        finally:
            stream.close()


def test_gaps_can_be_printed():
    cut = f"id: {HOSTILE.replace(chr(0), '')}\ndata: 1\n\n"
    with Server(sends(cut), Peer.hold) as server:
        stream = SSEStream(server.url, retry=AT_ONCE)
        try:
            server.asked.get(timeout=60), server.asked.get(timeout=60)
            assert all(harmless(repr(gap) + gap.text) for gap in stream.gaps)
        finally:
            stream.close()


def test_what_a_persons_own_callback_raises_is_shown_harmlessly(capfd):
    stream = SSEStream.replay(f"data: {HOSTILE}\n\n".encode())
    try:

        @stream.on()
        def seen(event):
            raise ValueError(event.data)

        said = threading.Event()
        stream.on()(lambda event: said.set())  # its turn is after that one's
        assert said.wait(60)
    finally:
        stream.close()
    err = capfd.readouterr().err
    assert "ValueError: ␛]0;PWNED" in err
    assert harmless(err)


# ---------------------------------------------------------------------- the command line


def test_record_writes_none_of_them(tmp_path):
    with Server(answers("404 Not Found", body=HOSTILE)) as server:
        run = subprocess.run(
            [sys.executable, "-m", "sse_widget.cli", "record", server.url, "--to", tmp_path / "c"],
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert run.returncode == 1
    assert "␛]0;PWNED␇" in run.stderr
    assert harmless(run.stderr + run.stdout)


@pytest.fixture
def hostile(tmp_path):
    """A capture from elsewhere: the names of its streams are somebody else's words."""
    writer = Writer(Dataset(tmp_path / "c"))
    writer.add(HOSTILE, batch(1))
    writer.add("other", batch(1))
    writer.commit()
    return tmp_path / "c"


def test_replay_lists_names_harmlessly(hostile, capsys):
    server = CaptureServer(Dataset(hostile))
    try:
        assert harmless(httpx.get(f"{server.url}/").text)
        long = {"Last-Event-ID": "9" * 5000}
        with httpx.stream("GET", server.url_of("other"), headers=long) as answer:
            assert answer.status_code == 200
            assert b"d1" in answer.read()
        raw = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]))
        raw.request("GET", "http://[", headers={"Host": server.url.partition("://")[2]})
        assert raw.getresponse().status == 400
        raw.close()
    finally:
        server.stop()
    assert capsys.readouterr() == ("", "")


def test_what_is_wrong_with_a_recording_is_said_harmlessly(hostile):
    with pytest.raises(ValueError, match="several streams") as refused:
        Recording(hostile)
    assert harmless(str(refused.value))
