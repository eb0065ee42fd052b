/**
 * One line of the log as one DOM node that is used again and again for different events. It writes
 * text, never markup, and only what a line can show; it knows neither scrolling nor selection rules.
 */
import type { Place } from "../store.ts";
import { attr, h, text } from "./dom.ts";
import { clock, cutAt, fullTime, oneLine } from "./format.ts";
import type { Line } from "./lines.ts";
import type { Palette } from "./palette.ts";

/** Characters of data in a line; what is behind the ellipsis is in the detail pane. */
const LINE_CHARS = 300;
const NAME_CHARS = 80;

export class Row {
  readonly node: HTMLElement;
  key = "";
  seq = -1;
  #palette: Palette;
  #time = h("span", { class: "sse-time" });
  #type = h("span", { class: "sse-type" });
  #id = h("span", { class: "sse-id" });
  #data = h("span", { class: "sse-data" });
  #mark = h("span", { class: "sse-mark-text" });

  constructor(palette: Palette) {
    this.#palette = palette;
    this.node = h("div", { role: "listitem", class: "sse-row" }, this.#time, this.#type, this.#id, this.#data);
  }

  place(index: number, size: number): void {
    attr(this.node, "aria-posinset", String(index + 1));
    attr(this.node, "aria-setsize", String(size));
  }

  select(selected: boolean): void {
    attr(this.node, "aria-current", selected ? "true" : null);
  }

  write(line: Line, place: Place | null): void {
    if (this.key === line.key) return;
    this.key = line.key;
    this.seq = line.mark ? -1 : line.seq;
    if (line.mark) {
      attr(this.node, "class", `sse-row sse-mark sse-mark-${line.mark.kind}`);
      this.node.replaceChildren(this.#mark);
      text(this.#mark, `${line.mark.at === null ? "" : `${clock(line.mark.at)}  `}${oneLine(line.mark.text)}`);
      attr(this.#mark, "title", oneLine(line.mark.text));
      return;
    }
    if (this.node.firstChild === this.#mark) {
      attr(this.node, "class", "sse-row");
      this.node.replaceChildren(this.#time, this.#type, this.#id, this.#data);
    }
    if (!place) return;
    const { block, row } = place;
    const at = block.at(row);
    const type = block.type(row);
    const id = block.id(row);
    text(this.#time, clock(at));
    attr(this.#time, "title", fullTime(at));
    text(this.#type, cutAt(oneLine(type), NAME_CHARS));
    attr(this.#type, "title", cutAt(oneLine(type), LINE_CHARS));
    this.#type.style.setProperty("--sse-hue", this.#palette.of(type));
    text(this.#id, cutAt(oneLine(id), NAME_CHARS));
    attr(this.#id, "title", id === "" ? null : `id ${cutAt(oneLine(id), LINE_CHARS)}`);
    // Four bytes a character at most: decoding more than that for one line would be waste.
    const data = cutAt(block.head(row, LINE_CHARS * 4 + 4), LINE_CHARS);
    text(this.#data, oneLine(data));
  }
}
