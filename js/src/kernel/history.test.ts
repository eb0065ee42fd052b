// What the page asks the kernel for: the lost first, the newest first, one at a time, never for ever.
import { describe, expect, it } from "vitest";
import { Store } from "../events/store.ts";
import { run } from "../testing/kernel.ts";
import { CALM, History } from "./history.ts";

function ask(history: History, store: Store, upTo: number, rate = 0): readonly [number, number] | null {
  return history.next(store, upTo, rate, 0)?.range ?? null;
}

describe("History", () => {
  it("asks for what came before the page, in answers from the newest on, until the kernel has no more", () => {
    const [store, history] = [new Store(), new History()];
    store.insert(run(1000, 10));
    history.raiseFloor(200);
    expect(ask(history, store, 1010)).toEqual([200, 1000]);
    expect(ask(history, store, 1010)).toBeNull();
    store.insert(run(600, 400));
    expect(history.answered(1, 600, 1000)).toBe(true);
    expect(ask(history, store, 1010)).toEqual([200, 600]);
    history.answered(2, 600, 600);
    expect(ask(history, store, 1010)).toBeNull();
    expect(history.isGone([0, 600])).toBe(true);
  });

  it("asks for what a reader may scroll to next, whatever room there is", () => {
    const [store, history] = [new Store(10_000), new History()];
    store.insert(run(50_000, 10_000));
    expect(history.next(store, 60_000, 0, 0, [])).toBeNull();
    expect(history.next(store, 60_000, CALM * 4, 0, [55_000])?.range ?? null).toBeNull();
    expect(history.next(store, 60_000, CALM * 4, 0, [50_100])?.range).toEqual([46_100, 50_000]);
    history.answered(1, 46_100, 50_000);
    history.raiseFloor(49_990);
    expect(history.next(store, 60_000, 0, 0, [50_100])?.range).toEqual([49_990, 50_000]);
  });

  it("takes an answer once, and only to what it asked", () => {
    const [store, history] = [new Store(), new History()];
    ask(history, store, 10);
    expect([history.answered(99, 0, 10), history.answered(1, 0, 10), history.answered(1, 0, 10)]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it("asks for a lost batch also under load, for rows held back only when it is calm", () => {
    const [store, history] = [new Store(), new History()];
    store.insert(run(0, 10));
    store.insert(run(20, 10));
    store.insert(run(50, 10));
    history.lost([10, 20]);
    expect(ask(history, store, 60, CALM * 4)).toEqual([10, 20]);
    store.insert(run(10, 10));
    history.answered(1, 10, 20);
    expect(ask(history, store, 60, CALM * 4)).toBeNull();
    expect(ask(history, store, 60, CALM - 1)).toEqual([30, 50]);
  });

  it("asks for no more than there is room for, and for nothing when the page is full", () => {
    const [store, history] = [new Store(100), new History()];
    store.insert(run(1000, 80));
    expect(ask(history, store, 1080)).toEqual([980, 1000]);
    history.answered(1, 980, 1000);
    store.insert(run(980, 20));
    expect(ask(history, store, 1080)).toBeNull();
  });

  it("does not ask again for a part that was refused", () => {
    const [store, history] = [new Store(), new History()];
    store.insert(run(100, 10));
    history.raiseFloor(50);
    expect(ask(history, store, 110)).toEqual([50, 100]);
    store.insert(run(70, 10));
    history.answered(1, 70, 80);
    expect(history.isGone([80, 100])).toBe(true);
    expect(ask(history, store, 110)).toEqual([50, 70]);
  });

  it("asks again for an answer that never came", () => {
    const [store, history] = [new Store(), new History()];
    expect(history.next(store, 10, 0, 0)?.id).toBe(1);
    expect(history.next(store, 10, 0, 59_000)).toBeNull();
    expect(history.next(store, 10, 0, 61_000)?.id).toBe(2);
  });
});
