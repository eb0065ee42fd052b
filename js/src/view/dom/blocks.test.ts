import { describe, expect, it, vi } from "vitest";

vi.mock("./dom.ts", () => ({ h: (_: string, __: object, text: string) => text }));
const { textBlocks } = await import("./blocks.ts");

const blocks = (text: string): string[] => textBlocks(text) as unknown as string[];

describe("blocks of a text", () => {
  it("are the text, none of more than 2 KB", () => {
    for (const text of [
      "",
      "short",
      "x".repeat(50_000),
      "שלום עולם ".repeat(30_000),
      "a line\n".repeat(9_000),
      "😀".repeat(20_000),
      `${"x".repeat(2_047)}😀`.repeat(5),
      `${"x".repeat(100)}\n${"y".repeat(5_000)}`,
    ]) {
      const some = blocks(text);
      expect(some.join("")).toBe(text);
      expect(Math.max(...some.map((block) => block.length))).toBeLessThanOrEqual(2_048);
      expect(some.every((block) => !/[\ud800-\udbff]$/.test(block))).toBe(true);
    }
  });

  it("end at line ends, and at spaces", () => {
    const lines = blocks("a line of text\n".repeat(1_000));
    expect(lines.every((block) => block.endsWith("\n"))).toBe(true);
    expect(lines.length).toBeLessThan(12);
    expect(blocks("word ".repeat(2_000)).every((block) => block.endsWith(" "))).toBe(true);
  });
});
