/**
 * One line under the tools for what goes on for a while and for what has just been done: words, a
 * bar, a way to cancel. It goes by itself, and does nothing of what it speaks of.
 */
import { onAbort } from "../../abort.ts";
import { attr, h, show, text } from "../dom/dom.ts";

const STAYS_MS = 4_000;
const UNDO_MS = 12_000;

export class Notice {
  readonly node: HTMLElement;
  #words = h("span.notice-words", { "aria-live": "polite" });
  #bar = h("progress.progress", { max: "1", label: "Progress" });
  #cancel: HTMLButtonElement;
  #cancelled: () => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(signal: AbortSignal) {
    this.#cancel = h("button.small", { click: () => this.#cancelled() }, "");
    this.node = h("div.notice", { hidden: true }, this.#words, this.#bar, this.#cancel);
    onAbort(signal, () => clearTimeout(this.#timer));
  }

  /** Something that takes a while; `part` is from 0 to 1. */
  progress(words: string, part: number, cancelled: () => void): void {
    clearTimeout(this.#timer);
    this.#cancelled = cancelled;
    this.#show(words, true);
    this.#offer("Cancel");
    attr(this.#bar, "value", String(part));
  }

  /** Something that is done, and how to undo it. */
  say(words: string, undo?: () => void): void {
    clearTimeout(this.#timer);
    this.#show(words, false);
    if (undo) {
      this.#cancelled = () => {
        this.hide();
        undo();
      };
      this.#offer("Undo");
    }
    this.#timer = setTimeout(() => this.hide(), undo ? UNDO_MS : STAYS_MS);
  }

  hide(): void {
    show(this.node, false);
  }

  #show(words: string, busy: boolean): void {
    // Shown first: what changes in a hidden place is not said.
    show(this.node, true);
    // What is done is said aloud; progress would be chatter.
    attr(this.#words, "aria-live", busy ? "off" : "polite");
    text(this.#words, words);
    show(this.#bar, busy);
    show(this.#cancel, false);
  }

  #offer(word: string): void {
    text(this.#cancel, word);
    show(this.#cancel, true);
  }
}
