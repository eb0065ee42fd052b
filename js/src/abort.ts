/** Runs a function when a signal is aborted; never where that has happened already. */
export function onAbort(signal: AbortSignal | undefined, run: () => void): void {
  signal?.addEventListener("abort", run);
}
