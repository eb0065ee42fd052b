/**
 * Whether a pattern could take a browser's engine for ever on some row: where no worker may run it, that
 * could not be ended. It looks at how a pattern is written and refuses some that are harmless.
 */
const MAX_OPTIONAL = 10;

export function isRisky(pattern: string): boolean {
  // What stands in a class or is escaped repeats nothing.
  const bare = pattern.replace(/\\./g, "x").replace(/\[\]?[^[\]]*\]/g, "x");
  const unbounded = bare.match(/[*+]|\{\d*,\}/g)?.length ?? 0;
  const optional = bare.match(/[?}]/g)?.length ?? 0;
  return /\)[*+{]/.test(bare) || unbounded > 2 || optional > MAX_OPTIONAL;
}
