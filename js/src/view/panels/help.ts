/**
 * The list of keys, over the widget, on demand. It says what view.ts does with keys and does none of
 * it; while it is open it holds the focus and gives it back afterwards.
 */
import { h, show } from "../dom/dom.ts";

const KEYS: [string[], string][] = [
  [["/"], "Search"],
  [["Enter", "Shift Enter"], "In the search box: next, previous match"],
  [["\u2191", "\u2193"], "Select a row"],
  [["PageUp", "PageDown"], "A page up, down"],
  [["Home"], "The oldest row"],
  [["End", "f"], "The newest row, and follow"],
  [["Enter"], "Details of the selected row"],
  [["\u2190", "\u2192"], "Select a cell"],
  [["m"], "Menu of the selected cell"],
  [["c"], "Copy the data of the selected row"],
  [["Space"], "Pause, resume"],
  [["Esc"], "Close details, leave the search box"],
  [["?"], "These keys"],
];

export class Help {
  readonly node: HTMLElement;
  #close: HTMLButtonElement;
  #before: HTMLElement | null = null;

  constructor() {
    this.#close = h(
      "button.sse-small.sse-close",
      { "aria-label": "Close keys", title: "Close (Esc)", click: () => this.toggle(false) },
      "\u00D7",
    );
    const list = h("dl.sse-help-keys");
    for (const [keys, what] of KEYS) {
      const names = keys.flatMap((key, i) => [
        i > 0 ? " or " : "",
        ...key.split(" ").flatMap((part, j) => [j > 0 ? " " : "", h("kbd.sse-key", {}, part)]),
      ]);
      list.append(h("dt", {}, ...names), h("dd", {}, what));
    }
    this.node = h(
      "div.sse-help",
      { role: "dialog", "aria-modal": "true", "aria-label": "Keys", hidden: true },
      h(
        "div.sse-help-card",
        { tabindex: "0", role: "group", "aria-label": "List of keys" },
        h(
          "div.sse-help-head",
          {},
          h("span.sse-detail-title", {}, "Keys"),
          h("span.sse-help-when", {}, "while the focus is in the log"),
          h("span.sse-fill"),
          this.#close,
        ),
        list,
      ),
    );
    this.node.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      event.stopPropagation();
      if (event.key === "Escape" || event.key === "?") {
        event.preventDefault();
        this.toggle(false);
      } else if (event.key === "Tab") {
        event.preventDefault();
        this.#close.focus();
      }
    });
    this.node.addEventListener("pointerdown", (event) => {
      if (event.target === this.node) this.toggle(false);
    });
  }

  toggle(open: boolean): void {
    if (open === !this.node.hidden) return;
    if (open)
      this.#before = (this.node.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement | null;
    show(this.node, open);
    if (open) this.#close.focus({ preventScroll: true });
    else this.#before?.focus({ preventScroll: true });
  }
}
