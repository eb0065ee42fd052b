/**
 * Runs a script that came as text, the first way that the page's policy allows: hosts that load widgets
 * from Blobs allow that, some forbid it but not evaluation. It knows nothing of what a script does.
 */

/** A module that came as text. */
export async function imported<T>(source: string): Promise<T> {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    // Not a literal: a bundler would look for the file.
    return (await import(url)) as T;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** What the script hands to `give`; rejects with a sentence where this page runs no script. */
export async function run<T>(source: string): Promise<T> {
  let given: T | undefined;
  const give = (value: T): void => {
    given = value;
  };
  try {
    type Module = { default: (to: typeof give) => void };
    (await imported<Module>(`export default(give)=>{${source}\n}`)).default(give);
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
  }
  if (given === undefined)
    throw new Error("The kernel sent no log. Run `make install` in the checkout, then restart the kernel.");
  return given;
}
