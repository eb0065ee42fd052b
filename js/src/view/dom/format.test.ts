// Text from a server comes out readable and harmless.
import { expect, it } from "vitest";
import { ago, bytes, clock, count, cutAt, delta, fullTime, moment, rate } from "./format.ts";

it("cutAt never halves a character", () => {
  expect([cutAt("abc", 3), cutAt("abcd", 3), cutAt("ab👍", 3)]).toEqual(["abc", "abc…", "ab…"]);
});

it("numbers, sizes and rates", () => {
  expect([count(1204), rate(1203.7), rate(0.42), rate(0)]).toEqual(["1,204", "1,204/s", "0.4/s", "0/s"]);
  expect([bytes(1), bytes(900), bytes(65536), bytes(3.2 * 2 ** 20), bytes(1.5 * 2 ** 30)]).toEqual([
    "1 byte",
    "900 bytes",
    "64 KiB",
    "3.2 MiB",
    "1.5 GiB",
  ]);
});

it("times are local", () => {
  const at = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();
  expect(clock(at)).toBe("03:04:05.006");
  expect(fullTime(at)).toMatch(/^2026-01-02T03:04:05\.006(Z|[+-]\d\d:\d\d)$/);
  expect(new Date(fullTime(at)).getTime()).toBe(at);
  expect(fullTime(Number.NaN)).toBe("unknown time");
});

it("times relative to now and to the row before", () => {
  expect([
    ago(-5),
    ago(999),
    ago(1000),
    ago(59_999),
    ago(61_000),
    ago(7_200_000),
    ago(200_000_000),
    ago(Number.NaN),
  ]).toEqual(["now", "now", "1 s ago", "59 s ago", "1 min ago", "2 h ago", "2 d ago", ""]);
  expect([
    delta(0),
    delta(31),
    delta(999.6),
    delta(1204),
    delta(-3),
    delta(123_400),
    delta(3_723_000),
    delta(Number.NaN),
  ]).toEqual(["+0 ms", "+31 ms", "+1.000 s", "+1.204 s", "\u22123 ms", "+2:03.400", "+1:02:03", ""]);
});

it("a date stands where it is not today's, a year where it is not this one", () => {
  const now = Date.UTC(2026, 8, 21, 14, 13, 20, 7);
  const at = (ms: number): string => moment(ms, now, true);
  expect([at(now), at(now - 86_400_000), at(Date.UTC(1999, 11, 31)), at(9e14), at(Number.NaN)]).toEqual([
    "14:13:20.007",
    "09-20 14:13:20.007",
    "1999-12-31 00:00:00.000",
    "+030489-11-11 16:00:00.000",
    "unknown time",
  ]);
});
