import { expect, it, vi } from "vitest";
import { isRisky, isSlow } from "./risky.ts";

it("tells patterns that go back for ever", () => {
  for (const evil of [
    "(a+)+$",
    "(a|a)*b",
    "(a|aa)+$",
    "(.*a){12}$",
    ".*.*.*=",
    "(\\w+\\s?)*=",
    `${"a?".repeat(30)}a`,
  ])
    expect([evil, isRisky(evil)]).toEqual([evil, true]);
});

it("lets pass what people write", () => {
  for (const plain of [
    "BTC",
    "\\d+ms",
    "error|warn",
    "^.*timeout",
    "[*+]{3}",
    "\\(a\\)\\+",
    '"price":\\d+\\.\\d+',
    "(?:ab|cd)ef?",
  ])
    expect([plain, isRisky(plain)]).toEqual([plain, false]);
});

it("takes no machine that stood still for a slow pattern", () => {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  const costs = (...ms: number[]) => isSlow(100, () => (now += ms.shift()!));
  expect(costs(3_000, 1)).toBe(false);
  expect(costs(1)).toBe(false);
  expect(costs(3_000, 3_000)).toBe(true);
  vi.restoreAllMocks();
});
