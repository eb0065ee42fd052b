/**
 * Whether a pattern could take a browser's engine for ever on some row, by how it is written (some are refused that
 * are harmless), and whether it has just taken long: where no worker may run it, it could not be ended.
 */
const MAX_OPTIONAL = 10;

export function isRisky(pattern: string): boolean {
  // What stands in a class or is escaped repeats nothing.
  const bare = pattern.replace(/\\./g, "x").replace(/\[\]?[^[\]]*\]/g, "x");
  const unbounded = bare.match(/[*+]|\{\d*,\}/g)?.length ?? 0;
  const optional = bare.match(/[?}]/g)?.length ?? 0;
  return /\)[*+{]/.test(bare) || unbounded > 2 || optional > MAX_OPTIONAL;
}

/** Whether this takes longer than `limit` ms, and again when it is done once more: a machine may have stood still. */
export function isSlow(limit: number, work: () => unknown): boolean {
  for (let tries = 2; tries > 0; tries--) {
    const began = performance.now();
    work();
    if (performance.now() - began <= limit) return false;
  }
  return true;
}
