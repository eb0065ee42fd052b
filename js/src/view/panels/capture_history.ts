/**
 * The history of a capture: how events came over all of it, as bars to jump by, a time to go to, and a search
 * in the files. It draws what `kernel/capture_history.ts` knows, and decides only which bar is pointed at.
 */
import { oneLine, oneName } from "../../events/visible.ts";
import type { Match } from "../../kernel/capture_history.ts";
import type { Roster } from "../../kernel/roster.ts";
import { attr, h, modified, ours, show, text } from "../dom/dom.ts";
import { count, many, moment } from "../dom/format.ts";

const SVG = "http://www.w3.org/2000/svg";
const REFRESH_MS = 15_000;

export class HistoryPanel {
  readonly node: HTMLElement;
  readonly button: HTMLButtonElement;
  open = false;
  #roster: Roster;
  #askedFor: string | null | undefined;
  #askedAt = 0;
  #pointed: number | null = null;
  /** where the person went last, in seconds */
  #at: number | null = null;
  #bars = document.createElementNS(SVG, "path");
  #cursor = h("div.chart-cursor", { hidden: true });
  #strip: HTMLElement;
  #of = h("span.past-of");
  #says = h("span.past-says");
  #time = h("input.input", {
    type: "datetime-local",
    step: "1",
    label: "Go to a time",
    title: "Go to the first event at this time or later",
    keydown: (event: KeyboardEvent) => this.#typed(event, () => this.#goTo()),
    change: () => this.#goTo(),
  });
  #search = h("input.input", {
    type: "search",
    placeholder: "Search in the files",
    label: "Search in the files",
    spellcheck: "false",
    autocomplete: "off",
    keydown: (event: KeyboardEvent) => this.#typed(event, () => this.#find()),
    input: () => this.#search.value === "" && this.#find(),
  });
  #regex: HTMLElement = h(
    "button.toggle",
    {
      label: "Use a regular expression",
      title: "Use a regular expression",
      "aria-pressed": "false",
      click: () => {
        attr(this.#regex, "aria-pressed", this.#regex.getAttribute("aria-pressed") !== "true");
        this.#find();
      },
    },
    ".*",
  );
  #only = h("input", { type: "checkbox" });
  #onlyLabel = h("label.past-only", { hidden: true }, this.#only, h("span"));
  #progress = h("span.past-progress", { role: "status" });
  #stop = h("button.small", { hidden: true, click: () => this.#roster.history.cancel() }, "Stop");
  #more = h("button.small", { hidden: true, click: () => this.#roster.history.more() }, "More");
  #list = h("div.past-list", { role: "list", label: "Found", hidden: true });
  #drawn: Match[] = [];

  constructor(roster: Roster) {
    this.#roster = roster;
    this.button = h(
      "button.button",
      {
        "aria-expanded": "false",
        title: "All that is on disk: jump to a time, search in the files",
        click: () => this.#toggle(),
      },
      "History",
    );
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    svg.append(this.#bars);
    this.#strip = h(
      "div.chart-plot",
      {
        tabindex: "0",
        role: "slider",
        label: "Events over time",
        "aria-valuemin": "0",
        pointermove: (event: PointerEvent) => this.#point(this.#barAt(event.clientX)),
        pointerleave: () => this.#point(null),
        blur: () => this.#point(null),
        click: (event: MouseEvent) => this.#goToBar(this.#barAt(event.clientX)),
        keydown: (event: KeyboardEvent) => this.#key(event),
      },
      this.#cursor,
    );
    this.#strip.prepend(svg);
    this.node = h(
      "div.past",
      { role: "region", label: "History", hidden: true },
      h("div.past-head", this.#of, this.#says, this.#time),
      this.#strip,
      h(
        "div.past-head",
        h("div.search-box", this.#search, this.#regex),
        this.#onlyLabel,
        this.#progress,
        this.#stop,
        this.#more,
      ),
      this.#list,
    );
  }

  draw(): void {
    show(this.node, this.open);
    attr(this.button, "aria-expanded", String(this.open));
    if (!this.open) return;
    const { history, selected } = this.#roster;
    const name = selected?.name ?? null;
    if (name !== this.#askedFor || (!document.hidden && Date.now() - this.#askedAt > REFRESH_MS)) {
      this.#askedFor = name;
      this.#askedAt = Date.now();
      history.askTimeline(name);
    }
    this.#drawBars();
    show(this.#onlyLabel, name !== null);
    text(this.#onlyLabel.lastChild!, `only ${oneName(name ?? "")}`);
    this.#drawSearch();
  }

  #toggle(): void {
    this.open = !this.open;
    this.#askedFor = undefined;
    if (!this.open) this.#roster.history.cancel();
    this.#roster.changed();
  }

  // ------------------------------------------------------------------ the bars

  #drawBars(): void {
    const { history } = this.#roster;
    const { start, step, rows } = history.timeline ?? { start: 0, step: 1, rows: [] };
    let [max, sum] = [1, 0];
    for (const n of rows) {
      max = Math.max(max, n);
      sum += n;
    }
    attr(this.#bars.parentElement as unknown as Element, "viewBox", `0 0 ${Math.max(1, rows.length)} 100`);
    // Thin bars between wider gaps where there are few; at least a hair for a single event.
    attr(
      this.#bars,
      "d",
      rows
        .map((n, i) => {
          const tall = n > 0 ? Math.max(3, (n / max) * 96) : 0;
          return tall > 0 ? `M${i + 0.06} 100v${-tall.toFixed(1)}h.88V100z` : "";
        })
        .join(""),
    );
    const last = rows.length - 1;
    attr(this.#strip, "aria-valuemax", String(Math.max(0, last)));
    const at = this.#pointed === null ? null : Math.min(this.#pointed, last);
    const mark = at !== null ? at + 0.5 : this.#at === null ? null : (this.#at - start) / step;
    show(this.#cursor, mark !== null && rows.length > 0);
    if (mark !== null)
      this.#cursor.style.left = `${Math.max(0, Math.min(100, (mark / Math.max(1, rows.length)) * 100))}%`;
    const of = oneName(this.#askedFor ?? "all streams");
    text(this.#of, history.timeline === null ? "Reading\u2026" : `${of}: ${many(sum, "event")} on disk`);
    const words =
      at !== null && at >= 0
        ? `${this.#when(start + at * step)}: ${many(rows[at] ?? 0, "event")} in ${lasting(step)}`
        : history.nothing
          ? "No event came then or later."
          : rows.length > 0
            ? `${this.#when(start)} to ${this.#when(start + rows.length * step)}`
            : "";
    text(this.#says, words);
    attr(this.#strip, "aria-valuenow", at === null ? null : String(at));
    attr(this.#strip, "aria-valuetext", words);
  }

  #when(second: number): string {
    return moment(second * 1000, this.#roster.now(), false).slice(0, -4);
  }

  #barAt(clientX: number): number {
    const box = this.#strip.getBoundingClientRect();
    const bars = this.#roster.history.timeline?.rows.length ?? 0;
    return Math.max(0, Math.min(bars - 1, Math.floor(((clientX - box.left) / box.width) * bars)));
  }

  #point(bar: number | null): void {
    this.#pointed = bar;
    this.#drawBars();
  }

  #key(event: KeyboardEvent): void {
    const bars = this.#roster.history.timeline?.rows.length ?? 0;
    if (modified(event) || bars === 0) return;
    const at = this.#pointed ?? bars - 1;
    const steps: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      PageUp: at - 10,
      PageDown: at + 10,
      Home: 0,
      End: bars - 1,
    };
    if (event.key in steps) this.#point(Math.max(0, Math.min(bars - 1, steps[event.key]!)));
    else if (event.key === "Enter") this.#goToBar(at);
    else return;
    ours(event);
  }

  #goToBar(bar: number): void {
    const { timeline } = this.#roster.history;
    if (timeline && timeline.rows.length > 0) this.#go(timeline.start + bar * timeline.step);
  }

  #goTo(): void {
    const at = new Date(this.#time.value).getTime();
    if (!Number.isNaN(at)) this.#go(at / 1000);
  }

  #go(second: number): void {
    this.#at = second;
    this.#roster.history.seek(this.#roster.selected?.name ?? null, second * 1000);
    this.#drawBars();
  }

  // ------------------------------------------------------------------ the search

  #typed(event: KeyboardEvent, enter: () => void): void {
    // The host's one-letter shortcuts.
    event.stopPropagation();
    if (event.key === "Enter") enter();
  }

  #find(): void {
    const { history, selected } = this.#roster;
    history.find(
      this.#search.value,
      this.#only.checked ? (selected?.name ?? null) : null,
      this.#regex.getAttribute("aria-pressed") === "true",
    );
  }

  #drawSearch(): void {
    const { history } = this.#roster;
    const { found, matches, searching, failure } = history;
    show(this.#stop, searching !== "no");
    show(this.#more, searching === "more");
    const part = found && found.events > 0 ? Math.floor((100 * found.searched) / found.events) : 0;
    const so = found ? `${count(matches.length)} found` : "";
    const back = found?.since == null ? "" : `, back to ${this.#when(found.since / 1000)}`;
    const words =
      failure ||
      (searching === "yes"
        ? `${so && `${so}, `}${part}% searched${back}`
        : searching === "more"
          ? `the newest ${count(matches.length)}${back}`
          : !found
            ? ""
            : found.done
              ? `${so} in ${many(found.events, "event")}`
              : `${so}, stopped at ${part}%`);
    text(this.#progress, words);
    show(this.#list, matches.length > 0);
    if (this.#drawn !== matches) {
      this.#list.replaceChildren();
      this.#drawn = matches;
    }
    const now = this.#roster.now();
    for (const match of matches.slice(this.#list.childElementCount))
      this.#list.append(this.#line(match, now));
  }

  #line(match: Match, now: number): HTMLElement {
    const name = oneName(match.stream);
    return h(
      "div",
      { role: "listitem" },
      h(
        "button.past-match",
        {
          title: `${name} #${count(match.seq)}`,
          click: () => {
            this.#at = match.at / 1000;
            this.#roster.jump(match.stream, match.seq);
          },
        },
        h("span", moment(match.at, now, false)),
        h("span", name),
        h("span", oneLine(match.data)),
      ),
    );
  }
}

/** The length of a step, in words. */
function lasting(seconds: number): string {
  if (seconds % 86_400 === 0) return many(seconds / 86_400, "day");
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  if (seconds % 60 === 0) return `${seconds / 60} min`;
  return `${seconds} s`;
}
