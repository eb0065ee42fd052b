/**
 * The state that a log tells of: for each value at one path (its key) the newest value of every field, as one
 * event that can be drawn like any other. Read from the events the page holds as they come, each once, newest
 * first and in slices; what was read stays when its event goes. So many keys, those that came last.
 */
import { keyOf, mayHave, needleOf, Payload } from "../json/paths.ts";
import { type Block, lowerBound } from "./block.ts";
import { Ranges } from "./ranges.ts";
import type { Readable, Store } from "./store.ts";

export const MAX_KEYS = 5_000;
const MAX_CHARS = 16 * 2 ** 20;
const SLICE_ROWS = 64;
const KEY_CHARS = 200;
const MAX_TRIES = 20;

/** A text without escapes, a number or a word. */
const PLAIN = '"[^"\\\\\\u0000-\\u001f]*"|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][-+]?\\d+)?|true|false|null';

/** What has the same keys in the same order, and plain values; the pattern finds the one that makes the key. */
type Form = RegExp;
/** Keys and values, both as they were written. */
type Fields = [key: string, written: string][];

/** One key: its newest event, with the fields of earlier ones that it has not. */
export class Entry implements Readable {
  readonly key: string;
  seq = -1;
  chars = 0;
  #at = Number.NaN;
  #type = "";
  /** the newest event of each form */
  #texts = new Map<Form, [written: string, seq: number]>();
  /** of events of no form */
  #fields = new Map<string, [written: string, seq: number]>();

  constructor(key: string) {
    this.key = key;
  }

  /** An event of a form says all anew that an earlier one of it said: its text is kept, and read when it is
   * drawn. Of others each field is kept as it was written where it came last. */
  take(seq: number, block: Block, row: number, form: Form | undefined, fields: Fields): void {
    if (form) {
      const before = this.#texts.get(form);
      if (before && before[1] > seq) return;
      const written = block.data(row);
      this.chars += written.length - (before?.[0].length ?? 0);
      this.#texts.set(form, [written, seq]);
    }
    for (const [name, written] of fields) {
      const before = this.#fields.get(name);
      if (before && before[1] > seq) continue;
      // With a new field its name is held too.
      this.chars += written.length - (before?.[0].length ?? -name.length);
      this.#fields.set(name, [written, seq]);
    }
    if (seq < this.seq) return;
    this.seq = seq;
    this.#at = block.at(row);
    this.#type = block.type(row);
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
    const all = new Map(this.#fields);
    for (const [text, seq] of this.#texts.values())
      for (const [name, written] of new Payload(text).fields())
        if ((all.get(name)?.[1] ?? -1) <= seq) all.set(name, [written, seq]);
    return `{${[...all].map(([key, [written]]) => `${key}:${written}`).join()}}`;
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
  /** most objects are like one before, and need no parser */
  #forms: Form[] = [];
  /** so many forms are tried: a stream may send other keys each time */
  #tries = MAX_TRIES;

  constructor(by: string) {
    this.#by = by;
    this.#needle = needleOf(by);
  }

  /** Reads shown events numbered [from, stop) for about `budget` ms; true where more are waiting. */
  work(store: Store, from: number, stop: number, budget: number): boolean {
    const deadline = performance.now() + budget;
    const { filter } = store;
    for (const block of store.blocks.toReversed()) {
      const hi = filter === null ? block.hi : block.filter === filter ? block.scanned : 0;
      const [start, end] = [Math.max(from, block.start), Math.min(stop, block.first + hi)];
      if (start >= end) continue;
      const left = this.#read.read(start, end, SLICE_ROWS, deadline, true, (from, to) => {
        // A few new rows are not worth the whole block as text.
        const whole = to - from === SLICE_ROWS;
        for (let row = to - block.first; row-- > from - block.first; )
          if (filter === null || block.hits[lowerBound(block.hits, row)] === row)
            this.#take(block, row, whole);
      });
      block.endScan();
      if (left > 0) return true;
    }
    return false;
  }

  #take(block: Block, row: number, whole: boolean): void {
    const data = whole ? block.scanText(row) : block.data(row);
    let written: string | null | undefined;
    const form = this.#forms.find((form) => (written = form.exec(data)?.[1]));
    let fields: Fields = [];
    if (!form) {
      if (!mayHave(data, this.#needle)) return;
      const payload = new Payload(block.data(row));
      const value = payload.at(this.#by);
      written = value && payload.written(value, data.length);
      fields = payload.fields();
      this.#learn(data, fields);
    }
    // As in Python: null is no key.
    if (!written || written === "null") return;
    const text = written[0] === '"' ? keyOf(written) : written;
    const key = text.slice(0, KEY_CHARS);
    let entry = this.entries.get(key);
    if (!entry) {
      // A copy: a part of a text keeps the whole text in memory, which is the block's.
      entry = new Entry([...key].join(""));
      this.entries.set(entry.key, entry);
    }
    const seq = block.first + row;
    const before = entry.chars;
    entry.take(seq, block, row, form, fields);
    this.#chars += entry.chars - before;
    if (this.entries.size > MAX_KEYS * 1.2 || this.#chars > MAX_CHARS) this.#trim();
  }

  /** Others like this one are looked for from now on. */
  #learn(data: string, fields: Fields): void {
    const place = fields.findLastIndex(([name]) => name === JSON.stringify(this.#by));
    if (place < 0 || this.#tries-- <= 0) return;
    const pairs = fields.map(
      ([name], i) => `${name.replace(/[^"\w]/g, "\\$&")} ?: ?(${i === place ? "" : "?:"}${PLAIN})`,
    );
    const form = RegExp(`^\\{${pairs.join(" ?, ?")}\\}$`);
    if (form.test(data)) this.#forms.push(form);
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
