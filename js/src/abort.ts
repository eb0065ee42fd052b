/** The end of a life, which every part of a page ends with. It knows nothing of what ends. */

export function onAbort(signal: AbortSignal | undefined, run: () => void): void {
  signal?.addEventListener("abort", run);
}
