/**
 * The list of keys, over the widget, on demand. It says what view.ts does with keys and does none of
 * it; while it is open it holds the focus and gives it back afterwards.
 */
import { closeButton, focusOn, h, modified, show } from "../dom/dom.ts";

/** Keys, with "or" between them, and what they do. */
const KEYS = [
  ["/", "Search"],
  ["Enter or Shift Enter", "In the search box: next, previous match"],
  ["\u2191 or \u2193", "Select a row"],
  ["PageUp or PageDown", "A page up, down"],
  ["Home", "The oldest row"],
  ["End or f", "The newest row, and follow"],
  ["Enter", "Details of the selected row"],
  ["\u2190 or \u2192", "Select a cell"],
  ["m", "Menu of the selected cell"],
  ["c", "Copy the data of the selected row"],
  ["p", "Pin the selected row, or unpin it"],
  ["Space", "Pause, resume"],
  ["Esc", "Close details, leave the search box"],
  ["?", "These keys"],
] as const;

export class Help {
  readonly node: HTMLElement;
  #close: HTMLButtonElement;
  #before: HTMLElement | null = null;

  constructor() {
    this.#close = closeButton("Close keys", "Close (Esc)", () => this.toggle(false));
    const list = h("dl.help-keys");
    for (const [keys, what] of KEYS) {
      const names = keys.split(" ").flatMap((key) => [" ", key === "or" ? key : h("kbd.key", key)]);
      list.append(h("dt", ...names.slice(1)), h("dd", what));
    }
    this.node = h(
      "div.help",
      {
        role: "dialog",
        "aria-modal": "true",
        label: "Keys",
        hidden: true,
        keydown: (event: KeyboardEvent) => this.#key(event),
        pointerdown: (event: Event) => event.target === this.node && this.toggle(false),
      },
      h(
        "div.help-card",
        { tabindex: "0", role: "group", label: "List of keys" },
        h(
          "div.help-head",
          h("span.detail-title", "Keys"),
          h("span.help-when", "while the focus is in the log"),
          h("span.fill"),
          this.#close,
        ),
        list,
      ),
    );
  }

  #key(event: KeyboardEvent): void {
    if (modified(event)) return;
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "?") this.toggle(false);
    else if (event.key === "Tab") this.#close.focus();
    else return;
    event.preventDefault();
  }

  toggle(open: boolean): void {
    if (open === !this.node.hidden) return;
    if (open)
      this.#before = (this.node.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement | null;
    show(this.node, open);
    if (open) focusOn(this.#close);
    else focusOn(this.#before);
  }
}
