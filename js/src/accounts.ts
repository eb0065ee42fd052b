/**
 * The sum in the footer: every event the kernel received is in exactly one of four places. Pure;
 * all numbers are taken from one store at one instant, so that they balance by construction of the
 * last one and not by luck.
 */
import type { Stats } from "./wire.ts";
import type { Store } from "./store.ts";

export interface Accounts {
  received: number;
  shown: number;
  filtered: number;
  paused: number;
  elsewhere: number;
}

/** `pausedAt`: the seq at which a view stands still (events from there on wait), or null. */
export function account(store: Store, stats: Pick<Stats, "received"> | null, pausedAt: number | null): Accounts {
  // An answer to a request may know more than the last header: never count below what is here.
  const received = Math.max(stats?.received ?? 0, store.end);
  const stop = pausedAt ?? store.end;
  const shown = store.shownBefore(stop);
  const seen = store.rowsBefore(stop);
  return { received, shown, filtered: seen - shown, paused: store.rows - seen, elsewhere: received - store.rows };
}

/** Where the events that are not on this page are, as sentences for a title. */
export function whereabouts(a: Accounts, stats: Stats | null, pageEvicted: number, asking: boolean, captured = false): string {
  const n = (x: number): string => x.toLocaleString("en-US");
  const lines = ["Received by the kernel, but not on this page:"];
  if (a.elsewhere === 0) return "Every event the kernel received is on this page.";
  if (stats && stats.evicted > 0) lines.push(`· ${n(stats.evicted)} no longer held by the kernel (max_events, max_bytes)${captured ? ", in the capture: scroll up to read them" : ""}`);
  if (stats && stats.cleared > 0) lines.push(`· ${n(stats.cleared)} cleared`);
  if (stats && stats.not_sent > 0) lines.push(`· ${n(stats.not_sent)} held back by the kernel while the stream was fast; the newest are fetched when it is calm`);
  if (pageEvicted > 0) lines.push(`· ${n(pageEvicted)} made room: a page keeps 100,000 events or 64 MiB`);
  lines.push(asking ? "· some are on their way from the kernel now" : "df in Python has all that the kernel still holds.");
  return lines.join("\n");
}
