/**
 * Runs a translated pattern without going back, in time that is linear in the text, and a little at a time:
 * for hosts that forbid workers, where a pattern that takes long could not be stopped. It finds what the
 * RegExp finds (Pike's algorithm, "Regular Expression Matching: the Virtual Machine Approach"), knows only
 * what patterns.ts writes, and is several times slower than the browser's own engine.
 */

type Node =
  | { kind: "set"; set: CharSet }
  | { kind: "assert"; holds: Assertion }
  | { kind: "all"; of: Node[] }
  | { kind: "any"; of: Node[] }
  | { kind: "repeat"; of: Node; least: number; most: number; lazy: boolean };

type Assertion = (text: string, at: number) => boolean;

const ASCII = 128;
const REMEMBERED = 2_000;
/** Steps between two looks at the clock. */
const STEPS = 20_000;

/** Which characters a set has, asked of the browser's engine once a character. */
class CharSet {
  #pattern: RegExp;
  #ascii = new Int8Array(ASCII);
  #others = new Map<number, boolean>();

  constructor(source: string) {
    this.#pattern = new RegExp(`^${source}$`, "u");
  }

  has(code: number): boolean {
    if (code < ASCII) {
      const known = this.#ascii[code]!;
      if (known !== 0) return known > 0;
      const found = this.#pattern.test(String.fromCharCode(code));
      this.#ascii[code] = found ? 1 : -1;
      return found;
    }
    let found = this.#others.get(code);
    if (found === undefined) {
      if (this.#others.size >= REMEMBERED) this.#others.clear();
      found = this.#pattern.test(String.fromCodePoint(code));
      this.#others.set(code, found);
    }
    return found;
  }
}

function isWord(code: number): boolean {
  return (
    (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122)
  );
}

function atBoundary(text: string, at: number): boolean {
  return isWord(text.charCodeAt(at - 1)) !== isWord(text.charCodeAt(at));
}

/** Reads what patterns.ts wrote: sets, groups without captures, alternatives, quantifiers, anchors. */
class Parser {
  #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  alternatives(): Node {
    const of: Node[] = [];
    do of.push(this.#sequence());
    while (this.#take("|"));
    return of.length === 1 ? of[0]! : { kind: "any", of };
  }

  #sequence(): Node {
    const of: Node[] = [];
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source[this.#at]!))
      of.push(this.#repeated(this.#atom()));
    return { kind: "all", of };
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(sticky: RegExp): string[] | null {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#source);
    if (found) this.#at += found[0].length;
    return found;
  }

  #atom(): Node {
    if (this.#take("(?:")) {
      const inside = this.alternatives();
      this.#at++;
      return inside;
    }
    if (this.#take("(?!")) {
      // Of one character: what a negated class of several is made of.
      const from = this.#at;
      this.alternatives();
      const unwanted = new RegExp(this.#source.slice(from, this.#at++), "uy");
      return {
        kind: "assert",
        holds: (text, at) => {
          unwanted.lastIndex = at;
          return !unwanted.test(text);
        },
      };
    }
    if (this.#take("^")) return { kind: "assert", holds: (_, at) => at === 0 };
    if (this.#take("$")) return { kind: "assert", holds: (text, at) => at === text.length };
    if (this.#take("\\b")) return { kind: "assert", holds: atBoundary };
    if (this.#take("\\B")) return { kind: "assert", holds: (text, at) => !atBoundary(text, at) };
    const one = this.#match(/\[(?:[^\]\\]|\\.)*\]|\\[pPu]\{[^}]*\}|\\.|./suy)!;
    return { kind: "set", set: new CharSet(one[0]!) };
  }

  #repeated(of: Node): Node {
    const found = this.#match(/(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})(\??)/y);
    if (!found) return of;
    const [, sign, low, comma, high, lazy] = found;
    const least = sign ? (sign === "+" ? 1 : 0) : Number(low);
    const most = sign
      ? sign === "?"
        ? 1
        : Number.POSITIVE_INFINITY
      : comma
        ? Number(high || "Infinity")
        : least;
    return { kind: "repeat", of, least, most, lazy: lazy === "?" };
  }
}

const SET = 0;
const ASSERT = 1;
const SPLIT = 2;
const MATCH = 3;

/** A pattern as a program: per step what it does, and where it goes on (`next` first, `or` second). */
export class Automaton {
  readonly kinds: number[] = [];
  readonly next: number[] = [];
  readonly or: number[] = [];
  readonly sets: (CharSet | null)[] = [];
  readonly holds: (Assertion | null)[] = [];
  readonly start: number;

  constructor(pattern: RegExp) {
    // From the end to the beginning: each part is told where to go on.
    this.start = this.#add(new Parser(pattern.source).alternatives(), this.#step(MATCH, -1));
  }

  #step(
    kind: number,
    then: number,
    or = -1,
    set: CharSet | null = null,
    holds: Assertion | null = null,
  ): number {
    this.kinds.push(kind);
    this.next.push(then);
    this.or.push(or);
    this.sets.push(set);
    this.holds.push(holds);
    return this.kinds.length - 1;
  }

  #add(node: Node, next: number): number {
    switch (node.kind) {
      case "set":
        return this.#step(SET, next, -1, node.set);
      case "assert":
        return this.#step(ASSERT, next, -1, null, node.holds);
      case "all":
        return node.of.reduceRight((after, one) => this.#add(one, after), next);
      case "any":
        return node.of
          .map((one) => this.#add(one, next))
          .reduceRight((others, one) => this.#step(SPLIT, one, others));
      case "repeat":
        return this.#repeat(node, next);
    }
  }

  #repeat({ of, least, most, lazy }: Extract<Node, { kind: "repeat" }>, next: number): number {
    let at = next;
    if (most === Number.POSITIVE_INFINITY) {
      at = this.#step(SPLIT, -1);
      const body = this.#add(of, at);
      this.#fork(at, body, next, lazy);
    } else {
      for (let n = least; n < most; n++) {
        const body = this.#add(of, at);
        at = this.#step(SPLIT, -1);
        this.#fork(at, body, next, lazy);
      }
    }
    for (let n = 0; n < least; n++) at = this.#add(of, at);
    return at;
  }

  #fork(at: number, body: number, next: number, lazy: boolean): void {
    this.next[at] = lazy ? next : body;
    this.or[at] = lazy ? body : next;
  }
}

/** Places in the program, in the order of their preference, each with where its match began. */
class Threads {
  readonly steps: Int32Array;
  readonly begins: Int32Array;
  length = 0;
  #seen: Int32Array;
  #round = 0;

  constructor(size: number) {
    this.steps = new Int32Array(size);
    this.begins = new Int32Array(size);
    this.#seen = new Int32Array(size);
  }

  clear(): void {
    this.length = 0;
    this.#round++;
  }

  isNew(step: number): boolean {
    if (this.#seen[step] === this.#round) return false;
    this.#seen[step] = this.#round;
    return true;
  }

  add(step: number, began: number): void {
    this.steps[this.length] = step;
    this.begins[this.length++] = began;
  }
}

/** One search in one text, which may be left and gone on with. */
export class Search {
  /** where it was found, once `run` says so */
  found: { from: number; to: number } | null = null;
  #automaton: Automaton;
  #text: string;
  #at: number;
  #now: Threads;
  #next: Threads;
  #stack: number[] = [];
  /** Only whether there is a match is asked for. */
  #first: boolean;

  constructor(automaton: Automaton, text: string, from = 0, first = false) {
    this.#automaton = automaton;
    this.#text = text;
    this.#at = from;
    this.#first = first;
    this.#now = new Threads(automaton.kinds.length);
    this.#next = new Threads(automaton.kinds.length);
    this.#now.clear();
  }

  /** Goes on until `deadline` (as performance.now()); true where it is done: see `found`. */
  run(deadline: number): boolean {
    const { kinds, next, sets, start } = this.#automaton;
    const text = this.#text;
    for (let steps = 0; ; ) {
      const at = this.#at;
      if (!this.found) this.#enter(this.#now, start, at, at);
      const now = this.#now;
      if (now.length === 0 && this.found) return true;
      const code = at < text.length ? text.codePointAt(at)! : -1;
      const after = at + (code > 0xffff ? 2 : 1);
      this.#next.clear();
      for (let i = 0; i < now.length; i++) {
        const step = now.steps[i]!;
        if (kinds[step] === MATCH) {
          this.found = { from: now.begins[i]!, to: at };
          if (this.#first) return true;
          break; // what is less preferred can find nothing better
        }
        if (code >= 0 && sets[step]!.has(code)) this.#enter(this.#next, next[step]!, now.begins[i]!, after);
      }
      if (code < 0) return true;
      this.#now = this.#next;
      this.#next = now;
      this.#at = after;
      steps += now.length + 1;
      if (steps < STEPS) continue;
      steps = 0;
      if (performance.now() > deadline) return false;
    }
  }

  /** Follows what costs no character, the preferred way first. */
  #enter(threads: Threads, step: number, began: number, at: number): void {
    const { kinds, next, or, holds } = this.#automaton;
    const stack = this.#stack;
    stack.push(step);
    while (stack.length > 0) {
      const one = stack.pop()!;
      if (!threads.isNew(one)) continue;
      if (kinds[one] === SPLIT) stack.push(or[one]!, next[one]!);
      else if (kinds[one] === ASSERT) {
        if (holds[one]!(this.#text, at)) stack.push(next[one]!);
      } else threads.add(one, began);
    }
  }
}

/** Where a pattern is found in a text, as places() says it; null where the time did not do. */
export function placesWithin(
  automaton: Automaton,
  text: string,
  limit: number,
  deadline: number,
): number[] | null {
  const out: number[] = [];
  for (let from = 0; out.length < 2 * limit && from <= text.length; ) {
    const search = new Search(automaton, text, from);
    if (!search.run(deadline)) return null;
    if (!search.found) break;
    const { from: begin, to } = search.found;
    if (to > begin) out.push(begin, to);
    from = to > begin ? to : to + (text.codePointAt(to)! > 0xffff ? 2 : 1);
  }
  return out;
}
