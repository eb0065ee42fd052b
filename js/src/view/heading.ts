/**
 * The line over the rows that names their columns, where there are some: each path is a button that
 * opens its menu, with a grip to make it wider. It asks for what it cannot do; it knows no event.
 */
import { attr, h, show } from "./dom.ts";
import { cutAt, oneLine } from "./format.ts";
import type { Grid } from "./grid.ts";

const NAME_CHARS = 120;

export interface HeadingEvents {
  /** the menu of a column, or, without a path, the list of all */
  columnMenu(path: string | null, button: HTMLElement): void;
  moved(): void;
}

export class Heading {
  readonly node = h("div", { class: "sse-heading", role: "group", "aria-label": "Columns", hidden: true });
  #grid: Grid;
  #events: HeadingEvents;
  #signal: AbortSignal;
  #time = h("span", {}, "time");
  #drawn = "";
  #names: HTMLElement[] = [];

  constructor(grid: Grid, events: HeadingEvents, signal: AbortSignal) {
    this.#grid = grid;
    this.#events = events;
    this.#signal = signal;
  }

  draw(): void {
    const grid = this.#grid;
    show(this.node, grid.heading > 0);
    if (this.node.hidden) return;
    if (this.#drawn !== grid.arrangement) {
      this.#drawn = grid.arrangement;
      const focused = this.#names.findIndex((name) => name.contains(name.ownerDocument.activeElement));
      this.#names = grid.paths.map((path) => this.#name(path));
      const more: HTMLElement = h("button", { class: "sse-column-add", "aria-label": "Choose columns", title: "Choose columns", click: () => this.#events.columnMenu(null, more) }, "+");
      const rest = grid.notDrawn > 0 ? h("span", { class: "sse-dimmed" }, `+${grid.notDrawn} in df only`) : null;
      this.node.replaceChildren(this.#time, h("span", {}, "type"), ...(grid.hasId ? [h("span", {}, "id")] : []), ...this.#names,
        h("span", { class: "sse-column-last" }, grid.shows.data ? "data" : "", rest, more));
      if (focused >= 0) (this.#names[focused]?.firstElementChild as HTMLElement | null)?.focus({ preventScroll: true });
    }
    this.#names.forEach((name, i) => attr(name, "data-numeric", grid.isNumeric(grid.paths[i]!) ? "true" : null));
  }

  #name(path: string): HTMLElement {
    const label = cutAt(oneLine(path), NAME_CHARS);
    // The end of a path says more than its beginning, which gives way first.
    const leaf = label.lastIndexOf(".") + 1;
    const button: HTMLElement = h("button", { class: "sse-column-name", "aria-haspopup": "true", "aria-expanded": "false", title: label, click: () => this.#events.columnMenu(path, button) },
      h("span", { class: "sse-column-parent" }, label.slice(0, leaf)), h("span", {}, label.slice(leaf)));
    const grip = h("span", { class: "sse-column-grip", role: "separator", "aria-orientation": "vertical", "aria-label": `Width of ${label}`, tabindex: "0", dblclick: () => this.#resize(path, null) });
    grip.addEventListener("pointerdown", (event) => this.#drag(event, path, grip), { signal: this.#signal });
    grip.addEventListener("keydown", (event) => {
      const by = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
      if (by === 0) return;
      event.preventDefault();
      event.stopPropagation();
      this.#resize(path, (this.#grid.setWidth(path) ?? this.#chars(grip)) + by);
    });
    return h("span", { class: "sse-column" }, button, grip);
  }

  /** How wide it is now, in characters: the time is always twelve. */
  #chars(grip: HTMLElement): number {
    return (grip.parentElement!.offsetWidth / this.#time.offsetWidth) * 12;
  }

  #resize(path: string, chars: number | null): void {
    this.#grid.resize(path, chars);
    this.#events.moved();
  }

  #drag(down: PointerEvent, path: string, grip: HTMLElement): void {
    const [from, chars, px] = [down.clientX, this.#chars(grip), this.#time.offsetWidth / 12];
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#signal]);
    grip.setPointerCapture(down.pointerId);
    down.preventDefault();
    grip.addEventListener("pointermove", (event) => this.#resize(path, chars + (event.clientX - from) / px), { signal });
    grip.addEventListener("lostpointercapture", () => stop.abort(), { signal });
  }
}
