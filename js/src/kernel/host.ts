/**
 * What every widget needs of the host that runs it, whichever that is: a name for this page, sends that
 * may fail, the end of a life. It knows no model and no message.
 */
import { onAbort } from "../abort.ts";

/** The first hello is routed like any message; only a later one is routed past a busy cell. */
export const SECOND_HELLO_MS = 500;

/** crypto.randomUUID exists in secure contexts only, and a remote Jupyter may be plain http. */
export function pageId(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/** VS Code carries a buffer to its page as an array of numbers, 3.6 characters a byte: there a text is less. */
export function carriesNumbers(): boolean {
  return getComputedStyle(document.body).getPropertyValue("--vscode-editor-background") !== "";
}

/** A comm that is gone throws on every send; the page then says so and stays readable. */
export function attempt(send: () => void): void {
  try {
    send();
  } catch (error) {
    console.debug("sse-widget: the kernel could not be reached", error);
  }
}

/** anywidget 0.11 brings a signal, older ones and other hosts call the function we return: both end it. */
export function lifetime(signal: AbortSignal | undefined): { signal: AbortSignal; end: () => void } {
  const own = new AbortController();
  onAbort(signal, () => own.abort());
  return { signal: own.signal, end: () => own.abort() };
}

/** The node that the host gave is dressed for as long as something of ours stands in it. */
export function put(node: HTMLElement, el: HTMLElement, signal: AbortSignal): void {
  el.classList.add("sse-host");
  el.append(node);
  onAbort(signal, () => el.classList.remove("sse-host"));
}
