/**
 * Which events somebody has read already: ranges of `seq`, merged where they touch. Pure arithmetic.
 */
import type { Range } from "./store.ts";

export class Ranges {
  #ranges: Range[] = [];

  add(from: number, to: number): void {
    const at = this.#ranges.findIndex(([a]) => a > from);
    this.#ranges.splice(at < 0 ? this.#ranges.length : at, 0, [from, to]);
    const merged: Range[] = [];
    for (const [a, b] of this.#ranges) {
      const last = merged.at(-1);
      if (last && a <= last[1]) merged[merged.length - 1] = [last[0], Math.max(last[1], b)];
      else merged.push([a, b]);
    }
    this.#ranges = merged;
  }

  /** The parts of [from, to) that are not in it, oldest first. */
  rest(from: number, to: number): Range[] {
    let open: Range[] = [[from, to]];
    for (const [a, b] of this.#ranges) {
      if (b <= from || a >= to) continue;
      open = open.flatMap(([x, y]): Range[] =>
        (
          [
            [x, Math.min(a, y)],
            [Math.max(b, x), y],
          ] as Range[]
        ).filter(([p, q]) => p < q),
      );
    }
    return open;
  }
}
