// Marks agree with what the filter finds, whatever case folding does to lengths.
import { expect, it } from "vitest";
import { Rates } from "../kernel/rates.ts";
import { findPlain } from "./marker.ts";

it.each([
  ["a btc BTC", "Btc", false, ["btc", "BTC"]],
  ["a btc BTC", "BTC", true, ["BTC"]],
  ["İstanbul btc", "BTC", false, ["btc"]],
  ["İİİ xİx", "i\u0307x", false, ["İx"]],
  ["aaaa", "aa", false, ["aa", "aa"]],
  ["none", "x", false, []],
  ["none", "", false, []],
])("%j: %j", (text, needle, matchCase, expected) => {
  const marks = findPlain(text, needle, matchCase);
  const found: string[] = [];
  for (let i = 0; i < marks.length; i += 2) found.push(text.slice(marks[i], marks[i + 1]));
  expect(found).toEqual(expected);
});

it("rates are over whole seconds, bounded in types and time", () => {
  const rates = new Rates();
  rates.since = 100;
  for (let second = 100; second < 110; second++) rates.add("a", 10, second * 1000 + 500);
  expect([rates.of("a", 110_200), rates.of("a", 112_200), rates.of("b", 110_200)]).toEqual([10, 6, 0]);
  for (let i = 0; i < 1000; i++) rates.add(`t${i}`, 1, 120_000);
  expect(rates.seconds.get(120)!.size).toBeLessThan(70);
  for (let second = 0; second < 3000; second++) rates.add("a", 1, second * 1000);
  expect(rates.seconds.size).toBeLessThan(700);
});
