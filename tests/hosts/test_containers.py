"""Both widgets inside every container of ipywidgets: the real models, views, styles and Lumino.

Seen, and sized as their `layout` says; where it says nothing, as people expect: all of the width,
shared in a row, 320 px at least, and no part of one under another. What is made here is shown by the
widget manager of VS Code's Jupyter extension, without a kernel behind it: a log says that it waits.
"""

from __future__ import annotations

import contextlib

import ipywidgets
import pytest
from ipywidgets import GridspecLayout, Layout
from ipywidgets.embed import dependency_state

from sse_widget import SSECapture, SSEStream

from ..helpers.browser import chromium
from ..helpers.front import Front
from ..helpers.scripted import Server, sends

pytestmark = pytest.mark.lab

# The code of a container; the width of each log in it, as a part of the output's where it is at
# most 1; its height, where the layout gives one. None: whatever it is, it is at least 320 px.
CONTAINERS: list[tuple[str, list[float | None], float | None]] = [
    ("log()", [1], None),
    ("log(height='250px')", [1], 250),
    ("log(height='600px')", [1], 600),
    ("log(width='500px')", [500], None),
    ("log(width='200px')", [200], None),
    ("log(min_height='500px')", [1], 500),
    ("log(max_height='240px')", [1], 240),
    ("HBox([log(), log()])", [1 / 2, 1 / 2], None),
    ("HBox([log() for _ in range(4)])", [320] * 4, None),
    ("HBox([button(), log()])", [None], None),
    ("HBox([log(width='300px'), log()])", [300, None], None),
    ("HBox([log(height='250px'), log(height='250px')])", [1 / 2, 1 / 2], 250),
    ("VBox([button(), log()], layout=Layout(align_items='center'))", [1], None),
    ("VBox([log()], layout=Layout(height='600px'))", [1], 600),
    ("VBox([log()], layout=Layout(height='300px'))", [1], 300),
    ("Box([log(), log()])", [1 / 2, 1 / 2], None),
    ("Box([log(), log(), log()], layout=Layout(flex_flow='row wrap'))", [1 / 3] * 3, None),
    ("GridBox([log(), log()], layout=Layout(grid_template_columns='1fr 1fr'))", [1 / 2] * 2, None),
    ("GridBox([log()], layout=Layout(justify_items='center', height='500px'))", [1], 500),
    ("gridspec()", [1 / 2, 1 / 2], None),
    ("TwoByTwoLayout(top_left=log(), top_right=log(), bottom_left=button())", [1 / 2] * 2, None),
    ("AppLayout(left_sidebar=log(), center=log())", [320, None], None),
    ("AppLayout(header=button(), center=log(), height='600px')", [1], None),
    ("Stack([button(), log()], selected_index=1)", [1], None),
    ("Tab([log()], titles=['log'])", [None], None),
    ("Tab([button(), log()], titles=['button', 'later'])", [None], None),
    ("Accordion([log()], titles=['folded'])", [None], None),
    ("VBox([HBox([log(), VBox([button(), log()])])])", [None, None], None),
]

SHOW = """async ({ state, shown }) => {
    const models = await manager.set_state({ version_major: 2, version_minor: 0, state });
    for (const model of models) model.comm_live = true;
    for (const id of shown) await show(id);
}"""
MEASURE = """() => [...document.querySelectorAll('.output')].map(output => ({
    width: output.clientWidth,
    spills: output.scrollWidth > output.clientWidth || output.scrollHeight > output.clientHeight,
    logs: [...output.querySelectorAll('.sse-host > .sse-widget')].map(log => {
        const { width, height, bottom } = log.getBoundingClientRect();
        const footer = log.querySelector('.sse-footer').getBoundingClientRect();
        return { width, height, footer: footer.height > 0 && footer.bottom <= bottom };
    }),
}))"""


@pytest.fixture(scope="module")
def front():
    with chromium() as browser, Front(browser) as front:
        yield front


@pytest.mark.parametrize("kind", ["stream", "capture"])
def test_seen_and_sized_in_every_container(front, kind, tmp_path):
    made: list[SSEStream | SSECapture] = []

    def log(**layout: str) -> SSEStream | SSECapture:
        options = {"layout": Layout(**layout)} if layout else {}
        folder = tmp_path / str(len(made))
        one = SSEStream if kind == "stream" else SSECapture
        made.append(
            one(server.url, **options)
            if one is SSEStream
            else one({"one": server.url}, to=folder, **options)
        )
        return made[-1]

    def button() -> ipywidgets.Button:
        return ipywidgets.Button(description="a button")

    def gridspec() -> GridspecLayout:
        grid = GridspecLayout(3, 2, height="700px")
        grid[0, :] = ipywidgets.Button(layout=Layout(width="auto", height="auto"))
        grid[1:, 0], grid[1:, 1] = log(), log()
        return grid

    names = {**vars(ipywidgets), "log": log, "button": button, "gridspec": gridspec}
    logs = sum(len(widths) for _, widths, _ in CONTAINERS)
    page = front.page("vscode")
    with Server(*[sends("", then="hold")] * logs) as server, contextlib.ExitStack() as ends:
        shown = [eval(code, names) for code, _, _ in CONTAINERS]
        for one in made:
            ends.callback(one.close)
        state = dependency_state(shown, drop_defaults=False)
        page.evaluate(SHOW, {"state": state, "shown": [w.model_id for w in shown]})
    # What is hidden at first is shown now.
    page.get_by_role("tab", name="later").click()
    page.get_by_text("folded", exact=True).click()
    page.wait_for_function(
        f"n => {{ const logs = ({MEASURE})().flatMap(output => output.logs);"
        " return logs.length === n && logs.every(log => log.footer) }",
        arg=logs,
    )
    for (code, widths, height), found in zip(CONTAINERS, page.evaluate(MEASURE), strict=True):
        assert not found["spills"], code
        for log_, width in zip(found["logs"], widths, strict=True):
            if width is None:
                assert log_["width"] >= 320, code
            else:
                expected = width * found["width"] if width <= 1 else width
                assert log_["width"] == pytest.approx(expected, abs=1), code
            if height is not None:
                assert log_["height"] == pytest.approx(height, abs=1), code
