/**
 * Reads JSON where it lies: says whether a text is JSON (or the beginning of it), and lists the
 * children of one value at a time, as places in the text. Nothing is parsed into objects, so numbers
 * of any size, duplicate keys and escapes stay letter for letter; no depth can overflow a stack. It
 * is tolerant (NaN, Infinity) and never throws.
 */
export type Shape = "object" | "array" | "string" | "number" | "word";

/** A value in the text: source.slice(from, to) is it, whole. */
export interface Value {
  /** the key as it is written, with its quotes; null in a list and at the root */
  key: string | null;
  from: number;
  to: number;
  shape: Shape;
  /** how many children it has */
  count: number;
}

/** A value that has children, were it not empty. */
export function isContainer({ shape }: Value): boolean {
  return shape === "object" || shape === "array";
}

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const OPEN = new Set([123, 91]);
const CLOSE = new Set([125, 93]);
const SCALAR = /-?\d[\d.eE+-]*|true|false|null|NaN|-?Infinity/y;
const SPACE = /[ \t\r\n]*/y;

function afterSpace(source: string, at: number): number {
  const code = source.charCodeAt(at);
  if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
  SPACE.lastIndex = at;
  SPACE.test(source);
  return SPACE.lastIndex;
}

/** The place after the string that begins at `at`; -1 where it does not end. */
export function afterString(source: string, at: number): number {
  for (let end = source.indexOf('"', at + 1); end >= 0; end = source.indexOf('"', end + 1)) {
    let slashes = 0;
    while (source.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  return -1;
}

function afterScalar(source: string, at: number): number {
  SCALAR.lastIndex = at;
  return SCALAR.test(source) ? SCALAR.lastIndex : -1;
}

function shapeOf(code: number): Shape {
  if (code === 123) return "object";
  if (code === 91) return "array";
  if (code === QUOTE) return "string";
  return code === 45 || (code >= 48 && code <= 57) ? "number" : "word";
}

/** Whether a text is an object or a list in JSON: whole, the beginning of one, or null. */
export function judge(source: string): "whole" | "part" | null {
  let at = afterSpace(source, 0);
  if (!OPEN.has(source.charCodeAt(at))) return null;
  const open: number[] = [];
  /** what may come next */
  let want: "value" | "first" | "key" | "colon" | "next" = "value";
  for (; at < source.length; at = afterSpace(source, at)) {
    const code = source.charCodeAt(at);
    const isObject = open.at(-1) === 123;
    if (want === "next" && open.length === 0) return null;
    if (CLOSE.has(code) && (want === "first" || want === "next") && open.at(-1) === code - 2) {
      open.pop();
      want = "next";
      at++;
    } else if (want === "next" && code === COMMA) {
      want = isObject ? "key" : "value";
      at++;
    } else if (want === "colon" && code === COLON) {
      want = "value";
      at++;
    } else if (want === "next" || want === "colon") {
      return null;
    } else if (code === QUOTE) {
      at = afterString(source, at);
      if (at < 0) return "part";
      want = want === "key" || (want === "first" && isObject) ? "colon" : "next";
    } else if (want === "key" || (want === "first" && isObject)) {
      return null;
    } else if (OPEN.has(code)) {
      open.push(code);
      want = "first";
      at++;
    } else {
      const end = afterScalar(source, at);
      // A word that is cut off is no fault: the text ends in it.
      if (end < 0) return /^[-\w]{0,8}$/.test(source.slice(at, at + 10)) ? "part" : null;
      at = end;
      want = "next";
    }
  }
  return open.length === 0 ? "whole" : "part";
}

/** The value that begins at `at`; where the text is cut it ends with the text. */
function valueAt(source: string, at: number, key: string | null): Value {
  const shape = shapeOf(source.charCodeAt(at));
  if (shape === "string") {
    const end = afterString(source, at);
    return { key, from: at, to: end < 0 ? source.length : end, shape, count: 0 };
  }
  if (shape === "number" || shape === "word") {
    const end = afterScalar(source, at);
    return { key, from: at, to: end < 0 ? source.length : end, shape, count: 0 };
  }
  let depth = 0;
  let commas = 0;
  let i = at;
  for (; i < source.length; i++) {
    const code = source.charCodeAt(i);
    if (code === QUOTE) {
      const end = afterString(source, i);
      i = end < 0 ? source.length : end - 1;
    } else if (OPEN.has(code)) depth++;
    else if (CLOSE.has(code)) {
      if (--depth === 0) break;
    } else if (code === COMMA && depth === 1) commas++;
  }
  const empty = CLOSE.has(source.charCodeAt(afterSpace(source, at + 1)));
  return { key, from: at, to: Math.min(source.length, i + 1), shape, count: empty ? 0 : commas + 1 };
}

export function root(source: string): Value {
  return valueAt(source, afterSpace(source, 0), null);
}

/** The children of an object or a list, some at a time. */
export class Children {
  done = false;
  #source: string;
  #of: Value;
  #at: number;

  constructor(source: string, of: Value) {
    this.#source = source;
    this.#of = of;
    this.#at = of.from + 1;
  }

  next(limit: number): Value[] {
    const out: Value[] = [];
    const [source, { to, shape }] = [this.#source, this.#of];
    while (!this.done && out.length < limit) {
      let at = afterSpace(source, this.#at);
      if (source.charCodeAt(at) === COMMA) at = afterSpace(source, at + 1);
      if (at >= to || CLOSE.has(source.charCodeAt(at))) {
        this.done = true;
        break;
      }
      let key: string | null = null;
      if (shape === "object") {
        const end = afterString(source, at);
        if (end < 0) {
          this.done = true;
          break;
        }
        key = source.slice(at, end);
        at = afterSpace(source, afterSpace(source, end) + 1);
        if (at >= to) {
          this.done = true;
          break;
        }
      }
      const child = valueAt(source, at, key);
      out.push(child);
      this.#at = child.to;
    }
    if (!this.done) {
      const rest = afterSpace(source, this.#at);
      this.done = rest >= to || CLOSE.has(source.charCodeAt(rest));
    }
    return out;
  }
}
