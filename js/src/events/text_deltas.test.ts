// The growing text: what the page joins is what `stream.text(path)` joins.
import { describe, expect, it } from "vitest";
import { valueAt } from "../json/paths.ts";
import { columns, random } from "../testing/kernel.ts";
import { Store } from "./store.ts";
import { detect, Joined } from "./text_deltas.ts";
import { wholeEnd } from "./visible.ts";

const SOURCE = { path: "choices.0.delta.content", type: "" };
const delta = (content: unknown): { data: string } => ({
  data: JSON.stringify({ choices: [{ delta: { content } }] }),
});
const all = (joined: Joined, store: Store): string => {
  while (joined.work(store, 1000));
  return joined.text;
};

describe("valueAt", () => {
  it.each([
    [{ a: { b: [1, { c: "x" }] } }, "a.b.1.c", "x"],
    [{ "a.b": 1, a: { b: 2 } }, "a.b", 1],
    [{ a: [1] }, "a.length", undefined],
    [{ a: "text" }, "a.length", undefined],
    [{}, "constructor", undefined],
    [[1], "0", undefined],
    [null, "a", undefined],
  ])("%j at %s", (root, path, expected) => expect(valueAt(root, path)).toBe(expected));
});

describe("detect", () => {
  it.each([
    ['{"choices":[{"delta":{"content":"a"}}]}', "choices.0.delta.content"],
    ['{"choices":[{"text":"a"}]}', "choices.0.text"],
    ['{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}', "delta.text"],
    ['{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}', "candidates.0.content.parts.0.text"],
    ['{"type":"response.output_text.delta","delta":"a"}', "delta"],
    ['{"message":{"role":"assistant","content":"a"},"done":false}', "message.content"],
    ['{"response":"a","done":false}', "response"],
  ])("%s", (data, path) => expect(detect(data)?.path).toBe(path));
  it.each([
    "",
    "[DONE]",
    "plain text",
    '{"price":1}',
    '{"type":"response.function_call_arguments.delta","delta":"a"}',
    '{"response":"ok"}',
    '{"message":{"content":"chat"}}',
    '["text"]',
    '{"text":',
  ])("finds none in %j", (data) => expect(detect(data)).toBeNull());
});

describe("Joined", () => {
  it("reads each event once, in order, and only strings at the path", () => {
    const store = new Store();
    store.insert(
      columns(0, [
        delta("Hel"),
        { data: "[DONE]" },
        delta(null),
        delta(3),
        { data: '{"choices":[]}' },
        delta("lo\n"),
      ]),
    );
    const joined = new Joined(SOURCE);
    expect(all(joined, store)).toBe("Hello\n");
    store.insert(columns(6, [delta("more")]));
    expect(all(joined, store)).toBe("Hello\nmore");
    expect(all(joined, store)).toBe("Hello\nmore");
  });

  it("reads keys that are written with escapes", () => {
    const store = new Store();
    store.insert(columns(0, [{ data: '{"choices":[{"delta":{"c\\u006fntent":"x"}}]}' }]));
    expect(all(new Joined(SOURCE), store)).toBe("x");
  });

  it("joins the halves of a character that came in two events, and never tears them", () => {
    const store = new Store();
    const joined = new Joined(SOURCE);
    store.insert(columns(0, [{ data: '{"choices":[{"delta":{"content":"a\\ud83d"}}]}' }]));
    const half = all(joined, store);
    expect(half.slice(0, wholeEnd(half))).toBe("a");
    store.insert(columns(1, [{ data: '{"choices":[{"delta":{"content":"\\ude00b"}}]}' }]));
    expect(all(joined, store)).toBe("a\u{1f600}b");
    store.insert(columns(2, [delta("\u{1f600}".repeat(200_000))]));
    all(joined, store);
    for (const piece of joined.pieces) expect(piece.text).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
  });

  it("keeps what was evicted, leaves out what is cut", () => {
    const store = new Store(2);
    const joined = new Joined(SOURCE);
    for (let seq = 0; seq < 6; seq++) {
      store.insert(columns(seq, [delta(`${seq} `)]));
      store.evict();
      all(joined, store);
    }
    const cut = columns(6, [delta("long")]);
    cut.cut.set(0, 100_000);
    store.insert(cut);
    expect([all(joined, store), joined.skipped]).toEqual(["0 1 2 3 4 5 ", 1]);
  });

  it("is the same text in whatever order the events come, in short pieces", () => {
    for (let seed = 0; seed < 30; seed++) {
      const pick = random(seed);
      const words = Array.from({ length: 900 }, (_, i) =>
        pick(7) === 0 ? "\n" : `word${i} `.repeat(1 + pick(9)),
      );
      const store = new Store();
      const joined = new Joined(SOURCE);
      const runs = Array.from({ length: 30 }, (_, i) => i * 30)
        .map((first) => ({ first, key: pick(1000) }))
        .sort((a, b) => a.key - b.key);
      for (const { first } of runs) {
        store.insert(columns(first, words.slice(first, first + 30).map(delta)));
        if (pick(2) === 0) all(joined, store);
      }
      expect(all(joined, store)).toBe(words.join(""));
      expect(joined.chars).toBe(joined.text.length);
      expect(Math.max(...joined.pieces.map((piece) => piece.text.length))).toBeLessThan(20_000);
      // A line is never torn over two blocks.
      for (const piece of joined.pieces.slice(0, -1))
        expect(piece.text === "" || piece.text.endsWith("\n")).toBe(true);
    }
  });

  it("is bounded, and a line without end is cut", () => {
    const store = new Store();
    const joined = new Joined(SOURCE, 0, 100_000);
    store.insert(
      columns(
        0,
        Array.from({ length: 300 }, () => delta("x".repeat(1000))),
      ),
    );
    all(joined, store);
    expect(joined.chars).toBeLessThanOrEqual(100_000);
    expect(joined.chars + joined.dropped).toBe(300_000);
    expect(Math.max(...joined.pieces.map((piece) => piece.text.length))).toBeLessThanOrEqual(8_192);
  });

  it("is in short pieces where its only line end is far away, whatever comes first", () => {
    for (let seed = 0; seed < 20; seed++) {
      const pick = random(seed);
      const words = Array.from({ length: 300 }, (_, i) => (i === 250 ? "\n" : "שלום עולם ".repeat(10)));
      const store = new Store();
      const joined = new Joined(SOURCE);
      const runs = Array.from({ length: 30 }, (_, i) => ({ first: i * 10, key: pick(1000) }));
      for (const { first } of runs.sort((a, b) => a.key - b.key)) {
        store.insert(columns(first, words.slice(first, first + 10).map(delta)));
        all(joined, store);
      }
      expect(joined.text).toBe(words.join(""));
      expect(Math.max(...joined.pieces.map((piece) => piece.text.length))).toBeLessThanOrEqual(8_192);
    }
  });
});
