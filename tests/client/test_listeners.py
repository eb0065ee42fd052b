"""Listeners and handlers behave as the DOM's do (dom.spec.whatwg.org, HTML 8.1.8.1)."""

from __future__ import annotations

import functools

import pytest

from sse_widget import EventSource

from ..helpers.clients import OVER
from ..helpers.scripted import Server, sends

pytestmark = pytest.mark.anyio


@pytest.fixture
async def told():
    """Reads two events of type "message", "1" and "2", after `prepare(source, out)`."""

    async def tell(prepare):
        out = []
        with Server(sends("data: 1\n\ndata: 2\n\n"), OVER) as server:
            async with EventSource(server.url, reconnect=False) as source:
                prepare(source, out)
                await source.run()
        return out

    return tell


def says(out, name):
    return lambda event: out.append(f"{name}{event.data}")


async def test_one_function_may_be_listener_and_handler(told):
    def prepare(source, out):
        f = says(out, "f")
        source.add_event_listener("message", f)
        source.on_message = f

    assert await told(prepare) == ["f1", "f1", "f2", "f2"]


async def test_taking_a_handler_away_leaves_the_listener(told):
    def prepare(source, out):
        f = says(out, "f")
        source.add_event_listener("message", f)
        source.on_message = f
        source.on_message = None
        assert source.on_message is None

    assert await told(prepare) == ["f1", "f2"]


async def test_taking_a_listener_away_leaves_the_handler(told):
    def prepare(source, out):
        f = says(out, "f")
        source.on_message = f
        source.remove_event_listener("message", f)
        assert source.on_message is f

    assert await told(prepare) == ["f1", "f2"]


async def test_a_handler_that_is_replaced_keeps_its_place(told):
    def prepare(source, out):
        source.on_message = says(out, "old")
        source.add_event_listener("message", says(out, "b"))
        source.on_message = says(out, "new")

    assert await told(prepare) == ["new1", "b1", "new2", "b2"]


async def test_a_handler_that_was_taken_away_comes_last_again(told):
    def prepare(source, out):
        source.on_message = says(out, "a")
        source.add_event_listener("message", says(out, "b"))
        source.on_message = None
        source.on_message = says(out, "a")

    assert await told(prepare) == ["b1", "a1", "b2", "a2"]


async def test_a_listener_that_is_added_again_comes_last(told):
    def prepare(source, out):
        a = says(out, "a")
        source.add_event_listener("message", a)
        source.add_event_listener("message", says(out, "b"))
        source.add_event_listener("message", a)  # known: nothing changes
        source.remove_event_listener("message", a)
        source.add_event_listener("message", a)

    assert await told(prepare) == ["b1", "a1", "b2", "a2"]


async def test_one_that_is_removed_while_it_is_told_is_not_called(told):
    def prepare(source, out):
        later = says(out, "later")

        def first(event):
            out.append(f"first{event.data}")
            source.remove_event_listener("message", later)

        source.add_event_listener("message", first)
        source.add_event_listener("message", later)

    assert await told(prepare) == ["first1", "first2"]


async def test_a_handler_that_is_taken_away_meanwhile_is_not_called(told):
    def prepare(source, out):
        def first(event):
            out.append(f"first{event.data}")
            source.on_message = None

        source.add_event_listener("message", first)
        source.on_message = says(out, "handler")

    assert await told(prepare) == ["first1", "first2"]


async def test_a_handler_that_is_replaced_meanwhile_is_the_new_one(told):
    def prepare(source, out):
        def first(event):
            source.on_message = says(out, "new")

        source.add_event_listener("message", first)
        source.on_message = says(out, "old")

    assert await told(prepare) == ["new1", "new2"]


async def test_one_that_is_added_meanwhile_hears_of_the_next(told):
    def prepare(source, out):
        added = says(out, "added")
        source.add_event_listener(
            "message", lambda event: source.add_event_listener("message", added)
        )

    assert await told(prepare) == ["added2"]


async def test_one_that_removes_itself_is_called_once(told):
    def prepare(source, out):
        def once(event):
            out.append(event.data)
            source.remove_event_listener("message", once)

        source.add_event_listener("message", once)
        source.add_event_listener("message", says(out, "b"))

    assert await told(prepare) == ["1", "b1", "b2"]


async def test_removed_and_added_again_meanwhile_it_hears_of_the_next(told):
    def prepare(source, out):
        b = says(out, "b")

        def first(event):
            source.remove_event_listener("message", b)
            source.add_event_listener("message", b)

        source.add_event_listener("message", first)
        source.add_event_listener("message", b)

    assert await told(prepare) == []  # always the new one, which came too late


async def test_several_types_at_once_and_nothing_to_remove(told):
    def prepare(source, out):
        f = says(out, "f")
        source.add_event_listener(["message", "other"], f)
        source.remove_event_listener({"other", "never"}, f)
        source.remove_event_listener("message", says(out, "unknown"))

    assert await told(prepare) == ["f1", "f2"]


async def test_bound_methods_and_partials_are_themselves(told):
    class Listener:
        def __init__(self, out):
            self.out = out

        def hear(self, event):
            self.out.append(event.data)

    def prepare(source, out):
        listener = Listener(out)
        source.add_event_listener("message", listener.hear)
        source.add_event_listener("message", listener.hear)  # equal, so it is one
        source.add_event_listener("message", functools.partial(out.append, "p"))

    assert await told(prepare) == ["1", "p", "2", "p"]


@pytest.mark.parametrize("wrong", [5, "hunter2", None, ["f"]])
def test_what_cannot_be_called_is_refused_by_type(wrong):
    source = EventSource("http://127.0.0.1:1/")
    with pytest.raises(TypeError, match=type(wrong).__name__) as caught:
        source.add_event_listener("message", wrong)
    assert "hunter2" not in str(caught.value)
    if wrong is not None:
        with pytest.raises(TypeError, match="on_message must be callable"):
            source.on_message = wrong


@pytest.mark.parametrize("wrong", [5, b"message", None, ["a", 5]])
def test_what_is_no_type_is_refused(wrong):
    with pytest.raises(TypeError, match="type must be text"):
        EventSource("http://127.0.0.1:1/").add_event_listener(wrong, print)
