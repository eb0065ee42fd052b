"""`sse-widget record` as a service: its endpoints, its log, and the signal that makes it read its files again."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sse_widget.cli import main, metrics
from sse_widget.cli.health import judge
from sse_widget.fleet import CaptureStats
from sse_widget.storage.dataset import Dataset

from ..helpers.many import until
from ..helpers.scripted import Server

SECRET = "hunter2-is-no-word"
ONE_FAILED = (503, "unhealthy", ["1 of 2 streams failed for good"])


def counts(peer):
    """Ten events after the one that is named; /bad fails for good."""
    if peer.request.target == "/bad":
        return peer.answer("404 Not Found")
    first = int(peer.request.headers.get("last-event-id", "-1")) + 1
    peer.stream("".join(f"id: {n}\ndata: {n}\n\n" for n in range(first, first + 10)))
    peer.hold()


class Service:
    """`record` in a process of its own; its log as objects."""

    def __init__(self, *options, **how):
        how.setdefault("stderr", subprocess.PIPE)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sse_widget.cli", "record", *map(str, options)], **how
        )
        self.log = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def next(self, event, **facts):
        """The next object of this kind, with these facts."""
        for line in self.process.stderr:
            self.log.append(json.loads(line))
            found = self.log[-1]
            if found["event"] == event and facts.items() <= found.items():
                return found
        raise AssertionError(f"no {event}, ended with {self.process.wait()}: {self.log}")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.next("ended")
        return self.process.wait(60)


def get(url, **headers):
    """Status and body."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def health(url):
    """Status, what it says, and why."""
    status, body = get(f"{url}/healthz")
    told = json.loads(body)
    return status, told["status"], told.get("reasons", [])


def scraped(url):
    """(name, labels) -> value."""
    status, body = get(f"{url}/metrics")
    assert status == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def written(to, events):
    """When so many are on disk, which another process does."""
    until(lambda: to.is_dir() and Dataset(to).dataset().count_rows() == events)


def lines(*pairs):
    return "".join(f"{name}={url}\n" for name, url in pairs)


def test_a_list_that_is_read_again_leaves_alone_who_stays(tmp_path):
    to, listed = tmp_path / "c", tmp_path / "streams"
    with Server(counts) as server:
        at = server.origin
        listed.write_text(
            "# two\n\n" + lines(("same", f"{at}/same"), ("moved", f"{at}/old?token={SECRET}"))
        )
        header = ("-H", f"Authorization: Bearer {SECRET}")
        with Service("--list", listed, "--to", to, "--log-format", "json", *header) as service:
            service.next("progress", open=2)
            written(to, 20)
            listed.write_text(
                lines(("same", f"{at}/same"), ("moved", f"{at}/new"), ("more", f"{at}/more"))
            )
            service.process.send_signal(signal.SIGHUP)
            assert "1 new, 0 gone" in service.next("reloaded")["message"]
            service.next("progress", streams=3, open=3)
            written(to, 40)
            # A file that cannot be used is told, and all goes on.
            listed.write_text(lines(("same", f"{at}/same")) + f"ftp://me:{SECRET}@there/\n")
            service.process.send_signal(signal.SIGHUP)
            assert "line 2" in service.next("reload_refused", level="error")["message"]
            listed.write_text(lines(("moved", f"{at}/new")))
            service.process.send_signal(signal.SIGHUP)
            assert "0 new, 2 gone" in service.next("reloaded")["message"]
            assert service.end() == 0
        asked = sorted(request.target.partition("?")[0] for request in server.requests)
        assert asked == ["/more", "/new", "/old", "/same"]
    found = {n: Dataset(to).read(n)["seq"].to_pylist() for n in ("same", "moved", "more")}
    assert found == {"same": [*range(10)], "moved": [*range(20)], "more": [*range(10)]}
    assert SECRET not in json.dumps(service.log)
    assert {"time", "level", "event", "message"} <= set.intersection(*map(set, service.log))


def test_a_configuration_that_is_read_again_may_have_other_options(tmp_path):
    to, file = tmp_path / "c", tmp_path / "c.toml"

    def write(key, more=""):
        streams = f'[streams]\na = "{server.origin}/a"\n{more}'
        file.write_text(f'to = "{to.as_posix()}"\n[headers]\nX-Key = "{key}"\n{streams}')

    with Server(counts) as server:
        write("one")
        with Service("--config", file, "--log-format", "json") as service:
            written(to, 10)
            write("two", f'b = "{server.origin}/b"\n')
            service.process.send_signal(signal.SIGHUP)
            assert "1 new, 0 gone; options are others" in service.next("reloaded")["message"]
            written(to, 30)
            file.write_text("to = ")
            service.process.send_signal(signal.SIGHUP)
            service.next("reload_refused")
            assert service.end() == 0
        keys = sorted((asked.target, asked.headers["x-key"]) for asked in server.requests)
    assert keys == [("/a", "one"), ("/a", "two"), ("/b", "two")]
    assert Dataset(to).read("a")["seq"].to_pylist() == [*range(20)]


def test_metrics_and_health(tmp_path):
    to, file = tmp_path / "c", tmp_path / "mcp.json"

    def write(**targets):
        file.write_text(json.dumps({"streams": {n: server.origin + t for n, t in targets.items()}}))

    with Server(counts) as server:
        write(**{"a": "/a", 'q"\\': "/b"})
        options = ("--metrics", "0", "--log-format", "json", "--config", file)
        for earlier in (0, 10):  # what an earlier process captured is no jump of a counter
            with Service("--to", to, *options) as service:
                url = service.next("endpoints")["url"]
                assert url.startswith("http://127.0.0.1:")
                service.next("progress", open=2)
                written(to, 2 * (earlier + 10))
                # A file is there a moment before its process counts it as written.
                until(lambda url=url: scraped(url)["sse_widget_events_written_total",] == 20)
                found = scraped(url)
                assert found["sse_widget_events_received_total",] == 20
                assert found["sse_widget_stream_events_written_total", "a"] == 10
                assert found["sse_widget_stream_connections_total", 'q"\\'] == 1
                assert found["sse_widget_stream_up", "a"] == 1
                assert found["sse_widget_streams", "open"] == 2
                assert found["sse_widget_capture_files",] > 0
                assert found["sse_widget_disk_free_bytes",] > 0
                assert found["process_open_fds",] > 0
                # A loop that answers late, on a machine that has more to do, is told as unhealthy.
                until(lambda url=url: health(url) == (200, "healthy", []))
                if earlier:
                    # A total does not fall where a stream goes; one that failed for good is told.
                    write(bad="/bad", a="/a")
                    service.process.send_signal(signal.SIGHUP)
                    service.next("stream", stream="bad", state="failed", level="error")
                    until(lambda url=url: health(url) == ONE_FAILED)
                    assert scraped(url)["sse_widget_events_received_total",] == 20
                # A page that made a name of its own lead here reads nothing.
                assert get(f"{url}/metrics", Host="evil.example")[0] == 403
                assert get(f"{url}/elsewhere")[0] == 404
                assert service.end() == (1 if earlier else 0)


def test_a_terminal_that_is_gone_ends_it_and_is_no_reload(tmp_path):
    listed = tmp_path / "streams"
    with Server(counts) as server:
        listed.write_text(server.url)
        ours, theirs = pty.openpty()
        options = ("--list", listed, "--to", tmp_path / "c", "--log-format", "json")

        def take():
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # where the tests run under nohup
            os.setsid()
            os.close(os.open(os.ttyname(theirs), os.O_RDWR))  # from here on it controls us

        with Service(*options, preexec_fn=take) as service:
            os.close(theirs)
            service.next("progress", open=1)
            service.process.send_signal(signal.SIGHUP)  # while it is there
            assert "0 new, 0 gone" in service.next("reloaded")["message"]
            written(tmp_path / "c", 10)
            os.close(ours)
            service.next("ended", written=10)
            assert service.process.wait(60) == 0


def test_of_many_streams_the_first_have_series_of_their_own(tmp_path, monkeypatch):
    from sse_widget import SSECapture

    monkeypatch.setattr(metrics, "MOST_LABELLED", 2)
    with Server(counts) as server:
        urls = {f"s{n}": f"{server.origin}/{n}" for n in range(5)}
        with SSECapture(urls, to=tmp_path) as capture:
            until(lambda: capture.stats.received == 50)
            serving = metrics.MetricsServer("127.0.0.1", 0, lambda: capture)
            try:
                found = scraped(serving.url)
            finally:
                serving.stop()
    assert {labels[0] for name, *labels in found if name == "sse_widget_stream_lag_seconds"} == {
        "s0",
        "s1",
    }
    assert found["sse_widget_streams_unlabelled",] == 3
    assert found["sse_widget_events_received_total",] == 50


def test_without_prometheus_it_is_named_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with Server(counts) as server:
        assert main(["record", server.url, "--to", str(tmp_path / "c"), "--metrics", "0"]) == 2
    assert "pip install 'sse-widget[metrics]'" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(tmp_path, capsys):
    with Server(counts) as server:
        command = ["record", server.url, "--to", str(tmp_path / "c"), "--log-format", "json"]
        assert main([*command, "--metrics", str(server.port)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert (json.loads(line)["event"], "--metrics" in line) == ("refused", True)


WELL = {"streams": 3, "open": 3}


@pytest.mark.parametrize(
    ("stats", "how", "reason"),
    [
        (WELL, {}, None),
        (WELL | {"open": 1}, {}, None),  # a server that is away is no fault of the recorder
        (WELL | {"open": 0}, {"runs_for": 5.0}, None),
        (WELL | {"open": 0}, {}, "no stream has a connection"),
        (WELL | {"open": 2, "failed": 1}, {}, "1 of 3 streams failed"),
        (WELL | {"lag": 31.0}, {}, "wait for the disk for 31 s"),
        (WELL, {"trouble": "No space left"}, "No space left"),
        (WELL, {"answered_in": 2.0}, "did not answer"),
        (WELL, {"is_running": False}, "does not record"),
    ],
)
def test_what_is_healthy(stats, how, reason):
    told = {"is_running": True, "trouble": "", "answered_in": 0.0, "runs_for": 100.0}
    health = judge(CaptureStats(**stats), **{**told, **how})
    assert [reason in one for one in health.reasons] == [True] * (reason is not None)
    assert bool(health.notes) == (stats["open"] + stats.get("failed", 0) < 3)


RECIPE = Path(__file__).parents[2] / "docs" / "recipes" / "service"


@pytest.mark.parametrize("file", ["sse-widget.service", "Containerfile"])
def test_what_the_recipe_starts_can_be_started(tmp_path, capsys, monkeypatch, file, over_when):
    """The commands of the unit and of the container, with the stream list of the recipe."""
    text = (RECIPE / file).read_text("utf-8")
    if file == "Containerfile":
        [command] = re.findall(r"^CMD (.*)", text, re.MULTILINE)
        words = json.loads(command)
    else:
        [command] = re.findall(r"^ExecStart=\S+/sse-widget (.*)", text, re.MULTILINE)
        words = command.split()
    page = RECIPE.with_suffix(".md").read_text("utf-8")
    [streams] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    monkeypatch.setenv("TOKEN", SECRET)
    over_when(lambda capture: (capture.streams["received"] > 0).all())
    with Server(counts) as server:
        streams = streams.replace("https://example.com", server.origin)
        (tmp_path / "streams.toml").write_text(
            streams.replace("/var/lib/sse-widget", tmp_path.as_posix()), "utf-8"
        )
        words = [
            word.replace("/etc/sse-widget", str(tmp_path)).replace("9464", "0") for word in words
        ]
        assert main([*words, "--duration", "1h"]) == 0
        assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    said = capsys.readouterr().err
    assert {json.loads(line)["event"] for line in said.splitlines()} >= {"endpoints", "ended"}
    assert SECRET not in said
