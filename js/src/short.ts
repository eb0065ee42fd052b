/**
 * The source says Math.max and Math.min a hundred times. A minifier keeps the names of globals, so the build
 * puts imports of these in their place.
 */
export const { max, min } = Math;
