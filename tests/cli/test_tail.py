"""`sse-widget tail`: the log of one stream on a terminal or in a pipe, with curl's names for the request."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading

import pytest

from sse_widget.cli import main

from ..helpers.scripted import Peer, Server, answers, free_port, sends

EVENTS = "".join(
    f"id: {n}\nevent: {kind}\ndata: {data}\n\n"
    for n, (kind, data) in enumerate(
        [
            ("trade", '{"symbol":"BTC","price":100,"deep":[{"x":"é"}]}'),
            ("quote", '{"symbol":"BTC","bid":99.5}'),
            ("trade", '{"symbol":"ETH","price":"7"}'),
            ("message", "plain text"),
            ("trade", '{"symbol":"BTC","price":101}'),
        ]
    )
)
EVIL = "event: a\x1b]0;t\ndata: \x1b[2Jred\x07\u202e\ndata: two\n\n"


def run(*options, events=EVENTS, script=None):
    """The exit code, and how often the server was asked."""
    scripts = [script] if script else [sends(events), answers("204 No Content")]
    with Server(*scripts) as server:
        code = main(["tail", server.url, *options])
    return code, server.requests


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_a_line_an_event_with_time_type_and_data(capsys):
    code, asked = run()
    assert code == 0
    assert asked[1].headers["last-event-id"] == "4"
    out = lines(capsys)
    assert len(out) == 5
    assert re.fullmatch(r'\d\d:\d\d:\d\d\.\d{3} trade   \{"symbol":"BTC","price":100.*', out[0])
    assert out[3].endswith(" message plain text")


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["-n", "2"], [0, 1]),
        (["--type", "trade", "--type", "quote"], [0, 1, 2, 4]),
        (["--filter", "eth"], [2]),
        (["--where", "price > 50"], [0, 4]),
        (["--where", "price>=7", "--where", "symbol = ETH"], [2]),
        (["--where", "symbol in ETH,XRP"], [2]),
        (["--where", 'symbol in ["BTC"]', "--where", "price exists"], [0, 4]),
        (["--where", "symbol contains T"], [0, 1, 2, 4]),
        (["--where", "deep[0].x == é"], [0]),
        (["--stop-when", "quote"], [0, 1]),
        (["-n", "1", "--where", "price == 101"], [4]),
    ],
)
def test_which_events(capsys, options, numbers):
    all_data = re.findall(r"data: (.*)", EVENTS)
    script = None
    if "-n" in options or "--stop-when" in options:
        script = sends(EVENTS)
    assert run("--raw", *options, script=script)[0] == 0
    assert lines(capsys) == [all_data[n] for n in numbers]


def test_json_writes_the_values_at_paths(capsys):
    assert run("--json", "symbol", "--json", "price", "--raw")[0] == 0
    assert lines(capsys) == ["BTC\t100", "BTC\t", "ETH\t7", "BTC\t101"]
    assert run("--json", "deep[0].x")[0] == 0
    assert [line.split(" ", 1)[1] for line in lines(capsys)] == ["trade   é"]


def test_the_request_is_made_as_curl_would(capsys, tmp_path):
    body = tmp_path / "body.json"
    body.write_text('{"q": "é"}', "utf-8")
    _, (asked, *_) = run("--json", f"@{body}", "-H", "X-A: 1", "-u", "me:secret", "-n", "1")
    assert (asked.method, asked.body) == ("POST", '{"q":"é"}'.encode())
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["x-a"] == "1"
    assert asked.headers["authorization"].startswith("Basic ")
    _, (asked, *_) = run("-d", "a=b", "-X", "put", "-n", "1", "--last-event-id", "7")
    assert (asked.method, asked.body) == ("PUT", b"a=b")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.headers["last-event-id"] == "7"
    assert "secret" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--json", "{oops"], "--json is no JSON"),
        (["--json", "{}", "-d", "x"], "exclude each other"),
        (["-d", "@/nowhere/at/all"], "No such file"),
        (["-u", "me"], "no password"),
        (["--stop-when", "x", "--idle-timeout", "soon"], "give a time"),
        (["-n", "0"], "above 0"),
        (["--where", "price"], "give a condition"),
        (["--where", "price > true"], "order"),
        (["--type", "\ud800"], "half a character"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(capsys, options, said):
    with Server(Peer.hold) as server:
        try:
            code = main(["tail", server.url, *options])
        except SystemExit as end:
            code = end.code
        assert not server.requests
    err = capsys.readouterr().err
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_a_stream_that_fails_or_was_never_answered_is_an_exit_code_and_its_reason(
    capsys, over_when
):
    over_when(lambda source: source.errors, "tail")
    assert run(script=answers("401 Unauthorized"))[0] == 1
    assert "401" in capsys.readouterr().err
    assert run("--duration", "0.3s", script=answers("503 Service Unavailable"))[0] == 1
    assert "503" in capsys.readouterr().err
    assert main(["tail", f"http://127.0.0.1:{free_port()}/", "--duration", "0.3"]) == 1
    assert "refused" in capsys.readouterr().err
    html = answers("200 OK", "Content-Type: text/html\r\n", "<html>")
    assert run(script=html)[0] == 1
    assert "HTML" in capsys.readouterr().err


def test_no_control_character_reaches_a_terminal():
    with Server(sends(EVIL + EVENTS), answers("204 No Content")) as server:
        for more in ([], ["--raw"], ["--json", "symbol"]):
            master, slave = pty.openpty()
            command = [sys.executable, "-m", "sse_widget.cli", "tail", server.url, "-n", "3", *more]
            environment = {**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1"}
            with subprocess.Popen(command, stdout=slave, stderr=slave, env=environment) as process:
                os.close(slave)
                seen = b""
                while True:
                    try:
                        seen += (chunk := os.read(master, 65536))
                    except OSError:  # Linux says so at the end
                        break
                    if not chunk:
                        break
            os.close(master)
            text = seen.decode().replace("\r\n", "\n")
            assert process.returncode == 0
            assert "trade" in text or "BTC" in text or "{" in text
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text.replace("\t", ""))
            server.scripts = server.scripts[:1] * 8


def test_types_have_colours_on_a_terminal_that_may():
    master, slave = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    with Server(sends(EVENTS)) as server:
        command = [sys.executable, "-m", "sse_widget.cli", "tail", server.url, "-n", "4"]
        with subprocess.Popen(command, stdout=slave, env=environment) as process:
            os.close(slave)
            seen = b""
            while chunk := _read(master):
                seen += chunk
        assert process.returncode == 0
    os.close(master)
    colours = re.findall(rb"\x1b\[38;5;(\d+)m(\w+)", seen)
    by_type = {name: colour for colour, name in colours}
    assert len(colours) == 4
    assert {(name, colour) for colour, name in colours} == set(by_type.items())


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""


def test_a_pipe_gets_data_as_it_came_and_may_close_early():
    data = "a\tb \x1b[1m é"
    with Server(sends(f"data: {data}\n\n"), Peer.hold) as server:
        command = [sys.executable, "-m", "sse_widget.cli", "tail", server.url, "--raw", "-n", "1"]
        got = subprocess.run(
            command, capture_output=True, env={**os.environ, "PYTHONUTF8": "1"}, timeout=60
        )
    assert got.stdout.decode() == f"{data}\n"

    closed = threading.Event()

    def script(peer):
        peer.stream("data: 1\n\n")
        assert closed.wait(60)
        for n in range(3):
            peer.send(f"data: {n}\n\n")
        peer.hold()

    with Server(script) as server:
        command = [sys.executable, "-m", "sse_widget.cli", "tail", server.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout.readline()
            process.stdout.close()
            closed.set()
            assert process.stderr.read() == b""
            assert process.wait(60) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(number):
    def script(peer):
        peer.stream("data: 1\n\n")
        peer.hold()

    with Server(script) as server:
        command = [sys.executable, "-m", "sse_widget.cli", "tail", server.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout.readline()
            process.send_signal(number)
            assert process.stderr.read() == b""
            assert process.wait(60) == 0
