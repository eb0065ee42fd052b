/**
 * The line over the rows that names their columns: each path is a button that opens its menu, and every
 * column has a grip to make it wider. It asks for what it cannot do; it knows no event.
 */
import { flag, focusOn, h } from "../dom/dom.ts";
import { brief } from "../dom/format.ts";
import { type Grid, ID, TIME, TYPE } from "./grid.ts";
import { separator } from "./splitter.ts";

const NAME_CHARS = 120;

export interface HeadingEvents {
  /** the menu of a column, or, without a path, the list of all */
  columnMenu(path: string | null, button: HTMLElement): void;
  moved(): void;
}

export class Heading {
  readonly node = h("div.heading", { role: "group", label: "Columns" });
  /** At the end of the line, wherever that is scrolled to: it is no part of it. */
  readonly add: HTMLElement = h(
    "button.column-add",
    {
      label: "Choose columns",
      title: "Choose columns",
      click: () => this.#events.columnMenu(null, this.add),
    },
    "+",
  );
  #grid: Grid;
  #events: HeadingEvents;
  #time = h("span");
  #drawn = "";
  #names: HTMLElement[] = [];

  constructor(grid: Grid, events: HeadingEvents) {
    this.#grid = grid;
    this.#events = events;
  }

  draw(): void {
    const grid = this.#grid;
    if (this.#drawn !== grid.arrangement) {
      this.#drawn = grid.arrangement;
      const focused = this.#names.findIndex((name) => name.contains(name.ownerDocument.activeElement));
      this.#names = grid.paths.map((path) => this.#name(path));
      const rest = grid.notDrawn > 0 ? h("span.dimmed", `+${grid.notDrawn} in df only`) : null;
      this.#time = this.#own(TIME, grid.time.name, grid.time.title);
      this.node.replaceChildren(
        this.#time,
        this.#own(TYPE, "type"),
        ...(grid.hasId ? [this.#own(ID, "id")] : []),
        ...this.#names,
        h("span.column-last", grid.hasData ? "data" : "", rest),
      );
      if (focused >= 0) focusOn(this.#names[focused]?.firstElementChild as HTMLElement | null);
    }
    this.#names.forEach((name, i) => flag(name, "data-numeric", grid.isNumeric(grid.paths[i]!)));
  }

  #name(path: string): HTMLElement {
    const label = brief(path, NAME_CHARS);
    // The end of a path says more than its beginning, which gives way first.
    const leaf = label.lastIndexOf(".") + 1;
    const button: HTMLElement = h(
      "button.column-name",
      {
        "aria-haspopup": "true",
        "aria-expanded": "false",
        title: label,
        click: () => this.#events.columnMenu(path, button),
      },
      h("span.column-parent", label.slice(0, leaf)),
      h("span", label.slice(leaf)),
    );
    return h("span.column", button, this.#grip(path, label));
  }

  /** One of our own columns. */
  #own(column: string, word: string, title = ""): HTMLElement {
    return h("span.column", { title: title || false }, h("span.column-own", word), this.#grip(column, word));
  }

  #grip(column: string, label: string): HTMLElement {
    const grip: HTMLElement = separator(
      "div.column-grip",
      `Width of ${label}`,
      false,
      this.#ch,
      () => (this.#grid.setWidth(column) ?? 0) * this.#ch || grip.parentElement!.offsetWidth,
      (px) => this.#resize(column, px / this.#ch),
    );
    grip.addEventListener("dblclick", () => this.#resize(column, null));
    return grip;
  }

  /** A character in px: the heading is laid out in those of the rows. */
  get #ch(): number {
    return this.#time.offsetWidth / this.#grid.chars(TIME) || 7;
  }

  #resize(path: string, chars: number | null): void {
    this.#grid.resize(path, chars);
    this.#events.moved();
  }
}
