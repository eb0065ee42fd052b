/**
 * The accounts: received = shown + filtered + paused + not on this page, each number explaining
 * itself. It counts nothing; all numbers of one drawing are taken from the store at one instant.
 */
import { type Accounts, whereabouts } from "../../kernel/balance.ts";
import type { Session } from "../../kernel/session.ts";
import { flag, h, text } from "../dom/dom.ts";
import { bytes, count } from "../dom/format.ts";
import { Tip } from "../dom/tip.ts";

class Figure {
  readonly node: HTMLElement;
  #value = h("b.figure");
  #tip: Tip;

  constructor(word: string, name: string, tip: Tip) {
    this.node = h("span.term", { "data-account": name, tabindex: "0" }, `${word} `, this.#value);
    this.#tip = tip;
    tip.adopt(this.node);
  }
  draw(n: number, words: string): void {
    text(this.#value, count(n));
    this.#tip.say(this.node, words);
    flag(this.node, "data-zero", n === 0);
  }
}

export class Footer {
  readonly node: HTMLElement;
  #session: Session;
  #tip = new Tip();
  #received = new Figure("received", "received", this.#tip);
  #shown = new Figure("shown", "shown", this.#tip);
  #filtered = new Figure("filtered", "filtered", this.#tip);
  #paused = new Figure("paused", "paused", this.#tip);
  #elsewhere = new Figure("not on this page", "elsewhere", this.#tip);
  #kernel = h("span.kernel", { tabindex: "0" });
  #busy = h("span.busy");

  constructor(session: Session) {
    this.#session = session;
    const sign = (s: string): HTMLElement => h("span.sign", s);
    this.node = h(
      "div.footer",
      { role: "group", label: "Accounts" },
      h(
        "span.sum",
        this.#received.node,
        sign("="),
        this.#shown.node,
        sign("+"),
        this.#filtered.node,
        sign("+"),
        this.#paused.node,
        sign("+"),
        this.#elsewhere.node,
      ),
      this.#busy,
      this.#kernel,
      this.#tip.node,
    );
    this.#tip.adopt(this.#kernel);
    this.#tip.say(
      this.#kernel,
      "What the kernel keeps (df in Python has exactly this), and the bytes it read from the server",
    );
  }

  draw(a: Accounts, isPaused: boolean): void {
    const { head, scan } = this.#session;
    const pending = scan.pending();
    this.#received.draw(a.received, "Every event the kernel received since the stream began");
    this.#shown.draw(a.shown, "In the log above: held by this page and let through by the filter");
    this.#filtered.draw(
      a.filtered,
      `Held by this page, hidden by ${a.cleared > 0 ? `Clear (${count(a.cleared)}) or ` : ""}the filter${pending > 0 ? ` (${count(pending)} still to test)` : ""}`,
    );
    this.#paused.draw(
      a.paused,
      isPaused
        ? "Arrived since you paused: Resume shows them"
        : "Arrived while paused: none, the view is live",
    );
    this.#elsewhere.draw(a.elsewhere, whereabouts(a, this.#session));
    const stats = head?.stats;
    text(this.#busy, this.#session.busy());
    text(
      this.#kernel,
      stats
        ? `kernel holds ${count(stats.held)}${stats.evicted > 0 ? `, evicted ${count(stats.evicted)}` : ""}${head.capture ? `, captured ${count(head.capture.written)}` : ""} \u00B7 read ${bytes(stats.bytes)}`
        : "",
    );
  }
}
