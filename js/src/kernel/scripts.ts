/**
 * Runs a script that came as text, the first way that the page's policy allows: hosts that load widgets
 * from Blobs allow that, some forbid it but not evaluation. It knows nothing of what a script does.
 */

/** What the script hands to `give`; rejects with a sentence where this page runs no script. */
export async function run<T>(source: string): Promise<T> {
  let given: T | undefined;
  const give = (value: T): void => {
    given = value;
  };
  const url = URL.createObjectURL(
    new Blob([`export default(give)=>{${source}\n}`], { type: "text/javascript" }),
  );
  try {
    // Not a literal: a bundler would look for the file.
    const module = (await import(url)) as { default: (to: typeof give) => void };
    module.default(give);
  } catch (blob) {
    if (given !== undefined) throw blob;
    try {
      new Function("give", `"use strict";${source}`)(give);
    } catch (evaluated) {
      console.debug("sse-widget: no way to run a script", blob, evaluated);
      throw new Error(
        "This page's security policy allows no script from the kernel, so the log cannot be shown here.",
      );
    }
  } finally {
    URL.revokeObjectURL(url);
  }
  if (given === undefined)
    throw new Error("The kernel sent no log. Run `make install` in the checkout, then restart the kernel.");
  return given;
}
