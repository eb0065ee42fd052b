// Text from a server comes out readable and harmless; JSON is moved, never changed (DESIGN.md §5).
import { describe, expect, it } from "vitest";
import { bytes, clock, count, cutAt, fullTime, manyLines, oneLine, rate } from "./format.ts";
import { pretty } from "./json.ts";

const laid = (source: string): string | null => pretty(source)?.map((token) => token[1]).join("") ?? null;

describe("oneLine", () => {
  it.each([
    ["line ends", "a\nb\r\nc\u2028d", "a⏎b␍⏎c⏎d"],
    ["controls", "\u0000\u0007\u001b[31m\u007f", "␀␇␛[31m␡"],
    ["C1 controls", "\u0085\u009b", "‹U+0085›‹U+009B›"],
    ["bidi controls", "x\u202Egnp.exe\u2069\u061c", "x‹U+202E›gnp.exe‹U+2069›‹U+061C›"],
    ["zero width", "a\u200Bb\u2060c\uFEFFd", "a‹U+200B›b‹U+2060›c‹U+FEFF›d"],
    ["tag characters", "a\u{E0041}", "a‹U+E0041›"],
    ["tabs", "a\tb", "a b"],
    ["what is ordinary", "سلام 日本 👩‍👩‍👧 <b>é</b>", "سلام 日本 👩‍👩‍👧 <b>é</b>"],
  ])("shows %s", (_, source, expected) => expect(oneLine(source)).toBe(expected));
});

it("manyLines keeps lines and tabs", () => expect(manyLines("a\n\tb\u0000\r\nc")).toBe("a\n\tb␀␍\nc"));

it("cutAt never halves a character", () => {
  expect([cutAt("abc", 3), cutAt("abcd", 3), cutAt("ab👍", 3)]).toEqual(["abc", "abc…", "ab…"]);
});

it("numbers, sizes and rates", () => {
  expect([count(1204), rate(1203.7), rate(0.42), rate(0)]).toEqual(["1,204", "1,204/s", "0.4/s", "0/s"]);
  expect([bytes(1), bytes(900), bytes(65536), bytes(3.2 * 2 ** 20), bytes(1.5 * 2 ** 30)]).toEqual(["1 byte", "900 bytes", "64 KiB", "3.2 MiB", "1.5 GiB"]);
});

it("times are local", () => {
  const at = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();
  expect(clock(at)).toBe("03:04:05.006");
  expect(fullTime(at)).toMatch(/^2026-01-02T03:04:05\.006(Z|[+-]\d\d:\d\d)$/);
  expect(new Date(fullTime(at)).getTime()).toBe(at);
  expect(fullTime(Number.NaN)).toBe("unknown time");
});

describe("pretty", () => {
  it("indents", () => {
    expect(laid('{"a":1,"b":[true,null,"x"],"c":{},"d":[]}')).toBe(
      '{\n  "a": 1,\n  "b": [\n    true,\n    null,\n    "x"\n  ],\n  "c": {},\n  "d": []\n}',
    );
  });
  it.each([
    ["big integers", '{"id":12345678901234567890123}'],
    ["fractions as written", '[1.0,1e3,-0.10,1E+2]'],
    ["duplicate keys", '{"a":1,"a":2}'],
    ["escapes", '["\\u0041\\n\\"{,:}[]"]'],
    ["brackets in strings", '{"a":"{[,]}:"}'],
  ])("changes nothing but space: %s", (_, source) => {
    expect(laid(source)!.replace(/\n\s*|(?<=:) /g, "")).toBe(source);
  });
  it("knows keys from strings", () => {
    expect(pretty('{"a":"b","c":["d","e"]}')!.filter(([kind]) => kind === "key").map((token) => token[1])).toEqual(['"a"', '"c"']);
  });
  it.each(["", "plain", '{"a":}', "{'a':1}", '{"a":1}x', "12", '"text"', "[1,]"])("leaves %j alone", (source) => expect(laid(source)).toBeNull());
  it("is not undone by depth", () => {
    const deep = "[".repeat(20_000) + "]".repeat(20_000);
    const out = laid(deep);
    expect(out === null || out.length < 2 ** 23).toBe(true);
  });
  it("lays out a long string quickly", () => expect(laid(`{"a":"${"x\\n".repeat(300_000)}"}`)).toContain('\n  "a": "x'));
});
