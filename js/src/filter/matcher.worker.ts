/**
 * Tests rows against patterns off the page's thread: a catastrophic pattern then freezes this
 * worker, which the page ends, and never the page. It knows no filter: it is given the patterns and
 * which rows are still open, keeps nothing between jobs, and says that it is alive while it works.
 */
import { places } from "./matches.ts";

export interface Job {
  n: number;
  /** null: nothing to find, nothing to leave out */
  wanted: RegExp | null;
  unwanted: RegExp | null;
  /** 1 for the rows that type and time let through */
  open: Uint8Array;
  data: Uint8Array;
  offsets: Uint32Array;
}
/** Without hits: a sign of life. */
export interface Done {
  n: number;
  hits?: number[];
}
/** Another kind of job: where in each of these texts the pattern is found. */
export interface Marking {
  n: number;
  /** with the flag g */
  pattern: RegExp;
  texts: string[];
  limit: number;
}
export interface Marked {
  n: number;
  /** per text, pairs of start and end */
  marks?: number[][];
}

const ALIVE_MS = 100;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const scope = self as unknown as {
  onmessage: (event: MessageEvent<Job | Marking>) => void;
  postMessage(done: Done | Marked): void;
};

function mark({ n, pattern, texts, limit }: Marking): void {
  const marks = texts.map((text) => places(pattern, text, limit));
  scope.postMessage({ n, marks });
}

function match({ n, wanted, unwanted, open, data, offsets }: Job): void {
  const hits: number[] = [];
  let spoke = performance.now();
  for (let row = 0; row < open.length; row++) {
    if (open[row] === 0) continue;
    const text = decoder.decode(data.subarray(offsets[row]!, offsets[row + 1]!));
    if ((!wanted || wanted.test(text)) && !unwanted?.test(text)) hits.push(row);
    const now = performance.now();
    if (now - spoke < ALIVE_MS) continue;
    spoke = now;
    scope.postMessage({ n });
  }
  scope.postMessage({ n, hits });
}

scope.onmessage = ({ data }) => ("texts" in data ? mark(data) : match(data));
scope.postMessage({ n: 0 });
