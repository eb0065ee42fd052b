/**
 * The numbers at one path over time, a line for each type or for each value at another path: read from
 * the events the page holds, newest first and each once, in slices, and kept as low, high and last of
 * each quarter of a second. It draws nothing and never asks the kernel.
 */

import { mayHave, needleOf, numberOf, parsed, valueAt } from "../json/paths.ts";
import type { Block } from "./block.ts";
import { Ranges } from "./ranges.ts";
import type { Store } from "./store.ts";

/** Buckets a second. */
export const FINE = 4;
const KEEP_S = 600;
const MAX_LINES = 64;
const SLICE_ROWS = 64;

export interface Point {
  low: number;
  high: number;
  last: number;
  /** when the last one came */
  at: number;
}
export interface Line {
  name: string;
  /** numbers read */
  count: number;
  /** by quarter second since 1970 */
  points: Map<number, Point>;
}

function put(points: Map<number, Point>, bucket: number, { low, high, last, at }: Point): void {
  const point = points.get(bucket);
  if (!point) {
    points.set(bucket, { low, high, last, at });
    return;
  }
  point.low = Math.min(point.low, low);
  point.high = Math.max(point.high, high);
  if (at >= point.at) [point.last, point.at] = [last, at];
}

/** Several lines as one, between two buckets. */
export function merged(lines: readonly Line[], name: string, from: number, end: number): Line {
  const out: Line = { name, count: 0, points: new Map() };
  for (const { count, points } of lines) {
    out.count += count;
    for (const [bucket, point] of points) if (bucket >= from && bucket < end) put(out.points, bucket, point);
  }
  return out;
}

export class Series {
  readonly path: string;
  /** null: a line a type */
  readonly by: string | null;
  readonly lines = new Map<string, Line>();
  /** what came when there were lines enough */
  readonly rest: Line = { name: "", count: 0, points: new Map() };
  #read = new Ranges();
  #key: string;

  constructor(path: string, by: string | null) {
    this.path = path;
    this.by = by;
    this.#key = needleOf(path);
  }

  /** Reads events newer than `since` (ms) for about `budget` ms; how many are still to read. */
  work(store: Store, since: number, budget: number): number {
    const deadline = performance.now() + budget;
    let waiting = 0;
    for (let i = store.blocks.length - 1; i >= 0; i--) {
      const block = store.blocks[i]!;
      // Older blocks may hold newer times only where a clock was set: those are passed over.
      if (block.at(block.hi - 1) < since) break;
      // A few new rows are not worth the whole block as text.
      let whole = false;
      waiting += this.#read.read(block.start, block.end, SLICE_ROWS, deadline, true, (from, to) => {
        whole = to - from === SLICE_ROWS;
        for (let seq = from; seq < to; seq++) this.#take(block, seq - block.first, whole);
      });
      if (whole) block.endScan();
    }
    return waiting;
  }

  #take(block: Block, row: number, whole: boolean): void {
    if (block.isCut(row)) return;
    const data = whole ? block.scanText(row) : block.data(row);
    if (!mayHave(data, this.#key)) return;
    const payload = parsed(data);
    const value = numberOf(valueAt(payload, this.path));
    const at = block.at(row);
    if (value === null || Number.isNaN(at)) return;
    const line = this.#line(this.by === null ? block.type(row) : nameOf(valueAt(payload, this.by)));
    line.count++;
    put(line.points, Math.floor((at * FINE) / 1000), { low: value, high: value, last: value, at });
    if (line.points.size > (KEEP_S + 60) * FINE) prune(line.points, KEEP_S * FINE);
  }

  #line(name: string): Line {
    let line = this.lines.get(name);
    if (!line) {
      if (this.lines.size >= MAX_LINES) return this.rest;
      line = { name, count: 0, points: new Map() };
      this.lines.set(name, line);
    }
    return line;
  }
}

function nameOf(value: unknown): string {
  return value === undefined || value === null
    ? ""
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
}

/** Lets go of what is so much older than the newest; keys are times. */
export function prune(points: Map<number, unknown>, keep: number): void {
  const newest = Math.max(...points.keys());
  for (const at of points.keys()) if (at < newest - keep) points.delete(at);
}

/** Round steps for about `wanted` lines across [low, high]; two at least, as one says nothing of the scale. */
export function ticks(low: number, high: number, wanted: number): number[] {
  const rough = (high - low) / wanted;
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((n) => n * power >= rough) ?? 10) * power;
  const out: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high && out.length < 12; i++) out.push(i * step || 0);
  return out.length > 1 || wanted > 12 ? out : ticks(low, high, wanted + 1);
}
