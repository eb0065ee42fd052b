/**
 * Gives every event type a hue: in the order of first sight, a golden angle apart, so that the few
 * types most streams have look as different as they can. It keeps names and numbers, no nodes.
 */
const GOLDEN = 137.508;
/** Blue first: the calmest colour for what is usually the most frequent type. */
const START = 250;
const MAX_NAMES = 10_000;

export class Palette {
  #hues = new Map<string, string>();

  of(type: string): string {
    let hue = this.#hues.get(type);
    if (hue === undefined) {
      hue = String(Math.round(START + this.#hues.size * GOLDEN) % 360);
      // A stream that never repeats a type must not fill the memory with names.
      if (this.#hues.size < MAX_NAMES) this.#hues.set(type, hue);
    }
    return hue;
  }
}
