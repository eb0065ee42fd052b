/**
 * Small helpers to make DOM nodes. Text goes in as text nodes only: no function here, or anywhere in
 * the view, turns a string into markup.
 */
import { onAbort } from "../../abort.ts";

type Child = Node | string | null;
type Props = Record<string, string | boolean | ((event: never) => void)>;
type Tags = HTMLElementTagNameMap;
type Tag<S extends string> = S extends `${infer T}.${string}` ? T : S;

/**
 * A node of a tag and its classes, whose prefix goes without saying: `h("span.time", { title }, "12:00")`.
 * Functions are listeners, `label` is the name that is read out; what has no properties leaves them out.
 */
export function h<S extends string>(
  selector: S,
  first: Props | Child = null,
  ...rest: Child[]
): Tag<S> extends keyof Tags ? Tags[Tag<S>] : never {
  const bare = first === null || typeof first === "string" || first instanceof Node;
  const props = bare ? {} : first;
  const children = bare ? [first, ...rest] : rest;
  const [tag, ...classes] = selector.split(".");
  const node = document.createElement(tag!);
  if (classes.length > 0) node.className = classes.map((name) => `sse-${name}`).join(" ");
  // Without it a button would send a form that a host may have around the widget.
  if (node instanceof HTMLButtonElement) node.type = "button";
  for (const [key, value] of Object.entries(props)) {
    const name = key === "label" ? "aria-label" : key;
    if (typeof value === "function") node.addEventListener(name, value as unknown as EventListener);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node as Tag<S> extends keyof Tags ? Tags[Tag<S>] : never;
}

/** Writes only what changed: a needless write costs a layout at every frame, and a new text node its garbage. */
export function text(node: Node, value: string): void {
  const { firstChild } = node;
  const only = firstChild instanceof Text && !firstChild.nextSibling ? firstChild : node;
  if (only.textContent !== value) only.textContent = value;
}
export function attr(node: Element, name: string, value: string | boolean | null): void {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== `${value}`) node.setAttribute(name, `${value}`);
}
/** An attribute that is "true" or not there. */
export function flag(node: Element, name: string, on: boolean | undefined): void {
  attr(node, name, on || null);
}
export function show(node: HTMLElement, visible: boolean): void {
  if (node.hidden === visible) node.hidden = !visible;
}

/** An event that was ours: neither the browser nor the host has anything to do with it. */
export function ours(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}

/** A key with one of these is the browser's or the host's. */
export function modified({ ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  return ctrlKey || metaKey || altKey;
}

/** Moves the focus, and scrolls nothing: where things stand is decided elsewhere. */
export function focusOn(node: HTMLElement | null | undefined): void {
  node?.focus({ preventScroll: true });
}

/** Listens on the window in the capture phase, before the element's own listeners; ends with the signal. */
export function hear<Name extends keyof WindowEventMap>(
  name: Name,
  heard: (event: WindowEventMap[Name]) => void,
  signal: AbortSignal,
): void {
  window.addEventListener(name, heard, { signal, capture: true });
}

/** As many entries as are wanted; those that are there stay. */
export function fit<T extends { node: Element }>(entries: T[], wanted: number, make: () => T): void {
  while (entries.length > wanted) entries.pop()!.node.remove();
  while (entries.length < wanted) entries.push(make());
}

/** Tells of each size that a node has, the first one too, until the signal. */
export function onResize(node: Element, changed: () => void, signal: AbortSignal): void {
  const sizes = new ResizeObserver(changed);
  sizes.observe(node);
  onAbort(signal, () => sizes.disconnect());
}

/** The button that closes a part; `label` says which. */
export function closeButton(label: string, title: string, click: () => void): HTMLButtonElement {
  return h("button.small.close", { label, title, click }, "\u00D7");
}

/** A 12 px icon, which the style sheet draws by its name; decoration only, the button carries the words. */
export function icon(name = ""): HTMLElement {
  return h("span.icon", { "data-icon": name, "aria-hidden": "true" });
}
