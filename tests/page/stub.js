// The log on a plain page, with the kernel of `kernel.js`: an anywidget host, and how a test sets the page up.
import { makeKernel } from "/kernel.js";
import widget from "/widget.js";

const { model, kernel } = makeKernel();
const options = new URLSearchParams(location.search);
if (options.get("vscode")) document.body.classList.add(`vscode-${options.get("vscode")}`);
if (options.has("colab")) {
  document.documentElement.setAttribute("theme", "dark");
  document.body.classList.add("colab-dark");
}
if (options.get("theme")) document.body.classList.add(`lab-${options.get("theme")}`);

function view(width) {
  const el = document.createElement("div");
  if (width) el.style.width = `${width}px`;
  document.body.append(el);
  const life = new AbortController();
  widget.render({ model: model.wrapper(), el, signal: life.signal });
  return life;
}

Object.assign(window, { model, kernel, view, widget });
if (!options.has("idle")) {
  window.life = new AbortController();
  widget.initialize({ model: model.wrapper(), signal: window.life.signal });
  window.first = view(options.get("width"));
}
document.body.dataset.ready = "yes";
