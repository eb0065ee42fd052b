import { describe, expect, it } from "vitest";
import cases from "../../../tests/vectors/filter-cases.json" with { type: "json" };
import { Automaton, placesWithin, Search } from "./automaton.ts";
import type { FilterState } from "./filter.ts";
import { translate } from "./patterns.ts";
import { places } from "./places.ts";

const FOREVER = Number.POSITIVE_INFINITY;
const isFound = (automaton: Automaton, text: string): boolean => {
  const search = new Search(automaton, text, 0, true);
  while (!search.run(FOREVER));
  return search.found !== null;
};

interface Case {
  filter: Partial<FilterState>;
  events?: [type: string, data: string, at: number][];
  invalid?: string;
}

describe("an automaton", () => {
  it("finds what the browser finds, in every pattern of the shared table", () => {
    let tried = 0;
    for (const { filter, events = [], invalid } of cases as unknown as Case[]) {
      if (!filter.regex || invalid !== undefined) continue;
      for (const source of [filter.text, filter.exclude]) {
        if (!source) continue;
        const pattern = translate(source, filter.case === true);
        const automaton = new Automaton(pattern);
        for (const [, data] of events) {
          tried++;
          expect([source, data, isFound(automaton, data)]).toEqual([source, data, pattern.test(data)]);
        }
      }
    }
    expect(tried).toBeGreaterThan(500);
  });

  it("finds the same places, in patterns made by chance", () => {
    let seed = 7;
    const below = (n: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % n;
    };
    const atoms = [
      "a",
      "b",
      "[ab]",
      "[^a]",
      ".",
      "\\w",
      "\\d",
      "\\b",
      "é",
      "😀",
      "^",
      "$",
      "(?:ab|a)",
      "(b|)",
    ];
    const signs = ["", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?", "{2,}"];
    const some = (depth: number): string => {
      let out = "";
      for (let n = below(4) + 1; n > 0; n--) {
        const atom = depth > 0 && below(3) === 0 ? `(${some(depth - 1)})` : atoms[below(atoms.length)]!;
        // A loop whose body may be empty: engines differ in where they stop, and only there.
        const mayRepeat = !/^(?:\\b|\^|\$|\()/.test(atom);
        out += atom + (mayRepeat ? signs[below(signs.length)]! : "");
        if (below(6) === 0) out += "|";
      }
      return out;
    };
    for (let n = 0; n < 800; n++) {
      const source = some(2);
      const pattern = translate(source, below(2) === 0);
      const text = Array.from({ length: below(12) }, () => "aabbé😀 1A\n"[below(10)] ?? "").join("");
      const global = new RegExp(pattern.source, `${pattern.flags}g`);
      expect([source, text, placesWithin(new Automaton(pattern), text, 50, FOREVER)]).toEqual([
        source,
        text,
        places(global, text, 50),
      ]);
    }
  }, 60_000);

  it("takes no longer for patterns that go back for ever", () => {
    const text = `${"a".repeat(16 * 1024)}!`;
    for (const evil of [
      "(a+)+$",
      "(a|a)*b",
      "(a|aa)+$",
      "(.*a){12}$",
      ".*.*.*.*=",
      "(\\w+\\s?)*=",
      "^(([a-z])+.)+[A-Z]([a-z])+$",
    ]) {
      const search = new Search(new Automaton(translate(evil, true)), text, 0, true);
      while (!search.run(FOREVER));
      expect([evil, search.found]).toEqual([evil, null]);
    }
    expect(isFound(new Automaton(translate("(a+)+$", true)), "a".repeat(5000))).toBe(true);
  });

  it("is left and gone on with", () => {
    const text = `${"ab".repeat(20_000)}c`;
    const search = new Search(new Automaton(translate("(a|b)+c", true)), text);
    let times = 0;
    while (!search.run(0)) times++;
    expect(times).toBeGreaterThan(2);
    expect(search.found).toEqual({ from: 0, to: text.length });
    expect(placesWithin(new Automaton(translate("(a|b)+c", true)), text, 5, 0)).toBeNull();
  });
});
