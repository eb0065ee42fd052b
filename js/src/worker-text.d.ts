/** build.mjs bundles the worker and hands it over as text, see there. */
declare module "*?text" {
  const source: string;
  export default source;
}
