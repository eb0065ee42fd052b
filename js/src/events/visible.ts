/**
 * Visible text: what somebody else said, written so that it only shows. The mirror of `visible.py`; both
 * run tests/vectors/visible-cases.json. A control becomes its picture, what hides, reorders or breaks a
 * line its name; in types, ids, keys and names so does all that cannot be seen, and no two of them look
 * alike for that reason. It makes text for text nodes and knows nothing of markup.
 */
/** Controls, bidirectional controls, line ends, characters without a glyph, tags, halves of surrogate pairs. */
const ODD =
  "\\u0000-\\u001F\\u007F-\\u009F\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180E\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F" +
  "\\u3164\\uD800-\\uDFFF\\uFEFF\\uFFA0\\uFFF0-\\uFFFB\\u{1BCA0}-\\u{1BCA3}\\u{1D159}\\u{1D173}-\\u{1D17A}\\u{E0000}-\\u{E00FF}\\u{E01F0}-\\u{E0FFF}";
/** These, joiners and selectors, spaces of other widths; and what a picture or a name could be taken for. */
const ODD_NAME =
  `${ODD}\\u00A0\\u1680\\u180B-\\u180D\\u180F\\u2000-\\u200A\\u200C\\u200D\\u202F\\u205F\\u23CE\\u2400-\\u2426\\u2800\\u3000\\uFE00-\\uFE0F` +
  "\\u{13430}-\\u{1343F}\\u{E0100}-\\u{E01EF}";
const TEXT = new RegExp(`[${ODD}]`, "gu");
/** A space that begins, ends or follows another one is as good as unseen. */
const NAME = new RegExp(`[${ODD_NAME}]|\\u2039(?=U\\+)|^ | $|(?<= ) `, "gu");
/** All that is better not put into a command or a program as it is. */
export const UNSEEN = new RegExp(`[${ODD_NAME}]`, "gu");

/** Where to end a text that has `end` units so far: not between the halves of a character. */
export function wholeEnd(text: string, end = text.length): number {
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last < 0xdc00 ? end - 1 : end;
}

function picture(char: string): string {
  const code = char.codePointAt(0)!;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `\u2039U+${code.toString(16).toUpperCase().padStart(4, "0")}\u203A`;
}

/** One line: line ends as ⏎, tabs as a space, everything odd by its picture or name; of nothing "". */
export function oneLine(value: string | null | undefined): string {
  return (value ?? "").replace(TEXT, (char) =>
    char === "\n" || char === "\u2028" || char === "\u2029" ? "\u23CE" : char === "\t" ? " " : picture(char),
  );
}
/** Many lines: line feeds and tabs stay, everything odd by its picture or name. */
export function manyLines(value: string): string {
  return value.replace(TEXT, (char) => (char === "\n" || char === "\t" ? char : picture(char)));
}
/** A type, an id, a key, a name. */
export function oneName(value: string): string {
  return value.replace(NAME, picture);
}
