"""The loop that serves all streams is nobody's to hold up or to end.

Each callable that a person may give is tried with everything that ends a program or a task, and with a
sleep; beside it another stream goes on. Where the loop itself is ended, every stream says so at once
and can be started again.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import queue
import sys
import threading
import time

import httpx
import pytest

from sse_widget import EventSource, RetryPolicy, SSECapture, SSEStream

from ..helpers.scripted import Server

SECONDS = 60
AT_ONCE = RetryPolicy(initial=0, minimum=0, jitter=0, maximum=0)


class Other:
    """A stream that gets an event whenever it is asked to, beside those under attack."""

    def __init__(self):
        self._all = []
        self._server = Server(self._serve)

    def _serve(self, peer):
        go = threading.Semaphore(0)
        self._all.append(go)
        peer.stream()
        for n in itertools.count():
            go.acquire()
            peer.send(f"id: {n}\ndata: {n}\n\n")

    def __enter__(self):
        self._server.__enter__()
        self.stream = SSEStream(self._server.url)
        self.goes_on()
        return self

    def __exit__(self, *exc):
        self.stream.close()
        for go in self._all:  # the first to a closed socket may still go through
            go.release(2)
        self._server.__exit__(*exc)

    def goes_on(self):
        """The next event comes through."""
        assert eventually(lambda: self.stream.status.state == "open")
        before = self.stream.stats.received
        self._all[-1].release()
        assert eventually(lambda: self.stream.stats.received > before)


def eventually(condition):
    """Whether it comes true; looked at again and again, for there is nobody to tell."""
    end = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < end:
        threading.Event().wait(0.005)
    return condition()


def twice(peer):
    """An event, a cut, the same again: every callable of a stream is asked."""
    peer.stream("id: 1\ndata: a\n\nid: 2\ndata: b\n\n")


def once(peer):
    peer.stream("id: 1\ndata: a\n\n")
    peer.hold()


class Flow(httpx.Auth):
    def __init__(self, do):
        self._do = do

    def auth_flow(self, request):
        self._do()
        yield request


def transport(do):
    """A client whose own code does it, on the loop where it must run."""

    class Transport(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request):
            do()
            return await super().handle_async_request(request)

    return httpx.AsyncClient(transport=Transport())


def listening(do):
    async def headers():
        do()
        return {}

    return headers


CALLABLES = {
    "stop_when": lambda do: {"stop_when": lambda event: do()},
    "dedupe": lambda do: {"dedupe": lambda event: do()},
    "what compares the keys of dedupe": lambda do: {
        "dedupe": lambda event: type("Key", (), {"__hash__": lambda self: do() or 1})()
    },
    "resume": lambda do: {"resume": lambda id_: do()},
    "client factory": lambda do: {"client": lambda: do() or httpx.AsyncClient()},
    "client class": lambda do: {
        "client": type("Client", (httpx.AsyncClient,), {"__init__": lambda self: do()})
    },
    "headers": lambda do: {"headers": lambda: do() or {}},
    "async headers": lambda do: {"headers": listening(do)},
    "auth": lambda do: {"auth": lambda: do() or ("a", "b")},
    "auth flow": lambda do: {"auth": Flow(do)},
}
ENDS = [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, StopIteration]


def raising(error):
    def do():
        raise error

    return do


@pytest.mark.parametrize("name", CALLABLES)
def test_what_a_callable_raises_harms_its_own_stream_alone(name):
    with Other() as other, Server(twice) as server:
        for error in ENDS:
            options = CALLABLES[name](raising(error))
            stream = SSEStream(server.url, retry=AT_ONCE, **options)
            # It says what it was, at once or after an attempt that failed.
            assert eventually(lambda s=stream: s.status.error is not None or s.errors), error
            text = f"{stream.status.error} {stream.errors}"
            if stream.status.state == "failed":
                assert error.__name__ in text or "StopIteration" in text
            other.goes_on()
            stream.close()


@pytest.mark.parametrize("name", CALLABLES)
def test_a_callable_that_sleeps_holds_nobody_up(name):
    held, inside = threading.Event(), threading.Event()

    def do():
        inside.set()
        held.wait(SECONDS)

    with Other() as other, Server(twice) as server:
        stream = SSEStream(server.url, retry=AT_ONCE, **CALLABLES[name](do))
        try:
            assert inside.wait(SECONDS)
            other.goes_on()
            stream.stop()  # nor does it hold up the person
            assert stream.status.state == "closed"
            assert not held.is_set()
        finally:
            held.set()
            stream.close()


def test_exit_in_the_client_itself_ends_its_stream_and_not_the_loop():
    with Other() as other, Server(once) as server:
        for error in (SystemExit, KeyboardInterrupt, asyncio.CancelledError):
            stream = SSEStream(server.url, client=transport(raising(error)))
            assert eventually(lambda s=stream: s.status.state == "failed")
            assert error.__name__ in str(stream.status.error)
            other.goes_on()
            stream.close()


def test_who_stops_the_loop_stops_nothing():
    def stop():
        asyncio.get_running_loop().stop()

    with Other() as other, Server(once) as server:
        stream = SSEStream(server.url, client=transport(stop))
        assert eventually(lambda: stream.stats.received == 1)
        other.goes_on()
        stream.close()


def test_events_that_a_callable_was_looking_at_come_again_after_a_stop():
    """They were taken from the connection and not delivered: nothing may be resumed after them."""
    held, inside, asked = threading.Event(), threading.Event(), []

    def serve(peer):
        asked.append(peer.request.headers.get("last-event-id"))
        peer.stream("id: 1\ndata: a\n\n")
        peer.hold()

    def sleep(event):
        inside.set()
        held.wait(SECONDS)

    with Server(serve) as server:
        stream = SSEStream(server.url, stop_when=sleep)
        try:
            assert inside.wait(SECONDS)
            stream.stop()
            assert stream.stats.received == 0
            held.set()
            stream.start()
            assert eventually(lambda: stream.stats.received == 1)
            assert asked == [None, None]
        finally:
            held.set()
            stream.close()


def test_silence_while_a_callable_thinks_is_not_the_servers():
    thought, errors = threading.Event(), []
    made = queue.SimpleQueue()

    def think(event):
        # On a slow machine there may have been silence before.
        errors.append(len(made.get(timeout=SECONDS).errors))
        thought.wait(0.5)  # longer than idle_timeout; nobody sets it
        return True

    with Server(once) as server:
        stream = SSEStream(server.url, stop_when=think, idle_timeout=0.4, retry=AT_ONCE)
        try:
            made.put(stream)
            assert eventually(lambda: stream.status.state == "closed")
            assert stream.stats.received == 1
            assert errors == [len(stream.errors)]
        finally:
            stream.close()


def test_callables_print_under_the_cell_that_made_the_stream():
    import contextvars

    cell, seen = contextvars.ContextVar("cell"), []
    cell.set(7)
    with Server(twice) as server:
        stream = SSEStream(server.url, stop_when=lambda event: seen.append(cell.get()) or True)
        assert eventually(lambda: stream.status.state == "closed")
        stream.close()
    assert seen == [7]


def test_a_plain_loop_still_ends_with_the_program():
    """`for event in EventSource(url)` is a script's own loop: exit() in a callable ends the script."""
    with Server(twice) as server:
        source = EventSource(server.url, stop_when=lambda event: sys.exit(3))
        with pytest.raises(SystemExit):
            for _ in source:
                pass


def test_listeners_of_a_plain_loop_hold_nobody_up():
    threads, awaited = [], []
    with Other() as other, Server(twice) as server:
        source = EventSource(server.url, reconnect=False)

        async def later(event):
            await asyncio.sleep(0)
            awaited.append(event.data)

        source.on_message = lambda event: threads.append(threading.current_thread().name)
        source.add_event_listener("message", later)
        source.add_event_listener("message", lambda event: other.goes_on())
        assert [event.data for event in source] == ["a", "b"]
    assert set(threads) == {"sse-widget calls"}
    assert awaited == ["a", "b"]


# ---------------------------------------------------------------------- the loop ends all the same


def ended():
    """A client whose code breaks the loop, and not only once."""

    def do():
        loop, times = asyncio.get_running_loop(), itertools.count()

        def broken():
            if next(times) < 1000:
                raise SystemExit("no more")
            type(loop).run_forever(loop)

        loop.run_forever = broken
        loop.stop()
        raise httpx.ConnectError("not any more")

    return transport(do)


def is_tidied():
    """Whether the thread that ended is gone, and with it whatever it had to close."""
    return sum(thread.name == "sse-widget" for thread in threading.enumerate()) <= 1


def test_should_the_loop_die_every_stream_fails_at_once_and_starts_again(tmp_path):
    with Other() as other, Server(once) as server:
        capture = SSECapture({"a": server.url}, to=tmp_path / "c")
        assert eventually(lambda: capture.stats.open == 1)
        told = []
        other.stream.observe(lambda change: told.append(change.new.state), "status")
        killer = SSEStream(server.url, client=ended())
        for stream in (other.stream, killer):
            assert eventually(lambda s=stream: s.status.state == "failed")
            assert "the thread that serves all streams ended" in str(stream.status.error)
            assert "no more" in str(stream.status.error)
        assert eventually(lambda: capture["a"].state == "failed")
        assert "ended" in capture["a"].error
        assert not capture.running
        assert eventually(lambda: "failed" in told)

        received = other.stream.stats.received
        other.stream.start()
        other.goes_on()
        assert other.stream.status.state == "open"
        assert other.stream.stats.received > received
        assert other.stream.gaps[-1].cause == "restart"
        capture.start()
        assert eventually(lambda: capture.stats.open == 1)
        killer.close()
        assert eventually(is_tidied)
        capture.close()


def test_a_plain_loop_is_told_that_the_thread_ended():
    with Server(once) as server:
        source = EventSource(server.url)
        events = iter(source)
        assert next(events).data == "a"
        killer = SSEStream(server.url, client=ended())
        with pytest.raises(RuntimeError, match="the thread that serves all streams ended"):
            next(events)
        assert source.status.state == "failed"
        killer.close()
        assert eventually(is_tidied)


def test_a_plain_loop_hears_it_while_the_old_thread_still_ends():
    entered, left, let_go = threading.Event(), threading.Event(), asyncio.Event()

    class Clings(httpx.AsyncBaseTransport):
        """Its request does not let itself be cancelled, as long as the ending thread waits for it."""

        async def handle_async_request(self, request):
            entered.set()
            while True:
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    if left.is_set():
                        raise

    with Server(once) as server:
        source = EventSource(server.url)
        assert next(source).data == "a"
        clinging = SSEStream(server.url, client=lambda: httpx.AsyncClient(transport=Clings()))
        assert entered.wait(SECONDS)
        killer = SSEStream(server.url, client=ended())
        assert eventually(lambda: killer.status.state == "failed")
        with pytest.raises(RuntimeError, match="the thread that serves all streams ended"):
            next(source)
        assert source.status.state == "failed"
        left.set()
        killer.close()
        assert eventually(is_tidied)
        clinging.close()


def test_the_page_hears_that_the_loop_died(monkeypatch):
    with Other() as other:
        sent = []
        monkeypatch.setattr(other.stream, "send", lambda content, buffers: sent.append(content))
        other.stream._repr_mimebundle_()
        assert eventually(lambda: sent)
        with Server(once) as server:
            killer = SSEStream(server.url, client=ended())
            assert eventually(lambda: sent[-1].get("status", {}).get("state") == "failed")
            other.stream.start()
            other.goes_on()
            assert eventually(lambda: sent[-1].get("status", {}).get("state") == "open")
            killer.close()
            assert eventually(is_tidied)


def test_nothing_of_ours_prints(capfd):
    """What a thread of ours printed would land in whatever cell runs then."""
    with Other() as other, Server(once) as server:
        for do in (raising(SystemExit), raising(ZeroDivisionError)):
            for stream in (
                SSEStream(server.url, client=transport(do)),
                SSEStream(server.url, stop_when=lambda event, do=do: do()),
            ):
                assert eventually(lambda s=stream: s.status.error is not None)
                stream.close()
        killer = SSEStream(server.url, client=ended())
        for stream in (other.stream, killer):  # one that does not know yet would not start
            assert eventually(lambda s=stream: s.status.state == "failed")
        killer.close()
        assert eventually(is_tidied)
        other.stream.start()
        other.goes_on()
    assert capfd.readouterr() == ("", "")


def test_a_stream_may_be_collected_while_another_hands_over_work(monkeypatch):
    """`__del__` of a widget runs wherever memory is taken: on the same thread, inside our own code."""
    hand_over = asyncio.run_coroutine_threadsafe

    def collecting(work, loop):
        Collected()
        gc.collect()
        return hand_over(work, loop)

    class Collected:
        """In a circle, as closed widgets are, so that the collector finds it."""

        def __init__(self):
            self.circle = self

        def __del__(self):
            living.clear()  # which hands over work, as closing it does
            collected.set()

    collected = threading.Event()
    with Server(lambda peer: (peer.stream("data: a\n\n"), peer.hold())) as server:
        living = SSEStream(server.url)
        living.stop()
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", collecting)
        thread = threading.Thread(target=living.start, daemon=True)
        thread.start()
        thread.join(SECONDS)
        assert not thread.is_alive(), "it waits for itself"
        assert collected.is_set()
        living.close()
