/**
 * How much taller than one line each row is that was measured, by the number of its event, so that
 * wrapped rows can stand in a virtual list. Rows not measured yet count as one line. Pure arithmetic.
 */
import { lowerBound } from "../../events/block.ts";

export const ROW_HEIGHT = 24;
const MAX_MEASURED = 20_000;

export class Heights {
  #seqs: number[] = [];
  #extra: number[] = [];
  /** #sums[i] = the extras before #seqs[i]; right up to index #valid */
  #sums: number[] = [0];
  #valid = 0;

  /** By how much the rows of smaller numbers are taller than one line each, in sum. */
  before(seq: number): number {
    return this.#sum(lowerBound(this.#seqs, seq));
  }
  get total(): number {
    return this.#sum(this.#seqs.length);
  }
  of(seq: number): number {
    const at = lowerBound(this.#seqs, seq);
    return ROW_HEIGHT + (this.#seqs[at] === seq ? this.#extra[at]! : 0);
  }

  /** True where that is news. */
  set(seq: number, height: number): boolean {
    const at = lowerBound(this.#seqs, seq);
    const extra = height - ROW_HEIGHT;
    const known = this.#seqs[at] === seq;
    if (extra === (known ? this.#extra[at] : 0)) return false;
    if (known) this.#extra[at] = extra;
    else {
      this.#seqs.splice(at, 0, seq);
      this.#extra.splice(at, 0, extra);
    }
    this.#valid = Math.min(this.#valid, at);
    if (this.#seqs.length > MAX_MEASURED) this.#cut(MAX_MEASURED / 2);
    return true;
  }

  clear(): void {
    this.#cut(this.#seqs.length);
  }
  dropBefore(seq: number): void {
    if (this.#seqs.length > 0 && this.#seqs[0]! < seq) this.#cut(lowerBound(this.#seqs, seq));
  }

  #cut(n: number): void {
    this.#seqs.splice(0, n);
    this.#extra.splice(0, n);
    this.#valid = 0;
  }

  #sum(at: number): number {
    while (this.#valid < at) {
      this.#sums[this.#valid + 1] = this.#sums[this.#valid]! + this.#extra[this.#valid]!;
      this.#valid++;
    }
    return this.#sums[at]!;
  }
}
