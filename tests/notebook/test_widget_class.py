"""What a widget brings to its page is its own, and its class is not: traitlets would else make one for each object."""

from __future__ import annotations

import traitlets

from sse_widget import SSECapture, SSEStream

URL = "http://127.0.0.1:9/nothing"


class Prices(SSEStream):
    """A user's own."""


def test_streams_and_captures_are_of_the_class_that_was_called(tmp_path):
    made = [SSEStream(URL), SSEStream(URL), Prices(URL), SSECapture({"a": URL}, to=tmp_path / "c")]
    try:
        assert [type(widget) for widget in made] == [SSEStream, SSEStream, Prices, SSECapture]
        states = [widget.get_state() for widget in made]
        assert all("function" in state["_esm"] for state in states)
        assert all(".sse-" in state["_css"] for state in states)
        names = [f"{type(w).__module__}.{type(w).__name__}" for w in made]
        assert [state["_anywidget_id"] for state in states] == names
        assert states[0]["_esm"] != states[3]["_esm"]
    finally:
        for widget in made:
            widget.close()


def test_a_trait_that_a_user_adds_again_is_the_new_one():
    with SSEStream(URL) as stream:
        stream.add_traits(mine=traitlets.Int(5))
        stream.add_traits(mine=traitlets.Unicode("six"))
        stream.mine = "seven"
        assert stream.mine == "seven"
