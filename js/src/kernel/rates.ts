/**
 * How many events of each type came in each second of the last minutes: what the chips' rates and
 * the rate chart are made of. It counts; it keeps no event and draws nothing. Times are the kernel's.
 */
import { prune } from "../events/series.ts";

const KEEP_S = 600;
/** A second with more types than this counts the rest together. */
const TYPES = 64;
const WINDOW_S = 5;
export const OTHERS = "";

export class Rates {
  /** second since 1970 -> type -> events */
  readonly seconds = new Map<number, Map<string, number>>();
  /** before this second only what the page holds is counted (the history it asked for) */
  since: number | null = null;

  add(type: string, events: number, at: number): void {
    if (events <= 0 || !Number.isFinite(at)) return;
    const second = Math.floor(at / 1000);
    let types = this.seconds.get(second);
    if (!types) {
      types = new Map();
      this.seconds.set(second, types);
      if (this.seconds.size > KEEP_S + 60) prune(this.seconds, KEEP_S);
    }
    const key = types.has(type) || types.size < TYPES ? type : OTHERS;
    types.set(key, (types.get(key) ?? 0) + events);
  }

  /** Events a second of one type over the last whole seconds before `now`. */
  of(type: string, now: number): number {
    const last = Math.floor(now / 1000);
    const first = Math.max(last - WINDOW_S, this.since ?? last - WINDOW_S);
    let events = 0;
    for (let second = first; second < last; second++) events += this.seconds.get(second)?.get(type) ?? 0;
    return last > first ? events / (last - first) : 0;
  }
}
