/** How a page says what waits for a busy kernel: everything that does. It sends nothing. */

/** For so long an answer may take before the page says that something waits for it. */
export const BUSY_MS = 1_000;

/** "" where nothing waits. */
export function kernelBusy(waits: ReadonlySet<string>): string {
  const told = [...waits].join(", ");
  return told && `Kernel busy: ${told} as soon as the cell is done.`;
}
