/**
 * A panel that opens under a button and closes by Esc, by a press elsewhere or by its button. It
 * decides where focus goes, and nothing about what stands in it.
 */
import { attr, focusOn, ours, show } from "./dom.ts";

export class Popover {
  /** where it opens from, and where focus goes back to */
  button: HTMLElement;
  readonly node: HTMLElement;
  #opened: () => void;
  #own: HTMLElement | null;

  /** Without a button of its own it is opened from one or another, by `openFrom`. */
  constructor(button: HTMLElement | null, node: HTMLElement, opened: () => void = () => {}) {
    this.button = button ?? node;
    this.#own = button;
    this.node = node;
    this.#opened = opened;
    node.classList.add("sse-popover");
    show(node, false);
    if (button) {
      attr(button, "aria-expanded", "false");
      button.addEventListener("click", () => this.toggle(!this.open));
    }
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      ours(event);
      this.toggle(false);
    });
  }

  get open(): boolean {
    return !this.node.hidden;
  }

  openFrom(button: HTMLElement): void {
    if (this.open) this.#close();
    this.button = button;
    this.toggle(true);
  }

  toggle(open: boolean): void {
    if (open === this.open) return;
    show(this.node, open);
    attr(this.button, "aria-expanded", open);
    if (open) {
      this.#opened();
      focusOn(this.node.querySelector<HTMLElement>("input:checked, input, button"));
    } else focusOn(this.button);
  }

  /** A press anywhere else closes it, and focus goes where the press was. */
  pressed(target: Node): void {
    if (this.open && !this.node.contains(target) && !this.#own?.contains(target)) this.#close();
  }

  #close(): void {
    show(this.node, false);
    attr(this.button, "aria-expanded", "false");
  }
}
