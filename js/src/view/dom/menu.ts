/**
 * A menu that opens at a thing: its title, and lines that do something and close it. What stands in it is
 * made anew each time it opens; it decides where it stands, and nothing else.
 */
import { attr, h, text } from "./dom.ts";
import { Popover } from "./popover.ts";

/** `null`: a line between two groups. */
export type Item = [label: string, act: () => void, disabled?: boolean] | HTMLElement | null;

/** What a button does that closes what it stands in. */
export function closing(popover: Popover, act: () => void): () => void {
  return () => {
    popover.toggle(false);
    act();
  };
}

/** A line with a box to tick. */
export function check(label: string, on: boolean, changed: (on: boolean) => void): HTMLElement {
  const box: HTMLInputElement = h("input", {
    type: "checkbox",
    checked: on,
    change: () => changed(box.checked),
  });
  return h("label.view-row.view-check", box, label);
}

export class Menu {
  readonly popover: Popover;
  #body = h("div.view-menu.column-menu", { role: "group" });

  constructor() {
    this.popover = new Popover(null, this.#body);
  }

  /** `focus`: where the focus goes back to. */
  open(at: Element, focus: HTMLElement, title: string, label: string, items: Item[]): void {
    attr(this.#body, "aria-label", label);
    const head = h("div.column-title");
    text(head, title);
    this.#body.replaceChildren(head, ...items.map((item) => this.#item(item)));
    this.#body.style.maxHeight = "";
    this.popover.openFrom(focus);
    const widget = this.#body.parentElement!.getBoundingClientRect();
    const from = at.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.#body;
    const left = Math.max(8, Math.min(from.left - widget.left, widget.width - offsetWidth - 8));
    const below = from.bottom - widget.top + 2;
    // Where there is no room below it stands above, or as high as it must.
    const above = from.top - widget.top - offsetHeight - 2;
    const room = widget.height - 8;
    const top =
      below + offsetHeight <= room || above < 8 ? Math.max(8, Math.min(below, room - offsetHeight)) : above;
    // What it says later must not leave the widget.
    Object.assign(this.#body.style, {
      left: `${left}px`,
      right: "auto",
      top: `${top}px`,
      maxHeight: `${room - top}px`,
    });
  }

  #item(item: Item): HTMLElement {
    if (item === null) return h("div.view-line");
    if (!Array.isArray(item)) return item;
    const [label, act, disabled] = item;
    const click = closing(this.popover, act);
    return h("button.view-row.view-action", { disabled: disabled === true, click }, label);
  }
}
