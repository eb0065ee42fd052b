"""`sse-widget record`: it captures, says how it goes, stops in order, and its exit code is true."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import certifi
import pyarrow.parquet as pq
import pytest

from sse_widget.cli import main
from sse_widget.storage.dataset import Dataset

from ..helpers.many import read_back
from ..helpers.proxies import tunnels
from ..helpers.scripted import Server, answers, free_port, sends


def start(*options, **how) -> subprocess.Popen[str]:
    how.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen(
        [sys.executable, "-m", "sse_widget.cli", "record", *map(str, options)], text=True, **how
    )


def wait_for(process, pattern) -> str:
    for line in process.stderr:
        if re.search(pattern, line):
            return line
    raise AssertionError(f"no {pattern!r}, ended with {process.wait()}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_ended_in_order_by_a_signal(origin, tmp_path, number):
    with start(f"{origin}/count/50/a", f"b={origin}/count/50/b", "--to", tmp_path / "c") as process:
        try:
            wait_for(process, r"^2 of 2 open")
            while Dataset(tmp_path / "c").dataset().count_rows() < 50:
                time.sleep(0.05)  # another process: there is no event to await
            process.send_signal(number)
            last = process.stderr.read().splitlines()[-1]
            assert process.wait(60) == 0
        finally:
            process.kill()
    read = read_back(Dataset(tmp_path / "c").dataset())
    assert (read.streams, read.lost, read.twice) == (2, 0, 0)
    assert set(read.last) == {f"{origin}/count/50/a", "b"}
    assert last.startswith(f"{read.events:,} events of 2 streams are in ")


def test_it_ends_by_itself_and_goes_on_the_next_time(origin, tmp_path, capsys, over_when):
    for events in (20, 60):
        over_when(lambda capture, events=events: capture.stats.written > events)
        command = ["record", f"a={origin}/count/50/a", "--to", str(tmp_path / "c")]
        assert main([*command, "--duration", "1h"]) == 0
    read = read_back(Dataset(tmp_path / "c").dataset())
    assert (read.streams, read.lost, read.twice, read.numbered) == (1, 0, 0, True)
    assert f"{read.events:,} events of 1 stream are in" in capsys.readouterr().err


def test_what_passes_the_filter_is_captured(tmp_path):
    events = "".join(
        f"id: {i}\nevent: {'tick' if i % 2 else 'other'}\ndata: {i} {'yes' if i < 6 else 'no'}\n\n"
        for i in range(10)
    )
    with Server(sends(events), answers("204 No Content")) as server:
        command = ["record", f"a={server.url}", "--to", str(tmp_path)]
        assert main([*command, "--filter", "yes", "--type", "tick"]) == 0
        # It resumes after what it saw, not after what it kept.
        assert server.requests[1].headers["last-event-id"] == "9"
    table = Dataset(tmp_path).read("a")
    assert table["data"].to_pylist() == ["1 yes", "3 yes", "5 yes"]
    assert table["seq"].to_pylist() == [0, 1, 2]
    assert Dataset(tmp_path).checkpoint().streams["a"].last_event_id == "9"


def test_headers_are_sent_and_written_nowhere(tmp_path, capsys):
    secrets = tmp_path / "headers"
    secrets.write_text("Authorization: Bearer secret-one\n\nX-Other: secret-two\n")
    with Server(sends("data: 1\n\n"), answers("204 No Content")) as server:
        command = ["record", f"{server.url}?token=secret-three", "--to", str(tmp_path / "c")]
        assert main([*command, "--header", f"@{secrets}", "--header", "X-More: 1"]) == 0
        asked = server.requests[0].headers
    assert asked["authorization"] == "Bearer secret-one"
    assert (asked["x-other"], asked["x-more"]) == ("secret-two", "1")
    said = capsys.readouterr()
    written = b"".join(p.read_bytes() for p in (tmp_path / "c").rglob("*.parquet"))
    assert "secret" not in said.out + said.err
    assert b"secret" not in written


def test_a_proxy_and_certificates_are_options(tmp_path, capsys, certificate, over_when):
    over_when(lambda capture: capture.stats.written)
    with (
        Server(sends("id: 1\ndata: a\n\n", then="hold"), tls=certificate) as server,
        Server(tunnels(server.port, "me", "hunter2")) as proxy,
    ):
        command = ["record", server.url, "--to", str(tmp_path / "c"), "--duration", "1h"]
        command += ["--proxy", f"http://me:hunter2@127.0.0.1:{proxy.port}", "--type", "message"]
        assert main([*command, "--cacert", str(certificate)]) == 0
    said = capsys.readouterr()
    assert "1 event of 1 stream" in said.err
    assert "hunter2" not in said.out + said.err


def test_a_stream_that_fails_is_exit_code_1_and_the_rest_is_captured(tmp_path, capsys):
    with (
        Server(answers("404 Not Found")) as bad,
        Server(sends("data: 1\n\n"), answers("204 No Content")) as good,
    ):
        command = ["record", f"bad={bad.url}", f"good={good.url}", "--to", str(tmp_path)]
        assert main(command) == 1
    assert "bad: the server answered 404" in capsys.readouterr().err
    [part] = [p for p in tmp_path.rglob("*.parquet") if pq.read_metadata(p).num_rows]
    assert pq.read_table(part)["stream"].to_pylist() == ["good"]


@pytest.mark.parametrize("how", ["it ends", "stopped"])
def test_bytes_without_an_event_are_exit_code_1(tmp_path, capsys, how, over_when):
    body = "".join(f'{{"price": {n}}}\n' for n in range(300))
    script = sends(body, then="end" if how == "it ends" else "hold")
    with Server(script, answers("204 No Content")) as server, Server(sends("data: a\n\n")) as other:

        def came(capture):
            rows = capture.streams.loc["rows"]
            has_ended = how == "stopped" or rows["state"] == "closed"
            return rows["bytes"] >= len(body) and has_ended and capture["well"].received

        over_when(came)
        urls = [f"rows={server.url}", f"well={other.url}"]
        assert main(["record", *urls, "--to", str(tmp_path / "c"), "--duration", "1h"]) == 1
    said = capsys.readouterr().err
    assert "rows: Bytes came, but no event: the lines are JSON" in said
    assert "well:" not in said
    assert re.search(r"^\d+ events? of 2 streams are in ", said, re.MULTILINE)


def test_a_stream_that_never_connects_is_exit_code_1_and_says_why(tmp_path, capsys, over_when):
    """Nobody looks at a recording that a timer starts: what it ends with must say that nothing came."""
    with (
        Server(sends("data: a\n\n")) as well,
        Server(answers("503 Busy", "Retry-After: 60\r\n")) as busy,
    ):
        urls = [f"well={well.url}", f"busy={busy.url}", f"down=http://127.0.0.1:{free_port()}/"]

        def all_were_tried(capture):
            errors = capture.streams["error"]
            return capture["well"].received and errors["busy"] and errors["down"]

        over_when(all_were_tried)
        assert main(["record", *urls, "--to", str(tmp_path / "c"), "--duration", "1h"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "busy: the server answered 503 Busy. The server is not available for now." in lines
    down = (
        "down: could not connect: connection refused. Is the server running, at this host and port?"
    )
    assert down in lines
    assert not any(line.startswith("well:") for line in lines)


def test_comments_without_an_event_are_in_order(tmp_path, capsys):
    with Server(sends(": ping\n\n" * 600), answers("204 No Content")) as server:
        assert main(["record", server.url, "--to", str(tmp_path / "c")]) == 0
    assert "0 events of 1 stream are in " in capsys.readouterr().err


def test_a_folder_that_cannot_be_is_exit_code_1(tmp_path, origin, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["record", f"{origin}/count/1/a", "--to", str(tmp_path / "file")]) == 1
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["example.com/events", "--to", "c"], "Did you mean"),
        (["http://localhost/", "--to", "c", "--duration", "soon"], "90s, 30m, 12h or 7d"),
        (["http://localhost/", "--to", "c", "--header", "sesame"], 'as "Name: value"'),
        (["http://localhost/", "--to", "c", "--header", "@no such file"], "No such file"),
        (["http://localhost/", "--to", "c", "--proxy", "ftp://me:sesame@p"], "--proxy is no"),
        (["http://localhost/", "--to", "c", "--cacert", "none.pem"], "no file or folder"),
        (
            ["http://localhost/", "--to", "c", "--cacert", certifi.where(), "--insecure"],
            "not allowed",
        ),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(options, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["record", *options])
    said = capsys.readouterr().err
    assert told in said
    assert "sesame" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "told"), [(["http://localhost/"], "--to"), (["--to", "c"], "URL")]
)
def test_what_neither_the_command_line_nor_a_file_says_is_told(options, told, capsys):
    assert main(["record", *options]) == 2
    assert told in capsys.readouterr().err


def test_two_streams_of_one_name_are_refused(capsys, tmp_path):
    options = ["a=http://localhost/1", "a=http://localhost/2", "--to", str(tmp_path / "c")]
    assert main(["record", *options]) == 2
    assert "one name" in capsys.readouterr().err


@pytest.mark.parametrize("rich", [True, False])
def test_in_a_terminal_the_line_lives(origin, tmp_path, rich):
    """With rich and without: one line that is rewritten, and the result below."""
    ours, theirs = pty.openpty()
    blocked = "" if rich else "import sys; sys.modules['rich'] = None; "
    script = f"{blocked}from sse_widget.cli import main; raise SystemExit(main())"
    options = ["record", f"a={origin}/count/50/a", "--to", str(Path(tmp_path) / "c")]
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-c", script, *options, "--duration", "1h"],
        stderr=theirs,
        env={**environment, "TERM": "xterm-256color", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        said, opened = b"", False
        while select.select([ours], [], [], 60)[0]:
            try:
                said += os.read(ours, 65536)
            except OSError:
                break  # the other side was closed
            if b"1 of 1 open" in said and not opened:
                opened = True
                process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    os.close(ours)
    text = said.decode()
    assert "1 of 1 open" in text
    assert "\r" in text
    assert "of 1:00:00" in text
    assert re.search(r"\d+ events of 1 stream are in", text.splitlines()[-1])


def test_the_request_is_made_as_curl_would(tmp_path):
    with Server(sends("data: 1\n\nevent: done\ndata: 2\n\ndata: 3\n\n")) as server:
        command = ["record", f"a={server.url}", "--to", str(tmp_path), "--json", '{"q": 1}']
        more = ["-X", "put", "-u", "me:secret", "-H", "X-A: 1", "--stop-when", "done"]
        assert main([*command, *more, "--idle-timeout", "10s", "--where", "a exists false"]) == 0
        (asked,) = server.requests
        assert (asked.method, asked.body, asked.headers["x-a"]) == ("PUT", b'{"q":1}', "1")
        assert asked.headers["authorization"].startswith("Basic ")
    assert Dataset(tmp_path).read("a")["data"].to_pylist() == ["1", "2"]


def test_a_server_that_refused_all_the_time_is_an_exit_code_and_its_reason(
    tmp_path, capsys, over_when
):
    over_when(lambda capture: (capture.streams["error"] != "").all())
    command = [
        "record",
        f"a=http://127.0.0.1:{free_port()}/",
        "--to",
        str(tmp_path / "c"),
        "--duration",
        "1h",
    ]
    assert main(command) == 1
    assert re.search("^a: .*refused", capsys.readouterr().err, re.MULTILINE)
    with Server(answers("503 Service Unavailable")) as server:
        assert main(["record", server.url, "--to", str(tmp_path / "d"), "--duration", "1h"]) == 1
    assert "503" in capsys.readouterr().err


def said(peer):
    peer.stream(f"data: {peer.request.headers.get('authorization', '')}\n\n")
    peer.hold()


TOML = """
to = "{to}"
duration = 1
[headers]
Authorization = "Bearer ${{SECRET_OF_TEST}}"
[streams]
a = "{origin}/a"
b = {{ url = "{origin}/b", headers = {{ Authorization = "mine" }} }}
"""
JSON = """{{"mcpServers": {{
  "a": {{"type": "sse", "url": "{origin}/a", "headers": {{"Authorization": "Bearer ${{env:SECRET_OF_TEST}}"}}}},
  "b": {{"url": "{origin}/b", "headers": {{"Authorization": "mine"}}}}
}}}}"""


@pytest.mark.parametrize(("name", "text"), [("c.toml", TOML), ("mcp.json", JSON)])
def test_streams_and_options_come_from_a_file(tmp_path, monkeypatch, name, text, over_when):
    over_when(lambda capture: capture.stats.written == 3)
    monkeypatch.setenv("SECRET_OF_TEST", "s3cret")
    file, to = tmp_path / name, tmp_path / "c"
    with Server(said) as server:
        file.write_text(text.format(to=to.as_posix(), origin=server.origin), "utf-8")
        command = ["record", "--config", str(file)]
        if name == "mcp.json":
            command += ["--to", str(to), "--duration", "1"]
        assert main([*command, f"c={server.origin}/c", "-H", "X-B: 1"]) == 0
    found = {n: Dataset(to).read(n)["data"].to_pylist() for n in "abc"}
    # The command line's headers are in the place of the file's for all.
    common = "Bearer s3cret" if name == "mcp.json" else ""
    assert found == {"a": [common], "b": ["mine"], "c": [""]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("to = ", "c.toml: "),
        ("too = 'x'", "no option 'too'"),
        ("to = 'x'\nduration = 'soon'\n[streams]\na='http://127.0.0.1:1/'", "give a time"),
        ("to = []", "to must be text"),
        ("streams = ['http://x/']", "one table"),
        ("[streams.a]\nurl = '${NOT_SET_IN_TESTS}'", "no NOT_SET_IN_TESTS"),
        ("to = 'x'", "no streams"),
        ("[streams]\na='http://127.0.0.1:1/'", "give --to"),
        ("to='x'\n[streams.a]\nurl='http://127.0.0.1:1/'\nheader={}", "no option 'header'"),
        ("to='x'\nwhere=['price']\n[streams]\na='http://127.0.0.1:1/'", "give a condition"),
    ],
)
def test_a_file_that_says_what_there_is_not_is_told(tmp_path, capsys, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(text, "utf-8")
    assert main(["record", "--config", "c.toml"]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
