/**
 * Where in a text the search is found, to be marked. Plain text is looked for here; patterns only in
 * a worker that can be ended, where the page may have one: what passed as a whole may still take for
 * ever on a part. It never decides which events are shown (scan.ts), and draws nothing.
 */
import type { FilterState } from "./filter.ts";
import type { Marked, Marking } from "./matcher.worker.ts";
import { places } from "./matches.ts";
import { translate } from "./patterns.ts";
import { isRisky, isSlow } from "./risky.ts";
import { Guarded, type Workers } from "./workers.ts";

/** Pairs of start and end, ascending. */
export type Marks = readonly number[];

const NONE: Marks = [];
const MAX_MARKS = 200;
const CACHE = 500;
const ASKED = 400;
/** With the start of the worker. */
const STUCK_MS = 5_000;
const SLOW_MS = 100;

/** Plain text, compared as the filter does; `toLowerCase` may change a text's length. */
export function findPlain(text: string, needle: string, matchCase: boolean): Marks {
  const wanted = matchCase ? needle : needle.toLowerCase();
  if (wanted === "") return NONE;
  const lowered = matchCase ? text : text.toLowerCase();
  const places = lowered.length === text.length ? null : unfolded(text);
  const out: number[] = [];
  for (
    let at = lowered.indexOf(wanted);
    at >= 0 && out.length < 2 * MAX_MARKS;
    at = lowered.indexOf(wanted, at + wanted.length)
  ) {
    const end = at + wanted.length;
    if (places) out.push(places[at]!, Math.max(places[end]!, places[at]! + 1));
    else out.push(at, end);
  }
  return out;
}

/** For each place in the text in lower case, the place in the text of the character it comes from. */
function unfolded(text: string): number[] {
  const places: number[] = [];
  let at = 0;
  for (const char of text) {
    for (const _ of char.toLowerCase().split("")) places.push(at);
    at += char.length;
  }
  return [...places, at];
}

export class Marker {
  #found: () => void;
  #filter: FilterState | null = null;
  #pattern: RegExp | null = null;
  #cache = new Map<string, Marks>();
  #wanted = new Set<string>();
  #worker: Guarded<Marked>;
  #risky = false;
  #asked: string[] | null = null;
  #n = 0;
  #gaveUp = false;

  /** `found`: marks that were not known when asked for are known now. */
  constructor(workers: Workers, found: () => void) {
    this.#found = found;
    this.#worker = new Guarded(workers, {
      heard: (done) => this.#heard(done),
      refused: () => {
        for (const text of this.#asked ?? []) this.#wanted.add(text);
        this.#asked = null;
        this.#ask();
      },
      stuck: () => this.#giveUp(),
    });
  }

  use(filter: FilterState): void {
    const old = this.#filter;
    if (old && old.text === filter.text && old.regex === filter.regex && old.case === filter.case) return;
    this.end();
    this.#filter = filter;
    this.#cache.clear();
    this.#wanted.clear();
    this.#gaveUp = false;
    this.#risky = isRisky(filter.text);
    const pattern = filter.regex && filter.text !== "" ? translate(filter.text, filter.case) : null;
    this.#pattern = pattern && new RegExp(pattern.source, `${pattern.flags}g`);
  }

  /** Rises when marks that were asked for came: who drew without them draws again. */
  generation = 0;

  get active(): boolean {
    return this.#filter !== null && this.#filter.text !== "" && !this.#gaveUp;
  }

  /** The marks of a text; the same array each time. A pattern's come later: then `found` is called. */
  find(text: string): Marks {
    if (!this.active || !this.#filter) return NONE;
    const known = this.#cache.get(text);
    if (known) return known;
    if (this.#pattern) {
      if (this.#wanted.size < ASKED) this.#wanted.add(text);
      if (!this.#asked) queueMicrotask(() => this.#ask());
      return NONE;
    }
    return this.#remember(text, findPlain(text, this.#filter.text, this.#filter.case));
  }

  end(): void {
    this.#worker.end();
    this.#asked = null;
  }

  #remember(text: string, marks: Marks): Marks {
    if (this.#cache.size >= CACHE) this.#cache.clear();
    this.#cache.set(text, marks);
    return marks;
  }

  #ask(): void {
    if (this.#asked || this.#wanted.size === 0 || !this.#pattern || this.#gaveUp) return;
    if (!this.#worker.start()) return this.#markHere(this.#pattern);
    this.#asked = [...this.#wanted];
    this.#wanted.clear();
    const job: Marking = { n: ++this.#n, pattern: this.#pattern, texts: this.#asked, limit: MAX_MARKS };
    this.#worker.post(job, STUCK_MS);
  }

  /** No worker is allowed here: a pattern that takes long can be seen afterwards at least. */
  #markHere(pattern: RegExp): void {
    if (this.#risky) return this.#giveUp();
    for (const text of this.#wanted)
      if (isSlow(SLOW_MS, () => this.#remember(text, places(pattern, text, MAX_MARKS))))
        return this.#giveUp();
    this.#wanted.clear();
    this.generation++;
    this.#found();
  }

  #heard({ n, marks }: Marked): void {
    if (!marks || n !== this.#n || !this.#asked) return;
    this.#worker.rest();
    this.#asked.forEach((text, i) => this.#remember(text, marks[i] ?? NONE));
    this.#asked = null;
    this.generation++;
    this.#found();
    this.#ask();
  }

  /** No marks until another search: the rows themselves are right without them. */
  #giveUp(): void {
    this.end();
    this.#gaveUp = true;
  }
}
