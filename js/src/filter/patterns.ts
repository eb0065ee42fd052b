/**
 * The pattern syntax that JavaScript and RE2 share, as a RegExp that means what RE2 means.
 * A pattern is read once, from left to right; what one engine lacks, or reads in another way, is
 * refused by name. It never runs a pattern over data and imports only escapes.ts and casing.ts:
 * `sse_widget/filters/regex.py` is its twin, with the same decisions, words and positions.
 */
import { classText } from "./casing.ts";
import { char, type Item, LINEAR, Reader, refusal, SHARED, STEPS_CHAR, STEPS_RANGE } from "./escapes.ts";

// RE2 gives up on a program of about 350,000 instructions and V8 on large ones too, each with
// words of its own, so both sides count the same rough steps and stop far below.
const MAX_STEPS = 50_000;
const MAX_REPEAT = 1000;
const MAX_DEPTH = 100;

// All sticky: they look at one place of the pattern.
const COUNTED = /\{([0-9]+)(?:(,)([0-9]*))?\}/y;
const GROUP_NAME = /\?<([A-Za-z_][A-Za-z0-9_]*)>/y;
const FLAGS = /\?([a-zA-Z^-]+)[:)]/y;
const POSIX = /\[:\^?[a-zA-Z]+:\]/y;

const NO_LOOK = "Use exclude= for text that must not occur.";
const GROUPS: [string, string, string, string][] = [
  ["?=", "look-ahead (?=…)", LINEAR, NO_LOOK],
  ["?!", "look-ahead (?!…)", LINEAR, NO_LOOK],
  ["?<=", "look-behind (?<=…)", LINEAR, NO_LOOK],
  ["?<!", "look-behind (?<!…)", LINEAR, NO_LOOK],
  ["?>", "atomic group (?>…)", LINEAR, "Write (?:…)."],
  ["?P=", "back-reference (?P=…)", LINEAR, "Repeat the pattern of the group."],
  ["?P<", "named group (?P<…>)", SHARED, "Write (?<name>…) or (?:…)."],
  ["?(", "conditional group (?(…)", LINEAR, "Write the alternatives out with |."],
  ["?#", "comment (?#…)", SHARED, "Leave the comment out."],
];

interface Piece {
  text: string;
  steps: number;
  repeats: number;
  repeatable: boolean;
}

interface Group {
  start: number;
  out: string[];
  steps: number;
  repeats: number;
}

/** `pattern` as a RegExp that finds what RE2 finds; throws a Refusal. */
export function translate(pattern: string, caseSensitive: boolean): RegExp {
  return new RegExp(new Translation(pattern, caseSensitive).run(), "u");
}

/** Where `text` holds half a character, or null: it can match nothing that UTF-8 carries. */
export function loneSurrogate(text: string): number | null {
  const at = [...text].findIndex((char) => /^[\ud800-\udfff]$/u.test(char));
  return at < 0 ? null : at;
}

/** A hint; `instead` is what would help too. */
const itself = (sign: string, instead = ""): string =>
  instead === ""
    ? `Write \\${sign} for the character itself.`
    : `${instead}, or write \\${sign} for the character itself.`;

const piece = (text: string, steps: number, repeatable = true): Piece => ({
  text,
  steps,
  repeats: 1,
  repeatable,
});
const group = (start: number): Group => ({ start, out: [], steps: 0, repeats: 1 });

class Translation extends Reader {
  #groups: Group[] = [group(-1)];
  #names = new Set<string>();
  #case: boolean;
  /** There is a \B. */
  #inner = false;

  constructor(pattern: string, caseSensitive: boolean) {
    super(pattern);
    this.#case = caseSensitive;
  }

  run(): string {
    const half = loneSurrogate(this.source);
    if (half !== null)
      throw refusal(`a lone surrogate at position ${half} is half a character`, "Remove it.");
    while (this.at < this.source.length) {
      const next = this.peek();
      if (next === "(") this.#openGroup();
      else if (next === "|") {
        this.at++;
        this.#add(piece("|", STEPS_CHAR));
      } else this.#add(this.#quantified(next === ")" ? this.#closeGroup() : this.#atom(next)));
    }
    const top = this.#groups[0]!;
    if (this.#groups.length > 1) {
      this.refuse("the group", this.#open().start, "is never closed", itself("(", "Add the )"));
    }
    if (top.steps > MAX_STEPS) {
      throw refusal(
        `the pattern is too large: ${top.steps} steps, of at most ${MAX_STEPS}`,
        "Use fewer repeats {n,m}, fewer \\p{…} under them, or a shorter pattern.",
      );
    }
    const whole = top.out.join("");
    // V8 finds \B inside a surrogate pair (and RE2 inside UTF-8): make it walk from the beginning
    // in whole characters.
    return this.#inner ? `^[^]*?(?:${whole})` : whole;
  }

  #open(): Group {
    return this.#groups[this.#groups.length - 1]!;
  }

  #add({ text, steps, repeats }: Piece): void {
    const open = this.#open();
    open.out.push(text);
    open.steps += steps;
    open.repeats = Math.max(open.repeats, repeats);
  }

  #openGroup(): void {
    const start = this.at++;
    if (this.ahead("?")) this.#groupKind(start);
    if (this.#groups.length > MAX_DEPTH) {
      this.refuse("the group", start, `is nested more than ${MAX_DEPTH} deep`, "Use fewer.");
    }
    this.#groups.push(group(start));
  }

  #groupKind(start: number): void {
    if (this.ahead("?:")) {
      this.at += 2;
      return;
    }
    for (const [opening, what, why, hint] of GROUPS)
      if (this.ahead(opening)) this.refuse(what, start, why, hint);
    const name = this.match(GROUP_NAME);
    if (name) {
      if (this.#names.has(name[1]!))
        this.refuse(`the group name ${name[1]}`, start, "is used twice", "Write (?:…).");
      this.#names.add(name[1]!);
      this.at += name[0].length;
      return;
    }
    const flags = this.match(FLAGS);
    if (flags) this.refuse(`inline flags (?${flags[1]})`, start, SHARED, "Use case= for the whole filter.");
    const what = `the group (?${this.peek(this.at + 1)}`;
    this.refuse(what, start, "is of no known kind", itself("(", "Write (?:…)"));
  }

  #closeGroup(): Piece {
    if (this.#groups.length === 1) {
      this.refuse("the )", this.at, "closes no group", itself(")", "Remove it"));
    }
    this.at++;
    const { out, steps, repeats } = this.#groups.pop()!;
    return { text: `(?:${out.join("")})`, steps: steps + STEPS_CHAR, repeats, repeatable: true };
  }

  #quantified(done: Piece): Piece {
    const start = this.at;
    const sign = this.peek();
    if (!isQuantifier(sign)) return done;
    if (!done.repeatable)
      this.refuse(
        `the ${sign}`,
        start,
        "has nothing to repeat",
        "An anchor holds once: remove the quantifier.",
      );
    let text = sign;
    if (sign === "{") text = this.#counted(done, start);
    else {
      this.at++;
      done.steps += STEPS_CHAR;
    }
    if (this.ahead("+")) {
      this.refuse(
        `possessive quantifier ${this.source.slice(start, this.at + 1)}`,
        start,
        LINEAR,
        "Remove the second sign.",
      );
    }
    if (this.ahead("?")) {
      this.at++;
      text += "?";
    }
    const follower = this.peek();
    if (isQuantifier(follower)) {
      const hint = itself(follower, "Put what it repeats into (?:…)");
      this.refuse(`the ${follower}`, this.at, "has nothing to repeat", hint);
    }
    done.text += text;
    return done;
  }

  #counted(done: Piece, start: number): string {
    const found = this.match(COUNTED);
    if (!found) this.refuse("a lone {", start, SHARED, itself("{"));
    const [written, least = "", comma, most] = found;
    const low = Number(least);
    const high = Number(most || least);
    if (Math.max(low, high) > MAX_REPEAT)
      this.refuse(`the repeat ${written}`, start, `is over ${MAX_REPEAT}`, "Use + or *.");
    if (low > high) this.refuse(`the repeat ${written}`, start, "is out of order", "Put the lower first.");
    const times = Math.max(high, 1);
    done.repeats *= times;
    if (done.repeats > MAX_REPEAT) {
      const why = `makes nested repeats multiply to ${done.repeats}, over ${MAX_REPEAT}`;
      this.refuse(`the repeat ${written}`, start, why, "Use + or * for one of them.");
    }
    done.steps = (done.steps + STEPS_CHAR) * times;
    this.at += written.length;
    return comma === undefined ? `{${low}}` : `{${low},${most ? high : ""}}`;
  }

  #atom(next: string): Piece {
    const start = this.at;
    if (next === "[") return this.#charClass();
    if (next === "\\") {
      const letter = this.peek(start + 1);
      if (letter === "b" || letter === "B") {
        this.at += 2;
        this.#inner ||= letter === "B";
        return piece(`\\${letter}`, STEPS_CHAR, false);
      }
      const item = this.escape(false);
      return piece(this.#single(item), item.steps);
    }
    if (next === "*" || next === "+" || next === "?") {
      this.refuse(`the ${next}`, start, "has nothing to repeat", itself(next));
    }
    if (next === "{" || next === "}" || next === "]") {
      this.refuse(`a lone ${next}`, start, SHARED, itself(next));
    }
    this.at += next.length;
    if (next === "^" || next === "$") return piece(next, STEPS_CHAR, false);
    if (next === ".") return piece("[^\\n]", STEPS_CHAR);
    return piece(this.#single(char(next.codePointAt(0)!)), STEPS_CHAR);
  }

  #single(item: Item): string {
    const text = classText([item], false, this.#case);
    // A character without a second case needs no class: V8 searches for plain text faster.
    return item.code !== null && text === `[${item.text}]` ? item.text : text;
  }

  #charClass(): Piece {
    const start = this.at++;
    const negated = this.ahead("^");
    if (negated) this.at++;
    if (this.ahead("]")) {
      const what = `the empty class ${this.source.slice(start, this.at + 1)}`;
      this.refuse(what, start, SHARED, "Write \\] for a bracket, [\\s\\S] for any character.");
    }
    const items: Item[] = [];
    let steps = STEPS_RANGE;
    while (!this.ahead("]")) {
      const item = this.#classItem(start);
      items.push(item);
      steps += item.steps;
    }
    this.at++;
    return piece(classText(items, negated, this.#case), steps);
  }

  #classItem(start: number): Item {
    const begin = this.at;
    const first = this.#classMember(start);
    if (!this.ahead("-") || this.source[this.at + 1] === "]") return first;
    this.at++;
    const last = this.#classMember(start);
    const what = `the range ${this.source.slice(begin, this.at)}`;
    const hint = "Write \\- for a hyphen.";
    if (first.code === null || last.code === null)
      this.refuse(what, begin, "begins or ends with a class", hint);
    if (first.code > last.code) this.refuse(what, begin, "is out of order", hint);
    return { text: `${first.text}-${last.text}`, steps: STEPS_RANGE, code: null, negative: false };
  }

  #classMember(start: number): Item {
    const next = this.peek();
    if (next === "") this.refuse("the class", start, "is never closed", itself("[", "Add the ]"));
    if (next === "\\") return this.escape(true);
    const posix = this.match(POSIX);
    if (posix)
      this.refuse(`the POSIX class ${posix[0]}`, this.at, SHARED, "Write a-z, \\d, \\w, \\s or \\p{L}.");
    this.at += next.length;
    return char(next.codePointAt(0)!);
  }
}

function isQuantifier(sign: string): boolean {
  return sign === "*" || sign === "+" || sign === "?" || sign === "{";
}
