/**
 * What a backslash means in a pattern: escapes, character sets and properties.
 * The lower half of patterns.ts: a reader with a place in the pattern, that refuses by name what
 * JavaScript and RE2 do not share. It never looks at groups or repeats and imports nothing;
 * `sse_widget/filters/regex_escapes.py` is its twin.
 */

/** Why a pattern is refused, in the words of Python's InvalidFilter. */
export class Refusal extends Error {}

export const STEPS_CHAR = 10;
export const STEPS_RANGE = 20;
const STEPS_CLASS = 40;
const STEPS_PROPERTY = 1000;

export const LINEAR = "is not supported: patterns must run in linear time";
export const SHARED = "is not supported: Python and the page do not share it";
const ESCAPE_HINT = "Write \\\\ for a backslash.";

const CONTROLS: Record<string, number> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

const PROPERTY =
  /^(?:(L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfo])|(?:Script=|sc=)?(Arabic|Armenian|Bengali|Bopomofo|Common|Cyrillic|Devanagari|Ethiopic|Georgian|Greek|Gujarati|Gurmukhi|Han|Hangul|Hebrew|Hiragana|Inherited|Kannada|Katakana|Khmer|Lao|Latin|Malayalam|Myanmar|Oriya|Sinhala|Tamil|Telugu|Thaana|Thai|Tibetan))$/;

const HEX = /[0-9A-Fa-f]+/y;

const QUOTATION: [string, string] = ["quotation", "Put a backslash before each character that needs one."];
const LETTERS: Record<string, [string, string]> = {
  A: ["text begin", "Write ^."],
  z: ["text end", "Write $."],
  Z: ["text end", "Write $."],
  Q: QUOTATION,
  E: QUOTATION,
  C: ["single byte", "Write [\\s\\S] for any character."],
};

/** A member of a class, as class text; `code` where it is one character, `negative` for \W, \P{…}. */
export interface Item {
  text: string;
  steps: number;
  code: number | null;
  negative: boolean;
}

export const isHalf = (code: number) => code >= 0xd800 && code <= 0xdfff;
const hex = (code: number) => `\\u{${code.toString(16)}}`;

export function char(code: number): Item {
  const text = String.fromCodePoint(code);
  const plain = code >= 0x80 || /[0-9A-Za-z]/.test(text);
  return { text: plain ? text : hex(code), steps: STEPS_CHAR, code, negative: false };
}

/** A pattern and a place in it. */
export class Reader {
  protected source: string;
  /** In units; what people are told is counted in characters. */
  protected at = 0;

  constructor(pattern: string) {
    this.source = pattern;
  }

  /** The character (not unit) at an offset; "" at the end. */
  protected peek(at = this.at): string {
    const code = this.source.codePointAt(at);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  protected ahead(text: string): boolean {
    return this.source.startsWith(text, this.at);
  }

  protected match(sticky: RegExp, at = this.at): RegExpExecArray | null {
    sticky.lastIndex = at;
    return sticky.exec(this.source);
  }

  protected refuse(what: string, at: number, why: string, hint: string): never {
    throw refusal(`${what} at position ${[...this.source.slice(0, at)].length} ${why}`, hint);
  }

  protected escape(inside: boolean): Item {
    const start = this.at;
    const next = this.peek(start + 1);
    this.at += 1 + next.length;
    if (next === "") this.refuse("the \\", start, "escapes nothing", ESCAPE_HINT);
    const control = CONTROLS[next];
    if (control !== undefined) return char(control);
    if (/^[dDwWsS]$/.test(next)) {
      return { text: `\\${next}`, steps: STEPS_CLASS, code: null, negative: next < "a" };
    }
    if (inside && next === "b") return char(8);
    if (next === "p" || next === "P") return this.property(next, start);
    if (next === "x" || next === "u") return char(this.hexadecimal(next, start));
    if (next === "c") {
      const letter = this.peek();
      if (!/^[A-Za-z]$/.test(letter)) this.refuse("the escape \\c", start, "needs a letter", ESCAPE_HINT);
      this.at++;
      return char(letter.charCodeAt(0) % 32);
    }
    if (/^[0-9]$/.test(next)) {
      if (next !== "0" && !inside)
        this.refuse(`back-reference \\${next}`, start, LINEAR, "Repeat the pattern of the group.");
      if (next !== "0" || /^[0-9]$/.test(this.peek()))
        this.refuse(`octal escape \\${next}`, start, SHARED, "Write \\xHH.");
      return char(0);
    }
    if (next === "k" && !inside)
      this.refuse("back-reference \\k", start, LINEAR, "Repeat the pattern of the group.");
    const letter = LETTERS[next];
    if (letter) this.refuse(`${letter[0]} \\${next}`, start, SHARED, letter[1]);
    if (/^[\0-\x7f]$/.test(next) && !/^[0-9A-Za-z]$/.test(next)) return char(next.charCodeAt(0));
    this.refuse(`the escape \\${next}`, start, "is not known", ESCAPE_HINT);
  }

  private digits(low: number, high: number): string {
    const found = this.match(HEX)?.[0].slice(0, high) ?? "";
    if (found.length < low) return "";
    this.at += found.length;
    return found;
  }

  private hexadecimal(kind: string, start: number): number {
    const hint = "Write \\xHH, \\uHHHH or \\u{H…}.";
    let digits: string;
    if (kind === "x") digits = this.digits(2, 2);
    else if (this.ahead("{")) {
      this.at++;
      digits = this.digits(1, this.source.length);
      if (!this.ahead("}") || digits.replace(/^0+/, "").length > 6) digits = "";
      this.at++;
    } else digits = this.digits(4, 4);
    const code = Number.parseInt(digits || "110000", 16);
    if (code >= 0xd800 && code < 0xdc00 && digits.length === 4 && this.ahead("\\u")) {
      this.at += 2;
      const low = Number.parseInt(this.digits(4, 4) || "0", 16);
      if (low >= 0xdc00 && low < 0xe000) return 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
    }
    if (isHalf(code)) this.refuse(`the escape \\${kind}`, start, "is half a character", hint);
    if (code > 0x10ffff) this.refuse(`the escape \\${kind}`, start, "names no character", hint);
    return code;
  }

  private property(kind: string, start: number): Item {
    const hint = "Write a general category, \\p{L}, or a script, \\p{Script=Greek}.";
    const end = this.source.indexOf("}", this.at);
    if (!this.ahead("{") || end < 0)
      this.refuse(`the escape \\${kind}`, start, "needs a name in braces", hint);
    const written = this.source.slice(this.at + 1, end);
    const found = PROPERTY.exec(written);
    if (!found) this.refuse(`the property \\${kind}{${written}}`, start, SHARED, hint);
    this.at = end + 1;
    const text = `\\${kind}{${found[1] ?? `Script=${found[2]}`}}`;
    return { text, steps: STEPS_PROPERTY, code: null, negative: kind === "P" };
  }
}

export function refusal(message: string, hint: string): Refusal {
  return new Refusal(`${message}\n${hint}`);
}
