// The page's events: each once, in order, inside the bounds, and the accounts always balance,
// whatever the order of batches, answers, evictions, clears, filters and pauses.
import { afterEach, describe, expect, it, vi } from "vitest";
import { EVERYTHING } from "../filter/filter.ts";
import { Scan } from "../filter/scan.ts";
import { Workers } from "../filter/workers.ts";
import { account } from "../kernel/balance.ts";
import { columns, random, run } from "../testing/kernel.ts";
import { JOIN_ROWS } from "./block.ts";
import { Store } from "./store.ts";

const noWorker = new Workers([]);
const finish = (scan: Scan): void => {
  while (scan.work(50));
};
function shown(store: Store): number[] {
  return Array.from({ length: store.shown }, (_, i) => store.seqAt(i)!);
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe("Store", () => {
  it("joins small batches and finds every row", () => {
    const store = new Store();
    for (let seq = 0; seq < 3000; seq += 3) store.insert(run(seq, 3, (s) => `t${s % 5}`));
    expect(store.rows).toBe(3000);
    expect(store.blocks.length).toBeLessThanOrEqual(Math.ceil(3000 / (JOIN_ROWS - 3)) + 1);
    for (const seq of [0, 1, 1023, 1024, 2999]) {
      const { block, row } = store.find(seq)!;
      expect([block.data(row), block.id(row), block.type(row), block.at(row)]).toEqual([
        `event ${seq}`,
        String(seq),
        `t${seq % 5}`,
        seq,
      ]);
    }
    expect(store.find(3000)).toBeNull();
  });

  it("takes history, holes and overlaps, each row once", () => {
    const store = new Store();
    store.insert(run(100, 50));
    store.insert(run(0, 30));
    expect(store.missing(0, 160)).toEqual([
      [30, 100],
      [150, 160],
    ]);
    expect(store.holes()).toEqual([[30, 100]]);
    expect(store.insert(run(20, 100))).toBe(70);
    expect(store.insert(run(0, 150))).toBe(0);
    expect(shown(store)).toEqual(range(0, 150));
  });

  it("evicts the oldest, to the row", () => {
    const store = new Store(100);
    for (let seq = 0; seq < 250; seq += 50) {
      store.insert(run(seq, 50));
      store.evict();
    }
    expect([store.rows, store.first, store.end, store.evicted]).toEqual([100, 150, 250, 150]);
  });

  it("evicts by bytes", () => {
    const store = new Store(1000, 100_000);
    for (let i = 0; i < 20; i++) {
      store.insert(columns(i, [{ data: "x".repeat(30_000) }]));
      store.evict();
    }
    expect(store.bytes).toBeLessThanOrEqual(300_000);
    expect(store.end).toBe(20);
  });

  it("evicts around what a reader looks at", () => {
    const store = new Store(4000);
    for (let seq = 0; seq < 20_000; seq += 2000) {
      store.insert(run(seq, 2000));
      store.evict([[500, 1500]]);
    }
    expect(store.find(1000)).not.toBeNull();
    expect(store.find(19_999)).not.toBeNull();
    expect(store.rows).toBeLessThanOrEqual(4000);
    expect(store.holes()).toHaveLength(1);
  });

  it("drops what was cleared at once", () => {
    const store = new Store();
    store.insert(run(0, 100));
    store.dropBefore(60);
    expect(shown(store)).toEqual(range(60, 100));
    store.dropBefore(100);
    expect(store.rows).toBe(0);
  });
});

describe("Scan", () => {
  afterEach(() => vi.useRealTimers());

  it("shows by type, text, pattern, time and exclusion", () => {
    // A pattern is given up where a row takes long, which any row does while a machine is busy elsewhere.
    vi.useFakeTimers({ toFake: ["performance"] });
    const store = new Store();
    const scan = new Scan(store, noWorker, () => {});
    store.insert(run(0, 300, (seq) => (seq % 2 ? "odd" : "even")));
    const keep = (filter: object): number => {
      expect(scan.use({ ...EVERYTHING, ...filter })).toBeNull();
      finish(scan);
      return store.shown;
    };
    expect(keep({ types: ["odd"] })).toBe(150);
    expect(keep({ exclude_types: ["odd"], since: 100 })).toBe(100);
    expect(keep({ text: "EVENT 29" })).toBe(11);
    expect(keep({ text: "EVENT 29", case: true })).toBe(0);
    expect(keep({ text: "^event 2.$", regex: true })).toBe(10);
    expect(keep({ text: "event", exclude: "9" })).toBe(300 - 57);
    expect(keep({})).toBe(300);
  });

  it("keeps the filter before when the new one is not valid, and says why", () => {
    const store = new Store();
    const scan = new Scan(store, noWorker, () => {});
    store.insert(run(0, 20));
    scan.use({ ...EVERYTHING, text: "event 1" });
    finish(scan);
    expect(scan.use({ ...EVERYTHING, text: "(?=x)", regex: true })).toMatch(/look-ahead/);
    expect(store.shown).toBe(11);
  });

  it("tests rows as they come, newest first, without reading one twice", () => {
    const store = new Store();
    const scan = new Scan(store, noWorker, () => {});
    scan.use({ ...EVERYTHING, text: "7" });
    for (let seq = 0; seq < 100; seq += 10) {
      store.insert(run(seq, 10));
      finish(scan);
    }
    expect(shown(store)).toEqual(range(0, 100).filter((n) => String(n).includes("7")));
  });

  it("decodes no text for types and times", () => {
    const store = new Store();
    const scan = new Scan(store, noWorker, () => {});
    store.insert(run(0, 100, (seq) => `t${seq % 3}`));
    for (const block of store.blocks) {
      block.data = block.scanText = () => {
        throw new Error("read a row's text");
      };
    }
    scan.use({ ...EVERYTHING, types: ["t1"], since: 10, until: 90 });
    finish(scan);
    expect(store.shown).toBe(27);
  });
});

describe("the accounts", () => {
  it.each(range(1, 61))("balance after any interleaving (seed %i)", (seed) => {
    const pick = random(seed);
    const store = new Store(200 + pick(800), 2 ** 20);
    const scan = new Scan(store, noWorker, () => {});
    const type = (seq: number): string => ["trade", "quote", "news"][seq % 3]!;
    const filters = [
      EVERYTHING,
      { ...EVERYTHING, types: ["trade"] },
      { ...EVERYTHING, text: "9" },
      { ...EVERYTHING, exclude_types: ["news"], exclude: "1" },
    ];
    let filter = EVERYTHING;
    let received = 0;
    let paused: number | null = null;
    for (let step = 0; step < 120; step++) {
      const many = 1 + pick(90);
      const what = pick(9);
      if (what < 3) {
        store.insert(run(received, many, type));
        received += many;
      } else if (what === 3) {
        received += many;
      } else if (what === 4) {
        const from = pick(Math.max(1, received));
        const count = Math.min(many, received - from);
        if (count > 0) store.insert(run(from, count, type));
      } else if (what === 5) {
        filter = filters[pick(filters.length)]!;
        scan.use(filter);
      } else if (what === 6) {
        paused = paused === null ? store.end : null;
      } else if (what === 7) {
        if (pick(6) === 0) store.dropBefore(pick(received + 1));
      } else {
        store.evict(pick(2) ? [[paused ?? 0, (paused ?? 0) + 50]] : []);
      }
      if (pick(2)) scan.work(1);
      const a = account({ store, head: { stats: { received } }, from: 0 }, paused);
      expect(a.shown + a.filtered + a.paused + a.elsewhere).toBe(a.received);
      expect(Math.min(a.shown, a.filtered, a.paused, a.elsewhere)).toBeGreaterThanOrEqual(0);
    }
    finish(scan);
    const held = store.blocks.flatMap((block) => range(block.start, block.end));
    expect(held).toEqual([...new Set(held)].sort((x, y) => x - y));
    expect(store.rows).toBe(held.length);
    const right = (seq: number): boolean =>
      (filter.types === null || filter.types.includes(type(seq))) &&
      !filter.exclude_types.includes(type(seq)) &&
      `event ${seq}`.includes(filter.text) &&
      (filter.exclude === "" || !`event ${seq}`.includes(filter.exclude));
    const visible = held.filter(right);
    expect(shown(store)).toEqual(visible);
    visible.forEach((seq, i) => expect(store.shownBefore(seq)).toBe(i));
    for (const seq of [0, received >> 1, received])
      expect(store.rowsBefore(seq)).toBe(held.filter((n) => n < seq).length);
  });
});
