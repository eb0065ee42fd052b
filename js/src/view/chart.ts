/**
 * Events a second over the last minutes, stacked by type in the chips' colours, with a line where the
 * stream has a gap. Brushing it, by pointer or keys, sets since and until of the filter. It counts
 * nothing itself and knows no event.
 */
import { OTHERS } from "../rates.ts";
import type { Session } from "../session.ts";
import { attr, h, show, text } from "./dom.ts";
import { clock, count, cutAt, oneLine } from "./format.ts";
import type { Palette } from "./palette.ts";

const SPAN_S = 300;
const MIN_SPAN_S = 60;
const HEIGHT = 56;
const TYPES = 8;
const EVERY_MS = 250;
const MAX_MARKS = 100;
/** A press that moves less is a click: it ends the brush. */
const CLICK_PX = 4;

export class Chart {
  readonly node: HTMLElement;
  #session: Session;
  #palette: Palette;
  #canvas = h("canvas", { class: "sse-chart-canvas", "aria-hidden": "true" });
  #brush = h("div", { class: "sse-chart-brush", hidden: true });
  #cursor = h("div", { class: "sse-chart-cursor", hidden: true });
  #marks = h("div", { class: "sse-chart-marks" });
  #plot: HTMLElement;
  #top = h("span", { class: "sse-chart-top" });
  #from = h("span", { class: "sse-chart-from" });
  #read = h("span", { class: "sse-chart-read", "aria-live": "off" });
  #all: HTMLButtonElement;
  #width = 0;
  #drawnAt = 0;
  /** the seconds shown: [first, end) */
  #first = 0;
  #end = 0;
  #max = 1;
  #pointed: number | null = null;
  #held: { from: number; x: number } | null = null;

  constructor(session: Session, palette: Palette, signal: AbortSignal) {
    this.#session = session;
    this.#palette = palette;
    this.#all = h("button", { class: "sse-link sse-chart-all", hidden: true, click: () => this.#set(null, null) }, "All times");
    this.#plot = h("div", { class: "sse-chart-plot", tabindex: "0", role: "group", "aria-label": "Events a second", "aria-description": "Left and right read the seconds; with Shift they choose a time for the filter; Escape shows all times." },
      this.#canvas, this.#brush, this.#marks, this.#cursor);
    this.node = h("section", { class: "sse-chart", "aria-label": "Rate", hidden: true },
      this.#plot, h("div", { class: "sse-chart-scale" }, this.#from, this.#read, this.#all, h("span", {}, "now")), this.#top);
    const sizes = new ResizeObserver(() => {
      this.#width = this.#plot.clientWidth;
      this.#drawnAt = 0;
      this.draw();
    });
    sizes.observe(this.#plot);
    signal.addEventListener("abort", () => sizes.disconnect());
    this.#plot.addEventListener("pointerdown", (event) => this.#down(event), { signal });
    this.#plot.addEventListener("pointermove", (event) => this.#move(event), { signal });
    this.#plot.addEventListener("pointerup", (event) => this.#up(event), { signal });
    this.#plot.addEventListener("pointercancel", () => (this.#held = null), { signal });
    this.#plot.addEventListener("pointerleave", () => this.#point(null), { signal });
    this.#plot.addEventListener("blur", () => this.#point(null), { signal });
    this.#plot.addEventListener("keydown", (event) => this.#key(event), { signal });
  }

  toggle(open: boolean): void {
    show(this.node, open);
    this.#drawnAt = 0;
  }

  draw(): void {
    if (this.node.hidden || this.#width === 0) return;
    const { filter, rates } = this.#session;
    show(this.#all, filter.since !== null || filter.until !== null);
    const now = performance.now();
    if (now - this.#drawnAt < EVERY_MS) return;
    this.#drawnAt = now;
    // Under a brush the time stands still, or it would slip away from the pointer.
    if (!this.#held) {
      this.#end = Math.floor(this.#session.now() / 1000) + 1;
      let oldest = this.#end;
      for (const second of rates.seconds.keys()) oldest = Math.min(oldest, second);
      this.#first = this.#end - Math.max(MIN_SPAN_S, Math.min(SPAN_S, this.#end - oldest));
    }
    this.#paint();
    this.#drawBrush();
    this.#drawMarks();
    this.#drawReading();
  }

  #paint(): void {
    const { seconds } = this.#session.rates;
    const totals = new Map<string, number>();
    this.#max = 1;
    for (let second = this.#first; second < this.#end; second++) {
      let sum = 0;
      for (const [type, n] of seconds.get(second) ?? []) {
        totals.set(type, (totals.get(type) ?? 0) + n);
        sum += n;
      }
      this.#max = Math.max(this.#max, sum);
    }
    const largest = [...totals.keys()].filter((type) => type !== OTHERS).sort((a, b) => totals.get(b)! - totals.get(a)!).slice(0, TYPES);
    // Stacked in the order of first sight, which never changes: no colour changes places.
    const order = [...this.#session.counts.keys()].filter((type) => largest.includes(type));
    text(this.#top, totals.size > 0 ? `${count(this.#max)}/s` : "No events yet");
    const minutes = (this.#end - this.#first) / 60;
    text(this.#from, minutes >= 2 ? `${count(Math.round(minutes))} min ago` : `${count(this.#end - this.#first)} s ago`);
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.#width * scale), Math.round(HEIGHT * scale)];
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, width, height);
    const step = width / (this.#end - this.#first);
    const gap = step > 4 * scale ? scale : 0;
    for (let second = this.#first; second < this.#end; second++) {
      const types = seconds.get(second);
      if (!types) continue;
      const x = (second - this.#first) * step;
      let [left, y] = [0, height];
      for (const n of types.values()) left += n;
      const bar = (n: number, colour: string): void => {
        const tall = (n / this.#max) * (height - 2 * scale);
        context.fillStyle = colour;
        context.fillRect(x, y - tall, Math.max(scale / 2, step - gap), tall);
        y -= tall;
        left -= n;
      };
      for (const type of order) bar(types.get(type) ?? 0, `oklch(0.66 0.15 ${this.#palette.of(type)})`);
      if (left > 0) bar(left, "rgb(128 128 128 / 55%)");
    }
  }

  /** Per cent from the left edge. */
  #place(second: number): number {
    return Math.max(0, Math.min(100, ((second - this.#first) / (this.#end - this.#first)) * 100));
  }
  #secondAt(clientX: number): number {
    const box = this.#plot.getBoundingClientRect();
    const part = Math.max(0, Math.min(1 - 1e-9, (clientX - box.left) / box.width));
    return this.#first + Math.floor(part * (this.#end - this.#first));
  }

  #drawBrush(): void {
    const { since, until } = this.#session.filter;
    show(this.#brush, since !== null || until !== null);
    const from = this.#place((since ?? -Infinity) / 1000);
    this.#brush.style.left = `${from}%`;
    this.#brush.style.width = `${Math.max(0, this.#place((until ?? Infinity) / 1000) - from)}%`;
  }

  #drawMarks(): void {
    const seen = this.#session.gaps.filter(({ at }) => at / 1000 >= this.#first && at / 1000 < this.#end).slice(-MAX_MARKS);
    while (this.#marks.childElementCount > seen.length) this.#marks.lastElementChild?.remove();
    while (this.#marks.childElementCount < seen.length) this.#marks.append(h("span", { class: "sse-chart-mark" }));
    seen.forEach((gap, i) => {
      const mark = this.#marks.children[i] as HTMLElement;
      mark.style.left = `${this.#place(gap.at / 1000)}%`;
      attr(mark, "title", `${clock(gap.at)} ${oneLine(gap.text)}`);
    });
  }

  #point(second: number | null): void {
    this.#pointed = second;
    this.#drawReading();
  }

  #drawReading(): void {
    const second = this.#pointed;
    show(this.#cursor, second !== null);
    const { since, until } = this.#session.filter;
    if (second === null) return text(this.#read, since !== null && until !== null ? `${clock(since).slice(0, 8)} \u2013 ${clock(until).slice(0, 8)}` : "");
    this.#cursor.style.left = `${this.#place(second)}%`;
    const types = [...(this.#session.rates.seconds.get(second) ?? [])].sort((a, b) => b[1] - a[1]);
    const words = types.slice(0, 4).map(([type, n]) => `${type === OTHERS ? "others" : cutAt(oneLine(type), 24)} ${count(n)}`);
    text(this.#read, `${clock(second * 1000).slice(0, 8)}  ${words.join(", ") || "none"}${types.length > 4 ? ", \u2026" : ""}`);
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#held = { from: this.#secondAt(event.clientX), x: event.clientX };
    this.#plot.setPointerCapture(event.pointerId);
  }

  #move(event: PointerEvent): void {
    const second = this.#secondAt(event.clientX);
    this.#point(second);
    if (!this.#held || Math.abs(event.clientX - this.#held.x) < CLICK_PX) return;
    const [a, b] = [Math.min(this.#held.from, second), Math.max(this.#held.from, second) + 1];
    show(this.#brush, true);
    this.#brush.style.left = `${this.#place(a)}%`;
    this.#brush.style.width = `${this.#place(b) - this.#place(a)}%`;
  }

  #up(event: PointerEvent): void {
    const held = this.#held;
    this.#held = null;
    if (!held) return;
    if (Math.abs(event.clientX - held.x) < CLICK_PX) return this.#set(null, null);
    const second = this.#secondAt(event.clientX);
    this.#set(Math.min(held.from, second), Math.max(held.from, second) + 1);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { since, until } = this.#session.filter;
    const by = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (by !== 0) {
      const last = this.#pointed ?? this.#end - 1 - Math.min(0, by);
      const next = Math.max(this.#first, Math.min(this.#end - 1, last + by));
      if (event.shiftKey) this.#set(Math.min(next, (since ?? Infinity) / 1000, last), Math.max(next + 1, (until ?? -Infinity) / 1000, last + 1));
      this.#point(next);
    } else if (event.key === "Escape" && (since !== null || until !== null)) this.#set(null, null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Seconds since 1970, or null for no bound. */
  #set(from: number | null, to: number | null): void {
    const { filter } = this.#session;
    const change = { since: from === null ? null : from * 1000, until: to === null ? null : to * 1000 };
    if (filter.since === change.since && filter.until === change.until) return;
    this.#drawnAt = 0;
    this.#session.setFilter(change);
  }
}
