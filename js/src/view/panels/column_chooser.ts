/**
 * Choosing columns: the list of paths found in the payloads, with an example each, and the menu of one
 * column. It looks into a few hundred events, in slices, while it is open; what a column shows is the
 * rows' business, and what holds is the session's.
 */

import { onAbort } from "../../abort.ts";
import type { Place } from "../../events/store.ts";
import { oneLine, oneName } from "../../events/visible.ts";
import { loneSurrogate } from "../../filter/patterns.ts";
import { Discovery, type Found } from "../../json/paths.ts";
import type { Session } from "../../kernel/session.ts";
import { attr, fit, h, show, text } from "../dom/dom.ts";
import { brief, count, cutAt } from "../dom/format.ts";
import { check, closing, type Item, type Menu } from "../dom/menu.ts";
import { Popover } from "../dom/popover.ts";
import type { Grid } from "../log/grid.ts";
import type { CellMenu } from "./cellmenu.ts";

const LISTED = 200;
const NAME_CHARS = 100;
/** At first: so many of the newest events, and so many from all over. */
const NEWEST = 200;
const ALL_OVER = 200;
const MORE = 50;
const MORE_MS = 1_000;
const SLICE_MS = 6;

export interface ChooserEvents {
  moved(): void;
  /** the numbers at a path over time */
  chart(path: string): void;
  latest(path: string): void;
  /** sorts by a column, where that can be done */
  sort: ((path: string, down: boolean) => void) | null;
}
interface Entry {
  node: HTMLElement;
  box: HTMLInputElement;
  name: HTMLElement;
  example: HTMLElement;
  chart: HTMLElement;
  path: string;
}

export class Chooser {
  readonly popover: Popover;
  #menu: Menu;
  #cells: CellMenu;
  #session: Session;
  #grid: Grid;
  #events: ChooserEvents;
  #search: HTMLInputElement;
  #add: HTMLButtonElement;
  #list = h("div.path-list", { role: "group", label: "Paths" });
  #note = h("div.chip-note");
  #entries: Entry[] = [];
  #discovery = new Discovery();
  #waiting: number[] = [];
  #read = 0;
  #lookedAt = 0;
  #work: ReturnType<typeof setTimeout> | undefined;

  constructor(
    session: Session,
    grid: Grid,
    menu: Menu,
    cells: CellMenu,
    events: ChooserEvents,
    signal: AbortSignal,
  ) {
    this.#session = session;
    this.#menu = menu;
    this.#cells = cells;
    this.#grid = grid;
    this.#events = events;
    this.#search = h("input.input", {
      placeholder: "Find or write a path, such as user.name",
      label: "Find or write a path",
      input: () => this.#draw(),
      keydown: (event: KeyboardEvent) => this.#key(event),
    });
    this.#add = h("button.view-row.view-action", { hidden: true, click: () => this.#write() });
    const own = (name: "id" | "data"): HTMLElement =>
      check(name, true, (on) => {
        this.#grid.show(name, on);
        this.#events.moved();
      });
    const node = h(
      "div.chooser",
      { role: "group", label: "Columns" },
      this.#search,
      this.#add,
      this.#list,
      this.#note,
      h("div.view-line"),
      h("div.own", own("id"), own("data")),
    );
    this.popover = new Popover(null, node, () => this.#begin());
    onAbort(signal, () => clearTimeout(this.#work));
  }

  /** The menu of a column; without one, the list of all paths. */
  open(path: string | null, button: HTMLElement): void {
    if (path === null) return this.popover.openFrom(button);
    const { columns } = this.#session;
    const { sort } = this.#events;
    const at = columns.paths.indexOf(path);
    const then = (word: string, run: () => void, disabled = false): Item => [
      word,
      () => {
        run();
        this.#events.moved();
      },
      disabled,
    ];
    this.#menu.open(button, button, brief(path, NAME_CHARS), `Column ${brief(path, NAME_CHARS)}`, [
      ...(sort
        ? [
            then("Sort ascending", () => sort(path, false)),
            then("Sort descending", () => sort(path, true)),
            null,
          ]
        : []),
      this.#cells.form(path),
      null,
      then("Chart over time", () => this.#events.chart(path)),
      then("One row for each value", () => this.#events.latest(path)),
      null,
      then("Move left", () => columns.move(path, -1), at <= 0),
      then("Move right", () => columns.move(path, 1), at < 0 || at >= columns.paths.length - 1),
      then("Fit width", () => this.#grid.resize(path, null)),
      then("Remove column", () => columns.set(columns.paths.filter((other) => other !== path))),
    ]);
  }

  draw(): void {
    if (!this.popover.open) return;
    if (Date.now() - this.#lookedAt > MORE_MS) this.#look(MORE);
    this.#draw();
  }

  #begin(): void {
    this.#search.value = "";
    this.#discovery = new Discovery();
    this.#read = 0;
    const { store } = this.#session;
    this.#waiting = [];
    const step = store.shown / ALL_OVER;
    for (let i = 0; step > 1 && i < ALL_OVER; i++) this.#waiting.push(store.seqAt(Math.floor(i * step)) ?? 0);
    this.#look(NEWEST);
    this.#draw();
  }

  /** The newest of the shown events that were not looked into. */
  #look(many: number): void {
    const { store } = this.#session;
    this.#lookedAt = Date.now();
    for (let i = Math.max(0, store.shown - many); i < store.shown; i++) {
      const seq = store.seqAt(i);
      if (seq !== null && seq >= this.#read) this.#waiting.push(seq);
    }
    this.#read = store.end;
    clearTimeout(this.#work);
    this.#workOn();
  }

  #workOn(): void {
    const until = performance.now() + SLICE_MS;
    while (this.#waiting.length > 0 && performance.now() < until) {
      const place: Place | null = this.#session.store.find(this.#waiting.pop()!);
      if (place) this.#discovery.add(place.block.data(place.row), place.block.isCut(place.row));
    }
    if (this.#waiting.length > 0 && this.popover.open) this.#work = setTimeout(() => this.#workOn());
    else this.#draw();
  }

  #draw(): void {
    const { columns, store } = this.#session;
    const { found, read } = this.#discovery;
    const written = this.#search.value.trim();
    const wanted = written.toLowerCase();
    // Those that no event here has, chosen in Python or long ago, come first.
    const all = [...columns.paths.filter((path) => !found.has(path)), ...found.keys()];
    const listed = wanted === "" ? all : all.filter((path) => path.toLowerCase().includes(wanted));
    const shown = listed.slice(0, LISTED);
    fit(this.#entries, shown.length, () => this.#entry());
    shown.forEach((path, i) => this.#put(this.#entries[i]!, path, found.get(path)));
    show(this.#add, written !== "" && !all.includes(written));
    text(this.#add, `Add \u201C${brief(written, NAME_CHARS)}\u201D`);
    const none =
      store.rows === 0
        ? "No events yet"
        : read === 0 && this.#waiting.length === 0
          ? "No JSON objects in these events"
          : "";
    text(
      this.#note,
      listed.length > LISTED
        ? `${count(LISTED)} of ${count(listed.length)}: type to narrow`
        : none || (listed.length === 0 && written === "" ? "\u2026" : ""),
    );
  }

  #entry(): Entry {
    const name = h("span.path-name");
    const example = h("span.path-example");
    const box = h("input", { type: "checkbox", change: () => this.#session.columns.toggle(entry.path) });
    const chart = h(
      "button.link",
      {
        title: "These numbers over time",
        click: closing(this.popover, () => this.#events.chart(entry.path)),
      },
      "Chart",
    );
    const node = h("div.view-row.path", h("label.view-check", box, name, example), chart);
    const entry: Entry = { node, box, name, example, chart, path: "" };
    this.#list.append(entry.node);
    return entry;
  }

  #put(entry: Entry, path: string, found?: Found): void {
    if (entry.path !== path) {
      entry.path = path;
      const label = oneName(path);
      text(entry.name, cutAt(label, NAME_CHARS));
      attr(entry.node, "title", label);
    }
    text(entry.example, oneLine(found?.example));
    show(entry.chart, found?.shape === "number");
    entry.box.checked = this.#session.columns.has(path);
  }

  /** What was written in the box becomes a column, found or not. */
  #write(): void {
    const path = this.#search.value.trim();
    if (path === "" || loneSurrogate(path) !== null) return;
    if (!this.#session.columns.has(path)) this.#session.columns.toggle(path);
    this.#search.value = "";
    this.#search.focus();
    this.#draw();
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Enter") return;
    event.preventDefault();
    this.#write();
  }
}
