// JSON where it lies: every letter stays, no depth is too deep; bytes in text.
import { describe, expect, it } from "vitest";
import { random } from "../testing/kernel.ts";
import { hexDump, recognise } from "./base64.ts";
import { Children, judge, root, type Value } from "./jsonscan.ts";

function children(source: string, of: Value): Value[] {
  const list = new Children(source, of);
  const out: Value[] = [];
  while (!list.done) out.push(...list.next(2));
  return out;
}
/** A value written again from its places, without spaces. */
function again(source: string, value: Value): string {
  if (value.shape !== "object" && value.shape !== "array") return source.slice(value.from, value.to);
  const inside = children(source, value).map(
    (child) => (child.key === null ? "" : `${child.key}:`) + again(source, child),
  );
  expect(inside.length).toBe(value.count);
  return value.shape === "object" ? `{${inside.join(",")}}` : `[${inside.join(",")}]`;
}

describe("judge", () => {
  it.each([
    '{"a":1,"b":[true,null,"x"],"c":{},"d":[]}',
    "[]",
    " {} ",
    "[[[]]]",
    "[NaN,-Infinity,1e5,-0.10]",
    '{"a":"{[,]}:"}',
    '["\\\\","\\""]',
  ])("%s is whole", (source) => expect(judge(source)).toBe("whole"));
  it.each(['{"a":1', '{"a', '{"a":', '{"a":tr', "[1,", "[", '["x\\', '{"a":{"b":[1,2'])(
    "%s is a part",
    (source) => expect(judge(source)).toBe("part"),
  );
  it.each([
    "",
    "plain",
    '{"a":}',
    "{'a':1}",
    '{"a":1}x',
    "12",
    '"text"',
    "[1,]",
    "{not json",
    "{1:2}",
    '["a" "b"]',
    "[}",
    '{"a" 1}',
    "[nothing at all]",
  ])("%j is none", (source) => expect(judge(source)).toBeNull());
  it("agrees with JSON.parse on what is strict", () => {
    const pick = random(7);
    for (let i = 0; i < 3000; i++) {
      const source = Array.from(
        { length: 1 + pick(12) },
        () => ["{", "}", "[", "]", ",", ":", '"a"', '"b"', "1", "null", " ", "-2.5"][pick(12)],
      ).join("");
      let strict = true;
      try {
        strict = typeof JSON.parse(source) === "object" && /^\s*[[{]/.test(source);
      } catch {
        strict = false;
      }
      expect([source, judge(source) === "whole"]).toEqual([source, strict]);
    }
  });
});

describe("Children", () => {
  it.each([
    '{"id":12345678901234567890123,"a":1,"a":2,"\\u0041":"\\n"}',
    '[1.0,1e3,-0.10,1E+2,[[],{}],{"b":[true,false,null]}]',
    '{"":"","a.b":{"c":["d"]}}',
  ])("lists %s letter for letter", (source) => {
    expect(again(source, root(source))).toBe(source);
    const spaced = source.replace(/[,:[\]{}]/g, " $& \n");
    expect(again(spaced, root(spaced))).toBe(source);
  });
  it("opens 100,000 levels one by one", () => {
    const source = "[".repeat(100_000) + "]".repeat(100_000);
    expect(judge(source)).toBe("whole");
    let value = root(source);
    for (let i = 0; i < 50; i++) value = children(source, value)[0]!;
    expect([value.from, value.to]).toEqual([50, 199_950]);
  });
  it("lists what there is of a text that is cut", () => {
    const source = '{"a":[1,2],"b":{"c":"tex';
    expect(
      children(source, root(source)).map((child) => [child.key, source.slice(child.from, child.to)]),
    ).toEqual([
      ['"a"', "[1,2]"],
      ['"b"', '{"c":"tex'],
    ]);
    expect(children('{"a":1,"b', root('{"a":1,"b')).length).toBe(1);
    expect(children('{"a":', root('{"a":')).length).toBe(0);
  });
});

describe("recognise", () => {
  const base64 = (text: string): string => btoa(text);
  const long = (magic: string): string => magic + "\x00\x01\x02\x03abc".repeat(20);
  it.each([
    ["\x89PNG\r\n\x1a\n", "PNG image", "image/png"],
    ["\xff\xd8\xff\xe0", "JPEG image", "image/jpeg"],
    ["GIF89a", "GIF image", "image/gif"],
    ["RIFF\x01\x02\x03\x04WEBPVP8 ", "WebP image", "image/webp"],
    ["%PDF-1.7", "PDF document", null],
    ["\x1f\x8b\x08", "gzip data", null],
    ["\x07\x08\x09", "bytes", null],
  ])("%j as %s", (magic, name, picture) => {
    const source = long(magic);
    const found = recognise(base64(source))!;
    expect([found.name, found.size, found.picture]).toEqual([name, source.length, picture]);
    expect(String.fromCharCode(...found.bytes())).toBe(source);
    expect(recognise(`data:image/svg+xml;base64,${base64(source)}`)?.picture).toBe(picture);
    expect(recognise(base64(source).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, ""))?.size).toBe(
      source.length,
    );
  });
  it("never draws SVG", () => {
    const found = recognise(
      `data:image/png;base64,${base64('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>')}`,
    );
    expect([found?.name, found?.picture]).toEqual(["SVG (not drawn)", null]);
  });
  it.each([
    "short",
    "a".repeat(200),
    "0123456789abcdef".repeat(4),
    "A sentence with spaces, as long as it may be, is not base64 at all, of course.",
    `${"Ab1".repeat(30)}!`,
    `${"Ab1+".repeat(20)}a`,
  ])("leaves %j alone", (value) => expect(recognise(value)).toBeNull());
  it("dumps bytes", () => {
    expect(
      hexDump(
        Uint8Array.from({ length: 18 }, (_, i) => 60 + i),
        0,
        64,
      ),
    ).toBe(
      "00000000  3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK\n00000010  4c 4d                                             LM",
    );
  });
});
