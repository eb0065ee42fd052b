/**
 * The colour of a name (a type, a value): made from its letters alone, so that one name has one colour in
 * every view, every stream and every notebook, whatever came first. Red is left to errors.
 */
const RED_ENDS = 50;
const HUES = 310;
/** Lightness and chroma: names whose hues are near each other still differ. */
const SHADES = [
  [0.66, 0.12],
  [0.59, 0.18],
  [0.52, 0.14],
] as const;
const REMEMBERED = 10_000;
const ERROR = "oklch(0.58 0.2 27)";
/** Chosen by trying: the names that streams use most are far apart, and `message` is a calm blue. */
const SEED = 6_038_687;
const known = new Map<string, string>();

export const OTHERS_COLOUR = "rgb(128 128 128 / 55%)";

/** FNV-1a, and its bits mixed: names that differ in one letter must be far apart. */
function hashOf(name: string): number {
  let hash = SEED;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** As CSS writes it. */
export function colourOf(name: string): string {
  if (name === "error") return ERROR;
  let colour = known.get(name);
  if (colour === undefined) {
    const hash = hashOf(name);
    const [light, chroma] = SHADES[hash % SHADES.length]!;
    colour = `oklch(${light} ${chroma} ${RED_ENDS + (Math.floor(hash / SHADES.length) % HUES)})`;
    // A stream that never repeats a type must not fill the memory with names.
    if (known.size >= REMEMBERED) known.clear();
    known.set(name, colour);
  }
  return colour;
}
