/** What the build puts in the place of the same names of the page, which a minifier cannot shorten. */
export const { max, min } = Math;
