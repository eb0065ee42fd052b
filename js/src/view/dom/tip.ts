/**
 * Explains what has no room to explain itself: one line of words above it while the pointer or the
 * focus is on it (a `title` is never shown to a keyboard or a finger); Esc takes it away. It makes up
 * no words.
 */
import { attr, h, show, text } from "./dom.ts";

let tips = 0;

export class Tip {
  readonly node: HTMLElement;
  #words = new Map<HTMLElement, string>();
  #of: HTMLElement | null = null;

  constructor() {
    this.node = h("div.tip", { role: "tooltip", id: `sse-tip-${++tips}`, hidden: true });
    this.node.addEventListener("pointerleave", (event) => this.#leave(event));
  }

  /** Once for each thing to be explained; it must be focusable. */
  adopt(thing: HTMLElement): void {
    attr(thing, "aria-describedby", this.node.id);
    thing.addEventListener("pointerenter", () => this.#show(thing));
    thing.addEventListener("pointerleave", (event) => this.#leave(event));
    thing.addEventListener("focus", () => this.#show(thing));
    thing.addEventListener("blur", () => this.#hide());
    thing.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.#of !== thing) return;
      event.stopPropagation();
      this.#hide();
    });
  }

  /** What is said of a thing from now on. */
  say(thing: HTMLElement, words: string): void {
    this.#words.set(thing, words);
    if (this.#of === thing) text(this.node, words);
  }

  #show(thing: HTMLElement): void {
    this.#of = thing;
    text(this.node, this.#words.get(thing) ?? "");
    show(this.node, true);
    const room = (this.node.offsetParent?.clientWidth ?? 0) - this.node.offsetWidth - 8;
    this.node.style.left = `${Math.max(8, Math.min(thing.offsetLeft, room))}px`;
  }

  /** The pointer may go from a thing to its explanation, to read it magnified. */
  #leave(event: PointerEvent): void {
    const to = event.relatedTarget as Node | null;
    if (to && (this.node.contains(to) || this.#of?.contains(to))) return;
    const root = this.node.getRootNode() as Document | ShadowRoot;
    if (this.#of !== root.activeElement) this.#hide();
  }

  #hide(): void {
    this.#of = null;
    show(this.node, false);
  }
}
