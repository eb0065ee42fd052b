/**
 * One chart over time: a canvas, and over it the brush, the marks and the cursor, which all charts of a
 * view share. Brushed by pointer or by keys. What is painted is its owner's business.
 */

import { attr, fit, flag, h, modified, onResize, ours, show } from "../dom/dom.ts";
import type { Axis } from "./axis.ts";

/** A press that moves less is a click: it ends the brush. */
const CLICK_PX = 4;

export interface ChartMark {
  /** seconds since 1970 */
  at: number;
  text: string;
  /** of a type seen for the first time; else it is a gap */
  colour?: string;
}

export class Strip {
  readonly node: HTMLElement;
  width = 0;
  #axis: Axis;
  #pointed: () => void;
  #canvas = h("canvas.chart-canvas", { "aria-hidden": "true" });
  #brush = h("div.chart-brush", { hidden: true });
  #cursor = h("div.chart-cursor", { hidden: true });
  #over = h("div.chart-marks");
  #marks: { node: HTMLElement }[] = [];

  constructor(axis: Axis, label: string, pointed: () => void, resized: () => void, signal: AbortSignal) {
    this.#axis = axis;
    this.#pointed = pointed;
    this.node = h(
      "div.chart-plot",
      {
        tabindex: "0",
        role: "group",
        label: label,
        "aria-description":
          "Left and right read the seconds; with Shift they choose a time for the filter; Escape shows all times.",
        pointerdown: (event: PointerEvent) => this.#down(event),
        pointermove: (event: PointerEvent) => this.#move(event),
        pointerup: (event: PointerEvent) => this.#up(event),
        pointercancel: () => (axis.held = null),
        pointerleave: () => this.#point(null),
        blur: () => this.#point(null),
        keydown: (event: KeyboardEvent) => this.#key(event),
      },
      this.#canvas,
      this.#brush,
      this.#over,
      this.#cursor,
    );
    onResize(
      this.node,
      () => {
        this.width = this.node.clientWidth;
        resized();
      },
      signal,
    );
  }

  /** An empty canvas, in its own pixels. */
  canvas(): { context: CanvasRenderingContext2D; width: number; height: number; scale: number } | null {
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.width * scale), Math.round(this.node.clientHeight * scale)];
    if (this.#canvas.width !== width || this.#canvas.height !== height)
      Object.assign(this.#canvas, { width, height });
    const context = this.#canvas.getContext("2d");
    context?.clearRect(0, 0, width, height);
    return context && width > 0 ? { context, width, height, scale } : null;
  }

  /** What lies over the canvas. */
  draw(marks: readonly ChartMark[]): void {
    const [from, to] = this.#axis.brush;
    if (!this.#axis.held) this.#cover(from ?? -Infinity, to ?? Infinity, from !== null || to !== null);
    fit(this.#marks, marks.length, () => {
      const node = h("span.chart-mark");
      this.#over.append(node);
      return { node };
    });
    marks.forEach(({ at, text, colour }, i) => {
      const mark = this.#marks[i]!.node;
      mark.style.left = `${this.#axis.place(at)}%`;
      attr(mark, "title", text);
      flag(mark, "data-first", colour !== undefined);
      if (colour) mark.style.setProperty("--sse-colour", colour);
    });
    this.drawCursor();
  }

  drawCursor(): void {
    const second = this.#axis.pointed;
    show(this.#cursor, second !== null);
    if (second !== null) this.#cursor.style.left = `${this.#axis.place(second + 0.5)}%`;
  }

  #cover(from: number, to: number, visible: boolean): void {
    show(this.#brush, visible);
    const left = this.#axis.place(from);
    this.#brush.style.left = `${left}%`;
    this.#brush.style.width = `${Math.max(0, this.#axis.place(to) - left)}%`;
  }

  #secondAt(clientX: number): number {
    const box = this.node.getBoundingClientRect();
    const part = Math.max(0, Math.min(1 - 1e-9, (clientX - box.left) / box.width));
    return this.#axis.first + Math.floor(part * this.#axis.span);
  }

  #point(second: number | null): void {
    this.#axis.pointed = second;
    this.#pointed();
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#axis.held = { from: this.#secondAt(event.clientX), x: event.clientX };
    this.node.setPointerCapture(event.pointerId);
  }

  #move(event: PointerEvent): void {
    const second = this.#secondAt(event.clientX);
    const { held } = this.#axis;
    this.#point(second);
    if (held && Math.abs(event.clientX - held.x) >= CLICK_PX)
      this.#cover(Math.min(held.from, second), Math.max(held.from, second) + 1, true);
  }

  #up(event: PointerEvent): void {
    const { held } = this.#axis;
    this.#axis.held = null;
    if (!held) return;
    const second = this.#secondAt(event.clientX);
    if (Math.abs(event.clientX - held.x) < CLICK_PX) this.#axis.set(null, null);
    else this.#axis.set(Math.min(held.from, second), Math.max(held.from, second) + 1);
  }

  #key(event: KeyboardEvent): void {
    if (modified(event)) return;
    const { first, end, pointed, brush } = this.#axis;
    const by = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (by !== 0) {
      const last = pointed ?? end - 1 - Math.min(0, by);
      const next = Math.max(first, Math.min(end - 1, last + by));
      if (event.shiftKey)
        this.#axis.set(
          Math.min(next, brush[0] ?? Infinity, last),
          Math.max(next + 1, brush[1] ?? -Infinity, last + 1),
        );
      this.#point(next);
    } else if (event.key === "Escape" && (brush[0] !== null || brush[1] !== null)) this.#axis.set(null, null);
    else return;
    ours(event);
  }
}
