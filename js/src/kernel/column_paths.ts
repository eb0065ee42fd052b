/**
 * The paths that are columns, here and in `df`: one list for the page and for Python. A change shows
 * at once; until the kernel has answered it counts as waiting. What Python wrote goes before what
 * this page wrote earlier. It knows neither values nor nodes.
 */

/** As it travels: a write of a page carries its number `n`, the kernel's answer says which it heard. */
export interface SyncedColumns {
  paths: string[];
  rev: number;
  by: string;
  n?: number;
  heard?: [page: string, n: number];
}

/** Without this one where it is there, else with it at the end. */
export function toggled(all: readonly string[], one: string): string[] {
  return all.includes(one) ? all.filter((other) => other !== one) : [...all, one];
}

export class Columns {
  paths: readonly string[] = [];
  /** rises with every change of `paths` */
  version = 0;

  #write: (state: { paths: string[]; rev: number; n: number }) => void;
  #rev = 0;
  #n = 0;
  #pending: { n: number; at: number } | null = null;

  constructor(write: (state: { paths: string[]; rev: number; n: number }) => void) {
    this.#write = write;
  }

  has(path: string): boolean {
    return this.paths.includes(path);
  }

  /** A change made on this page. */
  set(paths: readonly string[]): void {
    this.#use(paths);
    this.#pending = { n: ++this.#n, at: Date.now() };
    this.#write({ paths: [...paths], rev: this.#rev, n: this.#n });
  }

  toggle(path: string): void {
    this.set(toggled(this.paths, path));
  }

  /** One place to the left or right. */
  move(path: string, by: -1 | 1): void {
    const paths = [...this.paths];
    const from = paths.indexOf(path);
    const to = from + by;
    if (from < 0 || to < 0 || to >= paths.length) return;
    [paths[from], paths[to]] = [paths[to]!, paths[from]!];
    this.set(paths);
  }

  /** What the kernel says holds. */
  take({ paths, rev, heard }: SyncedColumns, page: string): void {
    const pending = this.#pending;
    // A later change of this page is on its way: the answer to an earlier one is out of date.
    if (pending && rev === this.#rev && !(heard?.[0] === page && heard[1] >= pending.n)) return;
    this.#pending = null;
    this.#rev = rev;
    this.#use(paths);
  }

  /** The kernel has not heard yet of a change made before this time. */
  waiting(since: number): boolean {
    return this.#pending !== null && this.#pending.at < since;
  }

  #use(paths: readonly string[]): void {
    if (JSON.stringify(paths) === JSON.stringify(this.paths)) return;
    this.paths = [...paths];
    this.version++;
  }
}
