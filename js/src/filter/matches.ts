/** Where a pattern is found in a text. Pure, and as slow as the pattern is: see who calls it. */
export function places(pattern: RegExp, text: string, limit: number): number[] {
  const out: number[] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match && out.length < 2 * limit; match = pattern.exec(text)) {
    if (match[0] !== "") out.push(match.index, match.index + match[0].length);
    // A match of nothing would be found at the same place for ever.
    else pattern.lastIndex += text.codePointAt(pattern.lastIndex)! > 0xffff ? 2 : 1;
  }
  return out;
}
