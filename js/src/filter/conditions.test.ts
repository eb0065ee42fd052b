/** Conditions mean what they mean in Python: both run tests/vectors/condition-cases.json. */
import { expect, test } from "vitest";
import cases from "../../../tests/vectors/condition-cases.json" with { type: "json" };
import { type Condition, OPERATORS, refusal } from "./conditions.ts";
import { compile, EVERYTHING } from "./filter.ts";

interface Case {
  name: string;
  where: Condition[];
  data: string[];
  keep: number[];
}

function passing(where: Condition[], data: string[]): number[] {
  const compiled = compile({ ...EVERYTHING, where });
  if (!compiled.ok) throw new Error(compiled.reason);
  return data.flatMap((text, at) => (compiled.test("message", text, 0) ? [at] : []));
}

for (const { name, where, data, keep } of cases as unknown as Case[]) {
  test(name, () => expect(passing(where, data)).toEqual(keep));
}

test("every operator is in the table", () => {
  const used = new Set((cases as unknown as Case[]).flatMap(({ where }) => where.map(([, op]) => op)));
  expect([...used].sort()).toEqual([...OPERATORS].sort());
});

test.each([
  [["a", "=", 1]],
  [["a", "<", null]],
  [["a", ">", true]],
  [["a", "in", "BTC"]],
  [["a", "in", []]],
  [["a", "exists", 1]],
  [["a", "==", { b: 1 }]],
  [["a", "==", Number.NaN]],
  [["\ud800", "==", 1]],
] as unknown as [Condition][])("what is no condition is refused: %j", (condition) => {
  expect(refusal(condition)).not.toBeNull();
  expect(compile({ ...EVERYTHING, where: [condition] }).ok).toBe(false);
});

test("conditions and text hold together", () => {
  const compiled = compile({ ...EVERYTHING, text: "x", where: [["a", ">", 1]] });
  expect(compiled.ok && compiled.needsText).toBe(true);
  const ok = (data: string) => compiled.ok && compiled.test("t", data, 0);
  expect([ok('{"a":2,"b":"x"}'), ok('{"a":2}'), ok('{"a":1,"b":"x"}')]).toEqual([true, false, false]);
});
