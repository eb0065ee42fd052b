// Numbers over time: each event read once, in any order, by type or by a value; round scales.
import { describe, expect, it } from "vitest";
import { columns, type Made } from "../testing/kernel.ts";
import { FINE, type Line, merged, Series, ticks } from "./series.ts";
import { Store } from "./store.ts";

const T = 1_767_323_045_000;
function filled(events: Made[]): Store {
  const store = new Store();
  store.insert(columns(0, events));
  return store;
}
const trade = (price: unknown, at: number, symbol: unknown = "BTC", type = "trade"): Made => ({
  type,
  at: T + at,
  data: JSON.stringify({ price, symbol, deep: { price } }),
});
function all(series: Series, store: Store, since = 0): Series {
  while (series.work(store, since, 1000) > 0);
  return series;
}
const points = (line: Line | undefined): [number, number, number, number][] =>
  [...(line?.points ?? [])]
    .sort(([a], [b]) => a - b)
    .map(([bucket, { low, high, last }]) => [bucket - (T * FINE) / 1000, low, high, last]);

describe("Series", () => {
  it("keeps low, high and last of each quarter second, a line a type", () => {
    const series = all(
      new Series("price", null),
      filled([trade(5, 0), trade(9, 100), trade(7, 249), trade(1, 250), trade(3, 0, "BTC", "quote")]),
    );
    expect([...series.lines.keys()].sort()).toEqual(["quote", "trade"]);
    expect(points(series.lines.get("trade"))).toEqual([
      [0, 5, 9, 7],
      [1, 1, 1, 1],
    ]);
    expect(series.lines.get("trade")!.count).toBe(4);
  });
  it("reads numbers in quotes, and nothing else", () => {
    const values = ["67012.10", "1e3", " 1e4 ", "-4", "0x10", "", "1,5", "NaN", true, null, [1], { a: 1 }];
    const series = all(
      new Series("price", null),
      filled([
        ...values.map((value, i) => trade(value, i * 250)),
        { data: "price" },
        { data: '{"price":NaN}' },
        { data: '{"price":1e999}' },
      ]),
    );
    expect(points(series.lines.get("trade")).map(([, low]) => low)).toEqual([67012.1, 1000, -4]);
  });
  it("makes a line for each value at another path", () => {
    const series = all(
      new Series("deep.price", "symbol"),
      filled([trade(1, 0), trade(2, 0, "ETH"), trade(3, 0, null), trade(4, 0, 7), trade(5, 0, "__proto__")]),
    );
    expect([...series.lines.keys()].sort()).toEqual(["", "7", "BTC", "ETH", "__proto__"]);
  });
  it("reads each event once, whatever came in between", () => {
    const store = new Store();
    const series = new Series("price", null);
    const events = Array.from({ length: 3000 }, (_, i) => trade(i, i));
    for (const [from, to] of [
      [1000, 2000],
      [2500, 3000],
      [0, 1000],
      [2000, 2500],
    ] as const) {
      store.insert(columns(from, events.slice(from, to)));
      all(series, store);
      all(series, store);
    }
    expect(series.lines.get("trade")!.count).toBe(3000);
    expect(points(series.lines.get("trade"))).toEqual(
      points(all(new Series("price", null), filled(events)).lines.get("trade")),
    );
  });
  it("leaves what is older, reads the newest first, and says what is left", () => {
    const store = new Store();
    for (let i = 0; i < 40; i++)
      store.insert(
        columns(
          i * 1024,
          Array.from({ length: 1024 }, (_, j) => trade(i, i * 1000 + j / 2)),
        ),
      );
    const series = new Series("price", null);
    const left = series.work(store, T, 0);
    expect(left).toBeGreaterThan(30_000);
    const newest = new Series("price", null);
    while (newest.work(store, T + 35_000, 5) > 0);
    expect(points(newest.lines.get("trade")).map(([, low]) => low)).toEqual(expect.arrayContaining([39]));
    expect(Math.min(...points(newest.lines.get("trade")).map(([, low]) => low))).toBeGreaterThanOrEqual(34);
  });
  it("is bounded, whatever makes the lines", () => {
    const series = all(
      new Series("price", "symbol"),
      filled(Array.from({ length: 1000 }, (_, i) => trade(i, 0, `s${i}`))),
    );
    expect(series.lines.size).toBe(64);
    expect(series.rest.count).toBe(1000 - 64);
    const others = merged([...series.lines.values(), series.rest], "others", -Infinity, Infinity);
    expect([others.count, points(others)]).toEqual([1000, [[0, 0, 999, expect.any(Number)]]]);
  });
});

describe("ticks", () => {
  it.each([
    [0, 100, [0, 50, 100]],
    [-0.7, 0.7, [-0.5, 0, 0.5]],
    [66_410, 66_700, [66_500, 66_600, 66_700]],
    [1e-7, 3e-7, [1e-7, 2e-7, 3e-7]],
  ])("%d to %d", (low, high, expected) =>
    expect(ticks(low, high, 3).map((n) => Number(n.toPrecision(6)))).toEqual(expected),
  );
  it.each([
    [1, 1],
    [5, 4],
    [0, Infinity],
    [Number.NaN, 1],
  ])("none from %d to %d", (low, high) => expect(ticks(low, high, 3)).toEqual([]));
});

it("an axis has two ticks at the least, whatever the numbers", () => {
  let n = 1;
  for (let i = 0; i < 3_000; i++) {
    n = (n * 48_271) % (2 ** 31 - 1);
    const low = ((n % 2_000) - 1_000) * 10 ** ((n % 19) - 6);
    const found = ticks(low, low + (Math.abs(low) || 1) * 10 ** -(n % 11), 3);
    expect(new Set(found).size).toBeGreaterThan(1);
  }
});
