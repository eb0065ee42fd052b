/** How a page says what waits for a busy kernel: everything that does, each once. It sends nothing. */

/** For so long an answer may take before the page says that something waits for it. */
const BUSY_MS = 1_000;

/** What was asked before this time, in ms since 1970, and has no answer yet, waits. */
export function late(): number {
  return Date.now() - BUSY_MS;
}

/** "" where nothing waits. */
export function kernelBusy(waits: Iterable<string>): string {
  const told = [...new Set(waits)].join(", ");
  return told && `Kernel busy: ${told} as soon as the cell is done.`;
}
