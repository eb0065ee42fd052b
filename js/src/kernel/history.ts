/**
 * Decides which range to ask the kernel for next: what was lost on the way first, then what came
 * before this page or was held back, newest first, one request at a time. Pure: it sends nothing
 * and keeps no events; the session tells it what happened.
 */
import { Ranges } from "../events/ranges.ts";
import type { Range, Store } from "../events/store.ts";

/** Above this rate the stream itself needs the wire: what was held back waits for a calmer moment. */
export const CALM = 5_000;
/** What a reader may scroll to next is fetched so far up and down; less than what is held still for one. */
const AHEAD = 4_000;
/** An answer that never came (the kernel restarted, the message was dropped) is asked for again. */
const GIVE_UP_MS = 60_000;

export interface Asked {
  id: number;
  range: Range;
  at: number;
}

export class History {
  asked: Asked | null = null;
  /** The kernel holds nothing below this seq: evicted, cleared, or it said so. */
  floor = 0;
  #lost: Range[] = [];
  #refused = new Ranges();
  #nextId = 1;

  raiseFloor(seq: number): void {
    if (seq <= this.floor) return;
    this.floor = seq;
    this.#lost = this.#lost.filter(([, to]) => to > seq);
    this.#refused.dropBefore(seq);
  }

  /** A hole in the batch numbers: these rows were sent and never came. */
  lost(range: Range): void {
    if (range[0] < range[1]) this.#lost = [...this.#lost, range].slice(-100);
  }

  /**
   * The next request, or null: nothing is missing, no room for it, too busy, or one is under way.
   * `reading`: the events at which views stand that do not follow the tail.
   */
  next(store: Store, upTo: number, rate: number, now: number, reading: readonly number[] = []): Asked | null {
    if (this.asked && now - this.asked.at < GIVE_UP_MS) return null;
    const range =
      this.#lostRange(store) ??
      this.#around(store, upTo, reading) ??
      (rate < CALM ? this.#missingRange(store, upTo) : null);
    this.asked = range && { id: this.#nextId++, range, at: now };
    return this.asked;
  }

  /** The answer to a request: [first, end) came, nothing when first === end. False if nobody asked. */
  answered(id: number, first: number, end: number): boolean {
    if (this.asked?.id !== id) return false;
    const to = this.asked.range[1];
    this.asked = null;
    // The window is a rolling one: if nothing of a range is held, nothing older is either.
    if (first === end) this.raiseFloor(to);
    else if (end < to) this.#refused.add(end, to);
    return true;
  }

  isGone(range: Range): boolean {
    return range[1] <= this.floor || this.#refused.rest(...range).length === 0;
  }

  #lostRange(store: Store): Range | null {
    while (this.#lost.length > 0) {
      const [from, to] = this.#lost.at(-1)!;
      const open = this.#wanted(store.missing(Math.max(from, this.floor), Math.max(to, this.floor)));
      if (open) return open;
      this.#lost.pop();
    }
    return null;
  }

  /** Where somebody reads the page makes room, by letting go of what nobody looks at. */
  #around(store: Store, upTo: number, reading: readonly number[]): Range | null {
    const ahead = store.room(AHEAD);
    for (const seq of reading) {
      const from = Math.max(this.floor, seq - ahead);
      const open = this.#wanted(store.missing(from, Math.max(from, Math.min(upTo, seq + ahead))));
      if (open) return open;
    }
    return null;
  }

  #missingRange(store: Store, upTo: number): Range | null {
    const room = Math.min(store.maxRows - store.rows, store.bytes > store.maxBytes * 0.9 ? 0 : Infinity);
    if (room <= 0) return null;
    const open = this.#wanted(store.missing(Math.max(this.floor, upTo - store.maxRows), upTo));
    return open && [Math.max(open[0], open[1] - room), open[1]];
  }

  /** The newest of these ranges that the kernel has not refused already. */
  #wanted(ranges: Range[]): Range | null {
    return ranges.flatMap(([from, to]) => this.#refused.rest(from, to)).at(-1) ?? null;
  }
}
