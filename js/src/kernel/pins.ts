/**
 * The rows that a person pinned: copies of some events, in the order of `seq`, the same on every page of the
 * stream. The kernel keeps them for a page that is loaded anew, and does nothing else with them. They are
 * no part of the accounts: each event is counted where it is by itself.
 */

import type { Kept } from "../events/event_copy.ts";
import { wholeEnd } from "../events/visible.ts";

/** More would leave no room for the log. */
export const MAX_PINS = 8;
/** The kernel takes no longer text from a page. */
const PIN_CHARS = 16_000;
const NAME_CHARS = 2_000;

function short(text: string, chars: number): string {
  return text.slice(0, wholeEnd(text, Math.min(chars, text.length)));
}

export class Pins {
  rows: readonly Kept[] = [];
  #write: (rows: readonly Kept[]) => void;

  constructor(write: (rows: readonly Kept[]) => void) {
    this.#write = write;
  }

  find(seq: number): Kept | undefined {
    return this.rows.find((row) => row.seq === seq);
  }

  /** Pins an event, or takes it away; false where there is no room for one more. */
  toggle(event: Kept): boolean {
    const rows = this.rows.filter(({ seq }) => seq !== event.seq);
    if (rows.length === this.rows.length) {
      if (rows.length >= MAX_PINS) return false;
      const { type, id, data } = event;
      rows.push({
        ...event,
        type: short(type, NAME_CHARS),
        id: short(id, NAME_CHARS),
        data: short(data, PIN_CHARS),
        cut: event.cut || data.length > PIN_CHARS,
      });
      rows.sort((a, b) => a.seq - b.seq);
    }
    this.rows = rows;
    this.#write(rows);
    return true;
  }

  /** What the kernel has. */
  take(rows: readonly Kept[]): void {
    this.rows = rows.slice(0, MAX_PINS);
  }
}
