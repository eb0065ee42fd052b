"""The script that each widget brings, where a kernel sends the files of the page once: wherever they come from, a
widget is drawn, and a page takes them once."""

from __future__ import annotations

import pytest

from .conftest import STATIC

# The fields of `how`: the key of the files; whether the page reaches their model, after so many looks, or has no
# other models at all; whether the kernel answers; what the script of the widget is.
OPEN = """async ({loader, how}) => {
  const files = {"widget.css": ".drawn { color: rgb(1, 2, 3) }", "widget.js": how.script ?? `export default {
    initialize({model}) { model.began += 1; return () => {}; },
    render({el}) { el.className = "drawn"; el.textContent = "drawn"; return () => {}; },
  }`};
  const source = `const sse = {"script": "widget.js", "key": "${how.key}"};\\n${loader}`;
  const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  const handlers = [], sent = [];
  let looks = 0;
  const model = {
    began: 0,
    get: () => "IPY_MODEL_files",
    on: (name, handler) => handlers.push(handler),
    off: (name, handler) => handlers.splice(handlers.indexOf(handler), 1),
    send: (message) => {
      sent.push(message.kind);
      if (how.answers && sent.length >= how.answers) handlers.slice().forEach((heard) => heard({kind: "files", files}));
    },
    widget_manager: how.alone ? undefined : {
      get_model: async (id) => {
        if (id !== "files" || ++looks < (how.looks ?? 1)) throw new Error("no such model");
        return {get: () => files};
      },
    },
  };
  const el = document.body.appendChild(document.createElement("div"));
  const ends = [module.default.initialize({model}), module.default.render({model, el})];
  if (how.closed) ends.forEach((end) => end());
  const made = globalThis[Symbol.for("sse-widget files")];
  const done = () => (how.closed ? made.size > 0 : el.textContent !== "");
  while (!done()) await new Promise((then) => setTimeout(then, 10));
  if (how.closed) await Promise.all(made.values());
  const styles = document.querySelectorAll(`style[data-sse-widget="${how.key}"]`).length;
  return {text: el.textContent, sent, styles, began: model.began, left: handlers.length};
}"""


@pytest.fixture
def opened(browser):
    page = browser.new_page()
    loader = (STATIC / "loader.js").read_text("utf-8")

    def open_(**how):
        return page.evaluate(OPEN, {"loader": loader, "how": {"key": "k", **how}})

    yield open_
    page.close()


def test_it_takes_them_from_their_model_once_a_page(opened):
    drawn = {"text": "drawn", "sent": [], "styles": 1, "began": 1, "left": 0}
    assert opened() == drawn
    # It asks nobody for what is there.
    assert opened(alone=True) == drawn
    # Another version of the package, in another kernel, has its own.
    assert opened(key="other") == drawn


def test_a_model_that_comes_later_is_waited_for(opened):
    assert opened(looks=3)["text"] == "drawn"


@pytest.mark.parametrize("where", [{"looks": 1_000}, {"alone": True}])
def test_where_there_is_no_such_model_the_kernel_is_asked(opened, where):
    assert opened(answers=2, **where) == {
        **{"text": "drawn", "styles": 1, "began": 1, "left": 0},
        # By the widget that begins and its view, until one is answered.
        "sent": ["files"] * 2,
    }


def test_what_cannot_run_is_said(opened):
    assert "The log could not be loaded: SyntaxError" in opened(script="export default {")["text"]


def test_one_that_was_closed_meanwhile_is_not_drawn(opened):
    assert opened(looks=2, closed=True) == {
        **{"text": "", "sent": [], "styles": 1, "began": 0, "left": 0}
    }
