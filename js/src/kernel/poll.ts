/**
 * When to ask a kernel of which nothing is heard. Some hosts pass on only what the kernel says while it
 * answers this page, or while a cell runs; there a stream comes as fast as it is asked for. It sends nothing.
 */
/** A kernel that does not answer is busy or gone, and would find all questions waiting: fewer and fewer. */
const FIRST_WAIT_MS = 5_000;
const LAST_WAIT_MS = 60_000;

export class Poll {
  #patience: number;
  #unaskedAt = Date.now();
  #askedAt: number | null = null;
  #wait = FIRST_WAIT_MS;

  /** For so many ms the kernel may be silent though all is well. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /** Nothing was to be expected until now. */
  begin(): void {
    this.#unaskedAt = Date.now();
  }

  /** A message came; `asked`: it came because this page had asked. */
  heard(asked: boolean): void {
    if (!asked) this.#unaskedAt = Date.now();
    this.#askedAt = null;
    this.#wait = FIRST_WAIT_MS;
  }

  /** Whether the kernel was not heard of by itself, so that it is asked. */
  get asking(): boolean {
    return Date.now() - this.#unaskedAt > this.#patience;
  }

  /** Whether to ask now; who is told so asks. */
  due(): boolean {
    const now = Date.now();
    if (now - this.#unaskedAt <= this.#patience) return false;
    if (this.#askedAt !== null) {
      if (now - this.#askedAt < this.#wait) return false;
      this.#wait = Math.min(2 * this.#wait, LAST_WAIT_MS);
    }
    this.#askedAt = now;
    return true;
  }
}
