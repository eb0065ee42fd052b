"""The demo server: what its streams promise, over real sockets."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from sse_widget import demo
from sse_widget.demo import llm
from sse_widget.demo.app import create_app
from sse_widget.demo.feeds import FLAKY, SENSORS, TICKS, WIKI, sensors
from sse_widget.demo.flood import encoded
from sse_widget.demo.history import Schedule, parse_id, resume
from sse_widget.demo.replay import events, numbered
from sse_widget.demo.server import DemoServer

RECORDING = (
    b"\xef\xbb\xbf: hello\n\nretry: 5\n\n"
    b"event: add\ndata: 1\nid: own\n\n"
    b"data: caf\xc3\xa9\r\ndata\r\n\r\n"
    b"data: old mac\r\r"
    b": between\n\n"
    b"event: bare\n\n"
    b"data: last\n\n"
    b"data: cut off"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.sse").write_bytes(b"data: secret\n\n")
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "one.sse").write_bytes(RECORDING)
    (folder / "notes.txt").write_text("no recording")
    (folder / "deep").mkdir()
    (folder / "deep" / "two.sse").write_bytes(b"data: two\n\n" * 20_000)
    (folder / "link.sse").symlink_to(outside / "secret.sse")
    (folder / "linked").symlink_to(outside)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[DemoServer]:
    server = DemoServer(replay_dir=folder)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(server: DemoServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        yield client


def blocks(
    client: httpx.Client, url: str, last: int | str | None = None, body: object = None
) -> Iterator[bytes]:
    """The events of one connection as they came, until it ends; a half one is not an event."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    method = "GET" if body is None else "POST"
    with client.stream(method, url, headers=headers, json=body) as response:
        assert response.status_code == 200, response.read()
        rest = b""
        for chunk in response.iter_raw():
            *whole, rest = (rest + chunk).split(b"\n\n")
            for block in whole:
                if b"data: " in block:
                    yield block


def take(
    count: int, client: httpx.Client, url: str, last: int | str | None = None
) -> dict[int, bytes]:
    """The first events of a connection by id."""
    stream = blocks(client, url, last)
    taken = {number(block): block for block in itertools.islice(stream, count)}
    stream.close()  # type: ignore[attr-defined]
    assert len(taken) == count
    return taken


def number(block: bytes) -> int:
    return int(block.partition(b"id: ")[2].partition(b"\n")[0])


def raw(server: DemoServer, target: str, headers: str = "Host: localhost\r\n") -> bytes:
    """A request as it is written, which an HTTP library would tidy up; the whole answer."""
    with socket.create_connection((urlsplit(server.url).hostname, urlsplit(server.url).port)) as s:
        s.sendall(f"GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n".encode("latin-1"))
        return b"".join(iter(lambda: s.recv(65_536), b""))


# --- what all streams have ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/ticks", "/wiki", "/sensors", "/flaky", "/flood", "/ticks?rate=0.01"]
)
def test_a_stream_says_what_it_is_and_begins_with_an_event(client: httpx.Client, path: str) -> None:
    with client.stream("GET", path) as response:
        assert response.headers["content-type"].partition(";")[0] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-accel-buffering"] == "no"
        assert "access-control-allow-origin" not in response.headers
        got = b""
        # At 0.01 events/s, an event that had to be waited for would run into the timeout.
        for chunk in response.iter_raw():
            got += chunk
            if b"\ndata: " in got:
                break
    assert b"retry: 1000\n" in got
    assert number(got) > 0


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/ticks?rate=fast", "rate"),
        ("/ticks?rate=nan", "rate"),
        ("/wiki?rate=0", "rate"),
        ("/sensors?sensors=0", "sensors"),
        ("/sensors?sensors=2.5", "sensors"),
        ("/flood?rate=1e9", "rate"),
        ("/flood?size=0", "size"),
        ("/flood?seconds=-1", "seconds"),
        ("/flaky?drop_after=1.5", "drop_after"),
        ("/flaky?fail=2", "fail"),
        ("/replay/one.sse?ids=yes", "ids"),
        ("/replay/one.sse?speed=inf", "speed"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(client: httpx.Client, url: str, name: str) -> None:
    answer = client.get(url)
    assert answer.status_code == 400
    assert answer.text.startswith(f"{name}=")


def test_the_first_page_lists_every_feed(client: httpx.Client) -> None:
    page = client.get("/").text
    routes = {route.path for route in create_app().routes} - {"/", "/token", "/replay/{name:path}"}
    for path in (*routes, "/replay"):
        assert f"curl -N '{str(client.base_url).rstrip('/')}{path}" in page


def test_another_host_name_is_refused(server: DemoServer) -> None:
    assert raw(server, "/", "Host: evil.example\r\n").startswith(b"HTTP/1.1 400")


# --- /ticks, /wiki and /sensors -------------------------------------------------------------------


@pytest.mark.parametrize("url", ["/ticks?rate=500", "/wiki?rate=500", "/sensors?rate=500"])
def test_a_live_feed_resumes_exactly(client: httpx.Client, url: str) -> None:
    seen = take(40, client, url)
    ids = list(seen)
    assert ids == list(range(ids[0], ids[0] + 40))
    # Somebody who left after the tenth gets the others again, the same bytes.
    again = take(40, client, url, last=ids[9])
    assert list(again) == list(range(ids[10], ids[10] + 40))
    assert [again[n] for n in ids[10:]] == [seen[n] for n in ids[10:]]


def test_a_live_feed_resumes_over_a_restart_of_the_server() -> None:
    with httpx.Client(timeout=30, trust_env=False) as client:
        server = DemoServer()
        before = take(20, client, f"{server.url}/ticks?rate=500")
        server.stop()
        server = DemoServer()
        after = take(30, client, f"{server.url}/ticks?rate=500", last=list(before)[4])
        server.stop()
    assert [after[n] for n in list(before)[5:]] == list(before.values())[5:]


@pytest.mark.parametrize("last", ["", "no number", "-3", "٣", "9" * 15, "9" * 40])
def test_an_id_of_another_stream_means_from_now_on(client: httpx.Client, last: str) -> None:
    now = next(iter(take(1, client, "/ticks?rate=100")))
    header = last.encode()
    request = client.build_request("GET", "/ticks?rate=100", headers={b"Last-Event-ID": header})
    response = client.send(request, stream=True)
    first = next(chunk for chunk in response.iter_raw() if b"data: " in chunk)
    response.close()
    assert now <= number(first) < now + 5_000


def test_what_is_held_no_more_is_said(client: httpx.Client) -> None:
    now = next(iter(take(1, client, "/ticks?rate=1")))
    headers = {"Last-Event-ID": str(now - 6_000)}
    with client.stream("GET", "/ticks?rate=1", headers=headers) as response:
        head = next(response.iter_raw())
    first = number(head)
    assert first > now - 5_000 - 1
    assert f": {first - (now - 6_000) - 1} events are held no more\n".encode() in head


def test_ticks_have_several_types_and_json() -> None:
    kinds: dict[str, dict[str, object]] = {}
    for n in range(20_000):
        kind, data = TICKS.event(n, 0)
        kinds.setdefault(kind, json.loads(data))
    assert set(kinds) == {"trade", "quote", "news", "halt"}
    assert set(kinds["trade"]) == {"symbol", "price", "size", "side"}


def test_each_quote_asks_more_than_it_bids() -> None:
    events = [TICKS.event(n, 0) for n in range(20_000)]
    quotes = [json.loads(data) for kind, data in events if kind == "quote"]
    assert len(quotes) > 1_000
    assert [quote for quote in quotes if quote["ask"] <= quote["bid"]] == []


def test_wiki_changes_have_the_size_of_real_ones() -> None:
    changes = [WIKI.event(n, 1.8e9) for n in range(500)]
    assert {kind for kind, _ in changes} == {""}
    assert 1_300 < sum(len(data.encode()) for _, data in changes) / len(changes) < 1_800
    read = [json.loads(data) for _, data in changes]
    assert {change["type"] for change in read} == {"edit", "new", "log", "categorize"}
    assert read[0]["meta"].keys() >= {"id", "dt", "domain", "stream"}
    assert any(not change["title"].isascii() for change in read)


def test_sensors_take_turns_and_their_data_is_numeric() -> None:
    feed = sensors(3)
    assert [json.loads(feed.event(n, 1.8e9)[1])["sensor"] for n in range(300, 306)] == [
        "boiler-1",
        "pump-1",
        "turbine-1",
    ] * 2
    names = {json.loads(sensors(12).event(n, 0)[1])["sensor"] for n in range(12)}
    assert len(names) == 12
    reading = json.loads(SENSORS.event(8, 1.8e9)[1])
    assert reading["t"] == "2027-01-15T08:00:00.000Z"
    assert list(reading) == ["sensor", "t", "temperature", "pressure", "rpm"]
    assert all(isinstance(reading[name], float) for name in ("temperature", "pressure"))
    assert isinstance(reading["rpm"], int)


def test_now_and_then_a_sensor_raises_an_alarm() -> None:
    alarms = 0
    for n in range(10_000):
        kind, data = SENSORS.event(n, 0)
        value = json.loads(data)
        if kind == "alarm":
            alarms += 1
            assert value["temperature"] > value["limit"]
        else:
            assert kind == "reading"
            assert "limit" not in value
    assert 0 < alarms < 300


@pytest.mark.parametrize(("count", "names"), [(1, 1), (30, 30)])
def test_there_are_as_many_sensors_as_asked_for(
    client: httpx.Client, count: int, names: int
) -> None:
    url = f"/sensors?rate=500&sensors={count}"
    seen = {
        json.loads(block.partition(b"data: ")[2])["sensor"]
        for block in take(60, client, url).values()
    }
    assert len(seen) == names


def test_history_is_arithmetic() -> None:
    assert resume(None, newest=100, held=10) == resume(200, newest=100, held=10)
    assert (resume(95, 100, 10).start, resume(95, 100, 10).gone) == (96, 0)
    assert (resume(100, 100, 10).start, resume(100, 100, 10).gone) == (101, 0)
    assert (resume(50, 100, 10).start, resume(50, 100, 10).gone) == (91, 40)
    assert resume(103, 100, 10, ahead=5).start == 104
    assert (parse_id(None), parse_id("7"), parse_id("²")) == (None, 7, None)
    schedule = Schedule(rate=3, first=10, start=1_000)
    assert [schedule.newest(t) for t in (0, 1_000, 1_000.3, 1_000.4, 1_001)] == [10, 10, 10, 11, 13]
    assert all(schedule.wait(n, schedule.at(n)) > 0 for n in range(10, 1_000))


# --- /llm -----------------------------------------------------------------------------------------

QUESTION = {
    "model": "demo",
    "messages": [{"role": "user", "content": "Tell me about lighthouses."}],
    "stream": True,
}


def datas(taken: Iterable[bytes]) -> list[str]:
    return [block.partition(b"data: ")[2].decode() for block in taken]


def said(taken: Iterable[bytes]) -> str:
    """The text of an answer, from its events."""
    deltas = [json.loads(data)["choices"][0]["delta"] for data in datas(taken) if data != "[DONE]"]
    return "".join(delta.get("content", "") for delta in deltas)


def test_an_answer_is_streamed_as_chunks_and_done(client: httpx.Client) -> None:
    taken = list(blocks(client, "/llm?rate=5000", body=QUESTION))
    assert list(map(number, taken)) == list(range(1, len(taken) + 1))
    *chunks, done = datas(taken)
    assert done == "[DONE]"
    read = [json.loads(chunk) for chunk in chunks]
    assert {chunk["object"] for chunk in read} == {"chat.completion.chunk"}
    assert {chunk["model"] for chunk in read} == {"demo"}
    assert len({(chunk["id"], chunk["created"]) for chunk in read}) == 1
    choices = [chunk["choices"][0] for chunk in read]
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert choices[-1] == {"index": 0, "delta": {}, "finish_reason": "stop"}
    assert {choice["finish_reason"] for choice in choices[:-1]} == {None}
    text = said(taken)
    assert text.count("\n\n") >= 4
    assert "**lighthouses**" in text
    assert not text.isascii()


def test_an_answer_is_an_event_stream_like_the_others(client: httpx.Client) -> None:
    answer = client.post("/llm?rate=5000", json=QUESTION)
    assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(b"retry: 1000\n\nid: 1\ndata: ")


def test_without_stream_the_answer_is_one_object(client: httpx.Client) -> None:
    streamed = said(blocks(client, "/llm?rate=5000", body=QUESTION))
    answer = client.post("/llm", json={**QUESTION, "stream": False})
    assert answer.headers["content-type"] == "application/json"
    whole = answer.json()
    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": streamed}
    assert whole["usage"]["completion_tokens"] > 50


def test_another_question_has_another_answer(client: httpx.Client) -> None:
    def ask(*messages: dict[str, object]) -> str:
        answer = client.post("/llm", json={"messages": messages}).json()
        return str(answer["choices"][0]["message"]["content"])

    question: dict[str, object] = {"role": "user", "content": "And slow rivers?"}
    alone = ask(question)
    assert "slow rivers" in alone
    assert ask(question) == alone
    # What was said before counts, and a text may come in parts.
    assert ask({"role": "system", "content": "Be brief."}, question) != alone
    assert ask({"role": "user", "content": [{"type": "text", "text": "And slow rivers?"}]}) == alone


@pytest.mark.parametrize("question", ["", "灯台", "\ud83d", "{0} %s **", "word " * 10_000])
def test_any_question_has_an_answer(question: str) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": question}]}).encode()
    answer, _ = llm.read(body)
    assert all(answer.encoded(n) for n in range(1, answer.last + 1))


def test_an_answer_goes_on_after_the_last_event(client: httpx.Client) -> None:
    whole = list(blocks(client, "/llm?rate=5000", body=QUESTION))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        list(blocks(client, "/llm?rate=5000&drop_after=30", body=QUESTION))
    rest = list(blocks(client, "/llm?rate=5000&drop_after=30", last=30, body=QUESTION))
    assert datas(rest) == datas(whole[30:])
    over = client.post("/llm", json=QUESTION, headers={"Last-Event-ID": str(len(whole))})
    assert over.status_code == 204


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"", None, "no JSON"),
        (b"{", None, "no JSON"),
        (b"\xff", None, "no JSON"),
        (b"[" * 100_000, None, "no JSON"),
        (b"[]", None, "an object"),
        (b"{}", "messages", "a list"),
        (b'{"messages": []}', "messages", "a list"),
        (b'{"messages": ["hello"]}', "messages.0", "role"),
        (b'{"messages": [{"role": "user"}]}', "messages.0.content", "a text"),
        (b'{"messages": [{"role": "user", "content": 1}]}', "messages.0.content", "a text"),
        (b'{"messages": [{"role": "user", "content": ""}], "stream": 1}', "stream", "true"),
        (b'{"model": 4}', "model", "a name"),
    ],
)
def test_a_bad_request_is_refused_as_the_api_does_it(
    client: httpx.Client, body: bytes, param: str | None, words: str
) -> None:
    answer = client.post("/llm", content=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert words in error["message"]


def test_a_huge_request_is_refused(client: httpx.Client) -> None:
    answer = client.post("/llm", content=b" " * (llm.MAX_BODY + 1))
    assert answer.status_code == 413
    assert "1 MiB" in answer.json()["error"]["message"]


def test_asking_without_a_question_tells_how(client: httpx.Client) -> None:
    answer = client.get("/llm?rate=5")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert f"curl -N '{client.base_url.join('/llm')}' -d '" in answer.text
    body = answer.text.partition("-d '")[2].rpartition("'")[0]
    assert "lighthouses" in said(blocks(client, "/llm?rate=5000", body=json.loads(body)))
    assert client.put("/llm").status_code == 405


# --- /flaky ---------------------------------------------------------------------------------------


def test_flaky_cuts_hard_then_clean_and_resumes_exactly(client: httpx.Client) -> None:
    got: list[int] = []
    ends: list[str] = []
    for _ in range(4):
        try:
            got += map(
                number, blocks(client, "/flaky?rate=1000&drop_after=7", got[-1] if got else 0)
            )
            ends.append("clean")
        except (httpx.RemoteProtocolError, httpx.ReadError):
            ends.append("hard")
    assert got == list(range(1, 29))
    assert ends == ["hard", "clean", "hard", "clean"]


def test_a_hard_cut_leaves_half_an_event_behind(server: DemoServer) -> None:
    answer = raw(server, "/flaky?rate=1000&drop_after=3")
    assert answer.count(b"\n\n") == 4  # retry and three events
    assert b"\nid: 4\ndata: {" in answer.rpartition(b"\n\n")[2]


def test_flaky_can_refuse_the_first_attempt_after_a_cut(client: httpx.Client) -> None:
    url = "/flaky?rate=1000&drop_after=5&fail=1"
    headers = {"Last-Event-ID": "5"}
    assert list(take(5, client, url)) == [1, 2, 3, 4, 5]
    refused = client.get(url, headers=headers)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert list(take(5, client, url, last=5)) == [6, 7, 8, 9, 10]
    assert client.get(url + "&status=429", headers=headers).status_code == 429


def test_flaky_with_a_count_comes_to_an_end(client: httpx.Client) -> None:
    url = "/flaky?rate=1000&drop_after=4&count=6"
    assert list(take(4, client, url)) == [1, 2, 3, 4]
    assert list(map(number, blocks(client, url, last=4))) == [5, 6]
    assert client.get(url, headers={"Last-Event-ID": "6"}).status_code == 204


def test_flaky_events_are_the_same_each_time() -> None:
    assert FLAKY.encoded(21, 0) == FLAKY.encoded(21, 1e9)


# --- /flood ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 10, 25, 60, 300, 3_000, 30_000])
def test_the_flood_is_encoded_as_if_one_by_one(size: int) -> None:
    for first, last in [(1, 3), (7, 1_234), (998, 1_001), (99_990, 100_020)]:
        if size > 1_000 and last - first > 50:
            continue
        whole = encoded(first, last, size)
        assert whole == b"".join(encoded(n, n, size) for n in range(first, last + 1))
        *each, rest = whole.split(b"\n\n")
        assert rest == b""
        assert list(map(number, each)) == list(range(first, last + 1))
        assert {len(block.partition(b"data: ")[2]) for block in each} == {size}


def test_the_flood_has_its_number_in_the_data() -> None:
    assert json.loads(encoded(12_345, 12_345, 60).partition(b"data: ")[2])["n"] == 12_345


def test_the_flood_ends_after_count_and_resumes_exactly(client: httpx.Client) -> None:
    url = "/flood?rate=200000&count=25000&size=20"
    assert list(map(number, blocks(client, url))) == list(range(1, 25_001))
    assert list(map(number, blocks(client, url, last=24_990))) == list(range(24_991, 25_001))
    assert client.get(url, headers={"Last-Event-ID": "25000"}).status_code == 204


def test_the_flood_ends_after_seconds(client: httpx.Client) -> None:
    url = "/flood?rate=20000&seconds=0.1"
    assert sum(1 for _ in blocks(client, url)) == 2_000
    assert client.get(url, headers={"Last-Event-ID": "2000"}).status_code == 204


# --- /replay --------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?speed=0", "?speed=1000"])
def test_a_recording_is_replayed_byte_for_byte(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/replay/one.sse{query}", headers={"Last-Event-ID": "2"})
    assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
    assert answer.content == RECORDING


def test_a_recording_in_a_folder_below_is_found(client: httpx.Client) -> None:
    assert client.get("/replay/deep/two.sse").content == b"data: two\n\n" * 20_000


def test_ids_are_added_to_events_and_nothing_else_changes(client: httpx.Client) -> None:
    assert client.get("/replay/one.sse?ids=1").content == (
        b"\xef\xbb\xbf: hello\n\nretry: 5\n\n"
        b"event: add\ndata: 1\nid: own\nid: 1\n\n"
        b"data: caf\xc3\xa9\r\ndata\r\nid: 2\r\n\r\n"
        b"data: old mac\rid: 3\r\r"
        b": between\n\n"
        b"event: bare\n\n"
        b"data: last\nid: 4\n\n"
        b"data: cut off"
    )


def test_a_recording_with_ids_goes_on_after_the_last_one(client: httpx.Client) -> None:
    url = "/replay/one.sse?ids=1"
    rest = client.get(url, headers={"Last-Event-ID": "3"}).content
    assert rest == b": between\n\nevent: bare\n\ndata: last\nid: 4\n\ndata: cut off"
    assert client.get(url, headers={"Last-Event-ID": "4"}).status_code == 204


def test_cutting_a_recording_loses_no_byte() -> None:
    for recording in (
        RECORDING,
        b"",
        b"\n",
        b"\r\n\r\n",
        b"data",
        b"\xef\xbb\xbf",
        b"data:\r\r\n\n",
    ):
        assert b"".join(block for block, _ in events(recording)) == recording
    assert [block for block, is_event in numbered(RECORDING, 2) if is_event] == [
        b"data: old mac\rid: 3\r\r",
        b"data: last\nid: 4\n\n",
    ]


@pytest.mark.parametrize(
    "target",
    [
        "nothing.sse",
        "notes.txt",
        "",
        "deep",
        "link.sse",
        "linked/secret.sse",
        "../outside0/secret.sse",
        "%2e%2e/outside0/secret.sse",
        "..%2foutside0%2fsecret.sse",
        "deep/../one.sse",
        "./one.sse",
        "/one.sse",
        "%2fetc/passwd",
        "//etc/hosts",
        "one.sse%00",
        "%00.sse",
        "deep%5ctwo.sse",
        "..%5coutside0%5csecret.sse",
        "c:one.sse",
        "x" * 5_000 + ".sse",
    ],
)
def test_nothing_outside_the_folder_is_served(server: DemoServer, target: str) -> None:
    answer = raw(server, f"/replay/{target}")
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"secret" not in answer.partition(b"\r\n\r\n")[2]


def test_without_a_folder_the_answer_names_the_option() -> None:
    server = DemoServer()
    answer = httpx.get(f"{server.url}/replay/one.sse", trust_env=False, timeout=60)
    server.stop()
    assert answer.status_code == 404
    assert "--replay-dir" in answer.text


# --- the server's life ----------------------------------------------------------------------------


def test_stopping_ends_open_and_stalled_streams(capfd: pytest.CaptureFixture[str]) -> None:
    server = DemoServer()
    address = (urlsplit(server.url).hostname, urlsplit(server.url).port)
    streams = []
    big = "/flood?rate=200000&size=1000000"
    for path in ("/ticks", "/wiki", "/flaky?rate=0.01", "/flood?rate=0.01", big):
        stream = socket.create_connection(address)
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert stream.recv(100).startswith(b"HTTP/1.1 200")
        streams.append(stream)  # and read no more: the flood stalls
    server.stop()
    assert not server.running
    for stream in streams:
        stream.close()
    assert capfd.readouterr().err == ""


@pytest.fixture
def _no_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("SSE_WIDGET_DEMO_URL", raising=False)
    demo.stop()
    yield
    demo.stop()


@pytest.mark.usefixtures("_no_server")
def test_url_starts_one_server_whoever_asks() -> None:
    with ThreadPoolExecutor(8) as threads:
        urls = set(threads.map(demo.url, ["/ticks"] * 8))
    assert len(urls) == 1
    assert httpx.get(demo.url(), trust_env=False, timeout=60).status_code == 200
    assert demo.url("wiki") == urls.pop().replace("/ticks", "/wiki")


@pytest.mark.usefixtures("_no_server")
def test_stop_ends_it_and_url_starts_the_next() -> None:
    others = set(threading.enumerate())
    first = demo.url("/ticks")
    demo.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(first, trust_env=False, timeout=60)
    assert set(threading.enumerate()) <= others
    assert httpx.get(demo.url("/"), trust_env=False, timeout=60).status_code == 200
    demo.stop()
    demo.stop()


def test_url_takes_the_server_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSE_WIDGET_DEMO_URL", "http://127.0.0.1:1/")
    assert demo.url("/flood", rate=20_000) == "http://127.0.0.1:1/flood?rate=20000"
    assert demo.url("/flood?size=9", rate=5) == "http://127.0.0.1:1/flood?size=9&rate=5"


def test_importing_the_demo_imports_no_server_and_a_missing_one_is_named() -> None:
    program = """
import sys
from sse_widget import demo
from sse_widget.demo import llm
assert not {"starlette", "sse_starlette", "uvicorn"} & set(sys.modules)
sys.modules["uvicorn"] = None
try:
    demo.url("/ticks")
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "uvicorn" in done.stdout
    assert "pip install 'sse-widget[demo]'" in done.stdout


# --- logins, a job, a tool server, a change feed, a house --------------------------------------------


@pytest.mark.parametrize(
    ("path", "auth"),
    [
        ("/basic", ("demo", "secret")),
        ("/digest?rate=50", httpx.DigestAuth("demo", "secret")),
    ],
)
def test_a_login_lets_in_who_knows_the_password(
    client: httpx.Client, path: str, auth: httpx.Auth | tuple[str, str]
) -> None:
    with client.stream("GET", path, auth=auth) as answer:
        assert answer.status_code == 200
        assert next(answer.iter_lines()) == "retry: 1000"
    for wrong in (None, ("demo", "wrong"), httpx.DigestAuth("demo", "wrong")):
        refused = client.get(path, auth=wrong)
        assert refused.status_code == 401
        assert path[1:6].lower() in refused.headers["www-authenticate"].lower()


def test_a_token_ends_its_stream_when_it_expires(client: httpx.Client) -> None:
    for lifetime in (0.2, 2, 20):  # the first is over on a slow machine before it is used
        told = client.post(f"/token?lifetime={lifetime}").json()
        bearer = {"Authorization": f"Bearer {told['access_token']}"}
        answer = client.get("/private?rate=100", headers=bearer)  # whole, because it ends
        if answer.status_code == 200:
            break
    assert answer.status_code == 200
    assert '"sensor"' in answer.text
    for given, why in ((bearer, "expired"), ({"Authorization": "Bearer 9e9-x"}, "POST /token")):
        refused = client.get("/private", headers=given)
        assert (refused.status_code, why in refused.json()["error"]) == (401, True)


def test_a_job_ends_and_goes_on_where_it_was_left(client: httpx.Client) -> None:
    whole = client.get("/job?steps=5&seconds=0").text
    assert whole.count("event: progress") == 5
    assert whole.endswith('event: done\ndata: {"result": "report.csv", "rows": 5000}\n\n')
    rest = client.get("/job?steps=5&seconds=0", headers={"Last-Event-ID": "4"}).text
    assert rest.split("\n\n")[1:] == whole.split("\n\n")[5:]
    over = client.get("/job?steps=5&seconds=0", headers={"Last-Event-ID": "6"})
    assert over.status_code == 204
    assert "event: failed" in client.get("/job?steps=5&seconds=0&fail=1").text


def test_a_tool_is_called_with_arguments_that_its_parameters_ask_for(client: httpx.Client) -> None:
    parameters = {"properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    tools = [{"type": "function", "function": {"name": "forecast", "parameters": parameters}}]
    asked = {**QUESTION, "tools": tools}
    whole = client.post("/llm", json={**asked, "stream": False}).json()["choices"][0]
    assert whole["finish_reason"] == "tool_calls"
    call = whole["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"])["days"] == 2
    said = [whole["message"], {"role": "tool", "tool_call_id": call["id"], "content": "Rain."}]
    after = {**asked, "messages": [*QUESTION["messages"], *said], "stream": False}
    assert client.post("/llm", json=after).json()["choices"][0]["finish_reason"] == "stop"
    refused = client.post("/llm", json={**QUESTION, "tools": [1]})
    assert refused.json()["error"]["param"] == "tools"


@pytest.mark.parametrize(
    ("call", "headers", "status"),
    [
        ("{}", {}, 400),
        ("[", {}, 400),
        ('{"method": "tools/list", "id": 1}', {}, 404),
        ('{"method": "initialize", "id": 1}', {"Accept": "application/json"}, 406),
    ],
)
def test_a_tool_server_refuses_what_is_no_call(
    client: httpx.Client, call: str, headers: dict[str, str], status: int
) -> None:
    headers = {"Accept": "application/json, text/event-stream", **headers}
    assert client.post("/mcp", content=call, headers=headers).status_code == status


def test_changes_of_one_instant_share_an_id_and_come_again(client: httpx.Client) -> None:
    first = client.get("/changes?drop_after=6").text.split("\n\n")[1:-1]
    ids = [event.split("\n")[0].removeprefix("id: ") for event in first]
    assert len(ids) == 6
    assert len(set(ids)) < 4
    again = client.get("/changes?drop_after=4", headers={"Last-Event-ID": ids[-1]})
    assert [e for e in first if ids[-1] in e] == [
        e for e in again.text.split("\n\n") if ids[-1] in e
    ][: ids.count(ids[-1])]
