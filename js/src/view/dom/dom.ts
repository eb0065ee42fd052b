/**
 * Small helpers to make DOM nodes. Text goes in as text nodes only: no function here, or anywhere in
 * the view, turns a string into markup.
 */
type Child = Node | string | null;
type Props = Record<string, string | boolean | ((event: never) => void)>;
type Tags = HTMLElementTagNameMap;
type Tag<S extends string> = S extends `${infer T}.${string}` ? T : S;

/** A node of a tag and its classes: `h("span.sse-time", {}, "12:00")`; functions are listeners. */
export function h<S extends string>(
  selector: S,
  props: Props = {},
  ...children: Child[]
): Tag<S> extends keyof Tags ? Tags[Tag<S>] : never {
  const [tag, ...classes] = selector.split(".");
  const node = document.createElement(tag!);
  // The build leaves the prefix out.
  if (classes.length > 0) node.className = classes.map((name) => name.replace(/^(?!sse-)/, "sse-")).join(" ");
  // Without it a button would send a form that a host may have around the widget.
  if (node instanceof HTMLButtonElement) node.type = "button";
  for (const [name, value] of Object.entries(props)) {
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
export function attr(node: Element, name: string, value: string | null): void {
  if (node.getAttribute(name) === value) return;
  if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}
export function show(node: HTMLElement, visible: boolean): void {
  if (node.hidden === visible) node.hidden = !visible;
}

/** An event that was ours: neither the browser nor the host has anything to do with it. */
export function ours(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
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
  signal.addEventListener("abort", () => sizes.disconnect());
}

const SVG = "http://www.w3.org/2000/svg";
/** A 16 px icon from path data; decoration only, the button carries the name. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "sse-icon");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}
export function setIcon(svg: SVGSVGElement, path: string): void {
  attr(svg.firstElementChild as Element, "d", path);
}
