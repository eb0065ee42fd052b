/**
 * The source says Math.max and others of its kind a hundred times. A minifier keeps the names of globals, so the
 * build puts imports of these in their place.
 */
export const { floor, max, min, round } = Math;

const clock = performance;
export const now = (): number => clock.now();
