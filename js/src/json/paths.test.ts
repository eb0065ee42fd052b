// Dotted paths: one table of cases for Python and the page; letters kept; what is found in payloads.
import { describe, expect, it } from "vitest";
import cases from "../../../tests/vectors/path-cases.json";
import { childPath, Discovery, Payload } from "./paths.ts";

function read(data: string, path: string, part = false): string | null {
  const payload = new Payload(data, part);
  const value = payload.at(path);
  return value && payload.text(value, 1000);
}

describe("Payload", () => {
  it.each(cases as { data: string; path: string; value?: unknown }[])(
    "$data at $path",
    ({ data, path, value }) => {
      const found = new Payload(data).at(path);
      if (value === undefined) expect(found).toBeNull();
      else expect(found && JSON.parse(data.slice(found.from, found.to))).toEqual(value);
    },
  );
  it("keeps numbers letter for letter and reads strings", () => {
    const data = '{"id":12345678901234567890,"x":1.10,"s":"a\\n\\"b\\"","l":[1, 2],"n":null}';
    expect(["id", "x", "s", "l", "l.1", "n"].map((path) => read(data, path))).toEqual([
      "12345678901234567890",
      "1.10",
      'a\n"b"',
      "[1, 2]",
      "2",
      "null",
    ]);
  });
  it("reads the beginning of a text that goes on", () => {
    expect(read('{"a":{"b":1},"c":"it goes on and', "a.b", true)).toBe("1");
    expect(read('{"a":{"b":1},"c":"it goes on and', "a.b")).toBeNull();
  });
  it("reads far into a list, and into what nests deep", () => {
    expect(read(`{"a":[${Array.from({ length: 2000 }, (_, i) => i).join()}]}`, "a.1999")).toBe("1999");
    const deep = `{"a":${'{"a":'.repeat(5000)}1${"}".repeat(5000)}}`;
    expect(read(deep, Array(5001).fill("a").join("."))).toBe("1");
  });
});

describe("Discovery", () => {
  function found(...texts: string[]): [string, string, number][] {
    const discovery = new Discovery();
    for (const text of texts) discovery.add(text, false);
    return [...discovery.found.values()].map(({ path, example, count }) => [path, example, count]);
  }
  it("lists leaves in the order of first sight, with an example and how often", () => {
    expect(
      found('{"b":1,"a":{"x":"y","z":[{"q":true}]}}', "no json", '{"c":null,"b":2,"e":[],"o":{}}'),
    ).toEqual([
      ["b", "2", 2],
      ["a.x", "y", 1],
      ["a.z.0.q", "true", 1],
      ["c", "null", 1],
      ["e", "[]", 1],
      ["o", "{}", 1],
    ]);
  });
  it("keeps an example that says something", () =>
    expect(found('{"a":5}', '{"a":null}')).toEqual([["a", "5", 2]]));
  it("finds only what a path leads to", () => {
    expect(found('{"a.b":1,"c":{"d.e":2,"f":3},"":4}')).toEqual([
      ["a.b", "1", 1],
      ["c.f", "3", 1],
    ]);
    expect(childPath(null, "a.b")).toBe("a.b");
    expect(childPath("c", "d.e")).toBeNull();
  });
  it("each of its paths leads back to its leaf", () => {
    const data = '{"a":{"b":[1,[2,3],{"c":4}]},"d":"x","e":{"f":{"g":null}}}';
    const payload = new Payload(data);
    for (const [path, leaf] of payload.leaves()) expect(payload.at(path)).toEqual(leaf);
    expect([...payload.leaves()].length).toBe(6);
  });
  it("ends, whatever a server makes up", () => {
    const wide = `{${Array.from({ length: 5000 }, (_, i) => `"k${i}":${i}`).join()}}`;
    const discovery = new Discovery();
    for (let i = 0; i < 20; i++) discovery.add(wide.replaceAll("k", `k${i}x`), false);
    discovery.add("[".repeat(20_000) + "]".repeat(20_000), false);
    discovery.add(`{"a":${"[".repeat(3000)}${"]".repeat(3000)}}`, false);
    expect(discovery.found.size).toBeLessThanOrEqual(2000);
  });
});
