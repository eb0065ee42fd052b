/**
 * The page's filter lets through what Python's does: both run tests/vectors/filter-cases.json.
 * What is tested only here is what only the page has: `needsText`, speed, events without a time.
 */
import { describe, expect, test } from "vitest";
import cases from "../../../tests/vectors/filter-cases.json" with { type: "json" };
import { compile, EVERYTHING, type FilterState } from "./filter.ts";

interface Case {
  name: string;
  filter: Partial<FilterState>;
  events?: [type: string, data: string, at: number][];
  keep?: number[];
  invalid?: string;
}

function tester(filter: Partial<FilterState>) {
  const compiled = compile({ ...EVERYTHING, ...filter });
  if (!compiled.ok) throw new Error(compiled.reason);
  return compiled;
}

function reason(filter: Partial<FilterState>): string | null {
  const compiled = compile({ ...EVERYTHING, ...filter });
  return compiled.ok ? null : compiled.reason;
}

describe("the table that Python runs too", () => {
  for (const { name, filter, events, keep, invalid } of cases as unknown as Case[]) {
    test(name, () => {
      if (invalid !== undefined) {
        expect(reason(filter)).toContain(invalid);
        return;
      }
      const compiled = tester(filter);
      const kept = (events ?? []).flatMap(([type, data, at], index) =>
        compiled.test(type, data, at) ? [index] : [],
      );
      expect(kept).toEqual(keep);
    });
  }
});

test("EVERYTHING lets everything through and cannot be changed", () => {
  expect(tester({}).test("any", "thing", Number.NaN)).toBe(true);
  expect(Object.isFrozen(EVERYTHING)).toBe(true);
});

test("the text is needed only where it is looked at", () => {
  expect(tester({}).needsText).toBe(false);
  expect(tester({ types: ["a"], since: 0, regex: true }).needsText).toBe(false);
  expect(tester({ text: "a" }).needsText).toBe(true);
  expect(tester({ exclude: "a" }).needsText).toBe(true);
});

test("an event without a time passes no bound", () => {
  expect(tester({ since: 0 }).test("a", "", Number.NaN)).toBe(false);
  expect(tester({ until: 9e15 }).test("a", "", Number.NaN)).toBe(false);
});

test("the answer does not depend on the rows before", () => {
  const { test: passes } = tester({ text: "a\\b", regex: true });
  expect([1, 2, 3].map(() => passes("m", "xa", 0))).toEqual([true, true, true]);
});

test("a filter that changes after it was compiled changes nothing", () => {
  const types = ["a"];
  const compiled = tester({ types });
  types.push("b");
  expect(compiled.test("b", "", 0)).toBe(false);
});

test("a refusal says what, where, why and what to do, as Python says it", () => {
  expect(reason({ text: "foo(?=bar)", regex: true })).toBe(
    "look-ahead (?=…) at position 3 is not supported: patterns must run in linear time\nUse exclude= for text that must not occur.",
  );
});

test("the largest patterns that are accepted run here", () => {
  const large = [
    "(?:\\p{L}{7}){7}",
    "(?:\\P{Lu}{7}){7}",
    "\\W{990}",
    "[^\\P{Lu}a]{48}",
    "k".repeat(4_990),
    `${"(".repeat(100)}k${")".repeat(100)}`,
  ];
  for (const text of large) {
    for (const caseSensitive of [true, false]) {
      const compiled = tester({ text, regex: true, case: caseSensitive });
      for (const data of ["k".repeat(5_000), "é中😀".repeat(1_000)])
        expect(typeof compiled.test("m", data, 0)).toBe("boolean");
    }
  }
});

test.each([
  [{ text: "zebra" }, 0],
  [{ text: "зебра" }, 0],
  [{ text: "МОСКВА 99999" }, 1],
  [{ text: "price" }, 100_000],
  [{ text: "z\\w+a", regex: true }, 0],
])("of 100,000 rows %j lets %i through", (filter, count) => {
  const rows = Array.from({ length: 100_000 }, (_, i) => `{"price": ${i}, "name": "Москва ${i}"}`);
  const compiled = tester(filter);
  expect(rows.filter((row) => compiled.test("m", row, 0)).length).toBe(count);
});
