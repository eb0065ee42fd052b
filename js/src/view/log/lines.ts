/**
 * The log as numbered lines: the shown events of the store with the marks (gaps, holes) between
 * them. Pure arithmetic over positions: it makes no line before it is asked for, and no DOM.
 */
import { lowerBound } from "../../events/block.ts";
import type { Source, Store } from "../../events/store.ts";
import type { Session } from "../../kernel/session.ts";
import { many } from "../dom/format.ts";

/** Something between two events that is not an event: it stands before the event `seq`. */
export interface Mark {
  seq: number;
  kind: "gap" | "hole" | "start";
  text: string;
  at: number | null;
}
export interface Line {
  key: string;
  seq: number;
  mark: Mark | null;
  /** where it is no event of the store */
  place?: Source;
}
/** What a log draws. */
export interface LogLines {
  readonly count: number;
  /** it has no tail that could be followed, and its lines are in no order of time */
  readonly still: boolean;
  line(number: number): Line;
  indexOf(seq: number): number;
}

/** What stands between the events this page holds, in order. */
export function marks(session: Session): Mark[] {
  const { store, history } = session;
  if (store.rows === 0) return [];
  const out: Mark[] = [];
  const floor = Math.max(session.head?.cleared_to ?? 0, session.from);
  const asked = history.asked?.range;
  const events = (n: number): string => many(n, "event");
  if (store.first > floor) {
    const n = store.first - floor;
    const loading = asked && asked[1] <= store.first;
    const gone = history.floor >= store.first;
    const why = loading
      ? "are on their way from the kernel"
      : gone
        ? "are no longer held by the kernel"
        : "are not on this page";
    out.push({
      seq: store.first,
      kind: "start",
      at: null,
      text: `${events(n)} before this ${n === 1 ? why.replace("are", "is") : why}`,
    });
  }
  for (const [from, to] of store.holes()) {
    if (to <= floor) continue;
    const n = to - from;
    const be = n === 1 ? "is" : "are";
    const text =
      asked && asked[0] < to && asked[1] > from
        ? `${events(n)} ${be} on the way from the kernel`
        : history.isGone([from, to])
          ? `${events(n)} ${be} no longer held by the kernel`
          : `${events(n)} ${be} not on this page (held back, or let go, while the stream was fast)`;
    out.push({ seq: to, kind: "hole", at: null, text });
  }
  for (const gap of session.gaps) {
    if (gap.seq >= store.first && gap.seq >= session.from && gap.at >= (session.cleared?.at ?? 0))
      out.push({ seq: gap.seq, kind: "gap", text: gap.text, at: gap.at });
  }
  return out.sort((a, b) => a.seq - b.seq);
}

export class Lines implements LogLines {
  readonly count: number;
  readonly still = false;
  /** the position of the first shown event that is in view */
  readonly base: number;
  #store: Store;
  #marks: Mark[];
  /** the line number of each mark */
  #at: number[];

  /** `from`: where the view begins; `stop`: where a paused one ends (what is from there on is no line yet). */
  constructor(store: Store, all: readonly Mark[], from: number, stop: number | null) {
    this.base = store.shownBefore(from);
    this.#store = store;
    this.#marks = stop === null ? [...all] : all.filter((mark) => mark.seq < stop);
    this.#at = this.#marks.map((mark, i) => Math.max(0, store.shownBefore(mark.seq) - this.base) + i);
    const end = stop === null ? store.shown : store.shownBefore(stop);
    this.count = Math.max(0, end - this.base) + this.#marks.length;
  }

  line(number: number): Line {
    const i = lowerBound(this.#at, number);
    const mark = this.#marks[i];
    if (mark && this.#at[i] === number)
      return { key: `${mark.kind}${mark.seq}:${mark.text}`, seq: mark.seq, mark };
    const seq = this.#store.seqAt(number - i + this.base) ?? -1;
    return { key: String(seq), seq, mark: null };
  }

  /** The line of an event, or of the first shown event after it. */
  indexOf(seq: number): number {
    let before = 0;
    while (before < this.#marks.length && this.#marks[before]!.seq <= seq) before++;
    return Math.max(0, this.#store.shownBefore(seq) - this.base) + before;
  }
}
