// What a server said only shows: the page's rules are Python's, character by character.
import { describe, expect, it } from "vitest";
import told from "../../../tests/vectors/visible-cases.json" with { type: "json" };
import { manyLines, oneLine, oneName } from "./visible.ts";

describe("as in Python", () => {
  it.each(told.cases.map((told) => [JSON.stringify(told.text), told] as const))(
    "%s",
    (_, { text, line, lines, name }) => {
      expect([oneLine(text), manyLines(text), oneName(text)]).toEqual([line, lines, name]);
    },
  );
});

it.each([
  ["a text", oneLine, told.odd],
  ["a name", oneName, told.unseen],
] as const)("in %s every character is shown or stays as in Python", (_, say, ranges) => {
  const changed: number[][] = [];
  for (let code = 0; code < 0x110000; code++) {
    const char = `a${String.fromCodePoint(code)}a`;
    if (say(char) === char) continue;
    if (changed.at(-1)?.[1] === code - 1) changed.at(-1)![1] = code;
    else changed.push([code, code]);
  }
  expect(changed).toEqual(ranges);
});
