/**
 * Which events somebody has read already: ranges of `seq`, merged where they touch. It hands over those that
 * were not read, some at a time, and knows nothing else of an event than its number.
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

  /**
   * Hands over what of [from, to) is not in it, at most `rows` at a time and each once, until `deadline` (as
   * `performance.now()` counts). How many are left.
   */
  read(
    from: number,
    to: number,
    rows: number,
    deadline: number,
    newestFirst: boolean,
    take: (from: number, to: number) => void,
  ): number {
    const rest = this.rest(from, to);
    let left = rest.reduce((sum, [a, b]) => sum + b - a, 0);
    for (const [a, b] of newestFirst ? rest.reverse() : rest) {
      for (let done = 0; done < b - a; done += rows) {
        if (performance.now() > deadline) return left;
        const n = Math.min(rows, b - a - done);
        const start = newestFirst ? b - done - n : a + done;
        take(start, start + n);
        this.add(start, start + n);
        left -= n;
      }
    }
    return left;
  }

  dropBefore(seq: number): void {
    this.#ranges = this.#ranges.filter(([, to]) => to > seq);
  }
}
