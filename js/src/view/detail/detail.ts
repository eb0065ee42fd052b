/**
 * The whole of one event at the bottom of the widget: its fields, its data, JSON as a tree
 * without changing a letter, bytes as what they are. It keeps its own copy, so an event stays readable after the page let it go; it
 * shows text only, and never more than a browser can lay out.
 */

import type { Kept } from "../../events/event_copy.ts";
import { manyLines } from "../../events/visible.ts";
import { asJson, asLine } from "../../export/export.ts";
import { recognise } from "../../json/base64.ts";
import { judge } from "../../json/jsonscan.ts";
import { Payload } from "../../json/paths.ts";
import type { Session } from "../../kernel/session.ts";
import { colourOf } from "../chart/palette.ts";
import { textBlocks } from "../dom/blocks.ts";
import { attr, closeButton, h, show, text } from "../dom/dom.ts";
import { brief, bytes, count, fullTime } from "../dom/format.ts";
import { Highlights } from "../log/highlights.ts";
import { separator } from "../log/splitter.ts";
import { type CellMenu, plainOf } from "../panels/cellmenu.ts";
import { copyButton } from "./copy.ts";
import { payloadView } from "./payload.ts";
import { Tree } from "./tree.ts";

const DOM_CHARS = 2 ** 19;
const MIN_HEIGHT = 72;

export class Detail {
  readonly node: HTMLElement;
  readonly close: HTMLButtonElement;
  #session: Session;
  #cells: CellMenu;
  #shown: Kept | null = null;
  #height = 180;
  #title = h("span.detail-title");
  #type = h("span.type");
  #fields = h("span.detail-fields");
  #note = h("span.detail-note");
  #load: HTMLButtonElement;
  #raw: HTMLButtonElement;
  #rawWanted = false;
  #tree: Tree | null = null;
  #data = h("div.detail-data", { tabindex: "0", role: "region", label: "Data", dir: "auto" });
  #splitter: HTMLElement;
  #signal: AbortSignal;
  #highlights: Highlights;

  constructor(session: Session, menu: CellMenu, closed: () => void, signal: AbortSignal) {
    this.#session = session;
    this.#cells = menu;
    this.#signal = signal;
    this.#highlights = new Highlights(this.#data, session.marker, signal);
    this.#load = h("button.small", { hidden: true, click: () => void this.#loadAll() }, "Load all");
    this.#raw = h(
      "button.small",
      {
        hidden: true,
        "aria-pressed": "false",
        title: "The data as it came, not laid out",
        click: () => {
          this.#rawWanted = !this.#rawWanted;
          if (this.#shown) this.#drawData(this.#shown);
        },
      },
      "Raw",
    );
    this.close = closeButton("Close details", "Close details (Esc)", closed);
    this.#splitter = separator(
      "div.splitter",
      "Height of the details",
      true,
      24,
      () => this.#height,
      (px) => this.#resize(px),
    );
    // The buttons are seen only where an event is shown.
    const row = (): Kept => this.#shown!;
    const copies = h(
      "span.copies",
      copyButton("Copy data", () => row().data, "Copy the data (c)"),
      copyButton("JSON", () => asJson(row()), "Copy the event as JSON", "Copy event as JSON"),
      copyButton("Row", () => asLine(row()), "Copy time, type, id and data as one line", "Copy row"),
    );
    this.node = h(
      "section.detail",
      { label: "Event details", hidden: true },
      this.#splitter,
      h(
        "div.detail-head",
        this.#title,
        this.#type,
        this.#fields,
        this.#note,
        this.#load,
        h("span.fill"),
        this.#raw,
        copies,
        this.close,
      ),
      this.#data,
    );
    this.#resize(this.#height);
  }

  get seq(): number | null {
    return this.#shown?.seq ?? null;
  }

  open(seq: number): void {
    const event = this.#session.event(seq);
    if (!event) return;
    this.#shown = event;
    show(this.node, true);
    this.#data.scrollTop = 0;
    this.#draw();
  }

  /** What is searched is marked here too. */
  draw(): void {
    const { filter, marker } = this.#session;
    this.#tree?.draw();
    if (this.#shown)
      this.#highlights.draw(`${filter.text} ${filter.regex} ${filter.case} ${marker.generation}`);
  }

  hide(): void {
    this.#shown = this.#tree = null;
    show(this.node, false);
    this.#data.replaceChildren();
  }

  #draw(): void {
    const event = this.#shown;
    if (!event) return;
    text(this.#title, `#${count(event.seq)}`);
    text(this.#type, brief(event.type, 120));
    this.#type.style.setProperty("--sse-colour", colourOf(event.type));
    const id = event.id === "" ? "no id" : `id ${brief(event.id, 200)}`;
    text(this.#fields, `${fullTime(event.at)} \u00B7 ${id} \u00B7 ${bytes(event.size)}`);
    attr(this.#fields, "title", this.#fields.textContent);
    show(this.#load, event.cut);
    text(this.#load, "Load all");
    this.#load.disabled = false;
    this.#drawData(event);
  }

  #drawData(event: Kept): void {
    const judged = judge(event.data);
    const isTree = judged === "whole" || (judged === "part" && event.cut);
    const asTree = isTree && !this.#rawWanted;
    const long = !asTree && event.data.length > DOM_CHARS;
    show(this.#raw, isTree);
    attr(this.#raw, "aria-pressed", this.#rawWanted);
    text(
      this.#note,
      event.cut
        ? `showing 64 KiB of ${bytes(event.size)}`
        : long
          ? `showing the first 512 KiB of ${bytes(event.size)}; Copy data takes all`
          : "",
    );
    this.#tree = asTree
      ? new Tree(event.data, this.#session.columns, (path, at) => this.#menu(event, path, at))
      : null;
    if (this.#tree) this.#data.replaceChildren(this.#tree.node);
    else this.#data.replaceChildren(...this.#plain(event, long));
  }

  #menu({ data, cut, ...event }: Kept, path: string, at: HTMLElement): void {
    const payload = new Payload(data, cut);
    const value = payload.at(path);
    const words = value ? payload.text(value, data.length) : "";
    this.#cells.open({ ...event, column: path, words, plain: plainOf(payload, value) }, at, at);
  }

  #plain(event: Kept, long: boolean): (string | Node)[] {
    const words = manyLines(long ? event.data.slice(0, DOM_CHARS) : event.data);
    const payload = event.cut ? null : recognise(event.data);
    if (!payload) return textBlocks(words);
    const { button, place } = payloadView(payload);
    return [button, place, h("div", ...textBlocks(words))];
  }

  async #loadAll(): Promise<void> {
    const event = this.#shown;
    if (!event) return;
    this.#load.disabled = true;
    text(this.#load, "Loading\u2026");
    const whole = await this.#session.fetchEvent(event.seq);
    if (this.#signal.aborted || this.#shown !== event) return;
    if (!whole.found) {
      show(this.#load, false);
      text(this.#note, `the first 64 KiB of ${bytes(event.size)}; the kernel no longer holds the rest`);
      return;
    }
    this.#shown = { ...event, data: whole.data, cut: false };
    this.#draw();
  }

  #resize(height: number): void {
    const room = this.node.parentElement?.clientHeight ?? 420;
    this.#height = Math.round(Math.max(MIN_HEIGHT, Math.min(height, Math.max(MIN_HEIGHT, room - 150))));
    this.node.style.setProperty("--sse-detail-height", `${this.#height}px`);
  }
}
