/**
 * Starts the workers that test patterns, the first way that the page's policy allows: some hosts
 * forbid Blob workers but not `data:`, some forbid both. It knows nothing of what a worker does.
 */
export class Workers {
  #ways: readonly (() => Worker)[];
  #way = 0;
  #started = new WeakMap<Worker, number>();

  constructor(ways: readonly (() => Worker)[]) {
    this.#ways = ways;
  }

  /** null: there is no way here. */
  start(): Worker | null {
    for (; this.#way < this.#ways.length; this.#way++) {
      try {
        const worker = this.#ways[this.#way]!();
        this.#started.set(worker, this.#way);
        return worker;
      } catch {
        // Refused at once; most policies say so only by the worker's error event.
      }
    }
    return null;
  }

  /** This worker was never allowed to run: another one is started in another way. */
  refused(worker: Worker): void {
    if (this.#started.get(worker) === this.#way) this.#way++;
  }
}

/** From the source of a classic script. */
export function workersOf(source: string): Workers {
  return new Workers([
    () => {
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      const worker = new Worker(url);
      // Revoked later: some browsers fetch the script after the constructor has returned.
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      return worker;
    },
    () => new Worker(`data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`),
  ]);
}
