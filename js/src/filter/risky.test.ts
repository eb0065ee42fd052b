import { expect, it } from "vitest";
import { isRisky } from "./risky.ts";

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
