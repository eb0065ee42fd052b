"""The endpoint of a recorder's metrics: whoever reaches its port can neither stop it nor cost it much."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sse_widget.cli import bounded_server
from sse_widget.cli.metrics import MOST_LABELLED, MetricsServer
from sse_widget.fleet import StreamReport, StreamTable

from ..helpers.many import until

ASK = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Recorder:
    """What the endpoint reads of a capture: these streams, each with so many events."""

    to, trouble, running = "memory://metrics", "", True

    def __init__(self, names, received=1):
        self.names, self.received, self.reads = list(names), received, 0
        self.known = [], StreamTable({})
        self.goes_on = threading.Event()
        self.goes_on.set()

    @property
    def table(self):
        if self.known[0] is not self.names:
            table = StreamTable(dict.fromkeys(self.names, "http://127.0.0.1:9/"))
            table.update([StreamReport(n, "open", received=self.received) for n in self.names])
            self.known = self.names, table
        return self.known[1]

    @property
    def stats(self):
        return self.table.stats

    @property
    def streams(self):
        self.reads += 1
        self.goes_on.wait(30)
        return self.table.frame()


@contextmanager
def serving(recorder):
    server = MetricsServer("127.0.0.1", 0, lambda: recorder)
    try:
        yield server, ("127.0.0.1", int(server.url.rpartition(":")[2]))
    finally:
        server.stop()


def asked(address, request=ASK):
    """Status line and body of the answer; ("", "") where it hangs up."""
    with closing(socket.create_connection(address, 30)) as client:
        try:
            client.sendall(request)
            answer = b"".join(iter(lambda: client.recv(2**16), b"")).decode()
        except ConnectionError:
            return "", ""
    head, _, body = answer.partition("\r\n\r\n")
    return head.partition("\r\n")[0], body


def found(address):
    """(name, labels) -> value of all samples."""
    for _ in range(100):  # who is hung up on, where leaving takes others long, may ask again
        status, body = asked(address)
        if status:
            break
    assert status.endswith("200 OK")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def threads():
    return threading.active_count()


def test_who_connects_and_says_nothing_keeps_nobody_out():
    with serving(Recorder(["a"])) as (_, address):
        before = threads()
        silent = [socket.create_connection(address, 30) for _ in range(200)]
        for one in silent[::2]:
            one.sendall(b"GET /metrics HTTP/1.1\r\nX: ")  # and never more
        assert found(address)["sse_widget_events_received_total",] == 1
        assert threads() - before <= bounded_server.MOST_OPEN + 2
        for one in silent:
            one.close()
        until(lambda: threads() <= before)


def test_who_sends_a_byte_now_and_then_is_hung_up_on():
    """Each byte is in time, and the request is not."""
    app = lambda environ, start: [b""]  # noqa: E731
    server = bounded_server.BoundedServer(("127.0.0.1", 0), app, patience_s=0.5)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with closing(socket.create_connection(server.server_address[:2], 30)) as client:
            client.settimeout(0.1)
            for _ in range(300):
                try:
                    client.sendall(b"G")
                    if client.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
            else:
                pytest.fail("it was listened to for half a minute")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_requests_that_are_too_long_cost_little():
    with serving(Recorder(["a"])) as (_, address):
        for request in (
            b"GET /" + b"x" * 10**6 + b" HTTP/1.1\r\n\r\n",
            b"GET /metrics HTTP/1.1\r\n"
            + b"".join(b"X-%d: y\r\n" % n for n in range(10**4))
            + b"\r\n",
            b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 10**6 + b"\r\n\r\n",
            b"\0\xff\r\n\r\n",
            b"GET  /metrics\r\n\r\n",
            b"POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\nx",
        ):
            assert "200" not in asked(address, request)[0]
        assert found(address)["sse_widget_events_received_total",] == 1


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example,127.0.0.1",
        "",
        "127.0.0.1@evil.example",
    ],
)
def test_a_page_that_made_a_name_of_its_own_lead_here_reads_nothing(host):
    with serving(Recorder(["a-secret-name"])) as (_, address):
        for path in ("/metrics", "/healthz"):
            status, body = asked(address, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert "403" in status
            assert "a-secret-name" not in body


def test_names_are_labels_whatever_is_in_them():
    odd = [
        'q"uote',
        "new\nline",
        "back\\slash",
        "\r",
        "\u2028",
        "{}",
        'a"} 1\nfake_metric 7',
        "é",
        " ",
    ]
    with serving(Recorder(odd)) as (_, address):
        samples = found(address)
    assert not any("fake_metric" in name for name, *_ in samples)
    named = {labels[0] for name, *labels in samples if name == "sse_widget_stream_up"}
    # The parser of this package takes some ends of lines for its own; as many series are there.
    assert len(named) == len(odd)
    assert set(odd) - named <= {"\r", "\u2028"}


def test_of_very_many_streams_the_first_have_series_of_their_own():
    with serving(Recorder(f"s{n}" for n in range(20_000))) as (_, address):
        samples = found(address)
    up = [labels for name, *labels in samples if name == "sse_widget_stream_up"]
    assert len(up) == MOST_LABELLED
    assert samples["sse_widget_events_received_total",] == 20_000


def test_who_asks_while_another_is_answered_shares_the_next_answer():
    recorder = Recorder(["a"])
    with serving(recorder) as (_, address):
        recorder.goes_on.clear()
        answers = []
        ask = lambda: answers.append(asked(address)[0])  # noqa: E731
        before = threads()
        first = threading.Thread(target=ask)
        first.start()
        until(lambda: recorder.reads == 1)
        others = [threading.Thread(target=ask) for _ in range(bounded_server.MOST_OPEN - 1)]
        for thread in others:
            thread.start()
        until(lambda: threads() >= before + 2 * bounded_server.MOST_OPEN)
        recorder.goes_on.set()
        for thread in (first, *others):
            thread.join()
    assert all(answer.endswith("200 OK") for answer in answers)
    assert recorder.reads < bounded_server.MOST_OPEN


def test_lists_that_change_again_and_again_are_forgotten_and_the_sums_never_fall():
    recorder = Recorder([])
    with serving(recorder) as (_, address):
        sums = []
        for n in range(5):
            recorder.names = [f"s{n}-{i}" for i in range(10)]
            sums.append(found(address)["sse_widget_events_received_total",])
        recorder.names = [f"s0-{i}" for i in range(10)]  # they are there again, and count anew
        sums.append(found(address)["sse_widget_events_received_total",])
    assert sums == [10, 20, 30, 40, 50, 60]


def test_what_cannot_be_read_is_said_to_who_asked_and_not_in_the_log(capfd):
    broken = SimpleNamespace()
    with serving(broken) as (_, address):
        for path in (b"/metrics", b"/healthz"):
            status, _ = asked(address, ASK.replace(b"/metrics", path))
            assert "500" in status
    assert capfd.readouterr().err == ""


def test_many_connections_one_after_the_other_leave_nothing():
    with serving(Recorder(["a"])) as (_, address):
        before = threads()
        for _ in range(300):
            socket.create_connection(address, 30).close()
        until(lambda: threads() <= before)
        assert found(address)["sse_widget_events_received_total",] == 1
