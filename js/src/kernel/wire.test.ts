// What came over the wire is read exactly, or not at all; a lost batch is noticed.
import { describe, expect, it } from "vitest";
import { Block } from "../events/block.ts";
import { message } from "../testing/kernel.ts";
import { buffersOf, decodeRows, Numbers } from "./wire.ts";

describe("decodeRows", () => {
  it("reads unaligned columns into rows", () => {
    const { content, buffers } = message(7, [
      { type: "trade", id: "a", data: '{"p":1}', at: 1.5 },
      { type: "news", id: "", data: "", at: 2.5 },
      { type: "trade", id: "ß", data: "日本 👩‍👩‍👧", at: 3.5 },
    ]);
    const block = new Block(decodeRows(content, buffers)!);
    expect([block.start, block.end]).toEqual([7, 10]);
    expect([0, 1, 2].map((row) => [block.type(row), block.id(row), block.data(row), block.at(row)])).toEqual([
      ["trade", "a", '{"p":1}', 1.5],
      ["news", "", "", 2.5],
      ["trade", "ß", "日本 👩‍👩‍👧", 3.5],
    ]);
  });

  it("reads columns that came as texts", () => {
    const data = '\uFEFF{"é": "日本"}';
    const { content, buffers } = message(0, [{ type: "a", id: "ß", data, at: 1.5 }]);
    const bytes = buffers.map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    const packed = bytes.map((some, i) =>
      i === 0 || i === 2
        ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(some)
        : btoa(String.fromCharCode(...some)),
    );
    const block = new Block(decodeRows(content, buffersOf({ packed }, []))!);
    expect([block.type(0), block.id(0), block.data(0), block.at(0)]).toEqual(["a", "ß", data, 1.5]);
  });

  it("reads wide type codes", () => {
    const { content, buffers } = message(0, [{ type: "a" }, { type: "b" }], true);
    expect(new Block(decodeRows(content, buffers)!).type(1)).toBe("b");
  });

  it("keeps a byte order mark at the beginning of data", () => {
    const { content, buffers } = message(0, [{ data: "\uFEFFx" }]);
    expect(new Block(decodeRows(content, buffers)!).data(0)).toBe("\uFEFFx");
  });

  it("knows which rows are only the beginning", () => {
    const { content, buffers } = message(0, [{ data: "abc" }, { data: "def" }]);
    const block = new Block(decodeRows({ ...content, cut: [[1, 5000]] }, buffers)!);
    expect([block.isCut(0), block.size(0), block.isCut(1), block.size(1)]).toEqual([false, 3, true, 5000]);
  });

  it.each([
    ["too few buffers", (b: DataView[]) => b.slice(0, 5)],
    [
      "a missing offset",
      (b: DataView[]) => [b[0]!, new DataView(b[1]!.buffer, 3, b[1]!.byteLength - 4), ...b.slice(2)],
    ],
    ["offsets that end elsewhere", (b: DataView[]) => [new DataView(new ArrayBuffer(99)), ...b.slice(1)]],
    ["too few times", (b: DataView[]) => [...b.slice(0, 5), new DataView(new ArrayBuffer(8))]],
  ])("refuses %s", (_, damage) => {
    const { content, buffers } = message(0, [{ data: "abc" }, { data: "def" }]);
    expect(decodeRows(content, damage(buffers))).toBeNull();
  });
});

describe("Numbers", () => {
  it("sees no hole in 1, 2, 3", () => {
    const numbers = new Numbers();
    numbers.baseline(0);
    expect([1, 2, 3].map((n) => numbers.see(n))).toEqual([0, 0, 0]);
  });
  it("counts what was lost, also before the first batch after hello", () => {
    const numbers = new Numbers();
    numbers.baseline(4);
    expect([numbers.see(7), numbers.see(8), numbers.see(10)]).toEqual([2, 0, 1]);
  });
  it("takes the first batch as it comes without a hello, and a repeated one not at all", () => {
    const numbers = new Numbers();
    expect([numbers.see(9), numbers.see(9), numbers.see(10)]).toEqual([0, null, 0]);
  });
  it("begins anew where the numbers begin anew", () => {
    const numbers = new Numbers();
    numbers.see(9);
    expect([numbers.see(1), numbers.see(2)]).toEqual([0, 0]);
  });
});
