/**
 * The copy of the log that the kernel writes into the notebook stands in an output of its own, for
 * whoever reads it without a kernel. While a view that heard from the kernel is on the page the copy
 * of its stream is hidden, whenever it is written; this knows nothing of what the copy says.
 */
import { onAbort } from "../../abort.ts";
import type { Session } from "../../kernel/session.ts";

/** True once it is hidden, until the signal; before, the kernel has said nothing yet. */
export function hideSnapshot({ head, settings }: Session, signal: AbortSignal): boolean {
  if (!head || !/^\w+$/.test(settings.session ?? "")) return false;
  // A sheet made by script: a policy that forbids styles in the page does not speak of it.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`.sse-snapshot[data-sse-stream="${settings.session}"] { display: none }`);
  document.adoptedStyleSheets.push(sheet);
  onAbort(signal, () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
  });
  return true;
}
