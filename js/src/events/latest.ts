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
const MAX_FORMS = 50;

/** A text without escapes, a number or a word. */
const PLAIN = '"[^"\\\\\\u0000-\\u001f]*"|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][-+]?\\d+)?|true|false|null';

/** What has the same keys in the same order, and plain values; the pattern finds the one that makes the key. */
type Form = RegExp;

/** The newest event of a form: where it is, or its text once the page has let go of it. */
interface Part {
  form: Form;
  seq: number;
  block: Block | null;
  row: number;
  text: string;
}

/** One key: its newest event, with the fields of earlier ones that it has not. */
export class Entry implements Readable {
  readonly key: string;
  seq = -1;
  chars = 0;
  #at = Number.NaN;
  #type = "";
  #parts: Part[] = [];
  /** of events of no form */
  #fields = new Map<string, [written: string, seq: number]>();

  constructor(key: string) {
    this.key = key;
  }

  /** An event of a form: all that an earlier one of it said, it says anew. Its text is read when it is drawn. */
  follow(seq: number, block: Block, row: number, form: Form): void {
    let part = this.#parts.find((part) => part.form === form);
    if (!part) {
      part = { form, seq, block: null, row, text: "" };
      this.#parts.push(part);
    }
    if (part.seq > seq) return;
    this.chars += block.size(row) - (part.block?.size(part.row) ?? part.text.length);
    part.seq = seq;
    part.block = block;
    part.row = row;
    this.#note(seq, block, row);
  }

  /** Each field as it was written where it came last; keys and values as they were written. */
  take(seq: number, block: Block, row: number, fields: [key: string, written: string][]): void {
    for (const [name, written] of fields) {
      const before = this.#fields.get(name);
      if (before && before[1] > seq) continue;
      this.chars += written.length - (before?.[0].length ?? -name.length);
      this.#fields.set(name, [written, seq]);
    }
    this.#note(seq, block, row);
  }

  #note(seq: number, block: Block, row: number): void {
    if (seq < this.seq) return;
    this.seq = seq;
    this.#at = block.at(row);
    this.#type = block.type(row);
  }

  /** Keeps what the page lets go of, and not the block it is in. */
  keep(): void {
    for (const part of this.#parts) {
      if (!part.block || part.block.lo <= part.row) continue;
      part.text = part.block.data(part.row);
      part.block = null;
    }
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
    const texts = this.#parts
      .sort((a, b) => a.seq - b.seq)
      .map(({ block, row, text, seq }) => [block?.data(row) ?? text, seq] as const);
    if (texts.length === 1 && this.#fields.size === 0) return texts[0]![0];
    const all = new Map(this.#fields);
    for (const [text, seq] of texts)
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
  /** by type: most objects have the keys of the one before, and need no parser */
  #forms = new Map<string, Form>();
  /** by keys. So many are made: a stream may send other keys each time. */
  #known = new Map<string, Form>();
  #evicted = 0;

  constructor(by: string) {
    this.#by = by;
    this.#needle = needleOf(by);
  }

  /** Reads shown events numbered [from, stop) for about `budget` ms; true where more are waiting. */
  work(store: Store, from: number, stop: number, budget: number): boolean {
    const deadline = performance.now() + budget;
    const { filter, evicted } = store;
    if (evicted !== this.#evicted) {
      this.#evicted = evicted;
      for (const entry of this.entries.values()) entry.keep();
    }
    for (const block of [...store.blocks].reverse()) {
      const hi = filter === null ? block.hi : block.filter === filter ? block.scanned : 0;
      const [start, end] = [Math.max(from, block.start), Math.min(stop, block.first + hi)];
      if (start >= end) continue;
      const left = this.#read.read(start, end, SLICE_ROWS, deadline, true, (from, to) => {
        // A few new rows are not worth the whole block as text.
        if (to - from === SLICE_ROWS) block.startScan();
        for (let row = to - block.first; row-- > from - block.first; )
          if (filter === null || block.hits[lowerBound(block.hits, row)] === row) this.#take(block, row);
        block.endScan();
      });
      if (left > 0) return true;
    }
    return false;
  }

  #take(block: Block, row: number): void {
    const type = block.type(row);
    let form = this.#forms.get(type);
    let written = form && block.match(row, form);
    let fields: [key: string, written: string][] = [];
    if (!written) {
      const data = block.data(row);
      if (!mayHave(data, this.#needle)) return;
      const payload = new Payload(data);
      const value = payload.at(this.#by);
      written = value && payload.written(value, data.length);
      fields = payload.fields();
      form = this.#learn(type, fields);
      if (form && !block.match(row, form)) form = undefined;
    }
    // As in Python: null is no key.
    if (!written || written === "null") return;
    const text = written[0] === '"' ? keyOf(written) : written;
    const key = text.slice(0, KEY_CHARS);
    let entry = this.entries.get(key);
    if (!entry) {
      // A copy: a part of a text keeps the whole text in memory, which is the block's.
      entry = new Entry(JSON.parse(JSON.stringify(key)) as string);
      this.entries.set(entry.key, entry);
    }
    const seq = block.first + row;
    const before = entry.chars;
    if (form) entry.follow(seq, block, row, form);
    else entry.take(seq, block, row, fields);
    this.#chars += entry.chars - before;
    if (this.entries.size > MAX_KEYS * 1.2 || this.#chars > MAX_CHARS) this.#trim();
  }

  /** The form of what has these keys, which is looked for from now on; undefined where the path is none of them. */
  #learn(type: string, fields: [key: string, written: string][]): Form | undefined {
    const names = fields.map(([name]) => name);
    const place = names.lastIndexOf(JSON.stringify(this.#by));
    if (place < 0) return undefined;
    let form = this.#known.get(`${names}`);
    if (!form) {
      if (this.#known.size >= MAX_FORMS) return undefined;
      const pairs = names.map(
        (name, i) => `${name.replace(/[^"\w]/g, "\\$&")} ?: ?(${i === place ? "" : "?:"}${PLAIN})`,
      );
      form = RegExp(`\\{${pairs.join(" ?, ?")}\\}`, "y");
      this.#known.set(`${names}`, form);
    }
    this.#forms.set(type, form);
    return form;
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
