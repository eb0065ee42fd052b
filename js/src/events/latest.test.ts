// The latest of each key: the same rows in whatever order events are read, and after the page let go of them.
import { describe, expect, it, vi } from "vitest";
import { columns, type Made, random } from "../testing/kernel.ts";
import { Latest } from "./latest.ts";
import { Store } from "./store.ts";

function all(latest: Latest, store: Store): Latest {
  while (latest.work(store, 0, store.end, 1000));
  return latest;
}
const rows = (latest: Latest): Record<string, unknown> =>
  Object.fromEntries([...latest.entries].map(([key, entry]) => [key, JSON.parse(entry.data())]));

/** The newest value of each field of each key, as anybody would keep it. */
function expected(events: Made[]): Record<string, unknown> {
  const found: Record<string, Record<string, unknown>> = {};
  for (const { data } of events) {
    const event = JSON.parse(data!) as { key?: string | null };
    const { key } = event;
    if (key != null) found[key] = { ...found[key], ...event };
  }
  return found;
}

/** Some of one form, some of another, some of none; letters of one byte and of more. */
function made(next: (below: number) => number): Made {
  const any = <T>(of: T[]): T => of[next(of.length)]!;
  const price = next(1000) / 8;
  const event = any<Record<string, unknown>>([
    { key: any(["a", "b", "key of more than thirteen letters"]), price, size: 1 },
    { key: any(["a", "b", "c"]), price, size: 2 },
    { price, key: any(["a", "d"]), venue: any(["north", "é", "a\nb"]) },
    { key: any(["a", "é"]), deep: { price } },
    { key: null, price: 1 },
    { other: 1 },
  ]);
  return { type: any(["trade", "quote"]), data: JSON.stringify(event) };
}

describe("Latest", () => {
  it("is the newest of each field, in whatever order the events are read", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const next = random(seed);
      const events = Array.from({ length: 400 }, () => made(next));
      const store = new Store();
      const latest = new Latest("key");
      const pieces = Array.from({ length: 8 }, (_, i) => i * 50);
      while (pieces.length > 0) {
        const [from] = pieces.splice(next(pieces.length), 1) as [number];
        store.insert(columns(from, events.slice(from, from + 50)));
        all(latest, store);
      }
      expect(rows(latest)).toEqual(expected(events));
    }
  });

  it("keeps what the page has let go of", () => {
    const next = random(7);
    const events = Array.from({ length: 5000 }, () => made(next));
    const store = new Store(100);
    const latest = new Latest("key");
    for (let from = 0; from < events.length; from += 50) {
      store.insert(columns(from, events.slice(from, from + 50)));
      all(latest, store);
      store.evict();
    }
    expect(store.rows).toBe(100);
    all(latest, store);
    expect(rows(latest)).toEqual(expected(events));
    const chars = [...latest.entries.values()].map((entry) => [entry.size(), entry.data().length] as const);
    for (const [counted, held] of chars) expect(counted).toBeGreaterThan(held / 2);
  });

  it("holds on to no block that the page has let go of", () => {
    const store = new Store(1500);
    const latest = new Latest("key");
    const ticks = (key: string): Made[] => Array.from({ length: 1000 }, () => ({ data: `{"key":"${key}"}` }));
    store.insert(columns(0, ticks("early")));
    all(latest, store);
    const reads = vi.spyOn(store.blocks[0]!, "data");
    store.insert(columns(1000, ticks("late")));
    store.insert(columns(2000, ticks("late")));
    store.evict();
    expect(store.first).toBe(1500);
    all(latest, store);
    reads.mockClear();
    expect(rows(latest)).toEqual({ early: { key: "early" }, late: { key: "late" } });
    expect(reads).not.toHaveBeenCalled();
  });
});
