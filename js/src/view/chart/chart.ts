/**
 * The charts of a view, under one time axis: the rate of the stream, and the numbers of one path. Each is
 * shown on demand; what is brushed in one is brushed in both.
 */

import { oneLine } from "../../events/visible.ts";
import type { Session } from "../../kernel/session.ts";
import { attr, h, show, text } from "../dom/dom.ts";
import { brief, clock, count } from "../dom/format.ts";
import { Axis } from "./axis.ts";
import { colourOf } from "./palette.ts";
import { Plot } from "./plot.ts";
import { Rate } from "./rate.ts";
import { type ChartMark, Strip } from "./strip.ts";

const EVERY_MS = 250;
const MAX_MARKS = 100;

export class Chart {
  readonly node: HTMLElement;
  #session: Session;
  #axis: Axis;
  #rate: Rate;
  #rateStrip: Strip;
  #rateBox: HTMLElement;
  #plot: Plot;
  #plotStrip: Strip;
  #plotBox: HTMLElement;
  #from = h("span.chart-from");
  #read = h("span.chart-read", { "aria-live": "off" });
  #all: HTMLButtonElement;
  #drawnAt = 0;
  #utc: () => boolean;
  #moved: () => void;

  constructor(session: Session, utc: () => boolean, moved: () => void, signal: AbortSignal) {
    this.#session = session;
    this.#utc = utc;
    this.#moved = moved;
    this.#axis = new Axis(session, () => (this.#drawnAt = 0));
    const again = (): void => this.#now();
    const pointed = (): void => this.#drawReading();
    this.#rate = new Rate(session);
    this.#rateStrip = new Strip(this.#axis, "Events a second", pointed, again, signal);
    this.#rateBox = h("div", { hidden: true }, this.#rateStrip.node, this.#rate.scale);
    this.#plot = new Plot(session, () => this.plot(null, null), again);
    this.#plotStrip = new Strip(this.#axis, "", pointed, again, signal);
    this.#plotStrip.node.append(this.#plot.scale, this.#plot.note);
    this.#plotBox = h("div.plot", { hidden: true }, this.#plot.head, this.#plotStrip.node);
    this.#all = h(
      "button.link.chart-all",
      { hidden: true, click: () => this.#axis.set(null, null) },
      "All times",
    );
    this.node = h(
      "section.chart",
      { label: "Charts", hidden: true },
      this.#plotBox,
      this.#rateBox,
      h("div.chart-scale", this.#from, this.#read, this.#all, h("span", "now")),
    );
  }

  toggleRate(open: boolean): void {
    show(this.#rateBox, open);
    this.#now();
  }

  /** The numbers at a path, by the values at another, or by type; null: no chart. */
  plot(path: string | null, by: string | null): void {
    if (path === null) this.#plot.close();
    else this.#plot.open(path, by);
    show(this.#plotBox, path !== null);
    attr(this.#plotStrip.node, "aria-label", `${this.#plot.label}, over time`);
    this.#now();
  }

  #now(): void {
    this.#drawnAt = 0;
    show(this.node, !this.#rateBox.hidden || !this.#plotBox.hidden);
    this.draw();
  }

  draw(): void {
    if (this.node.hidden) return;
    const [since, until] = this.#axis.brush;
    show(this.#all, since !== null || until !== null);
    const plotting = !this.#plotBox.hidden;
    if (plotting && this.#axis.end > 0 && this.#plot.work(this.#axis)) this.#moved();
    const now = performance.now();
    // A second that has turned is drawn at once: the next look may be a second away.
    const turned = Math.floor(this.#session.now() / 1000) >= this.#axis.end;
    if (!turned && now - this.#drawnAt < EVERY_MS) return;
    this.#drawnAt = now;
    const axis = this.#axis;
    axis.follow();
    const minutes = axis.span / 60;
    text(this.#from, minutes >= 2 ? `${count(Math.round(minutes))} min ago` : `${count(axis.span)} s ago`);
    const gaps = this.#gaps();
    if (!this.#rateBox.hidden) {
      this.#rate.paint(this.#rateStrip, axis);
      this.#rateStrip.draw([...gaps, ...this.#firsts()]);
    }
    if (plotting) {
      attr(this.#plotStrip.node, "aria-label", `${this.#plot.label}, over time`);
      this.#plot.paint(this.#plotStrip, axis);
      this.#plotStrip.draw(gaps);
    }
    this.#drawReading();
  }

  /** The newest of those that are in sight; `mark`: what is said of each, after its time. */
  #seen<T extends { at: number }>(all: readonly T[], mark: (one: T) => Omit<ChartMark, "at">): ChartMark[] {
    return all
      .filter(({ at }) => at >= this.#axis.first * 1000 && at < this.#axis.end * 1000)
      .slice(-MAX_MARKS)
      .map((one) => {
        const { text, ...more } = mark(one);
        return { at: one.at / 1000, text: `${clock(one.at, this.#utc())} ${text}`, ...more };
      });
  }
  #gaps(): ChartMark[] {
    return this.#seen(this.#session.gaps, ({ text }) => ({ text: oneLine(text) }));
  }
  #firsts(): ChartMark[] {
    return this.#seen(this.#session.firsts, ({ type }) => ({
      text: `first ${brief(type, 100)}`,
      colour: colourOf(type),
    }));
  }

  #drawReading(): void {
    const { pointed, brush } = this.#axis;
    for (const strip of [this.#rateStrip, this.#plotStrip]) strip.drawCursor();
    if (!this.#plotBox.hidden) this.#plot.drawValues(this.#axis);
    const time = (second: number): string => clock(second * 1000, this.#utc()).slice(0, 8);
    if (pointed !== null)
      text(this.#read, `${time(pointed)}${this.#rateBox.hidden ? "" : `  ${this.#rate.say(pointed)}`}`);
    else
      text(
        this.#read,
        brush[0] !== null && brush[1] !== null ? `${time(brush[0])} \u2013 ${time(brush[1])}` : "",
      );
  }
}
