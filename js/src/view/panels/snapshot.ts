/**
 * The copy of the log that the kernel writes into the notebook stands in an output of its own, for
 * whoever reads it without a kernel. While a view that heard from the kernel is on the page the copy
 * of its stream is hidden, whenever it is written; this knows nothing of what the copy says.
 */
import type { Session } from "../../kernel/session.ts";
import { onAbort } from "../dom/dom.ts";

export class Snapshot {
  #session: Session;
  #signal: AbortSignal;
  #hidden = false;

  constructor(session: Session, signal: AbortSignal) {
    this.#session = session;
    this.#signal = signal;
  }

  draw(): void {
    const { head, settings } = this.#session;
    if (this.#hidden || !head || !/^\w+$/.test(settings.session ?? "")) return;
    this.#hidden = true;
    // A sheet made by script: a policy that forbids styles in the page does not speak of it.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`.sse-snapshot[data-sse-stream="${settings.session}"] { display: none }`);
    document.adoptedStyleSheets.push(sheet);
    onAbort(this.#signal, () => {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    });
  }
}
