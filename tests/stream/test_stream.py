"""SSEStream without a notebook: the accounts, the frames, stopping and starting, bad input.

The page is tested in `tests/page` and in a real JupyterLab in `test_lab`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
from contextlib import aclosing

import pandas as pd
import pytest
from traitlets import TraitError

from sse_widget import (
    BadContentType,
    BadStatus,
    ConnectionFailed,
    EventFilter,
    InvalidFilter,
    InvalidURL,
    RetryPolicy,
    SSEStream,
)
from sse_widget.notebook.channel import Channel
from sse_widget.runtime import loop as background

from ..helpers.clients import AT_ONCE, join, over
from ..helpers.of_pandas import TEXT
from ..helpers.pages import head, say
from ..helpers.scripted import Peer, Server, answers, free_port, sends

OVER = answers("204 No Content")


@pytest.fixture
def streams():
    """Makes streams and closes them."""
    made = []

    def make(url, **options):
        options.setdefault("retry", AT_ONCE)
        made.append(SSEStream(url, **options))
        return made[-1]

    yield make
    for stream in made:
        stream.close()


def wait(stream, **what):
    """The first event that is asked for."""
    return asyncio.run(stream.until(timeout=60, **what))


def drain(stream):
    """Every event until the stream is over for good."""

    async def read():
        async with asyncio.timeout(20):
            return [event async for event in stream]

    return asyncio.run(read())


def balanced(stream):
    s = stream.stats
    assert s.received == s.held + s.evicted + s.cleared == sum(stream.event_types.values())
    return s


# ---------------------------------------------------------------------- the way of an event


def test_events_become_rows(streams):
    with Server(sends('id: 1\nevent: trade\ndata: {"p": 1}\n\ndata: x\n\n'), OVER) as server:
        stream = streams(server.url)
        events = drain(stream)
        assert [(e.type, e.data, e.last_event_id, e.seq) for e in events] == [
            ("trade", '{"p": 1}', "1", 0),
            ("message", "x", "1", 1),
        ]
        assert events[0].json() == {"p": 1}
        assert events[0].origin == server.origin
    df = stream.df
    assert list(df.columns) == ["received_at", "type", "last_event_id", "data"]
    assert [str(t) for t in df.dtypes] == ["datetime64[us, UTC]", TEXT, TEXT, TEXT]
    assert df.index.tolist() == [0, 1]
    assert df["type"].tolist() == ["trade", "message"]
    assert stream.event_types == {"trade": 1, "message": 1}
    assert stream.last_event_id == "1"
    assert stream.status.state == "closed"
    assert balanced(stream).received == 2


def test_json_keys_become_columns(streams):
    rows = ['{"a": 1, "b": "x", "type": "t"}', "no json", '{"a": 2, "c": {"d": 1.5}}']
    with Server(sends("".join(f"data: {r}\n\n" for r in rows)), OVER) as server:
        stream = streams(server.url)
        drain(stream)
    frame = stream.to_dataframe(json=True)
    assert list(frame.columns)[4:] == ["a", "b", "data.type", "c", "is_json"]
    assert frame["is_json"].tolist() == [True, False, True]
    assert str(frame["a"].dtype) == "Int64"
    assert frame["a"].tolist() == [1, pd.NA, 2]
    assert len(frame) == 3
    assert stream.to_dataframe(columns=["c.d"], last=1)["c.d"].tolist() == [1.5]


@pytest.mark.filterwarnings("ignore:.*meets nothing")
def test_text_joins_the_deltas_so_far(streams):
    def deltas(*texts):
        body = [{"choices": [{"delta": {"content": t} if t else {}}]} for t in texts]
        return "".join(f"data: {json.dumps(b)}\n\n" for b in body)

    gate = threading.Event()

    def speak(peer):
        peer.stream(deltas("Hel", "", "lo"))
        gate.wait(60)
        peer.send(deltas(" wörld") + "data: [DONE]\n\n")
        peer.hold()

    with Server(speak) as server:
        stream = streams(server.url, json={"stream": True}, stop_when="[DONE]", max_events=2)
        wait(stream, where=lambda e: "lo" in e.data)
        path = "choices.0.delta.content"
        assert stream.text(path) in ("Hello", "lo")  # as far as held when first asked
        before = stream.text(path)
        gate.set()
        over(stream)
        assert stream.text(path) == before + " wörld"
        with pytest.warns(UserWarning, match="'no.such.path' meets nothing"):
            assert stream.text("no.such.path") == ""
        assert server.requests[0].method == "POST"


def test_the_window_rolls(streams):
    body = "".join(f"data: {i}\n\n" for i in range(500))
    with Server(sends(body), OVER) as server:
        stream = streams(server.url, max_events=100)
        over(stream)
        assert stream.df["data"].tolist() == [str(i) for i in range(400, 500)]
        assert stream.df.index[0] == 400
        stats = balanced(stream)
        assert (stats.held, stats.evicted) == (100, 400)
        stream.clear()
        assert len(stream.df) == 0
        assert balanced(stream).cleared == 100


def test_filter_and_view(streams):
    body = "".join(
        f"event: {t}\ndata: {d}\n\n" for t, d in [("a", "BTC"), ("b", "BTC"), ("a", "ETH")]
    )
    with Server(sends(body), OVER) as server:
        stream = streams(server.url)
        drain(stream)
    assert stream.filter == EventFilter()
    assert len(stream.view_df) == 3
    stream.filter = EventFilter(types={"a"}, text="btc")
    assert stream.view_df.index.tolist() == [0]
    assert len(stream.df) == 3
    assert stream.to_dataframe(filter=EventFilter(types={"b"}))["data"].tolist() == ["BTC"]


def test_page_writes_the_filter_and_python_wins(streams):
    with Server(Peer.hold) as server:
        stream = streams(server.url)
        page = {**stream.get_state()["_filter"], "by": "page-1"}
        stream.set_state({"_filter": {**page, "types": ["x"]}})
        assert stream.filter == EventFilter(types={"x"})
        stream.filter = EventFilter(text="python")
        # Written by the page before it heard of that: it stands back.
        stream.set_state({"_filter": {**page, "types": ["y"]}})
        assert stream.filter == EventFilter(text="python")
        assert (stream.get_state()["_filter"]["text"], stream.get_state()["_filter"]["by"]) == (
            "python",
            "",
        )
        # And a page's write that is no filter at all leaves what was.
        stream.set_state({"_filter": {**page, "rev": 1, "text": "(", "regex": True}})
        assert stream.filter == EventFilter(text="python")


def test_the_page_writes_columns_is_answered_and_python_wins(streams):
    with Server(sends('data: {"a":1,"b":{"c":2}}\n\n'), OVER) as server:
        stream = streams(server.url, retry=AT_ONCE)
        over(stream)
        stream.columns = ["a"]
        page = {**stream.get_state()["_columns"], "by": "page-1"}
        stream.set_state({"_columns": {**page, "paths": ["a", "b.c"], "n": 1}})
        assert stream.columns == ["a", "b.c"]
        assert stream.df["b.c"].tolist() == [2]
        assert stream.get_state()["_columns"] == {
            **page,
            "paths": ["a", "b.c"],
            "by": "",
            "heard": ["page-1", 1],
        }
        stream.columns = ["b"]
        # What that page wrote before it heard of it.
        stream.set_state({"_columns": {**page, "paths": ["late"], "n": 2}})
        assert stream.columns == ["b"]
        assert (
            stream.get_state()["_columns"]["paths"],
            stream.get_state()["_columns"]["heard"],
        ) == (["b"], ["page-1", 2])
        # And what is no list of names leaves what was.
        stream.set_state({"_columns": {**page, "rev": 2, "paths": 7, "n": 3}})
        stream.set_state({"_columns": {**page, "rev": 2, "n": 4, "paths": [1]}})
        assert stream.columns == ["b"]
        assert stream.get_state()["_columns"]["heard"] == ["page-1", 4]


def test_plot_asks_the_page_and_says_what_is_no_path(streams):
    with Server(Peer.hold) as server:
        stream = streams(server.url)
        assert stream.plot("price", by="symbol") is stream
        assert stream.get_state()["_plot"] == {"path": "price", "by": "symbol", "rev": 1}
        stream.plot("price")
        stream.plot("price")
        assert stream.get_state()["_plot"] == {"path": "price", "by": "", "rev": 3}
        stream.plot(None)
        assert stream.get_state()["_plot"] == {"path": "", "by": "", "rev": 4}
        with pytest.raises(TypeError, match="path must be a key or dotted path, not 3"):
            stream.plot(3)
        with pytest.raises(ValueError, match="by must be"):
            stream.plot("price", by="")


def test_filter_is_observable(streams):
    seen = []
    with Server(Peer.hold) as server:
        stream = streams(server.url)
        stream.observe(lambda change: seen.append(change.new), "filter")
        stream.filter = EventFilter(text="a")
    assert seen == [EventFilter(text="a")]


def test_status_counts_and_id_are_observable_like_any_trait(streams):
    """Each state in order, the counts as they grow; on a thread that is not the streams' own."""
    seen = []
    gate = threading.Event()
    # Each is told by itself: the counts after the states that there were meanwhile.
    due = {("status", "closed"), ("event_types", "{'t': 1}"), ("last_event_id", "7")}
    all_told = threading.Event()

    def serve(peer):
        gate.wait(30)
        peer.stream("id: 7\nevent: t\ndata: a\n\n")

    with Server(serve, OVER) as server:
        stream = streams(server.url)

        def told(change):
            seen.append((change.name, change.new, threading.current_thread().name))
            new = change.new.state if change.name == "status" else change.new
            due.discard((change.name, str(new)))
            if not due:
                all_told.set()

        stream.observe(told, ["status", "event_types", "last_event_id"])
        gate.set()
        assert all_told.wait(30), due
        stream.observe(lambda change: None, "filter")
    states = [new.state for name, new, _ in seen if name == "status"]
    assert [str(s) for s in states][-4:] == ["open", "waiting", "connecting", "closed"]
    assert ("event_types", {"t": 1}) in [s[:2] for s in seen]
    assert ("last_event_id", "7") in [s[:2] for s in seen]
    assert {thread for *_, thread in seen} == {"sse-widget observers"}


def test_an_observer_that_raises_is_shown_once_and_told_again(streams, capsys):
    """One mistake in an observer must not end all of them without a word."""
    looked, again, counted = threading.Event(), threading.Event(), threading.Event()

    def serve(peer):
        looked.wait(60)
        peer.stream("data: a\n\n")
        again.wait(60)
        peer.send("data: b\n\n")
        peer.hold()

    def broken(change):
        if change.new == {"message": 2}:
            counted.set()
        again.set()
        raise SystemExit("no")

    with Server(serve) as server:
        stream = streams(server.url)
        stream.observe(broken, "event_types")
        looked.set()
        assert counted.wait(60)
        stream.close()
        assert join("sse-widget observers")
    assert capsys.readouterr().err.count("SystemExit: no") == 1


def test_live_traits_cannot_be_set(streams):
    with Server(Peer.hold) as server, pytest.raises(TraitError):
        streams(server.url).status = None


# ---------------------------------------------------------------------- stop, start, close


def test_stop_keeps_the_log_and_start_resumes(streams):
    first, second = sends("id: 7\ndata: a\n\n", then="hold"), sends("data: b\n\n", then="hold")
    with Server(first, second) as server:
        stream = streams(server.url)
        wait(stream, where=lambda e: e.data == "a")
        stream.stop()
        server.gone.get(timeout=60)
        assert stream.status.state == "closed"
        assert len(stream.df) == 1
        stream.start()
        wait(stream, where=lambda e: e.data == "b")
        assert server.requests[1].headers["last-event-id"] == "7"
    assert stream.df["data"].tolist() == ["a", "b"]
    assert [(g.cause, g.seq, g.resumed_from) for g in stream.gaps] == [("restart", 1, "7")]
    assert stream.stats.connects == 2


@pytest.mark.parametrize("option", ["headers", "auth"])
def test_a_callable_that_blocks_holds_up_no_other_stream(streams, option):
    """Fetching a token is a request of its own, and mostly a blocking one."""
    inside, go_on = threading.Event(), threading.Event()

    def fetch():
        inside.set()
        go_on.wait(60)
        return None

    with Server(sends("data: a\n\n", then="hold")) as server:
        slow = streams(server.url, **{option: fetch})
        assert inside.wait(60)
        other = streams(server.url)
        assert wait(other).data == "a"
        assert slow.status.state == "connecting"
        go_on.set()
        assert wait(slow).data == "a"


def test_a_callable_that_never_returns_holds_up_no_stop(streams):
    inside, never = threading.Event(), threading.Event()

    def hang():
        inside.set()
        never.wait(30)

    with Server(Peer.hold) as server:
        stream = streams(server.url, headers=hang)
        assert inside.wait(60)
        stream.stop()
        assert stream.status.state == "closed"
        over(stream, 10)
        never.set()


def test_exit_in_a_callable_ends_neither_the_loop_nor_the_stream(streams):
    asked = []

    def leave():
        asked.append(1)
        if len(asked) == 1:
            raise SystemExit
        return {}

    with Server(sends("data: a\n\n", then="hold")) as server:
        stream = streams(server.url, headers=leave)
        assert wait(stream).data == "a"
        assert "headers= raised" in str(stream.errors[0])


def test_what_the_server_asked_to_wait_holds_after_a_stop_too(streams):
    first = sends("retry: 12345\ndata: a\n\n", then="hold")
    with Server(first, sends("data: b\n\n", then="hold")) as server:
        stream = streams(server.url)
        wait(stream)
        stream.stop()
        stream.start()
        wait(stream, where=lambda event: event.data == "b")
        assert head(stream)["reconnection_time"] == 12345


def test_start_twice_is_one_connection(streams):
    with Server(sends("data: a\n\n", then="hold")) as server:
        stream = streams(server.url)
        wait(stream)
        stream.start()
        stream.start()
        assert server.connections == 1
        assert len(server.requests) == 1


def test_start_from_many_threads_is_one_connection(streams):
    with Server(Peer.hold) as server:
        stream = streams(server.url)
        for _ in range(10):
            server.asked.get(timeout=60)
            stream.stop()
            server.gone.get(timeout=60)
            together = threading.Barrier(8)

            def start(together=together):
                together.wait()
                stream.start()

            threads = [threading.Thread(target=start) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        server.asked.get(timeout=60)
        stream.close()
        server.gone.get(timeout=60)
        assert server.asked.empty()
        assert server.connections == 0


def test_stop_and_start_of_the_page_at_once_leave_a_stream_that_runs(streams):
    """A busy kernel answers both in one go: the end of the first connection comes last."""
    more = threading.Event()

    def again(peer):
        peer.stream("data: b\n\n")
        more.wait(60)
        peer.send("data: c\n\n")
        peer.hold()

    with Server(sends("data: a\n\n", then="hold"), again) as server:
        stream = streams(server.url)
        wait(stream)

        def both():
            for kind in ("stop", "start"):
                say(stream, {"kind": kind})

        background.call(both)
        assert wait(stream, where=lambda event: event.data == "b")
        server.gone.get(timeout=60)

        async def later():
            found = asyncio.ensure_future(stream.until(where=lambda e: e.data == "c", timeout=60))
            await asyncio.sleep(0)
            more.set()
            return await found

        assert asyncio.run(later()).seq == 2
        assert stream.status.state == "open"


def test_a_message_that_cannot_be_sent_ends_no_stream(streams, monkeypatch):
    more = threading.Event()

    def serve(peer):
        peer.stream("data: a\n\n")
        more.wait(60)
        peer.send("data: b\n\n")
        peer.hold()

    def fail(*args, **kwargs):
        more.set()
        raise OSError("the kernel goes down")

    with Server(serve) as server:
        stream = streams(server.url)
        monkeypatch.setattr(stream, "send", fail)
        monkeypatch.setattr(
            "sse_widget.runtime.pacing.INTERVAL_S", 0.0
        )  # each event is sent as it comes
        stream._repr_mimebundle_()
        assert wait(stream, where=lambda event: event.data == "b")
        assert stream.status.state == "open"


def test_what_the_page_is_told_is_told_by_one_thread(streams, monkeypatch):
    """Stopping before the loop got round to starting, while the log is shown."""
    threads = set()
    note = Channel.note

    def noted(self, *args, **kwargs):
        threads.add(threading.current_thread().name)
        note(self, *args, **kwargs)

    monkeypatch.setattr(Channel, "note", noted)
    held = threading.Event()
    with Server(Peer.hold) as server:
        stream = streams(server.url)
        stream._repr_mimebundle_()
        stream.stop()
        background.call(held.wait, 10)
        stream.start()
        stream.stop()
        held.set()
        stream.close()
    assert threads == {"sse-widget"}


def test_close_keeps_the_frame_and_is_idempotent(streams):
    with Server(sends("data: a\n\n", then="hold")) as server:
        stream = streams(server.url)
        wait(stream)
        stream.close()
        stream.close()
        server.gone.get(timeout=60)
        assert stream.df["data"].tolist() == ["a"]


def test_reconnecting_is_a_gap_in_the_accounts(streams):
    with Server(sends("id: 1\ndata: a\n\n"), sends("data: b\n\n"), OVER) as server:
        stream = streams(server.url)
        drain(stream)
    assert [(g.cause, g.seq) for g in stream.gaps] == [("reconnect", 1)]
    assert "asked to resume after id '1'" in stream.gaps[0].text


def test_all_streams_share_one_thread(streams):
    with Server(Peer.hold) as server:
        before = threading.active_count()
        servers = [t for t in threading.enumerate() if t.name == "sse-widget"]
        for _ in range(5):
            streams(server.url)
        ours = [t for t in threading.enumerate() if t.name == "sse-widget"]
    assert len(ours) == 1
    assert len(servers) <= 1
    assert before


# ---------------------------------------------------------------------- until


def test_until_finds_held_events_first(streams):
    with Server(sends("event: a\ndata: 1\n\nevent: b\ndata: 2\n\n"), OVER) as server:
        stream = streams(server.url)
        drain(stream)
        assert wait(stream, type="b").data == "2"
        assert wait(stream, where=lambda e: e.data == "1").seq == 0


@pytest.mark.parametrize("goes_on", [True, False])
def test_who_begins_to_read_after_many_were_evicted_gets_what_is_held(streams, goes_on):
    """More are gone than are read at once; nothing comes any more that would have it look again."""
    body = "".join(f"data: {i}\n\n" for i in range(20_000))

    def speak(peer):
        peer.stream(body)
        if goes_on:
            peer.hold()

    with Server(speak, OVER) as server:
        stream = streams(server.url, max_events=100)
        if goes_on:
            came = threading.Event()
            stream.on(None, lambda event: event.data == "19999" and came.set())
            assert came.wait(60)
        else:
            over(stream)

        async def read():
            async with aclosing(aiter(stream)) as events:
                return [(await anext(events)).data for _ in range(100)]

        assert asyncio.run(asyncio.wait_for(read(), 30)) == [str(i) for i in range(19_900, 20_000)]
        assert (
            asyncio.run(stream.until(where=lambda e: e.data == "19950", timeout=30)).seq == 19_950
        )


def test_until_says_what_came_instead(streams):
    with Server(sends("event: a\ndata: 1\n\n", then="hold")) as server:
        stream = streams(server.url)
        wait(stream, type="a")
        with pytest.raises(TimeoutError, match=r"no 'b' event in 0.05 s; what came: 1 'a'"):
            asyncio.run(stream.until(type="b", timeout=0.05))


def test_until_takes_several_types(streams):
    with Server(sends("event: a\ndata: 1\n\nevent: b\ndata: 2\n\n"), OVER) as server:
        stream = streams(server.url)
        drain(stream)
        assert wait(stream, type=["b", "c"]).data == "2"
        assert wait(stream, type={"a", "b"}).data == "1"
        for type_, named in ((["c", "d"], "'c' or 'd' event"), ("error", "'error' event")):
            with pytest.raises(TimeoutError, match=f"the stream ended, and no {named} came; what"):
                wait(stream, type=type_)
        with pytest.raises(TimeoutError, match="no event for which where= is true came"):
            wait(stream, where=lambda event: False)


def test_until_without_a_type_says_that_no_event_came(streams):
    with (
        Server(sends("", then="hold")) as server,
        pytest.raises(TimeoutError, match=r"^no event in 0 s; what came: nothing"),
    ):
        asyncio.run(streams(server.url).until(timeout=0))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"type": 5}, "type must be an event type, a list of them or an EventFilter, not int"),
        ({"type": ["a", 5]}, "each of type must be text, not int"),
        ({"type": []}, "type names none"),
        ({"where": "done"}, "where must be a callable"),
        ({"timeout": "5"}, "timeout must be a number, not str"),
        ({"timeout": -1}, "timeout must be 0 seconds or more"),
    ],
)
def test_until_refuses_at_once_what_can_never_match(streams, options, told):
    with (
        Server(sends("data: a\n\n", then="hold")) as server,
        pytest.raises((TypeError, ValueError), match=told),
    ):
        asyncio.run(streams(server.url).until(**{"timeout": 20, **options}))


def test_until_raises_what_the_stream_failed_of(streams):
    with Server(answers("404 Not Found")) as server, pytest.raises(BadStatus):
        wait(streams(server.url))


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize("url", ["nope", "", None, "file:///etc/passwd"])
def test_no_url(url):
    with pytest.raises(InvalidURL):
        SSEStream(url)
    gc.collect()  # a half-built widget must go without a word: warnings are errors here


def test_unknown_option_is_refused_by_name():
    with pytest.raises(TypeError, match="no option 'max_event'; did you mean 'max_events'"):
        SSEStream("http://127.0.0.1/", max_event=1)
    gc.collect()


def test_dom_traits_pass_through(streams):
    with Server(Peer.hold) as server:
        assert streams(server.url, layout={"width": "50%"}).layout.width == "50%"


def test_max_events_of_zero():
    with pytest.raises(ValueError, match="max_events must be at least 1"):
        SSEStream("http://127.0.0.1/", max_events=0)


def test_invalid_pattern():
    with pytest.raises(InvalidFilter):
        EventFilter(text="(", regex=True)


def test_refused_connection_is_a_state_that_says_what_to_do(streams):
    stream = streams(
        f"http://127.0.0.1:{free_port()}/", retry=RetryPolicy(initial=0, minimum=0, attempts=2)
    )
    over(stream)
    assert stream.status.state == "failed"
    assert isinstance(stream.status.error, ConnectionFailed)
    assert "Is the server running" in stream.status.error.hint


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (answers("404 Not Found"), BadStatus),
        (answers("200 OK", "Content-Type: text/html\r\n", "<html>"), BadContentType),
    ],
)
def test_answers_that_are_no_stream(streams, script, error):
    with Server(script) as server:
        stream = streams(server.url)
        over(stream)
    assert stream.status.state == "failed"
    assert isinstance(stream.status.error, error)
    assert [type(e) for e in stream.errors] == [error]


@pytest.mark.parametrize("option", ["stop_when", "dedupe", "resume"])
def test_a_callable_that_raises_ends_in_a_state_that_says_so(streams, option):
    """And what start() would resume after is what was received, never an event nobody saw."""

    def broken(value):
        if option == "resume" or value.data == "c":
            raise ZeroDivisionError("too hard")
        return value.data if option == "dedupe" else None

    more = "id: 2\ndata: b\n\nid: 3\ndata: c\n\nid: 4\ndata: d\n\n"
    more = more.replace("data: b", "data: a") if option == "dedupe" else more
    with Server(sends("id: 1\ndata: a\n\n"), sends(more, then="hold")) as server:
        stream = streams(server.url, **{option: broken})
        with pytest.raises(ZeroDivisionError):
            wait(stream, type="never")
        assert stream.status.state == "failed"
        assert isinstance(stream.status.error, ZeroDivisionError)
        said = head(stream)["status"]
        assert (said["error"], option in said["hint"]) == ("ZeroDivisionError: too hard", True)
        assert stream.last_event_id == stream.df["last_event_id"].iloc[-1]
        assert balanced(stream).received == (3 if option == "stop_when" else 1)


def test_what_came_before_a_cut_and_a_404_stays(streams):
    def cut(peer):
        peer.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 999\r\n\r\n"
        )
        peer.send(b"data: a\n\ndata: \xff\xfe\n\ndata: half")

    with Server(cut, answers("404 Not Found")) as server:
        stream = streams(server.url)
        over(stream)
    assert stream.df["data"].tolist() == ["a", "��"]
    assert stream.status.state == "failed"


def test_markup_is_text(streams):
    evil = "<script>x</script><img src=x onerror=x>"
    with Server(sends(f"event: {evil}\nid: {evil}\ndata: {evil}\n\n"), OVER) as server:
        stream = streams(server.url)
        drain(stream)
    assert stream.df.iloc[0].tolist()[1:] == [evil, evil, evil]


def test_oversized_event_is_a_gap_and_counted_apart(streams):
    with Server(sends("data: a\n\ndata: " + "x" * 9000 + "\n\ndata: b\n\n"), OVER) as server:
        stream = streams(server.url, max_event_bytes=1000)
        drain(stream)
    assert stream.df["data"].tolist() == ["a", "b"]
    assert stream.stats.oversize == 1
    assert balanced(stream).received == 2
    assert next((g.cause, g.seq) for g in stream.gaps) == ("oversize", 1)
    assert "max_event_bytes=1000" in stream.gaps[0].text


def test_a_type_an_event_does_not_grow_without_end(streams):
    body = "".join(f"event: t{i}\ndata: x\n\n" for i in range(12_000))
    with Server(sends(body), OVER) as server:
        stream = streams(server.url)
        over(stream)
    assert len(stream.event_types) == 10_000
    assert balanced(stream).received == 12_000


def test_types_of_a_mebibyte_do_not_fill_the_kernel(streams):
    """What left the window must not stay as the name of a count."""

    def serve(peer):
        peer.stream()
        for i in range(10):
            peer.send(f"event: {i}{'t' * 2**20}\ndata: {i}\n\n")

    with Server(serve, OVER) as server:
        stream = streams(server.url, max_bytes=2**20)
        assert len(drain(stream)) <= 10
        assert stream.event_types == {"(other types)": 10}
        balanced(stream)


def test_what_came_before_the_log_was_shown_was_not_held_back(streams, monkeypatch):
    sent = threading.Event()
    body = "".join(f"data: {'x' * 1000}\n\n" for _ in range(3000))
    with Server(sends(body + "event: end\ndata: end\n\n", then="hold")) as server:
        stream = streams(server.url)
        wait(stream, type="end")
        monkeypatch.setattr(stream, "send", lambda *args: sent.set())
        stream._repr_mimebundle_()
        assert sent.wait(60)
        assert balanced(stream).not_sent == 0


FORKS = """
import os, signal, sys
from sse_widget import SSEStream

stream = SSEStream(sys.argv[1], max_events=1000)
while not len(stream.df):  # imports pandas, which no child needs to do again
    pass
stuck = 0
for _ in range(40):
    child = os.fork()
    if child == 0:
        signal.alarm(300)  # ends a child that waits for ever
        os._exit(0 if len(stream.df) == stream.stats.held else 1)
    stuck += os.waitpid(child, 0)[1] != 0
print(stuck)
os._exit(0)
"""


def test_a_forked_child_reads_what_was_held():
    """Such as a multiprocessing worker: a lock that was held at that moment is held for ever."""

    def flood(peer):
        peer.stream()
        while True:
            peer.send("data: xxxxxxxxxxxxxxxxxxxx\n\n" * 2000)

    with Server(flood) as server:
        done = subprocess.run(
            [sys.executable, "-c", FORKS, server.url],
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    assert done.stdout == "0\n", done.stderr


HUNG = """
import socket, sys, threading
from sse_widget import SSEStream

asked = threading.Event()

def hang(*args, **kwargs):
    asked.set()
    threading.Event().wait(3600)

socket.getaddrinfo = hang
stream = SSEStream("http://hung.example/")
asked.wait(60)
stream.stop()
print(stream.status.state)
"""


def test_a_resolver_that_hangs_holds_up_neither_stop_nor_exit():
    """getaddrinfo takes half a minute to give up where the network is gone."""
    done = subprocess.run(
        [sys.executable, "-c", HUNG], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.stdout, done.stderr) == ("closed\n", "")


def test_secrets_are_in_no_trait_and_no_repr(streams):
    with Server(Peer.hold) as server:
        url = server.url.replace("http://", "http://me:hunter2@")
        stream = streams(
            url + "?token=hunter2",
            headers={"X-Api-Key": "hunter2"},
            params={"q": "hunter2"},
            json={"key": "hunter2"},
        )
        state = repr(stream.get_state()) + repr(stream) + stream.url + repr(stream.status)
    assert "hunter2" not in state.replace(stream.get_state()["_esm"], "")
