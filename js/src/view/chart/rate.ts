/**
 * Events a second, stacked by type in the chips' colours. It counts nothing itself and knows no event.
 */
import { OTHERS } from "../../kernel/rates.ts";
import type { Session } from "../../kernel/session.ts";
import { h, text } from "../dom/dom.ts";
import { brief, count } from "../dom/format.ts";
import type { Axis } from "./axis.ts";
import { colourOf, OTHERS_COLOUR } from "./palette.ts";
import type { Strip } from "./strip.ts";

const TYPES = 8;

export class Rate {
  readonly scale: HTMLElement;
  #top = h("span.chart-top");
  #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.scale = h("div", { "aria-hidden": "true" }, this.#top, h("span.chart-bottom", "0"));
  }

  paint(strip: Strip, { first, since, end, span }: Axis): void {
    const { seconds } = this.#session.rates;
    const totals = new Map<string, number>();
    let max = 1;
    for (let second = since; second < end; second++) {
      let sum = 0;
      for (const [type, n] of seconds.get(second) ?? []) {
        totals.set(type, (totals.get(type) ?? 0) + n);
        sum += n;
      }
      max = Math.max(max, sum);
    }
    const largest = [...totals.keys()]
      .filter((type) => type !== OTHERS)
      .sort((a, b) => totals.get(b)! - totals.get(a)!)
      .slice(0, TYPES);
    // Stacked in the order of first sight, which never changes: no colour changes places.
    const order = [...this.#session.counts.keys()].filter((type) => largest.includes(type));
    text(this.#top, totals.size > 0 ? `${count(max)}/s` : "No events yet");
    const canvas = strip.canvas();
    if (!canvas) return;
    const { context, width, height, scale } = canvas;
    const step = width / span;
    const gap = step > 4 * scale ? scale : 0;
    for (let second = since; second < end; second++) {
      const types = seconds.get(second);
      if (!types) continue;
      const x = (second - first) * step;
      let [left, y] = [0, height];
      for (const n of types.values()) left += n;
      const bar = (n: number, style: string): void => {
        const tall = (n / max) * (height - 2 * scale);
        context.fillStyle = style;
        context.fillRect(x, y - tall, Math.max(scale / 2, step - gap), tall);
        y -= tall;
        left -= n;
      };
      for (const type of order) bar(types.get(type) ?? 0, colourOf(type));
      if (left > 0) bar(left, OTHERS_COLOUR);
    }
  }

  /** What came in one second, in words. */
  say(second: number): string {
    const types = [...(this.#session.rates.seconds.get(second) ?? [])].sort((a, b) => b[1] - a[1]);
    const words = types
      .slice(0, 4)
      .map(([type, n]) => `${type === OTHERS ? "others" : brief(type, 24)} ${count(n)}`);
    return `${words.join(", ") || "none"}${types.length > 4 ? ", \u2026" : ""}`;
  }
}
