/**
 * The whole of one event at the bottom of the widget: its fields, its data, JSON laid out without
 * changing a letter. It keeps its own copy, so an event stays readable after the page let it go; it
 * shows text only, and never more than a browser can lay out.
 */
import type { Session } from "../session.ts";
import { attr, h, show, text } from "./dom.ts";
import { bytes, count, cutAt, fullTime, manyLines, oneLine } from "./format.ts";
import { pretty } from "./json.ts";
import type { Palette } from "./palette.ts";

const DOM_CHARS = 2 ** 20;
/** Coloured words are nodes; longer JSON is one text node. */
const COLOURED_TOKENS = 5_000;
const MIN_HEIGHT = 72;

interface Shown {
  seq: number;
  type: string;
  id: string;
  at: number;
  size: number;
  data: string;
  cut: boolean;
}

export class Detail {
  readonly node: HTMLElement;
  readonly close: HTMLButtonElement;
  #session: Session;
  #palette: Palette;
  #shown: Shown | null = null;
  #height = 180;
  #title = h("span", { class: "sse-detail-title" });
  #type = h("span", { class: "sse-type" });
  #fields = h("span", { class: "sse-detail-fields" });
  #note = h("span", { class: "sse-detail-note" });
  #load: HTMLButtonElement;
  #copy: HTMLButtonElement;
  #data = h("pre", { class: "sse-detail-data", tabindex: "0", "aria-label": "Data", dir: "auto" });
  #splitter: HTMLElement;
  #signal: AbortSignal;

  constructor(session: Session, palette: Palette, closed: () => void, signal: AbortSignal) {
    this.#session = session;
    this.#palette = palette;
    this.#signal = signal;
    this.#load = h("button", { type: "button", class: "sse-small", hidden: true, click: () => void this.#loadAll() }, "Load all");
    this.#copy = h("button", { type: "button", class: "sse-small", click: () => void this.#copyData() }, "Copy data");
    this.close = h("button", { type: "button", class: "sse-small sse-close", "aria-label": "Close details", title: "Close details (Esc)", click: closed }, "\u00D7");
    this.#splitter = h("div", { class: "sse-splitter", role: "separator", "aria-orientation": "horizontal", "aria-label": "Height of the details", tabindex: "0" });
    this.node = h(
      "section",
      { class: "sse-detail", "aria-label": "Event details", hidden: true },
      this.#splitter,
      h("div", { class: "sse-detail-head" }, this.#title, this.#type, this.#fields, this.#note, this.#load, h("span", { class: "sse-fill" }), this.#copy, this.close),
      this.#data,
    );
    this.#splitter.addEventListener("pointerdown", (event) => this.#drag(event), { signal });
    this.#splitter.addEventListener("keydown", (event) => {
      const by = event.key === "ArrowUp" ? 24 : event.key === "ArrowDown" ? -24 : 0;
      if (by === 0) return;
      event.preventDefault();
      event.stopPropagation();
      this.#resize(this.#height + by);
    }, { signal });
    this.#resize(this.#height);
  }

  get seq(): number | null {
    return this.#shown?.seq ?? null;
  }

  open(seq: number): void {
    const place = this.#session.store.find(seq);
    if (!place) return;
    const { block, row } = place;
    this.#shown = { seq, type: block.type(row), id: block.id(row), at: block.at(row), size: block.size(row), data: block.data(row), cut: block.isCut(row) };
    show(this.node, true);
    this.#data.scrollTop = 0;
    this.#draw();
  }

  hide(): void {
    this.#shown = null;
    show(this.node, false);
    this.#data.replaceChildren();
  }

  #draw(): void {
    const event = this.#shown;
    if (!event) return;
    text(this.#title, `#${count(event.seq)}`);
    text(this.#type, cutAt(oneLine(event.type), 120));
    this.#type.style.setProperty("--sse-hue", this.#palette.of(event.type));
    const id = event.id === "" ? "no id" : `id ${cutAt(oneLine(event.id), 200)}`;
    text(this.#fields, `${fullTime(event.at)} \u00B7 ${id} \u00B7 ${bytes(event.size)}`);
    attr(this.#fields, "title", this.#fields.textContent);
    show(this.#load, event.cut);
    text(this.#load, "Load all");
    this.#load.disabled = false;
    this.#drawData(event);
  }

  #drawData(event: Shown): void {
    const long = event.data.length > DOM_CHARS;
    const tokens = long ? null : pretty(event.data);
    text(this.#note, event.cut ? `showing 64 KiB of ${bytes(event.size)}` : long ? `showing the first 1 MiB of ${bytes(event.size)}; Copy data takes all` : "");
    if (!tokens) {
      this.#data.textContent = manyLines(long ? event.data.slice(0, DOM_CHARS) : event.data);
    } else if (tokens.length > COLOURED_TOKENS) {
      this.#data.textContent = manyLines(tokens.map((token) => token[1]).join(""));
    } else {
      this.#data.replaceChildren(
        ...tokens.map(([kind, word]) => (kind === "punct" || kind === "space" ? word : h("span", { class: `sse-json-${kind}` }, manyLines(word)))),
      );
    }
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

  async #copyData(): Promise<void> {
    const data = this.#shown?.data ?? "";
    let done = true;
    try {
      await navigator.clipboard.writeText(data);
    } catch {
      // No clipboard API outside a secure context (a remote Jupyter over http): the old way.
      const area = h("textarea", { class: "sse-offscreen" });
      area.value = data;
      this.node.append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
      this.#copy.focus();
    }
    text(this.#copy, done ? "Copied" : "Copy failed");
    setTimeout(() => text(this.#copy, "Copy data"), 1500);
  }

  #drag(down: PointerEvent): void {
    const [from, height] = [down.clientY, this.#height];
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#signal]);
    this.#splitter.setPointerCapture(down.pointerId);
    down.preventDefault();
    this.#splitter.addEventListener("pointermove", (event) => this.#resize(height + from - event.clientY), { signal });
    this.#splitter.addEventListener("lostpointercapture", () => stop.abort(), { signal });
  }

  #resize(height: number): void {
    const room = this.node.parentElement?.clientHeight ?? 420;
    this.#height = Math.round(Math.max(MIN_HEIGHT, Math.min(height, Math.max(MIN_HEIGHT, room - 150))));
    this.node.style.setProperty("--sse-detail-height", `${this.#height}px`);
    attr(this.#splitter, "aria-valuenow", String(this.#height));
  }
}
