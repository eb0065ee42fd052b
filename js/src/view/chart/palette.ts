/**
 * Gives every event type a hue: in the order of first sight, a golden angle apart, so that the few
 * types most streams have look as different as they can. It keeps names and numbers, no nodes.
 */
const GOLDEN = 137.508;
/** Blue first: the calmest colour for what is usually the most frequent type. */
const START = 250;
const MAX_NAMES = 10_000;

/** A hue as a line or a bar on any ground. */
export function colour(hue: string): string {
  return `oklch(0.66 0.15 ${hue})`;
}
export const OTHERS_COLOUR = "rgb(128 128 128 / 55%)";

export class Palette {
  #hues = new Map<string, string>();
  #start: number;

  constructor(start = START) {
    this.#start = start;
  }

  of(type: string): string {
    let hue = this.#hues.get(type);
    if (hue === undefined) {
      hue = String(Math.round(this.#start + this.#hues.size * GOLDEN) % 360);
      // A stream that never repeats a type must not fill the memory with names.
      if (this.#hues.size < MAX_NAMES) this.#hues.set(type, hue);
    }
    return hue;
  }
}
