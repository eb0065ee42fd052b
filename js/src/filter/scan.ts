/**
 * Keeps each block's hits in step with the filter: newest block first, in slices of a few
 * milliseconds, so that typing never waits for 100,000 rows. Types and times cost no decoding;
 * patterns run in a worker that can be ended. It never decides what a filter means (filter.ts).
 */
import type { Block } from "../events/block.ts";
import type { Store } from "../events/store.ts";
import { conditionsTest } from "./conditions.ts";
import { type Compiled, compile, type FilterState, passesEverything } from "./filter.ts";
import type { Done, Job } from "./matcher.worker.ts";
import { translate } from "./patterns.ts";
import { isRisky, isSlow } from "./risky.ts";
import { Guarded, type Workers } from "./workers.ts";

/** One row's pattern takes longer than this: the pattern is stopped, not the page. */
const STUCK_MS = 1_000;
const START_MS = 5_000;
const SLOW_ROW_MS = 250;

export const FORBIDDEN =
  "This host forbids workers: a repeated group, or three of * and +, could freeze the page. Bound them, as in .{0,80}.";
export const TOO_SLOW =
  "This pattern takes too long on one event and was stopped. Make it simpler, or search for plain text.";

type Tester = Extract<Compiled, { ok: true }>;

export class Scan {
  /** Why the pattern was given up; the rows tested until then stay. */
  stopped: string | null = null;

  #store: Store;
  #progress: () => void;
  #version = 0;
  #state: FilterState | null = null;
  #gate: Tester | null = null;
  #full: Tester | null = null;
  #text = false;
  /** conditions on fields, where patterns are run apart from them */
  #fields: ((data: string) => boolean) | null = null;
  #patterns: { wanted: RegExp | null; unwanted: RegExp | null } | null = null;
  #risky = false;
  #verdicts = new WeakMap<readonly string[], Uint8Array>();
  #worker: Guarded<Done>;
  #workerFails = false;
  #ready = false;
  #job: { n: number; block: Block; from: number; to: number } | null = null;
  #jobs = 0;

  constructor(store: Store, workers: Workers, progress: () => void) {
    this.#store = store;
    this.#progress = progress;
    this.#worker = new Guarded(workers, {
      heard: (done) => this.#heard(done),
      refused: () => this.#without(),
      stuck: () => {
        if (this.#job) this.stopped = TOO_SLOW;
        this.#without();
      },
    });
  }

  /** A new filter, or why it is not one (then the one before stays in effect). */
  use(state: FilterState): string | null {
    const full = compile(state);
    if (!full.ok) return full.reason;
    const gate = compile({ ...state, text: "", exclude: "", where: [] });
    if (!gate.ok) return gate.reason;
    this.end();
    this.stopped = null;
    this.#version++;
    this.#state = state;
    this.#full = full;
    this.#gate = gate;
    const searched = state.text !== "" || state.exclude !== "";
    this.#text = searched || state.where.length > 0;
    this.#fields = conditionsTest(state.where);
    const pattern = (source: string): RegExp | null => (source === "" ? null : translate(source, state.case));
    this.#patterns =
      state.regex && searched ? { wanted: pattern(state.text), unwanted: pattern(state.exclude) } : null;
    this.#risky = isRisky(state.text) || isRisky(state.exclude);
    this.#verdicts = new WeakMap();
    this.#store.filter = passesEverything(state) ? null : this.#version;
    this.#store.changed();
    return null;
  }

  /** Rows not tested yet. */
  pending(): number {
    if (this.#store.filter === null) return 0;
    let rows = 0;
    for (const block of this.#store.blocks) rows += block.hi - this.#scanned(block);
    return rows;
  }

  /** Tests rows for about `budget` ms; true where it should be called again. */
  work(budget: number): boolean {
    if (this.#store.filter === null || this.stopped !== null) return false;
    const inWorker = this.#patterns !== null && !this.#workerFails;
    const deadline = performance.now() + budget;
    const { blocks } = this.#store;
    if (this.#patterns && this.#workerFails && this.#risky) {
      this.stopped = FORBIDDEN;
      return false;
    }
    for (let i = blocks.length - 1; i >= 0; i--) {
      const block = blocks[i]!;
      if (this.#scanned(block) >= block.hi) continue;
      if (inWorker) {
        this.#send(block);
        return this.#workerFails;
      }
      const done = this.#scanHere(block, deadline);
      this.#store.changed();
      if (!done) return this.stopped === null;
      block.endScan();
    }
    return false;
  }

  end(): void {
    this.#worker.end();
    this.#ready = false;
    this.#job = null;
  }

  /** The worker is gone. */
  #without(): void {
    this.end();
    this.#progress();
  }

  #scanned(block: Block): number {
    if (block.filter !== this.#version) {
      block.filter = this.#version;
      block.hits = [];
      block.scanned = block.lo;
    }
    return Math.max(block.scanned, block.lo);
  }

  /** Per type name of a block, whether its type lets a row through: asked once a type, not a row. */
  #verdict(block: Block): Uint8Array | null {
    const state = this.#state;
    if (!state || state.since !== null || state.until !== null) return null;
    let verdict = this.#verdicts.get(block.types);
    if (!verdict) {
      verdict = Uint8Array.from(block.types, (type) => Number(this.#gate?.test(type, "", 0)));
      this.#verdicts.set(block.types, verdict);
    }
    return verdict;
  }

  #open(block: Block, row: number, verdict: Uint8Array | null): boolean {
    return verdict
      ? verdict[block.code(row)] === 1
      : this.#gate?.test(block.type(row), "", block.at(row)) === true;
  }

  #scanHere(block: Block, deadline: number): boolean {
    const verdict = this.#verdict(block);
    const guarded = this.#patterns !== null;
    for (let row = this.#scanned(block); row < block.hi; row++) {
      const open = this.#open(block, row, verdict);
      block.scanned = row + 1;
      if (open && this.#passes(block, row)) block.hits.push(row);
      if (!this.#text || (!guarded && (row & 63) !== 0) || performance.now() <= deadline) continue;
      // Only where a host forbids workers: a pattern that takes long can be seen afterwards at least.
      if (guarded && open && isSlow(SLOW_ROW_MS, () => this.#passes(block, row))) this.stopped = TOO_SLOW;
      return row + 1 >= block.hi;
    }
    return true;
  }

  #passes(block: Block, row: number): boolean {
    return !this.#text || this.#full!.test(block.type(row), block.scanText(row), block.at(row));
  }

  /** Whether the fields of a row that the patterns let through meet the conditions. */
  #holds(block: Block, row: number): boolean {
    return this.#fields === null || this.#fields(block.scanText(row));
  }

  #send(block: Block): void {
    if (this.#job || !this.#patterns) return;
    // None is allowed here: the page tests, with a guard.
    this.#workerFails = !this.#worker.start();
    if (this.#workerFails) return;
    const from = this.#scanned(block);
    const verdict = this.#verdict(block);
    const open = new Uint8Array(block.hi - from);
    for (let i = 0; i < open.length; i++) open[i] = Number(this.#open(block, from + i, verdict));
    const { data, offsets } = block.copyForScan(from);
    this.#job = { n: ++this.#jobs, block, from, to: block.hi };
    const job: Job = { n: this.#jobs, ...this.#patterns, open, data, offsets };
    this.#worker.post(job, this.#ready ? STUCK_MS : START_MS, [open.buffer, data.buffer, offsets.buffer]);
  }

  #heard({ n, hits }: Done): void {
    this.#ready = true;
    const job = this.#job;
    if (hits && job && n === job.n) {
      this.#job = null;
      this.#worker.rest();
      const { block } = job;
      for (const hit of hits) {
        const row = job.from + hit;
        if (row >= block.lo && this.#holds(block, row)) block.hits.push(row);
      }
      block.scanned = job.to;
      this.#store.changed();
      this.#progress();
    } else if (job) this.#worker.wait(STUCK_MS);
  }
}
