/**
 * Tells a person who cannot see the log that it grows: one short sentence, not more often than every
 * ten seconds. What the connection does is said by the status line, at once, and not here.
 */
import type { Session } from "../../kernel/session.ts";
import { h, text } from "../dom/dom.ts";
import { count, many } from "../dom/format.ts";

const EVERY_MS = 10_000;

export class Announcer {
  readonly node = h("div.spoken", { "aria-live": "polite", "aria-atomic": "true" });
  #session: Session;
  #saidAt = Date.now();
  #end: number;

  constructor(session: Session) {
    this.#session = session;
    this.#end = session.store.end;
  }

  draw(): void {
    const { store } = this.#session;
    const now = Date.now();
    if (now - this.#saidAt < EVERY_MS || store.end <= this.#end) return;
    const fresh = store.end - this.#end;
    const match = store.shown - store.shownBefore(this.#end);
    this.#saidAt = now;
    this.#end = store.end;
    const events = `${count(fresh)} new ${fresh === 1 ? "event" : "events"}`;
    text(this.node, store.filter === null ? events : `${events}, ${many(match, "matches", "match")}`);
  }
}
