/**
 * Values at dotted paths of a JSON payload, letter for letter as they came, and which paths there
 * are. The mirror of `reader_of` in `sse_widget/payload/path.py`: a top-level key that has the
 * dots or brackets itself goes first, a whole number is a place in a list, of a repeated key the last one counts.
 * It knows texts only: neither events nor the page.
 */
import { afterString, Children, judge, root, type Shape, type Value } from "./jsonscan.ts";

const PAGE = 500;
const MAX_PATHS = 2_000;
const MAX_DEPTH = 8;
const MAX_KEYS = 300;
const MAX_PLACES = 3;
const EXAMPLE_CHARS = 80;
const PATH_CHARS = 300;

/** What a text is in JSON; undefined where it is none. */
export function parsed(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return undefined;
  }
}

/** A key as it is meant: without its quotes, escapes read. */
export function keyOf(written: string): string {
  if (!written.includes("\\")) return written.slice(1, -1);
  return (parsed(written) as string | undefined) ?? written.slice(1, -1);
}

/** The steps of a path: `choices[0].text` is `choices.0.text`. */
export function stepsOf(path: string): string[] {
  const dotted = path.replace(/\[([0-9]+)\]/g, ".$1");
  return (path.startsWith("[") && dotted.startsWith(".") ? dotted.slice(1) : dotted).split(".");
}

/** What every payload with such a path has in its text, unless it escapes letters: its last key; "" where
 * the path has places in lists only. */
export function needleOf(path: string): string {
  const key = stepsOf(path).findLast((step) => !/^\d+$/.test(step));
  return key === undefined ? "" : JSON.stringify(key);
}

/** Most events of a mixed stream have no such key: no parse for them. */
export function mayHave(data: string, needle: string): boolean {
  return data.includes(needle) || data.includes("\\u");
}

/** The path of a child; null where no path leads: a key with dots, below the top. */
export function childPath(parent: string | null, key: string): string | null {
  if (key === "" && parent === null) return null;
  return parent === null ? key : key.includes(".") ? null : `${parent}.${key}`;
}

/** What Python reads beyond the standard. */
const BEYOND = /NaN|-?Infinity/y;
const QUOTE = 34;

/** The text with null for what is beyond the standard, outside of strings; null where a string does not
 * end. Each character is looked at once, whatever the text is. */
function standard(source: string): string | null {
  let out = "";
  let from = 0;
  for (let at = 0; at < source.length; ) {
    const code = source.charCodeAt(at);
    if (code === QUOTE) {
      at = afterString(source, at);
      if (at < 0) return null;
      continue;
    }
    // N, I or a minus sign
    BEYOND.lastIndex = at;
    if ((code === 78 || code === 73 || code === 45) && BEYOND.test(source)) {
      out += `${source.slice(from, at)}null`;
      at = from = BEYOND.lastIndex;
    } else at++;
  }
  return out + source.slice(from);
}

/** Read as Python reads it: with null for what is beyond the standard. */
function tolerant(source: string): unknown {
  return parsed(source) ?? (/NaN|Infinity/.test(source) ? parsed(standard(source) ?? "") : undefined);
}

/** The object that this text is, with null for what is beyond the standard; undefined where it is none. */
export function payloadOf(source: string): unknown {
  return /^[ \t\r\n]*\{/.test(source) ? tolerant(source) : undefined;
}

/** The value at a dotted path; a key that has the dots itself goes first, as in Python. */
export function valueAt(root: unknown, path: string): unknown {
  if (root === null || typeof root !== "object" || Array.isArray(root)) return undefined;
  if (Object.hasOwn(root, path)) return (root as Record<string, unknown>)[path];
  let value: unknown = root;
  for (const key of stepsOf(path)) {
    if (
      Array.isArray(value)
        ? !/^\d+$/.test(key)
        : value === null || typeof value !== "object" || !Object.hasOwn(value, key)
    )
      return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

const NUMBER = /^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/;

/** A number, or one in quotes, as many services send them. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === "string" && NUMBER.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

export class Payload {
  /** the object, or null where the text is none */
  readonly top: Value | null = null;
  #source: string;
  #keys = new Map<number, Map<string, Value>>();

  /** `part`: the text is the beginning of a longer one. */
  constructor(source: string, part = false) {
    this.#source = source;
    if (!/^[ \t\r\n]*\{/.test(source)) return;
    if (part ? judge(source) !== null : tolerant(source) !== undefined) this.top = root(source);
  }

  at(path: string): Value | null {
    if (!this.top) return null;
    const whole = this.#child(this.top, path);
    if (whole) return whole;
    let value: Value | null = this.top;
    for (const key of stepsOf(path)) value = value && this.#child(value, key);
    return value;
  }

  /** A value as it was written. */
  written({ from, to }: Value, chars: number): string {
    return this.#source.slice(from, Math.min(to, from + chars));
  }

  /** A value as a person reads it: a string without quotes, anything else as it was written. */
  text({ from, to, shape }: Value, chars: number): string {
    const written = this.#source.slice(from, to);
    if (shape !== "string") return written.slice(0, chars);
    return (parsed(written) as string | undefined)?.slice(0, chars) ?? written.slice(1, chars);
  }

  #child(of: Value, key: string): Value | null {
    if (of.shape === "array") return /^\d+$/.test(key) ? this.#item(of, Number(key)) : null;
    if (of.shape !== "object") return null;
    let keys = this.#keys.get(of.from);
    if (!keys) {
      keys = new Map();
      for (const child of this.#children(of)) keys.set(keyOf(child.key ?? ""), child);
      this.#keys.set(of.from, keys);
    }
    return keys.get(key) ?? null;
  }

  #item(of: Value, place: number): Value | null {
    const children = new Children(this.#source, of);
    for (let seen = 0; !children.done && place < of.count; ) {
      const page = children.next(Math.min(PAGE, place - seen + 1));
      seen += page.length;
      if (seen > place) return page.at(-1)!;
    }
    return null;
  }

  *#children(of: Value): Generator<Value> {
    const children = new Children(this.#source, of);
    while (!children.done) yield* children.next(PAGE);
  }

  /** Each key of the object and its value, both as they were written. */
  fields(): [key: string, written: string][] {
    return this.top
      ? [...this.#children(this.top)].map(({ key, from, to }) => [key ?? "", this.#source.slice(from, to)])
      : [];
  }

  /** Each leaf with its path, in the order of the text. */
  *leaves(): Generator<[path: string, leaf: Value]> {
    const open: [string | null, Value, number][] = this.top ? [[null, this.top, 0]] : [];
    for (let next = open.pop(); next; next = open.pop()) {
      const [path, value, depth] = next;
      if (value.count === 0) {
        if (path !== null) yield [path, value];
      } else if (depth < MAX_DEPTH) {
        const isList = value.shape === "array";
        const children = new Children(this.#source, value).next(isList ? MAX_PLACES : MAX_KEYS);
        const below: [string, Value, number][] = [];
        children.forEach((child, i) => {
          const at = childPath(path, isList ? String(i) : keyOf(child.key ?? ""));
          if (at !== null && at.length <= PATH_CHARS) below.push([at, child, depth + 1]);
        });
        open.push(...below.reverse());
      }
    }
  }
}

export interface Found {
  path: string;
  shape: Shape;
  /** in how many of the payloads */
  count: number;
  example: string;
}

/** The paths of many payloads, in the order of first sight. */
export class Discovery {
  readonly found = new Map<string, Found>();
  /** payloads that are objects */
  read = 0;

  add(source: string, part: boolean): void {
    const payload = new Payload(source, part);
    if (!payload.top) return;
    this.read++;
    for (const [path, value] of payload.leaves()) {
      const known = this.found.get(path);
      if (!known && this.found.size >= MAX_PATHS) continue;
      // A null says nothing: an example that says something stays.
      const example = known && value.shape === "word" ? known.example : payload.text(value, EXAMPLE_CHARS);
      this.found.set(path, {
        path,
        shape: known && value.shape === "word" ? known.shape : value.shape,
        count: (known?.count ?? 0) + 1,
        example,
      });
    }
  }
}
