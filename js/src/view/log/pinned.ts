/**
 * One pinned row: a row of the log with a button that takes it away, in a line of its own. It decides neither
 * which rows are pinned nor where they stand.
 */

import { attr, closeButton, h, ours } from "../dom/dom.ts";
import { count } from "../dom/format.ts";
import { Row } from "./row.ts";

export class Pinned {
  readonly row = new Row();
  readonly node: HTMLElement;
  #unpin: HTMLButtonElement;

  constructor(open: (seq: number) => void, unpin: (seq: number) => void) {
    this.#unpin = closeButton("", "Unpin", () => unpin(this.row.seq));
    // The line is what is listed: a row holds cells only.
    attr(this.row.node, "role", null);
    this.node = h(
      "div.pin",
      {
        role: "listitem",
        tabindex: "0",
        keydown: (event: KeyboardEvent) => {
          if (event.key !== "Enter" || event.target !== this.node) return;
          ours(event);
          open(this.row.seq);
        },
      },
      this.row.node,
      this.#unpin,
    );
  }

  say(seq: number): void {
    attr(this.#unpin, "aria-label", `Unpin #${count(seq)}`);
  }
}
