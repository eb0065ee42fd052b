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

/** What a guarded worker tells its owner. */
export interface Guard<Answer> {
  heard(answer: Answer): void;
  /** it was never allowed to run; another one may be */
  refused(): void;
  /** nothing came in time, so that it was ended */
  stuck(): void;
}

const STEP_MS = 250;

/** One worker that is started when it is needed, and ended where it does not answer in time. */
export class Guarded<Answer> {
  #workers: Workers;
  #guard: Guard<Answer>;
  #worker: Worker | null = null;
  #watch: ReturnType<typeof setTimeout> | undefined;

  constructor(workers: Workers, guard: Guard<Answer>) {
    this.#workers = workers;
    this.#guard = guard;
  }

  /** False where no worker is allowed. */
  start(): boolean {
    if (this.#worker) return true;
    const worker = this.#workers.start();
    if (!worker) return false;
    worker.onmessage = ({ data }) => this.#guard.heard(data as Answer);
    worker.onerror = () => {
      this.#workers.refused(worker);
      this.end();
      this.#guard.refused();
    };
    this.#worker = worker;
    return true;
  }

  post(job: unknown, ms: number, transfer: Transferable[] = []): void {
    this.#worker?.postMessage(job, transfer);
    this.wait(ms);
  }

  /** For so long from now on it may be silent. */
  wait(ms: number): void {
    this.rest();
    // In steps: where the whole machine stood still, asleep or busy, that counts as one.
    this.#watch = setTimeout(() => {
      if (ms > STEP_MS) return this.wait(ms - STEP_MS);
      this.end();
      this.#guard.stuck();
    }, STEP_MS);
  }

  /** Nothing is expected of it. */
  rest(): void {
    clearTimeout(this.#watch);
  }

  end(): void {
    this.rest();
    this.#worker?.terminate();
    this.#worker = null;
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
