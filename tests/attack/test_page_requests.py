"""A page that asks without an end holds up no stream: its requests are answered one in a turn of the
loop, within a share of the loop's time, and what waits is bounded."""

from __future__ import annotations

import contextlib
import queue
import threading

import pytest

from sse_widget import SSECapture, SSEStream, runtime
from sse_widget.notebook.page_requests import WAITING, PageRequests

from ..helpers.pages import say

SECONDS = 60
MANY = WAITING + 20


@contextlib.contextmanager
def held_loop():
    """The loop does nothing until this is left, but what `on_loop` asks it to do at once."""
    inside = threading.Event()

    def hold():
        inside.set()
        while (work := _at_once.get(timeout=SECONDS)) is not None:
            work()

    runtime.call(hold)
    assert inside.wait(SECONDS)
    _held.append(True)
    try:
        yield
    finally:
        _held.clear()
        _at_once.put(None)


_at_once, _held = queue.SimpleQueue(), []


def on_loop(fn):
    """What this gives, called on the loop: at once where it is held, else after all that was called before."""
    done, found = threading.Event(), []
    (_at_once.put if _held else runtime.call)(lambda: (found.append(fn()), done.set()))
    assert done.wait(SECONDS)
    return found[0]


def asked(widget, *contents):
    """Many pages ask before any is answered, in this order: on the loop's thread, where a handler waits for
    no answer. Of handlers on threads of their own nobody could say which one comes first."""
    on_loop(lambda: [say(widget, content) for content in contents])


class Sent:
    """What widgets send: (name, message)."""

    def __init__(self):
        self.all = []
        self.news = threading.Condition()

    def by(self, widget, name, monkeypatch):
        def send(content, buffers=None):
            with self.news:
                self.all.append((name, content))
                self.news.notify_all()

        monkeypatch.setattr(widget, "send", send)

    def wait_for(self, condition):
        with self.news:
            assert self.news.wait_for(condition, SECONDS)

    def count(self, kind):
        return sum(content["kind"] == kind for _, content in self.all)


@pytest.fixture
def sent():
    return Sent()


@pytest.fixture
def streams(sent, monkeypatch):
    made = []
    for name in "ab":
        stream = SSEStream.replay(b"data: x\n\n" * 3, speed=float("inf"))
        made.append(stream)
        sent.by(stream, name, monkeypatch)
    yield made
    for stream in made:
        stream.close()


def event(n):
    return {"kind": "event", "page": f"p{n}", "id": n, "seq": 0}


def test_one_is_answered_in_a_turn_of_the_loop(streams, sent):
    with held_loop():
        asked(streams[0], *map(event, range(30)))
        runtime.call(lambda: sent.all.append(("others", {"kind": "turn"})))
    sent.wait_for(lambda: sent.count("event") == 30)
    kinds = [content["kind"] for _, content in sent.all]
    assert kinds.index("turn") <= 1


def test_widgets_take_turns(streams, sent):
    with held_loop():
        asked(streams[0], *map(event, range(30)))
        asked(streams[1], event(0))
    sent.wait_for(lambda: sent.count("event") == 31)
    assert [name for name, _ in sent.all].index("b") <= 2


def test_what_waits_is_bounded_and_nothing_that_a_person_pressed_is_let_go(streams, sent):
    stream = streams[0]
    with held_loop():
        asked(
            stream, event(-2), event(-1), {"kind": "clear", "page": "p"}, *map(event, range(MANY))
        )
    sent.wait_for(lambda: any(c.get("id") == MANY - 1 for _, c in sent.all))
    assert sent.count("event") <= WAITING + 1
    assert stream.stats.held == 0


def test_asked_for_twice_once_is_enough(streams, sent):
    hello = {"kind": "hello", "page": "p"}
    with held_loop():
        asked(streams[0], event(0), *[hello] * 10, event(1))
    sent.wait_for(lambda: sent.count("event") == 2)
    assert sent.count("hello") == 1


def test_of_a_capture_too(tmp_path, sent, monkeypatch):
    capture = SSECapture({"a": "http://127.0.0.1:1/"}, to=tmp_path / "c")
    try:
        sent.by(capture, "c", monkeypatch)
        hello = {"kind": "hello", "page": "p"}
        with held_loop():
            asked(capture, *({**hello, "page": f"p{n}"} for n in range(MANY)))
            runtime.call(lambda: sent.all.append(("others", {"kind": "turn"})))
        sent.wait_for(lambda: any(c.get("to") == f"p{MANY - 1}" for _, c in sent.all))
        answers = [c["kind"] for _, c in sent.all if c["kind"] == "turn" or "to" in c]
        assert answers.index("turn") <= 1
        assert len(answers) <= WAITING + 2
    finally:
        capture.close()


@pytest.mark.parametrize(
    "content",
    [
        None,
        [1],
        {"kind": ["hello"], "page": "p"},
        {"kind": "hello", "page": {"p": 1}},
        {"kind": "hello", "page": "p" * 10**6},
        {"kind": "hello", "page": "p", **{f"more{n}": n for n in range(100)}},
    ],
)
def test_what_no_page_of_ours_sends_is_not_kept(streams, sent, content):
    asked(streams[0], content, event(0))
    sent.wait_for(lambda: sent.count("event") == 1)
    assert sent.count("hello") == 0


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_answers_take_a_share_of_the_loops_time():
    """After an answer that took long the next one waits; others of the loop go on meanwhile."""
    clock = Clock()
    requests = PageRequests(clock, cpu=clock)
    answered, paid = [], threading.Event()

    def costly(content):
        answered.append(content)
        clock.now += 1.0
        if len(answered) == 2:
            paid.set()

    for n in range(2):
        requests.post(requests, {"kind": "rows", "id": n}, costly)
    for _ in range(3):
        on_loop(lambda: None)
    assert len(answered) == 1  # a moment more than may be taken at once
    assert not paid.wait(0.3)  # no time has passed by its clock
    clock.now += 0.6
    assert paid.wait(SECONDS)


def test_no_answer_pays_for_a_machine_that_stood_still():
    """A process that was stopped in the middle of an answer still hears the Stop button at once."""
    clock = Clock()
    requests = PageRequests(clock, cpu=lambda: 0.0)
    stopped = threading.Event()

    def frozen(content):
        clock.now += 60.0

    requests.post(requests, {"kind": "rows", "id": 0}, frozen)
    requests.post(requests, {"kind": "stop"}, lambda content: stopped.set())
    assert stopped.wait(SECONDS)


def test_an_answer_that_fails_ends_nothing():
    requests, answered = PageRequests(), threading.Event()

    def answer(content):
        if content["id"] == 0:
            raise RuntimeError
        answered.set()

    with held_loop():
        for n in range(2):
            requests.post(requests, {"kind": "rows", "id": n}, answer)
    assert answered.wait(SECONDS)
