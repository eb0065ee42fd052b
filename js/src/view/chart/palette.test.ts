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

  it("is far from those of the names that often come together", () => {
    for (const names of [
      ["message", "trade", "quote", "heartbeat", "ping"],
      ["trade", "quote", "news", "halt"],
      ["BTC", "ETH", "SOL", "ACME", "INIT"],
      ["BTC", "ETH", "SOL", "XRP"],
      ["message_start", "content_block_delta", "content_block_stop", "message_stop"],
      ["progress", "done", "failed"],
      ["reading", "alarm"],
      ["edit", "new", "log", "categorize"],
    ])
      for (const a of names)
        for (const b of names.filter((name) => name < a))
          expect(distance(a, b), `${a}, ${b}`).toBeGreaterThan(0.1);
  });
});

/** Of two names' colours in OKLab, where 0.02 can just be seen side by side. */
function distance(a: string, b: string): number {
  const [[l, x, y], [m, u, v]] = [a, b].map((name) => {
    const [light, chroma, hue] = colourOf(name)
      .match(/[\d.]+/g)!
      .map(Number) as [number, number, number];
    const angle = (hue * Math.PI) / 180;
    return [light, chroma * Math.cos(angle), chroma * Math.sin(angle)];
  }) as [[number, number, number], [number, number, number]];
  return Math.hypot(l - m, x - u, y - v);
}
