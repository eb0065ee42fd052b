/**
 * One line of the log as one DOM node that is used again and again for different events. It writes
 * text, never markup, and only what a line can show; it knows neither scrolling nor selection rules.
 */

import type { Faults } from "../../events/error_marks.ts";
import type { Source } from "../../events/store.ts";
import { manyLines, oneLine } from "../../events/visible.ts";
import type { Marker, Marks } from "../../filter/marker.ts";
import { Payload } from "../../json/paths.ts";
import { colourOf } from "../chart/palette.ts";
import { attr, flag, h, text } from "../dom/dom.ts";
import { brief, cutAt, fullTime } from "../dom/format.ts";
import { type Grid, ID, TIME, TYPE } from "./grid.ts";
import type { Line } from "./lines.ts";

/** Characters of data in a line; what is behind the ellipsis is in the detail pane. */
const LINE_CHARS = 300;
/** Characters of a wrapped row: some twenty lines. */
const WRAPPED_CHARS = 2_000;
const NAME_CHARS = 80;
const CELL_CHARS = 200;

/** How a row is written, beside what it shows: a change of these writes it anew. */
export interface Manner {
  wrap: boolean;
  grid: Grid;
  faults: Faults;
  /** a time as this view writes it */
  clock(ms: number): string;
}
/** While something is searched, a row looks this far for it, and shows the part where it is. */
const SEARCHED_CHARS = 4_000;
const FAR_CHARS = 100;
const FRESH_MS = 1_000;
const BEFORE_CHARS = 30;

export class Row {
  readonly node: HTMLElement;
  key = "";
  seq = -1;
  at = Number.NaN;
  /** what it was written from */
  source: Source | null = null;
  #wrap = false;
  #version = "";
  /** when a cell was marked last; 0: none is */
  #fresh = 0;
  #cells: HTMLElement[] = [];
  #searched = false;
  #raw = "";
  /** null: not written yet */
  #marks: Marks | null = null;
  #hued: string | null = null;
  #time = h("span.time");
  #type = h("span.type");
  #id = h("span.id");
  #data = h("span.data", { dir: "auto" });
  #mark = h("span.mark-text");

  constructor() {
    this.node = h("div.row", { role: "listitem" }, this.#time, this.#type, this.#id, this.#data);
  }

  place(index: number, size: number): void {
    attr(this.node, "aria-posinset", String(index + 1));
    attr(this.node, "aria-setsize", String(size));
  }

  /** `cell`: the one that keys have chosen; -1 for none. */
  select(selected: boolean, cell: number): void {
    flag(this.node, "aria-current", selected);
    [...this.node.children].forEach((node, i) => flag(node, "data-current", selected && i === cell));
  }

  /** What is copied of it: its cells, those that are selected, with the whole data. */
  cells(selected: Range | null, data: string): string[] {
    return [...this.node.children]
      .filter((cell) => !selected || selected.intersectsNode(cell))
      .map((cell) => (cell === this.#data ? data : (cell.textContent ?? "")));
  }

  /** The time column; marks have none. */
  time(value: string, grid: Grid): void {
    text(this.#time, value);
    grid.saw(TIME, value.length);
  }

  write(line: Line, place: Source | null, { wrap, grid, faults, clock }: Manner, marker: Marker): void {
    const searched = marker.active;
    const version = `${grid.version} ${faults.version}`;
    const seq = line.mark ? -1 : line.seq;
    const again = this.key === line.key;
    if (this.#fresh > 0 && performance.now() - this.#fresh > FRESH_MS) {
      this.#fresh = 0;
      for (const cell of this.#cells) attr(cell, "data-fresh", null);
    }
    if (
      again &&
      this.seq === seq &&
      this.#wrap === wrap &&
      this.#searched === searched &&
      this.#version === version
    ) {
      if (searched && !line.mark) this.#write(marker.find(this.#raw));
      return;
    }
    this.key = line.key;
    this.#wrap = wrap;
    this.#searched = searched;
    this.at = Number.NaN;
    this.seq = seq;
    this.source = place;
    if (line.mark) {
      attr(this.node, "class", `sse-row sse-mark sse-mark-${line.mark.kind}`);
      attr(this.node, "data-error", null);
      this.node.replaceChildren(this.#mark);
      text(
        this.#mark,
        `${line.mark.at === null ? "" : `${clock(line.mark.at)}  `}${oneLine(line.mark.text)}`,
      );
      attr(this.#mark, "title", oneLine(line.mark.text));
      return;
    }
    if (this.node.firstChild === this.#mark) {
      attr(this.node, "class", "sse-row");
      this.#version = "";
    }
    if (this.#version !== version) this.#arrange(grid, version);
    if (!place) return;
    const { block, row } = place;
    const at = block.at(row);
    const type = block.type(row);
    const id = block.id(row);
    this.at = at;
    attr(this.#time, "title", fullTime(at));
    const name = brief(type, NAME_CHARS);
    text(this.#type, name);
    grid.saw(TYPE, name.length);
    attr(this.#type, "title", brief(type, LINE_CHARS));
    if (type !== this.#hued) this.#type.style.setProperty("--sse-colour", colourOf(type));
    this.#hued = type;
    const shownId = brief(id, NAME_CHARS);
    text(this.#id, shownId);
    grid.saw(ID, shownId.length);
    attr(this.#id, "title", id === "" ? null : `id ${brief(id, LINE_CHARS)}`);
    let read: Payload | null = null;
    const payload = (): Payload => (read ??= new Payload(block.data(row), block.isCut(row)));
    if (this.#cells.length > 0) this.#fill(grid, payload(), again);
    flag(this.node, "data-error", faults.has(type, payload));
    if (!grid.hasData) return;
    // Four bytes a character at most: decoding more than that for one line would be waste.
    const chars = Math.max(wrap ? WRAPPED_CHARS : LINE_CHARS, searched ? SEARCHED_CHARS : 0);
    this.#raw = cutAt(block.head(row, chars * 4 + 4), chars);
    this.#marks = null;
    this.#write(marker.find(this.#raw));
  }

  #arrange(grid: Grid, version: string): void {
    this.#version = version;
    this.#cells = grid.paths.map(() => h("span.cell", { dir: "auto" }));
    this.node.replaceChildren(
      this.#time,
      this.#type,
      ...(grid.hasId ? [this.#id] : []),
      ...this.#cells,
      ...(grid.hasData ? [this.#data] : []),
    );
  }

  /** `again`: the same line with other values, which are marked for a moment. */
  #fill(grid: Grid, payload: Payload, again: boolean): void {
    grid.paths.forEach((path, i) => {
      const cell = this.#cells[i]!;
      const value = payload.at(path);
      const words = value ? oneLine(cutAt(payload.text(value, CELL_CHARS + 1), CELL_CHARS)) : "";
      if (again && cell.textContent !== "" && cell.textContent !== words) {
        attr(cell, "data-fresh", "true");
        this.#fresh = performance.now();
      } else if (!again) attr(cell, "data-fresh", null);
      text(cell, words);
      attr(cell, "title", words === "" ? null : words);
      attr(cell, "data-shape", value?.shape ?? null);
      if (value && words !== "null") grid.saw(path, words.length, value.shape === "number");
    });
  }

  /** The data, with marks where the search was found. */
  #write(marks: Marks): void {
    if (marks === this.#marks) return;
    this.#marks = marks;
    const say = this.#wrap ? manyLines : oneLine;
    const chars = this.#wrap ? WRAPPED_CHARS : LINE_CHARS;
    const far = !this.#wrap && (marks[0] ?? 0) > FAR_CHARS;
    const from = far ? marks[0]! - BEFORE_CHARS : 0;
    const raw = far ? `\u2026${this.#raw.slice(from)}` : this.#raw;
    const shift = far ? 1 - from : 0;
    const shown = cutAt(raw, chars);
    if (marks.length === 0) {
      // The same text with marks in it would pass for written.
      if (this.#data.firstElementChild) this.#data.replaceChildren();
      return text(this.#data, say(shown));
    }
    const parts: (string | Node)[] = [];
    let at = 0;
    for (let i = 0; i < marks.length && marks[i]! + shift < shown.length; i += 2) {
      const [start, end] = [marks[i]! + shift, Math.min(marks[i + 1]! + shift, shown.length)];
      parts.push(say(shown.slice(at, start)), h("mark.hit", say(shown.slice(start, end))));
      at = end;
    }
    this.#data.replaceChildren(...parts, say(shown.slice(at)));
  }
}
