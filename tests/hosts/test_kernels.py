"""A real kernel without any front end: what its messages say, and when."""

from __future__ import annotations

import json
import threading

import pytest
from jupyter_client.manager import start_new_kernel

from ..helpers.scripted import Server, sends, sends_after

EVENTS = "".join(f"id: {i}\ndata: number {i};\n\n" for i in range(1, 31))


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(startup_timeout=300)
    # A handler waits for its answer as long as that takes, on a machine that has more to do, too.
    execute(client, "from sse_widget.notebook import page_requests; page_requests.ANSWER_S = 60")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def execute(client, code: str) -> list[dict]:
    """Run code; every message that came on its behalf, and of our thread, until it was done."""
    return until_idle(client, client.execute(code))


def until_idle(client, asked: str) -> list[dict]:
    messages = []
    while True:
        message = client.get_iopub_msg(timeout=300)
        assert message["msg_type"] != "error", message["content"]
        messages.append(message)
        if message["parent_header"].get("msg_id") == asked and message["content"] == {
            "execution_state": "idle"
        }:
            return messages


def subshell(client) -> str:
    """A way past the cell that runs, as JupyterLab makes one."""
    client.control_channel.send(client.session.msg("create_subshell_request"))
    made: str = client.get_control_msg(timeout=300)["content"]["subshell_id"]
    return made


def say(client, comm: str, content: dict, by: str | None = None) -> str:
    """A custom message of the page to a widget; `by` a subshell."""
    data = {"method": "custom", "content": content}
    message = client.session.msg("comm_msg", {"comm_id": comm, "data": data})
    if by is not None:
        message["header"]["subshell_id"] = by
    client.shell_channel.send(message)
    return message["header"]["msg_id"]


def widgets(messages: list[dict]) -> list[str]:
    """The comms of the widgets that were made, in order."""
    opened = [m["content"] for m in messages if m["msg_type"] == "comm_open"]
    return [c["comm_id"] for c in opened if "_esm" in c["data"].get("state", {})]


def custom(message: dict) -> dict:
    return message["content"].get("data", {}).get("content", {})


SHOW = """
from sse_widget import SSECapture, SSEStream
stream = SSEStream({url!r})
capture = SSECapture({{"one": {url!r}}}, to={to!r})
display(stream, capture)
await stream.until(where=lambda event: event.last_event_id == "30", timeout=30)
"""


def test_a_page_that_asks_is_answered_before_its_message_is_done(kernel, tmp_path):
    """Colab may drop what a thread sends when no cell runs and no message is being answered."""
    with Server(*[sends(EVENTS, then="hold")] * 2) as server:
        shown = execute(kernel, SHOW.format(url=server.url, to=str(tmp_path / "capture")))
        stream, capture = widgets(shown)
        for comm, asked, kind in [
            (stream, {"kind": "hello", "page": "p"}, "hello"),
            (stream, {"kind": "poll", "page": "p"}, "batch"),
            (stream, {"kind": "rows", "page": "p", "id": 1, "first": 0, "stop": 30}, "rows"),
            (stream, {"kind": "event", "page": "p", "id": 2, "seq": 3}, "event"),
            (capture, {"kind": "hello", "page": "p"}, "overview"),
        ]:
            message = say(kernel, comm, asked)
            inside = until_idle(kernel, message)
            answers = [custom(m) for m in inside if m["parent_header"].get("msg_id") == message]
            assert kind in [answer.get("kind") for answer in answers], asked
            if asked["kind"] == "poll":
                assert [a for a in answers if a.get("polled")]
        execute(kernel, "stream.close(); capture.close()")


SAVED = """
from sse_widget import SSEStream
from sse_widget.notebook import snapshot_writer
before = snapshot_writer._FIRST, snapshot_writer._AFTER_CELL
snapshot_writer._FIRST = 3600
stream = SSEStream({url!r})
stream
"""


def saved(messages: list[dict]) -> list[dict]:
    """What was put into the notebook beside the log, or written there anew."""
    kinds = ("display_data", "update_display_data")
    return [m["content"]["data"] for m in messages if m["msg_type"] in kinds]


def test_the_rows_for_the_saved_notebook_hold_no_page_up(kernel):
    """HTML has JupyterLab load its typesetting: a tenth of a second for what nobody sees."""
    go = threading.Event()
    with Server(sends_after(go, EVENTS)) as server:
        shown = execute(kernel, SAVED.format(url=server.url))
        # Nothing came yet.
        assert saved(shown) == [{"text/plain": ""}]
        (comm,) = widgets(shown)
        hello = {"kind": "hello", "page": "p"}
        until_idle(kernel, say(kernel, comm, hello, by=subshell(kernel)))
        go.set()
        # That page hears of it at any time: not now, when it draws what the cell shows.
        cell = "await stream.until(where=lambda event: event.last_event_id == '30', timeout=60)"
        assert saved(execute(kernel, cell)) == []
        # But soon, where it was not said for long.
        execute(kernel, "snapshot_writer._FIRST, snapshot_writer._AFTER_CELL = -1, 0.01")
        while not (said := saved([kernel.get_iopub_msg(timeout=300)])):
            pass
        assert "number 30;" in said[0]["text/html"]
        # When it ends the page hears of it, whether a cell runs or not.
        ended = saved(execute(kernel, "stream.stop()"))
        assert "number 30;" in ended[-1]["text/html"]
        execute(
            kernel, "stream.close(); snapshot_writer._FIRST, snapshot_writer._AFTER_CELL = before"
        )


STOPPED = """
from sse_widget import SSEStream
stream = SSEStream({url!r})
stream.stop()
assert stream.status.state == "closed", stream.status
stream.start()
await stream.until(where=lambda event: event.last_event_id == "30", timeout=60)
assert stream.stats.received == 30
stream.close()
"""


def test_a_stream_is_stopped_and_started_before_it_connects(kernel):
    """A stream connects once the cell that makes it had time to show it."""
    with Server(sends(EVENTS, then="hold")) as server:
        execute(kernel, STOPPED.format(url=server.url))


SEVERAL = """
import sse_widget
shown = [sse_widget.SSEStream({url!r}) for _ in range(5)]
shown.append(sse_widget.SSECapture({{"a": {url!r}}}, to={to!r}))
"""


def opened(client, code: str) -> list[dict]:
    """The state of each model that this code makes."""
    messages = execute(client, code)
    return [m["content"]["data"]["state"] for m in messages if m["msg_type"] == "comm_open"]


def test_the_files_of_the_page_are_sent_once(kernel, tmp_path):
    with Server(*[sends(EVENTS, then="hold")] * 12) as server:
        for folder in ("first", "after all were closed"):  # the model of the files too
            execute(kernel, "import ipywidgets; ipywidgets.Widget.close_all()")
            states = opened(kernel, SEVERAL.format(url=server.url, to=str(tmp_path / folder)))
            (files,) = [state["files"] for state in states if "files" in state]
            assert sorted(files) == ["capture.js", "widget.css", "widget.js"]
            of_widgets = [state for state in states if "_esm" in state]
            assert len(of_widgets) == 6
            assert all(len(json.dumps(state)) < 8_000 for state in of_widgets)
        execute(kernel, "for widget in shown: widget.close()")


def test_a_page_that_cannot_reach_the_files_is_sent_them_and_none_writes_them(kernel):
    with Server(sends(EVENTS, then="hold")) as server:
        execute(kernel, "import ipywidgets; ipywidgets.Widget.close_all()")
        show = f"import sse_widget\nstream = sse_widget.SSEStream({server.url!r})"
        messages = [m["content"] for m in execute(kernel, show) if m["msg_type"] == "comm_open"]
        comms = {
            name: m["comm_id"]
            for m in messages
            for name in ("files", "_esm")
            if name in m["data"]["state"]
        }
        data = {
            "method": "update",
            "state": {"files": {"widget.js": "alert(1)"}},
            "buffer_paths": [],
        }
        written = kernel.session.msg("comm_msg", {"comm_id": comms["files"], "data": data})
        kernel.shell_channel.send(written)
        assert not [
            m
            for m in until_idle(kernel, written["header"]["msg_id"])
            if m["msg_type"] == "comm_msg"
        ]
        asked = until_idle(kernel, say(kernel, comms["_esm"], {"kind": "files", "page": "p"}))
        (files,) = [custom(m)["files"] for m in asked if custom(m).get("kind") == "files"]
        assert "sseLog" in files["widget.js"]
        assert "files" not in execute(kernel, "print(repr(stream._page_files))")[0]["content"]
        execute(kernel, "stream.close()")


def test_where_a_page_has_no_way_past_a_cell_it_acknowledges_by_messages(kernel):
    """A trait that waits for the cell would hold up a filter that is set meanwhile."""
    with Server(sends(EVENTS, then="hold")) as server:
        made = f"from sse_widget import SSEStream\nstream = SSEStream({server.url!r})"
        opened = [m["content"] for m in execute(kernel, made) if m["msg_type"] == "comm_open"]
        (comm,) = [c["comm_id"] for c in opened if "_esm" in c["data"].get("state", {})]
        (settings,) = [
            c["data"]["state"]["_settings"] for c in opened if "_esm" in c["data"].get("state", {})
        ]
        assert settings["ack"] == "trait"
        state = {"_ack": {"page": "p", "n": 1}}
        data = {"method": "update", "state": state, "buffer_paths": []}
        written = kernel.session.msg("comm_msg", {"comm_id": comm, "data": data})
        kernel.shell_channel.send(written)
        told = [
            m["content"]["data"]["state"]
            for m in until_idle(kernel, written["header"]["msg_id"])
            if m["content"].get("data", {}).get("method") == "update"
        ]
        assert [s["_settings"] for s in told if "_settings" in s] == [
            {**settings, "ack": "message"}
        ]
        execute(kernel, "stream.close()")


def test_a_stream_of_a_capture_is_shown_with_its_log(kernel, tmp_path):
    with Server(*[sends(EVENTS, then="hold")] * 2) as server:
        made = "from sse_widget import SSECapture\ncapture = SSECapture({}, to={!r})".format(
            {"one": f"{server.url}1", "two": f"{server.url}2"}, str(tmp_path / "capture")
        )
        opened = [m["content"] for m in execute(kernel, made) if m["msg_type"] == "comm_open"]
        (comm,) = [c["comm_id"] for c in opened if "_esm" in c["data"].get("state", {})]
        shown = execute(kernel, "capture['two']")
        (result,) = [m["content"] for m in shown if m["msg_type"] == "execute_result"]
        view = result["data"]["application/vnd.jupyter.widget-view+json"]
        assert view["model_id"] == comm
        assert result["data"]["text/plain"].startswith("<stream 'two'")
        asked = until_idle(kernel, say(kernel, comm, {"kind": "hello", "page": "p"}))
        heads = [custom(m) for m in asked if custom(m).get("kind") == "overview"]
        assert heads[-1]["log"][1] == "two"
        execute(kernel, "capture.close()")
        closed = execute(kernel, "capture['two']")
        (result,) = [m["content"] for m in closed if m["msg_type"] == "execute_result"]
        assert list(result["data"]) == ["text/plain"]
