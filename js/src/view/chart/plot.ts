/**
 * The numbers of one path over time, as lines: their scale, their legend, how they are grouped. The
 * values are `series.ts`'s business, the time and the brush the axis's. It shows text only.
 */

import { FINE, type Line, merged, type Point, Series, ticks } from "../../events/series.ts";
import { oneName } from "../../events/visible.ts";
import type { Session } from "../../kernel/session.ts";
import { attr, fit, h, text } from "../dom/dom.ts";
import { brief, count, figure } from "../dom/format.ts";
import { PathSelect } from "../panels/pathselect.ts";
import type { Axis } from "./axis.ts";
import { colourOf, OTHERS_COLOUR } from "./palette.ts";
import type { Strip } from "./strip.ts";

const LINES = 8;
/** No value reads so. */
const OTHERS = "\u0000others";
const WORK_MS = 6;
const NAME_CHARS = 40;
/** Lines of so different height say nothing on one scale: their change is shown then. */
const APART = 8;
/** A line is broken where nothing came for so long, and longer than it usually takes. */
const BREAK_S = 3;
const USUAL = 6;

const collator = new Intl.Collator("en", { numeric: true });

interface Entry {
  node: HTMLButtonElement;
  name: HTMLElement;
  value: HTMLElement;
  line: Drawn | null;
}
interface Drawn {
  name: string;
  count: number;
  /** what is written; `name` may be anything */
  label: string;
  style: string;
  /** what is in sight, by time */
  points: [bucket: number, point: Point][];
}

export class Plot {
  readonly head: HTMLElement;
  readonly scale = h("div.plot-ticks", { "aria-hidden": "true" });
  readonly note = h("div.plot-note");
  /** events that are not read yet */
  waiting = 0;
  #session: Session;
  #series: Series | null = null;
  #title = h("span.plot-title");
  #by: PathSelect;
  #change: HTMLButtonElement;
  #legend = h("div.plot-legend", { role: "group", label: "Lines" });
  #entries: Entry[] = [];
  #hidden = new Set<string>();
  #changed: () => void;
  /** null until a person says: then it depends on the lines */
  #asChange: boolean | null = null;

  constructor(session: Session, closed: () => void, changed: () => void) {
    this.#session = session;
    this.#by = new PathSelect(session, "Lines by", "by ", "by type", (by) => {
      this.open(this.#series!.path, by || null);
      changed();
    });
    this.#change = h(
      "button.toggle",
      {
        label: "Change in per cent",
        title: "Change since the left edge, in per cent",
        click: () => {
          this.#asChange = this.#change.getAttribute("aria-pressed") !== "true";
          changed();
        },
      },
      "%",
    );
    this.head = h(
      "div.plot-head",
      this.#title,
      this.#by.node,
      this.#legend,
      this.#change,
      h("button.toggle", { label: "Close the chart", title: "Close the chart", click: closed }, "\u00D7"),
    );
    this.#changed = changed;
  }

  get path(): string | null {
    return this.#series?.path ?? null;
  }
  get label(): string {
    return this.#series
      ? `${brief(this.#series.path, NAME_CHARS)} by ${this.#series.by === null ? "type" : brief(this.#series.by, NAME_CHARS)}`
      : "";
  }

  open(path: string, by: string | null): void {
    this.#series = new Series(path, by);
    this.#hidden.clear();
    this.#asChange = null;
    text(this.#title, brief(path, NAME_CHARS));
    attr(this.#title, "title", oneName(path));
    this.#by.offer(by ?? "", path);
  }
  close(): void {
    this.#series = null;
  }

  /** Reads on; true where there is more to read. */
  work(axis: Axis): boolean {
    if (this.#series) this.waiting = this.#series.work(this.#session.store, axis.first * 1000, WORK_MS);
    return this.waiting > 0;
  }

  paint(strip: Strip, axis: Axis): void {
    const lines = this.#lines(axis);
    this.#drawLegend(lines);
    const seen = lines.filter(({ name }) => !this.#hidden.has(name));
    const asChange = this.#asChange ?? apart(seen);
    attr(this.#change, "aria-pressed", asChange);
    const scaled = seen.map((line) => ({ line, of: changeFrom(asChange ? line.points[0]?.[1].last : 0) }));
    let [low, high] = [Infinity, -Infinity];
    for (const { line, of } of scaled) {
      for (const [, point] of line.points) {
        low = Math.min(low, of(point.low));
        high = Math.max(high, of(point.high));
      }
    }
    const none = !(high >= low);
    text(
      this.note,
      none
        ? this.waiting > 0
          ? "Reading\u2026"
          : `No numbers at ${brief(this.path ?? "", NAME_CHARS)} in this time`
        : this.waiting > 5_000
          ? `${count(this.waiting)} events still to read`
          : "",
    );
    const room = (high - low) * 0.06 || Math.abs(high) * 0.01 || 1;
    const [bottom, top] = none ? [0, 1] : [low - room, high + room];
    this.#drawTicks(none ? [] : ticks(bottom, top, 3), bottom, top, asChange);
    const canvas = strip.canvas();
    if (!canvas || none) return;
    const { context, width, height, scale } = canvas;
    const y = (value: number): number => height - ((value - bottom) / (top - bottom)) * height;
    context.fillStyle = "rgb(128 128 128 / 22%)";
    for (const value of ticks(bottom, top, 3)) context.fillRect(0, Math.round(y(value)), width, scale / 2);
    const step = width / (axis.span * FINE);
    const breaks = this.#breaks();
    context.lineJoin = "round";
    for (const { line, of } of scaled.reverse()) {
      context.strokeStyle = context.fillStyle = line.style;
      context.lineWidth = 1.5 * scale;
      context.beginPath();
      let before = -1;
      const usual = usually(line);
      for (const [bucket, point] of line.points) {
        const x = (bucket + 0.5 - axis.first * FINE) * step;
        const [a, b, at] = [y(of(point.low)), y(of(point.high)), y(of(point.last))];
        const broken =
          before < 0 ||
          bucket - before > usual ||
          breaks.some((second) => before < second * FINE && second * FINE <= bucket);
        if (broken) context.moveTo(x, at);
        else context.lineTo(x, at);
        if (a - b > scale) {
          context.moveTo(x, a);
          context.lineTo(x, b);
          context.moveTo(x, at);
        }
        if (broken) context.fillRect(x - scale, at - scale, 2 * scale, 2 * scale);
        before = bucket;
      }
      context.stroke();
    }
  }

  /** The legend's values: at the second pointed at, or now. */
  drawValues(axis: Axis): void {
    const bucket = ((axis.pointed ?? axis.end) + 1) * FINE - 1;
    for (const { line, value } of this.#entries) {
      const found = line?.points.findLast(([at]) => at <= bucket);
      text(value, found ? figure(found[1].last) : "\u2013");
      // Wide enough for all it ever said: nothing jumps.
      value.style.minWidth = `${Math.max(parseInt(value.style.minWidth, 10) || 0, value.textContent!.length)}ch`;
    }
  }

  #lines({ since, end }: Axis): Drawn[] {
    const series = this.#series;
    if (!series) return [];
    // Types as their chips stand, values by name: not as they were read.
    const names =
      series.by === null ? [...this.#session.counts.keys()] : [...series.lines.keys()].sort(collator.compare);
    const all = names.map((name) => series.lines.get(name)).filter((line) => line !== undefined);
    const most = new Set([...all].sort((a, b) => b.count - a.count).slice(0, LINES));
    const [from, stop] = [since * FINE, end * FINE];
    const draw = ({ name, count, points }: Line, label: string, style = colourOf(name)): Drawn => ({
      name,
      count,
      label,
      style,
      points: [...points].filter(([bucket]) => bucket >= from && bucket < stop).sort(([a], [b]) => a - b),
    });
    const drawn = all
      .filter((line) => most.has(line))
      .map((line) => draw(line, line.name === "" && series.by !== null ? `no ${series.by}` : line.name));
    const others = all.filter((line) => !most.has(line));
    if (others.length > 0)
      drawn.push(draw(merged([...others, series.rest], OTHERS, from, stop), "others", OTHERS_COLOUR));
    return drawn;
  }

  #drawLegend(lines: readonly Drawn[]): void {
    fit(this.#entries, lines.length, () => this.#entry());
    lines.forEach((line, i) => {
      const entry = this.#entries[i]!;
      if (entry.line?.name !== line.name) entry.value.style.minWidth = "";
      entry.line = line;
      text(entry.name, brief(line.label, NAME_CHARS));
      attr(
        entry.node,
        "title",
        `${brief(line.label, 300)}: ${count(line.count)} numbers\nClick: hide or show this line`,
      );
      attr(entry.node, "aria-pressed", !this.#hidden.has(line.name));
      entry.node.style.setProperty("--sse-line-colour", line.style);
    });
  }

  #entry(): Entry {
    const name = h("span.plot-name");
    const value = h("span.plot-value");
    const entry: Entry = {
      name,
      value,
      line: null,
      node: h(
        "button.plot-line",
        {
          click: () => {
            const key = entry.line?.name ?? "";
            if (!this.#hidden.delete(key)) this.#hidden.add(key);
            this.#changed();
          },
        },
        name,
        " ",
        value,
      ),
    };
    this.#legend.append(entry.node);
    return entry;
  }

  #drawTicks(values: readonly number[], bottom: number, top: number, asChange: boolean): void {
    // Large numbers that differ little need more digits.
    const say =
      new Set(values.map(figure)).size < values.length ? (n: number) => `${+n.toPrecision(15)}` : figure;
    this.scale.replaceChildren(
      ...values.map((value) => {
        const tick = h("span", asChange ? `${value > 0 ? "+" : ""}${say(value)} %` : say(value));
        tick.style.bottom = `${((value - bottom) / (top - bottom)) * 100}%`;
        return tick;
      }),
    );
  }

  /** Where a line must not go on: the stream was cut, or events are missing here. */
  #breaks(): number[] {
    const { gaps, store } = this.#session;
    const holes = store
      .holes()
      .map(([, to]) => store.find(to))
      .map((place) => (place ? place.block.at(place.row) : Number.NaN));
    return [...gaps.map(({ at }) => at), ...holes].map((ms) => ms / 1000);
  }
}

function changeFrom(base: number | undefined): (value: number) => number {
  return base ? (value) => (value / base - 1) * 100 : (value) => value;
}

function apart(lines: readonly Drawn[]): boolean {
  const levels = lines.filter(({ points }) => points.length > 0).map(({ points }) => points[0]![1].last);
  return levels.length > 1 && Math.min(...levels) > 0 && Math.max(...levels) / Math.min(...levels) > APART;
}

/** How many quarter seconds two points may be apart and still be neighbours. */
function usually({ points }: Drawn): number {
  const n = points.length - 1;
  return Math.max(BREAK_S * FINE, n > 0 ? ((points[n]![0] - points[0]![0]) / n) * USUAL : 0);
}
