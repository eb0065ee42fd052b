/**
 * A line between two things that a person drags, or moves by the arrow keys. It says by how much; what
 * that changes is its owner's business.
 */
import { attr, h, ours } from "../dom/dom.ts";

/** `size`: what is there now, in px; `resize`: what it shall be. `up`: it lies over what it changes. */
export function separator(
  selector: "div.splitter" | "div.column-grip",
  label: string,
  up: boolean,
  step: number,
  size: () => number,
  resize: (px: number) => void,
): HTMLElement {
  let held: { from: number; size: number } | null = null;
  const change = (px: number): void => {
    resize(px);
    attr(node, "aria-valuenow", String(Math.round(size())));
  };
  const place = (event: PointerEvent): number => (up ? -event.clientY : event.clientX);
  const node: HTMLElement = h(selector, {
    role: "separator",
    "aria-orientation": up ? "horizontal" : "vertical",
    label: label,
    tabindex: "0",
    "aria-valuenow": "0",
    pointerdown: (event: PointerEvent) => {
      held = { from: place(event), size: size() };
      node.setPointerCapture(event.pointerId);
      event.preventDefault();
    },
    pointermove: (event: PointerEvent) => {
      // Pressed and let go again is no change.
      if (held && place(event) !== held.from) change(held.size + place(event) - held.from);
    },
    lostpointercapture: () => (held = null),
    keydown: (event: KeyboardEvent) => {
      const by = [up ? "ArrowDown" : "ArrowLeft", "", up ? "ArrowUp" : "ArrowRight"].indexOf(event.key) - 1;
      if (by !== -1 && by !== 1) return;
      ours(event);
      change(size() + by * step);
    },
  });
  return node;
}
