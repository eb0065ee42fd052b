/**
 * The state that a log tells of: for each value at one path (its key) the newest value of every field, as one
 * event that can be drawn like any other. Read from the events the page holds as they come, each once, newest
 * first and in slices; what was read stays when its event goes. So many keys, those that came last.
 */
import { mayHave, needleOf, Payload, parsed } from "../json/paths.ts";
import { type Block, lowerBound } from "./block.ts";
import { Ranges } from "./ranges.ts";
import type { Readable, Store } from "./store.ts";

export const MAX_KEYS = 5_000;
const MAX_CHARS = 16 * 2 ** 20;
const SLICE_ROWS = 64;
const KEY_CHARS = 200;

/** A text without escapes, a number or a word. */
const PLAIN = '("[^"\\\\\\u0000-\\u001f]*"|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][-+]?\\d+)?|true|false|null)';

/** One key: its newest event, with the fields of earlier ones that it has not. */
export class Entry implements Readable {
  readonly key: string;
  seq = -1;
  chars = 0;
  /** the fields of its newest event */
  names: readonly string[] = [];
  #at = Number.NaN;
  #type = "";
  #fields = new Map<string, [written: string, seq: number]>();

  constructor(key: string) {
    this.key = key;
  }

  /** Each field as it was written where it came last; keys and values as they were written. */
  take(seq: number, block: Block, row: number, names: readonly string[], values: readonly string[]): void {
    if (seq > this.seq)
      [this.seq, this.#at, this.#type, this.names] = [seq, block.at(row), block.type(row), names];
    names.forEach((name, i) => {
      const written = values[i]!;
      const before = this.#fields.get(name);
      if (!before) this.#fields.set(name, [written, seq]);
      else if (before[1] > seq) return;
      this.chars += written.length - (before?.[0].length ?? -name.length);
      if (before) [before[0], before[1]] = [written, seq];
    });
  }
  at(): number {
    return this.#at;
  }
  type(): string {
    return this.#type;
  }
  id(): string {
    return "";
  }
  data(): string {
    return `{${[...this.#fields].map(([key, [written]]) => `${key}:${written}`).join()}}`;
  }
  head(): string {
    return this.data();
  }
  isCut(): boolean {
    return false;
  }
  size(): number {
    return this.chars;
  }
}

export class Latest {
  readonly entries = new Map<string, Entry>();
  /** keys that were let go, for others came later */
  left = 0;
  #by: string;
  #needle: string;
  #read = new Ranges();
  #chars = 0;
  /** by type: most objects have the keys of the one before, and need no parser */
  #forms = new Map<string, [pattern: RegExp, names: string[], place: number]>();
  /** so many patterns are made: a stream may send other keys each time */
  #patterns = 50;

  constructor(by: string) {
    this.#by = by;
    this.#needle = needleOf(by);
  }

  /** Reads shown events numbered [from, stop) for about `budget` ms; true where more are waiting. */
  work(store: Store, from: number, stop: number, budget: number): boolean {
    const deadline = performance.now() + budget;
    const { filter } = store;
    for (const block of [...store.blocks].reverse()) {
      const hi = filter === null ? block.hi : block.filter === filter ? block.scanned : 0;
      const [start, end] = [Math.max(from, block.start), Math.min(stop, block.first + hi)];
      if (start >= end) continue;
      const left = this.#read.read(start, end, SLICE_ROWS, deadline, true, (from, to) => {
        for (let row = to - block.first; row-- > from - block.first; )
          if (filter === null || block.hits[lowerBound(block.hits, row)] === row) this.#take(block, row);
      });
      if (left > 0) return true;
    }
    return false;
  }

  #take(block: Block, row: number): void {
    const data = block.data(row);
    if (!mayHave(data, this.#needle)) return;
    const type = block.type(row);
    let [pattern, names, place] = this.#forms.get(type) ?? [];
    let values: string[] | null | undefined = pattern?.exec(data);
    let written: string | null | undefined;
    if (values) {
      written = values[place!];
      values.shift();
    } else {
      const payload = new Payload(data);
      const found = payload.at(this.#by);
      written = found && payload.written(found, data.length);
      const fields = payload.fields();
      names = fields.map(([key]) => key);
      values = fields.map(([, value]) => value);
      this.#learn(type, names);
    }
    // As in Python: null is no key.
    if (!written || written === "null") return;
    const key = (written[0] === '"' ? (parsed(written) as string) : written).slice(0, KEY_CHARS);
    const entry = this.entries.get(key) ?? new Entry(key);
    const seq = block.first + row;
    // All that it has came later, too.
    if (entry.seq > seq && entry.names === names) return;
    if (entry.seq < 0) this.entries.set(key, entry);
    const before = entry.chars;
    entry.take(seq, block, row, names!, values);
    this.#chars += entry.chars - before;
    if (this.entries.size > MAX_KEYS * 1.2 || this.#chars > MAX_CHARS) this.#trim();
  }

  /** The pattern of what has the same keys in the same order, and plain values. */
  #learn(type: string, names: string[]): void {
    const place = names.lastIndexOf(JSON.stringify(this.#by)) + 1;
    if (place === 0 || `${this.#forms.get(type)?.[1]}` === `${names}` || this.#patterns-- <= 0) return;
    const pairs = names.map((key) => `${key.replace(/[^"\w]/g, "\\$&")} ?: ?${PLAIN}`);
    this.#forms.set(type, [RegExp(`^\\{${pairs.join(" ?, ?")}\\}$`), names, place]);
  }

  /** Some at a time: what is sorted for one key is sorted for many. */
  #trim(): void {
    const oldest = [...this.entries.values()].sort((a, b) => a.seq - b.seq);
    for (const { key, chars } of oldest.slice(0, Math.ceil(oldest.length / 6))) {
      this.entries.delete(key);
      this.#chars -= chars;
      this.left++;
    }
  }
}
