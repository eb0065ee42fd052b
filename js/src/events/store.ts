/**
 * The events this page holds: blocks in the order of `seq`, bounded in events and bytes, each event
 * once. It answers where an event stands among the shown ones and which ranges are missing. It never
 * decides what matches (scan.ts writes the hits) nor what to ask for (history.ts), and draws nothing.
 */
import { Block, type Columns, lowerBound, part } from "./block.ts";

export const MAX_ROWS = 100_000;
export const MAX_BYTES = 64 * 2 ** 20;

/** [from, to) in seqs. */
export type Range = readonly [number, number];
/** What a row of the log is written from. */
export type Readable = Pick<Block, "at" | "type" | "id" | "data" | "head" | "isCut" | "size">;
export interface Source {
  block: Readable;
  row: number;
}
export interface Place extends Source {
  block: Block;
}

export class Store {
  readonly maxRows: number;
  readonly maxBytes: number;
  /** The filter whose hits count as shown; null shows every row without looking at one. */
  filter: number | null = null;
  /** Rows evicted from this page since it began, for the footer. */
  evicted = 0;

  #blocks: Block[] = [];
  #starts: number[] = [];
  #shownBefore: number[] = [];
  #rowsBefore: number[] = [];
  #rows = 0;
  #shown = 0;
  #bytes = 0;
  #dirty = false;

  constructor(maxRows = MAX_ROWS, maxBytes = MAX_BYTES) {
    this.maxRows = maxRows;
    this.maxBytes = maxBytes;
  }

  get blocks(): readonly Block[] {
    return this.#blocks;
  }
  get rows(): number {
    this.#measure();
    return this.#rows;
  }
  get shown(): number {
    this.#measure();
    return this.#shown;
  }
  get bytes(): number {
    this.#measure();
    return this.#bytes;
  }
  /** seq of the oldest event here; meaningless while `rows` is 0 */
  get first(): number {
    return this.#blocks[0]?.start ?? 0;
  }
  /** seq after the newest event here */
  get end(): number {
    return this.#blocks.at(-1)?.end ?? 0;
  }

  /** So many rows, or as many as an eighth of the page's bytes holds: a reader's surroundings. */
  room(rows: number): number {
    this.#measure();
    return this.#rows === 0
      ? rows
      : Math.min(
          rows,
          Math.max(1, Math.floor((this.maxBytes / 8) * (this.#rows / Math.max(1, this.#bytes)))),
        );
  }

  /** Adds the rows that are not here yet; a repeated answer or an overlap changes nothing. */
  insert(columns: Columns): number {
    let added = 0;
    for (const [from, to] of this.missing(columns.first, columns.first + columns.count)) {
      const piece = part(columns, from - columns.first, to - columns.first);
      const at = this.#blockAfter(from);
      const before = this.#blocks[at - 1];
      if (before?.takes(piece)) before.append(piece);
      else this.#blocks.splice(at, 0, new Block(piece));
      added += to - from;
      this.changed();
    }
    return added;
  }

  /** The user cleared everything before `seq`: it goes at once. */
  dropBefore(seq: number): void {
    if (this.#blocks.length === 0 || this.first >= seq) return;
    while (this.#blocks[0] && this.#blocks[0].end <= seq) this.#blocks.shift();
    const head = this.#blocks[0];
    if (head && head.start < seq) head.dropBefore(seq - head.first);
    this.changed();
  }

  /**
   * Back inside the bounds, oldest first, around what a view holds still (`pins`): the rows a
   * person reads must not vanish because the stream is fast. The newest block always stays.
   */
  evict(pins: readonly Range[] = []): void {
    this.#measure();
    while (this.#blocks.length > 0 && (this.#rows > this.maxRows || this.#bytes > this.maxBytes)) {
      const last = this.#blocks.length - 1;
      let at = this.#blocks.findIndex(
        (b, i) => i < last && !pins.some(([lo, hi]) => b.start < hi && b.end > lo),
      );
      if (at < 0) at = 0;
      const block = this.#blocks[at]!;
      const excess =
        this.#bytes > this.maxBytes && at < last
          ? block.rows
          : Math.min(block.rows, this.#rows - this.maxRows);
      if (excess <= 0) return;
      if (excess === block.rows) this.#blocks.splice(at, 1);
      else block.dropBefore(block.lo + excess);
      this.evicted += excess;
      this.changed();
      this.#measure();
    }
  }

  /** Somebody wrote hits, rows or the filter: positions are counted anew when next asked for. */
  changed(): void {
    this.#dirty = true;
  }

  find(seq: number): Place | null {
    const block = this.#blocks[this.#blockAfter(seq) - 1];
    return block && seq < block.end ? { block, row: seq - block.first } : null;
  }

  /** How many shown rows have a smaller seq: the position of `seq`, or where it would stand. */
  shownBefore(seq: number): number {
    const at = this.#blockAfter(seq) - 1;
    const block = this.#blocks[at];
    if (!block) return 0;
    const row = Math.min(seq - block.first, block.hi);
    const inside = this.filter === null ? row - block.lo : lowerBound(this.#hits(block), row);
    return this.#shownBefore[at]! + inside;
  }

  /** How many held rows have a smaller seq, shown or not. */
  rowsBefore(seq: number): number {
    const at = this.#blockAfter(seq) - 1;
    const block = this.#blocks[at];
    return block ? this.#rowsBefore[at]! + Math.min(seq - block.start, block.rows) : 0;
  }

  /** The seq of the shown row at a position; null past the end. */
  seqAt(position: number): number | null {
    this.#measure();
    if (position < 0 || position >= this.#shown) return null;
    let at = lowerBound(this.#shownBefore, position + 1) - 1;
    // Blocks without a hit begin at the same position as the next one: the last of them has the row.
    while (at > 0 && this.#shownBefore[at]! > position) at--;
    const block = this.#blocks[at]!;
    const inside = position - this.#shownBefore[at]!;
    return this.filter === null ? block.start + inside : block.first + this.#hits(block)[inside]!;
  }

  /** The parts of [from, to) that are not here, oldest first. */
  missing(from: number, to: number): Range[] {
    const out: Range[] = [];
    let at = from;
    for (let i = this.#blockAfter(from) - 1; i < this.#blocks.length && at < to; i++) {
      const block = this.#blocks[i];
      if (!block || block.end <= at) continue;
      if (block.start > at) out.push([at, Math.min(block.start, to)]);
      at = Math.max(at, block.end);
    }
    if (at < to) out.push([at, to]);
    return out;
  }

  /** The holes between held rows, oldest first. */
  holes(): Range[] {
    const out: Range[] = [];
    for (let i = 1; i < this.#blocks.length; i++) {
      const [a, b] = [this.#blocks[i - 1]!, this.#blocks[i]!];
      if (a.end < b.start) out.push([a.end, b.start]);
    }
    return out;
  }

  #hits(block: Block): readonly number[] {
    return block.filter === this.filter ? block.hits : [];
  }

  /** Index of the first block that starts after `seq`. */
  #blockAfter(seq: number): number {
    this.#measure();
    return lowerBound(this.#starts, seq + 1);
  }

  #measure(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const n = this.#blocks.length;
    this.#starts.length = this.#shownBefore.length = this.#rowsBefore.length = n;
    this.#rows = this.#shown = this.#bytes = 0;
    for (let i = 0; i < n; i++) {
      const block = this.#blocks[i]!;
      this.#starts[i] = block.start;
      this.#shownBefore[i] = this.#shown;
      this.#rowsBefore[i] = this.#rows;
      this.#rows += block.rows;
      this.#shown += this.filter === null ? block.rows : this.#hits(block).length;
      this.#bytes += block.bytes;
    }
  }
}
