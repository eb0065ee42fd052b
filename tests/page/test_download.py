"""Taking away: what is shown as a file, one event on the clipboard; made in the page."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from sse_widget import EventStreamParser
from sse_widget.events import EventBatch
from sse_widget.recordings import export
from sse_widget.stream.resume_command import command_parts
from sse_widget.tables import RollingWindow

from ..helpers.scripted import Server, sends
from .test_rows import TICKS

T = 1767323045006
EVENTS = [
    {"type": "trade", "id": "1", "data": '{"a": "x,\\"y\\""}', "at": T},
    {"type": "message", "id": "1", "data": "two\nlines\n", "at": T + 1},
    {"type": "trade", "id": "ü 3", "data": "", "at": T + 2},
    {"type": "a, b", "id": "", "data": '  spaces, "quotes" ', "at": T + 3},
    {"type": "trade", "id": "5", "data": "سلام 👍", "at": T + 4},
]


def save(stub, suffix: str) -> str:
    stub.lasting()
    stub.button("View").click()
    with stub.page.expect_download() as download:
        stub.page.get_by_role("button", name=suffix, exact=True).click()
    assert download.value.suggested_filename.endswith(suffix)
    return download.value.path().read_bytes().decode()


def clipboard(stub):
    stub.lasting()
    stub.kernel("navigator.clipboard.writeText = async (text) => void (window.copied = text)")
    return lambda: stub.page.evaluate("window.copied")


def test_ndjson_has_what_the_filter_shows(stub):
    stub.feed(*EVENTS)
    stub.chip("trade").click()
    expect(stub.rows).to_have_count(3)
    rows = [json.loads(line) for line in save(stub, ".ndjson").splitlines()]
    assert [row["seq"] for row in rows] == [0, 2, 4]
    assert rows[2] == {
        "seq": 4,
        "received_at": "2026-01-02T03:04:05.010Z",
        "type": "trade",
        "last_event_id": "5",
        "data": "سلام 👍",
    }
    expect(stub.page.get_by_text("Saved 3 events")).to_be_visible()


def test_csv_reads_back(stub):
    stub.feed(*EVENTS)
    rows = list(csv.DictReader(io.StringIO(save(stub, ".csv"), newline="")))
    assert [(r["type"], r["last_event_id"], r["data"]) for r in rows] == [
        (e["type"], e["id"], e["data"]) for e in EVENTS
    ]


def test_csv_has_the_columns_and_the_bytes_of_the_kernels(stub, tmp_path):
    data = [
        '{"price": 1.50, "=name": "=A\\"B", "of": {"x": [1 , 2.0]}, "any": 1, "seq": 7}',
        '{"price": -0, "=name": "\\ud800 é", "of": {}, "any": "t", "ok": true, "\\u0073eq": -5}',
        "=no JSON\n",
        '{"price": 1e-07, "price": 25, "=name": null, "big": 123456789012345678901234567890}',
        '{"price": NaN, "of": {"x": [ ]}, "=name": "two\\nlines"}',
        "",
    ]
    paths = ["price", "=name", "of", "of.x[1]", "any", "ok", "big", "seq", 'a "b"']
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    held = RollingWindow()
    for n, text in enumerate(data):
        batch = EventBatch(
            ["a, b"], [text], [str(n)], [True], received_at=at + n * timedelta(microseconds=37)
        )
        held.append(batch)
    stub.feed(
        *(
            {"type": "a, b", "id": str(n), "data": text, "at": at.timestamp() * 1000 + n * 0.037}
            for n, text in enumerate(data)
        )
    )
    for columns in ([], paths):
        stub.kernel(
            "kernel.columns = arg; model.put('_columns', {paths: arg, rev: 1, by: ''})", columns
        )
        written = export.save(held.read(), tmp_path / "x.csv", columns=columns)
        assert save(stub, ".csv").encode() == written.read_bytes()


def test_sse_parses_back_to_the_same_events(stub):
    stub.feed(*EVENTS)
    batch = EventStreamParser().feed(save(stub, ".sse").encode())
    assert [(e.type, e.last_event_id, e.data) for e in batch] == [
        (e["type"], e["id"], e["data"]) for e in EVENTS
    ]
    assert batch.comments[0].strip() == "received_at=2026-01-02T03:04:05.006Z"


def test_a_paused_view_saves_what_it_shows_and_long_events_are_fetched(stub):
    stub.feed(*TICKS, {"data": "x" * 100_000 + "THE END"})
    stub.button("Pause").click()
    stub.feed(*TICKS)
    lines = save(stub, ".ndjson").splitlines()
    assert len(lines) == 4
    assert json.loads(lines[3])["data"].endswith("xTHE END")


def test_a_save_that_waits_shows_it_and_can_be_cancelled(open_stub):
    stub = open_stub(clock=True)
    stub.feed({"data": "x" * 100_000})
    stub.page.clock.run_for(100)
    stub.kernel("kernel.busy = true")
    stub.button("View").click()
    stub.page.get_by_role("button", name=".csv", exact=True).click()
    expect(stub.page.get_by_role("progressbar")).to_be_hidden()
    stub.page.clock.run_for(1500)
    expect(stub.page.get_by_role("progressbar")).to_be_visible()
    expect(stub.page.get_by_text("Waiting for the kernel: a long event")).to_be_visible()
    stub.button("Cancel").click()
    stub.page.clock.run_for(100)
    expect(stub.page.get_by_text("Nothing was saved.")).to_be_visible()
    stub.page.clock.run_for(5000)
    expect(stub.page.get_by_text("Nothing was saved.")).to_be_hidden()


def test_100_000_rows_are_saved_while_the_stream_goes_on(stub):
    stub.kernel("kernel.flood(100000)")
    lines = save(stub, ".ndjson").splitlines()
    assert len(lines) == 100_000
    assert json.loads(lines[-1])["seq"] == 99_999


def test_one_event_on_the_clipboard(stub):
    copied = clipboard(stub)
    stub.feed(*EVENTS)
    stub.rows.first.click()
    stub.button("Copy data").click()
    expect(stub.button("Copied")).to_be_visible()
    assert copied() == EVENTS[0]["data"]
    stub.button("Copy event as JSON").click()
    stub.wait("window.copied.startsWith('{\"seq\"')")
    assert json.loads(copied())["data"] == EVENTS[0]["data"]
    stub.button("Copy row").click()
    stub.wait("window.copied.includes('\\t')")
    assert copied().split("\t")[1:] == ["trade", "1", EVENTS[0]["data"]]
    stub.log.focus()
    stub.page.keyboard.press("ArrowDown")
    stub.page.keyboard.press("c")
    expect(stub.page.get_by_text("Copied the data of #1.")).to_be_visible()
    assert copied() == "two\nlines\n"


def test_the_stream_goes_on_elsewhere(stub):
    copied = clipboard(stub)
    stub.feed({"data": "x", "id": "it's 7"})
    stub.button("View").click()
    stub.button("Copy as cURL").click()
    expect(stub.page.get_by_text("Put what is secret in the place of $TOKEN.")).to_be_visible()
    assert copied() == (
        "curl -N -H 'Accept: text/event-stream' -H 'Last-Event-ID: it'\\''s 7' "
        "'https://stream.example/ticks?key='\"$TOKEN\""
    )
    stub.button("View").click()
    stub.button("Copy as Python").click()
    stub.wait("window.copied.startsWith('from')")
    code = copied()
    compile(code, "cell", "exec")
    assert 'SSEStream("https://stream.example/ticks?key=$TOKEN", last_event_id="it\'s 7")' in code


def asking(stub, url: str, **request) -> None:
    """The stream of the page has this address, and was asked for so."""
    plain = {
        "method": "GET",
        "headers": [],
        "auth": "",
        "cookies": False,
        "body": "",
        "unknown": [],
    }
    settings = {"url": url, "request": command_parts(**(plain | request))}
    stub.kernel("model.put('_settings', {...model.attributes._settings, ...arg})", settings)


def copied_as(stub, copied, what: str) -> str:
    stub.kernel("window.copied = ''")
    stub.button("View").click()
    stub.button(f"Copy as {what}").click()
    stub.wait("window.copied !== ''")
    return copied()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl")
@pytest.mark.parametrize("what", ["cURL", "Python"])
def test_the_command_asks_a_server_the_same(stub, what):
    """It runs as it is pasted, once the secrets are put in, and goes on after the last id."""
    copied = clipboard(stub)
    stub.feed({"data": "x", "id": "it's `7` ü"})
    secrets = {"TOKEN": "s3cret", "X_KEY": "k1", "AUTH": "me:pw", "BODY": '{"n": 1}'}
    with Server(sends("data: from the server\n\n")) as server:
        asking(
            stub,
            f"{server.url}?key=***&n=1",
            headers=["X-Key"],
            auth="basic",
            body="json",
            method="POST",
        )
        command = copied_as(stub, copied, what)
        if what == "cURL":
            run = subprocess.run(
                ["sh", "-c", command],
                capture_output=True,
                env={**os.environ, "LC_ALL": "C.UTF-8", **secrets},
                timeout=30,
            )
            assert run.stdout.decode() == "data: from the server\n\n"
        else:
            assert all(f"${name}" in command for name in secrets)
            for name, secret in secrets.items():
                value = secret if name != "BODY" else json.loads(secret)
                command = command.replace(f'"${name}"', repr(value)).replace(f"${name}", secret)
            more = "\nimport asyncio; print(asyncio.run(stream.until(timeout=30)).data)"
            run = subprocess.run(
                [sys.executable, "-c", command + more], capture_output=True, timeout=60
            )
            assert run.stdout.decode() == "from the server\n"
        asked = server.requests[0]
    assert asked.method == "POST"
    assert asked.target.endswith("?key=s3cret&n=1")
    assert json.loads(asked.body) == {"n": 1}
    assert asked.headers["last-event-id"] == "it's `7` ü"
    assert asked.headers["x-key"] == "k1"
    assert asked.headers["authorization"] == "Basic bWU6cHc="
    assert asked.headers["accept"] == "text/event-stream"
    assert asked.headers["content-type"] == "application/json"


def test_what_is_not_known_of_a_request_is_said(stub):
    copied = clipboard(stub)
    stub.feed({"data": "x"})
    asking(stub, "https://a.example/", unknown=["the function of headers="])
    copied_as(stub, copied, "cURL")
    expect(stub.page.get_by_text("Add what the function of headers= gives.")).to_be_visible()
    asking(stub, "replay:events.sse")
    stub.button("View").click()
    stub.button("Copy as cURL").click()
    expect(stub.page.get_by_text("A recording has no address")).to_be_visible()


def test_whatever_an_id_holds_a_shell_reads_it_as_it_is(stub):
    copied = clipboard(stub)
    for id_ in (
        '$(touch /nowhere/x) `id` "$HOME" \\n !! ; rm',
        "\x1b[31m'\\x",
        "ü 日本 👍",
        "\u202eevil",
        "--help",
    ):
        stub.kernel("window.copied = ''")
        stub.feed({"data": "x", "id": id_})
        stub.button("View").click()
        stub.button("Copy as cURL").click()
        stub.wait("window.copied !== ''")
        script = f"curl() {{ printf '%s\\0' \"$@\"; }}; TOKEN=secret; {copied()}"
        run = subprocess.run(
            ["sh", "-c", script], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
        )
        assert run.stdout.decode().split("\0")[:-1] == [
            "-N",
            "-H",
            "Accept: text/event-stream",
            "-H",
            f"Last-Event-ID: {id_}",
            "https://stream.example/ticks?key=secret",
        ]
