import { describe, expect, it } from "vitest";
import { colourOf } from "./palette.ts";

describe("the colour of a name", () => {
  it("depends on the name alone, not on what came before", () => {
    const first = ["trade", "quote", "BTC", "message"].map(colourOf);
    for (let i = 0; i < 30_000; i++) colourOf(`another ${i}`);
    expect(["message", "BTC", "quote", "trade"].map(colourOf).reverse()).toEqual(first);
  });

  it("is red for errors, and for nothing else", () => {
    expect(colourOf("error")).toMatch(/ 27\)$/);
    for (let i = 0; i < 2_000; i++) {
      const hue = Number(/([\d.]+)\)$/.exec(colourOf(`type ${i}`))?.[1]);
      expect(hue).toBeGreaterThanOrEqual(50);
      expect(hue).toBeLessThan(360);
    }
  });

  it("differs between the names that often come together", () => {
    for (const names of [
      ["message", "trade", "quote", "heartbeat", "ping"],
      ["BTC", "ETH", "SOL", "XRP"],
      ["message_start", "content_block_delta", "content_block_stop", "message_stop"],
    ])
      expect(new Set(names.map(colourOf)).size).toBe(names.length);
  });
});
