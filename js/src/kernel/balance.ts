/**
 * The sum in the footer: every event the kernel received is in exactly one of four places. Pure;
 * all numbers are taken from one store at one instant, and the last is what the others leave, so they always balance.
 */

import type { Session } from "./session.ts";
import type { Stats } from "./wire.ts";

export interface Accounts {
  received: number;
  shown: number;
  filtered: number;
  paused: number;
  /** of the filtered: those that Clear took out of view */
  cleared: number;
  elsewhere: number;
}

/** `pausedAt`: the seq at which a view stands still (events from there on wait), or null. */
export function account(
  {
    store,
    head,
    from,
  }: Pick<Session, "store" | "from"> & { head: { stats: Pick<Stats, "received"> } | null },
  pausedAt: number | null,
): Accounts {
  // An answer to a request may know more than the last header: never count below what is here.
  const received = Math.max(head?.stats.received ?? 0, store.end);
  const stop = Math.max(pausedAt ?? store.end, from);
  const shown = store.shownBefore(stop) - store.shownBefore(from);
  const cleared = store.rowsBefore(from);
  const seen = store.rowsBefore(stop);
  return {
    received,
    shown,
    filtered: seen - shown,
    paused: store.rows - seen,
    cleared,
    elsewhere: received - store.rows,
  };
}

/** Where the events that are not on this page are, as sentences whose numbers add up too. */
export function whereabouts(a: Accounts, { head, history, pins, store }: Session): string {
  if (a.elsewhere === 0) return "Every event the kernel received is on this page.";
  const n = (x: number): string => x.toLocaleString("en-US");
  const floor = Math.min(Math.max(head?.oldest ?? 0, head?.cleared_to ?? 0), a.received);
  const gone = Math.min(floor - store.rowsBefore(floor), a.elsewhere);
  const cleared = Math.min(head?.stats.cleared ?? 0, gone);
  const there = a.elsewhere - gone;
  const lines = ["Received by the kernel, but not on this page:"];
  if (gone > cleared)
    lines.push(`\u00B7 ${n(gone - cleared)} no longer held by the kernel (max_events, max_bytes)`);
  if (cleared > 0) lines.push(`\u00B7 ${n(cleared)} cleared`);
  if (there > 0) {
    lines.push(
      `\u00B7 ${n(there)} ${head?.capture ? "held by the kernel or in the capture: scroll up to read them" : "still held by the kernel: df has them"}`,
    );
    if (history.asked) lines.push("Some are on their way to this page now.");
    else if (store.evicted > 0) lines.push("A page keeps 100,000 events or 64 MiB, and lets older ones go.");
    else if (head && head.stats.not_sent > 0)
      lines.push("While the stream is fast some are held back; the newest are fetched when it is calm.");
  }
  const pinned = pins.rows.filter(({ seq }) => !store.find(seq)).length;
  if (pinned > 0) lines.push(`Copies of ${n(pinned)} of them are pinned.`);
  return lines.join("\n");
}
