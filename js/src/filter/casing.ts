/**
 * Letter case. RE2 closes each set under simple case folding, takes complements after that, and
 * leaves \b alone; JavaScript's i flag folds inside complements (/\P{Lu}/iu finds "A") and widens
 * \b to ſ and the Kelvin sign. So patterns never use the flag: sets are written out in full, with
 * the flag asked only which characters a set gains. It imports only escapes.ts.
 */
import { type Item, isHalf } from "./escapes.ts";

let casedCharacters: string | null = null;
const gains = new Map<string, string>();

function gained(set: string): string {
  const known = gains.get(set);
  if (known !== undefined) return known;
  casedCharacters ??= cased();
  const exact = new RegExp(set, "u");
  const found = casedCharacters.match(new RegExp(set, "giu")) ?? [];
  const more = found.filter((c) => !exact.test(c)).join("");
  if (gains.size > 2_000) gains.clear();
  gains.set(set, more);
  return more;
}

function cased(): string {
  const found: string[] = [];
  const changes = /[\p{CWCM}\p{CWCF}]/u;
  for (let code = 0x41; code < 0x20000; code++) {
    const c = String.fromCodePoint(code);
    if (!isHalf(code) && changes.test(c)) found.push(c);
  }
  return found.join("");
}

/** One character of the set that the items make. */
export function classText(items: Item[], negated: boolean, caseSensitive: boolean): string {
  const body = (some: Item[]) => some.map((item) => item.text).join("");
  if (caseSensitive) return `[${negated ? "^" : ""}${body(items)}]`;
  const positive = items.filter((item) => !item.negative);
  let text = body(positive);
  if (positive.length > 0) text += gained(`[${text}]`);
  const alternatives: string[] = [];
  for (const { text: set } of items.filter((item) => item.negative)) {
    // What the positive set gains, its complement loses.
    const lost = gained(`[${set.toLowerCase().slice(0, 2)}${set.slice(2)}]`);
    if (lost === "") text += set;
    else alternatives.push(`(?![${lost}])${set}`);
  }
  if (alternatives.length === 0) return `[${negated ? "^" : ""}${text}]`;
  if (text !== "") alternatives.push(`[${text}]`);
  const any = alternatives.join("|");
  return negated ? `(?:(?!${any})[^])` : `(?:${any})`;
}
