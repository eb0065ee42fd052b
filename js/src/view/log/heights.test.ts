// Wrapped rows in a virtual list: sums of what was measured, whatever the order of measuring.
import { expect, it } from "vitest";
import { random } from "../../testing/kernel.ts";
import { Heights, ROW_HEIGHT } from "./heights.ts";

it("sums like a list that is added up anew each time", () => {
  for (let seed = 0; seed < 20; seed++) {
    const pick = random(seed);
    const heights = new Heights();
    const plain = new Map<number, number>();
    for (let step = 0; step < 400; step++) {
      const seq = pick(200);
      const what = pick(20);
      if (what === 0) {
        heights.dropBefore(seq);
        for (const old of plain.keys()) if (old < seq) plain.delete(old);
      } else if (what === 1 && pick(5) === 0) {
        heights.clear();
        plain.clear();
      } else {
        const height = ROW_HEIGHT + 18 * pick(5);
        expect(heights.set(seq, height)).toBe((plain.get(seq) ?? ROW_HEIGHT) !== height);
        plain.set(seq, height);
      }
      const at = pick(220);
      let before = 0;
      for (const [known, height] of plain) if (known < at) before += height - ROW_HEIGHT;
      expect(heights.before(at)).toBe(before);
      expect(heights.of(at)).toBe(plain.get(at) ?? ROW_HEIGHT);
    }
  }
});

it("is bounded", () => {
  const heights = new Heights();
  for (let seq = 0; seq < 50_000; seq++) heights.set(seq, 42);
  expect(heights.total).toBeLessThanOrEqual(20_000 * 18);
  expect(heights.of(49_999)).toBe(42);
});
