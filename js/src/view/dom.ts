/**
 * Small helpers to make DOM nodes. Text goes in as text nodes only: no function here, or anywhere in
 * the view, turns a string into markup.
 */
type Child = Node | string | null;
type Props = Record<string, string | boolean | ((event: never) => void)>;

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  // Without it a button would send a form that a host may have around the widget.
  if (node instanceof HTMLButtonElement) node.type = "button";
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") node.addEventListener(name, value as unknown as EventListener);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Writes only what changed: a needless write costs a layout at every frame. */
export function text(node: Node, value: string): void {
  if (node.textContent !== value) node.textContent = value;
}
export function attr(node: Element, name: string, value: string | null): void {
  if (node.getAttribute(name) === value) return;
  if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}
export function show(node: HTMLElement, visible: boolean): void {
  if (node.hidden === visible) node.hidden = !visible;
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
