/**
 * Puts text on the clipboard, and says on the button that asked for it whether that worked. Where
 * there is no clipboard API (a remote Jupyter over plain http) it goes the old way.
 */
import { attr, h, text } from "../dom/dom.ts";

const SAID_MS = 1_500;

/** `host`: a node of the widget, for the helper node of the old way. */
export async function copyText(value: string, host: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    const focused = (host.getRootNode() as Document | ShadowRoot).activeElement;
    const area = h("textarea.offscreen", { "aria-hidden": "true" });
    area.value = value;
    host.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    (focused as HTMLElement | null)?.focus();
    return done;
  }
}

export function copyButton(
  label: string,
  take: () => string,
  title = "",
  other: string | null = null,
): HTMLButtonElement {
  const button: HTMLButtonElement = h(
    "button.small",
    { title, label: other ?? false, click: () => void copy() },
    label,
  );
  const copy = async (): Promise<void> => {
    const done = await copyText(take(), button.parentElement ?? button);
    const said = done ? "Copied" : "Copy failed";
    text(button, said);
    attr(button, "aria-label", null);
    setTimeout(() => {
      text(button, label);
      attr(button, "aria-label", other);
    }, SAID_MS);
  };
  return button;
}
