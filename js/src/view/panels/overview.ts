/**
 * One row a stream, for a thousand streams as for three: only the rows in sight are nodes. The log of
 * the selected stream stands below, the same view as of a stream alone. It draws what the roster
 * knows and decides only what is this view's own: where it is scrolled to and which row has the focus.
 */

import { onAbort } from "../../abort.ts";
import { oneLine, oneName } from "../../events/visible.ts";
import type { Column, Log, Roster, Stream } from "../../kernel/roster.ts";
import type { State } from "../../kernel/wire.ts";
import { attr, flag, h, modified, show, text } from "../dom/dom.ts";
import { ago, capital, count, rate } from "../dom/format.ts";
import { HistoryPanel } from "./capture_history.ts";

const ROW = 24;
const SPARE = 6;
const COLUMNS: [Column, string, string][] = [
  ["name", "Stream", "Its name, and what troubles it"],
  ["state", "State", "What its connection is doing"],
  ["rate", "Rate", "Events a second over the last seconds"],
  ["last", "Last event", "When the latest event came"],
  ["received", "Received", "Events since the stream began, in this folder"],
  ["gaps", "Gaps", "Places where events may be missing"],
  ["lag", "Lag", "How long the oldest event waits that is not on disk yet"],
  ["worker", "Worker", "Where it runs"],
];
const STATES: State[] = ["failed", "waiting", "connecting", "quiet", "open", "closed"];

class Line {
  readonly node: HTMLElement;
  #cells = COLUMNS.map(([column]) => h("span", { role: "gridcell", class: `sse-col-${column}` }));
  #name = h("span", { class: "sse-stream-name" });
  #why = h("span", { class: "sse-stream-why" });
  #word = h("span");

  constructor() {
    this.#cells[0]!.append(this.#name, this.#why);
    this.#cells[1]!.append(h("span", { class: "sse-dot", "aria-hidden": "true" }), this.#word);
    this.node = h("div", { role: "row", class: "sse-stream" }, ...this.#cells);
  }

  draw(stream: Stream, place: number, now: number, selected: boolean, current: boolean): void {
    attr(this.node, "aria-rowindex", String(place + 2));
    attr(this.node, "aria-selected", selected);
    flag(this.node, "data-current", current);
    attr(this.node, "data-state", stream.state);
    attr(
      this.node,
      "title",
      [stream.url, stream.error, stream.hint, stream.note].filter(Boolean).map(oneLine).join("\n"),
    );
    text(this.#name, oneName(stream.name));
    text(this.#why, oneLine(stream.error || stream.note));
    text(this.#word, capital(stream.state));
    const values = [
      rate(stream.rate),
      stream.last ? ago(now - stream.last) : "\u2013",
      count(stream.received),
      count(stream.gaps),
      stream.lag > 0 ? `${(stream.lag / 1000).toFixed(1)} s` : "0",
      oneName(stream.worker),
    ];
    values.forEach((value, i) => text(this.#cells[i + 2]!, value));
    flag(this.#cells[5]!, "data-some", stream.gaps > 0);
    flag(this.#cells[6]!, "data-some", stream.lag > 5_000);
  }
}

export class Overview {
  readonly node: HTMLElement;
  #roster: Roster;
  #signal: AbortSignal;
  #lines: Line[] = [];
  #frame = 0;
  #current: string | null = null;
  #arrangedAt = 0;
  #over = false;
  #view: { log: Log; life: AbortController } | null = null;
  #history: HistoryPanel;
  #header: HTMLElement;
  #word = h("span", { class: "sse-word" });
  #to = h("span", { class: "sse-url" });
  #note = h("span", { class: "sse-note" });
  #total = h("span", { class: "sse-total" });
  #rate = h("span", { class: "sse-rate" });
  #run = h("button", {
    class: "sse-button",
    click: () => this.#roster.command(this.#roster.head?.running ? "stop" : "start"),
  });
  #search = h("input", {
    type: "search",
    class: "sse-input",
    placeholder: "Search streams",
    label: "Search streams",
    spellcheck: "false",
    autocomplete: "off",
    input: () => this.#seek(),
  });
  #chips = STATES.map((state) =>
    h(
      "button",
      { class: "sse-chip", "aria-pressed": "false", "data-state": state, click: () => this.#only(state) },
      h("span", { class: "sse-dot", "aria-hidden": "true" }),
      h("span"),
    ),
  );
  #heads = COLUMNS.map(([column, name, title]) =>
    h(
      "span",
      { role: "columnheader", class: `sse-col-${column}` },
      h("button", { title, click: () => this.#sort(column) }, name),
    ),
  );
  #body = h("div", { class: "sse-streams-list", role: "rowgroup" });
  #space = h("div", { class: "sse-space", role: "presentation" }, this.#body);
  /** The head of the table scrolls with it and sticks, so that its columns are as wide as those below. */
  #grid = h("div", { class: "sse-log sse-streams", role: "grid", tabindex: "0", label: "Streams" });
  #none = h("div", { class: "sse-none" });
  #log = h("div", { class: "sse-below", hidden: true });
  #logName = h("b");
  #logNote = h("div", { class: "sse-none" });
  #busy = h("span", { class: "sse-busy" });
  #sum = h("span", { class: "sse-sum" });
  #workers = h("span", { class: "sse-workers" });

  constructor(roster: Roster, to: string, signal: AbortSignal) {
    this.#roster = roster;
    this.#signal = signal;
    this.#history = new HistoryPanel(roster);
    text(this.#to, oneLine(to));
    const close = h("button", { class: "sse-small", click: () => roster.select(null) }, "Close");
    attr(close, "aria-label", "Close the log");
    this.#log.append(h("div", { class: "sse-below-head" }, this.#logName, close), this.#logNote);
    this.#grid.append(
      h(
        "div",
        { role: "rowgroup", class: "sse-heads" },
        h("div", { role: "row", class: "sse-stream", "aria-rowindex": "1" }, ...this.#heads),
      ),
      this.#space,
    );
    this.#header = h(
      "div",
      { class: "sse-header" },
      h(
        "div",
        { role: "status", class: "sse-status" },
        h(
          "span",
          { class: "sse-connection" },
          h("span", { class: "sse-dot", "aria-hidden": "true" }),
          this.#word,
          this.#to,
        ),
        this.#note,
      ),
      h("span", { class: "sse-totals" }, this.#total, this.#rate),
      h("span", { class: "sse-buttons" }, this.#history.button, this.#run),
    );
    this.node = h(
      "div",
      { class: "sse-widget sse-overview", "data-lm-suppress-shortcuts": "true" },
      this.#header,
      h(
        "div",
        { class: "sse-tools" },
        h("div", { class: "sse-search" }, h("div", { class: "sse-search-box" }, this.#search)),
        h("div", { class: "sse-chip-row", role: "group", label: "States" }, ...this.#chips),
      ),
      this.#grid,
      this.#none,
      this.#history.node,
      this.#log,
      h(
        "div",
        { class: "sse-footer", role: "group", label: "Accounts" },
        this.#sum,
        this.#busy,
        this.#workers,
      ),
    );
    this.#grid.addEventListener("scroll", () => this.#soon(), { signal });
    this.#grid.addEventListener("click", (event) => this.#clicked(event), { signal });
    // Rows must not change places under a pointer that is about to press one.
    this.#grid.addEventListener("pointerenter", () => (this.#over = true), { signal });
    this.#grid.addEventListener("pointerleave", () => (this.#over = false), { signal });
    this.node.addEventListener("keydown", (event) => this.#key(event), { signal });
    const resized = new ResizeObserver(() => this.#soon());
    resized.observe(this.#grid);
    roster.watch(() => this.#soon(), signal);
    onAbort(signal, () => {
      resized.disconnect();
      cancelAnimationFrame(this.#frame);
      this.#view?.life.abort();
      this.node.remove();
    });
    this.#arrange();
    this.#draw();
  }

  #soon(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (!this.#over || this.#roster.sort === null || Date.now() - this.#arrangedAt > 60_000)
        this.#arrange();
      this.#draw();
    });
  }

  #arrange(): void {
    this.#arrangedAt = Date.now();
    this.#roster.arrange();
  }

  #draw(): void {
    const roster = this.#roster;
    const { head, streams, shown } = roster;
    const stats = head?.stats;
    const trouble = roster.gone
      ? "The kernel was restarted or is gone; run the cell again."
      : roster.silent()
        ? "No sign of the kernel (busy or gone)."
        : (head?.trouble ?? "");
    const state =
      roster.gone || roster.silent()
        ? "lost"
        : !head
          ? "connecting"
          : !head.running
            ? "closed"
            : trouble
              ? "waiting"
              : stats!.open > 0
                ? "open"
                : "connecting";
    attr(this.#header, "data-state", state);
    text(
      this.#word,
      head
        ? `${head.running ? "" : "Stopped, "}${count(stats!.open)} of ${count(stats!.streams)} open`
        : "Connecting",
    );
    text(this.#note, trouble);
    show(this.#note, trouble !== "");
    text(this.#total, stats ? `${count(stats.received)} events` : "");
    text(this.#rate, stats ? rate(stats.rate) : "");
    text(this.#run, head?.running === false ? "Start" : "Stop");
    STATES.forEach((name, i) => {
      const n = roster.counts.get(name) ?? 0;
      show(this.#chips[i]!, n > 0 || roster.states.has(name));
      attr(this.#chips[i]!, "aria-pressed", String(roster.states.has(name)));
      text(this.#chips[i]!.lastChild!, `${capital(name)} ${count(n)}`);
    });
    this.#heads.forEach((node, i) =>
      attr(
        node,
        "aria-sort",
        roster.sort === COLUMNS[i]![0] ? (roster.down ? "descending" : "ascending") : null,
      ),
    );
    flag(this.#grid, "data-workers", head !== null && head.workers.length > 0);
    attr(this.#grid, "aria-rowcount", String(shown.length + 1));
    text(this.#none, streams.length > 0 && shown.length === 0 ? "No stream matches." : "");
    this.#rows();
    text(
      this.#sum,
      stats
        ? `received ${count(stats.received)} = on disk ${count(stats.written)} + pending ${count(stats.pending)} \u00B7 ${count(stats.gaps)} ${stats.gaps === 1 ? "gap" : "gaps"} \u00B7 lag ${stats.lag.toFixed(1)} s`
        : "",
    );
    this.#drawWorkers();
    text(this.#busy, oneLine(roster.busy()));
    this.#history.draw();
    this.#drawLog();
  }

  #rows(): void {
    const { streams, shown, selected } = this.#roster;
    const height = `${shown.length * ROW}px`;
    if (this.#space.style.height !== height) this.#space.style.height = height;
    const first = Math.max(0, Math.floor(this.#grid.scrollTop / ROW) - SPARE);
    const last = Math.min(shown.length, first + Math.ceil(this.#grid.clientHeight / ROW) + 2 * SPARE);
    while (this.#lines.length > last - first) this.#lines.pop()!.node.remove();
    while (this.#lines.length < last - first) {
      this.#lines.push(new Line());
      this.#body.append(this.#lines.at(-1)!.node);
    }
    const now = this.#roster.now();
    this.#lines.forEach((line, i) => {
      const stream = streams[shown[first + i]!]!;
      line.draw(stream, first + i, now, stream.name === selected?.name, stream.name === this.#current);
    });
    this.#body.style.transform = `translateY(${first * ROW}px)`;
  }

  #drawWorkers(): void {
    const workers = this.#roster.head?.workers ?? [];
    while (this.#workers.childElementCount > workers.length) this.#workers.lastElementChild!.remove();
    workers.forEach((worker, i) => {
      const node = (this.#workers.children[i] ??
        this.#workers.appendChild(
          h("span", h("span", { class: "sse-dot", "aria-hidden": "true" }), h("span")),
        )) as HTMLElement;
      attr(node, "data-state", worker.state);
      text(
        node.lastChild!,
        `${oneName(worker.name)}: ${count(worker.streams)} streams, ${rate(worker.rate)}${worker.state === "open" ? "" : `, ${worker.state}`}`,
      );
    });
  }

  #drawLog(): void {
    const { selected } = this.#roster;
    show(this.#log, selected !== null);
    const log = selected?.log ?? null;
    if (this.#view && this.#view.log !== log) {
      this.#view.life.abort();
      this.#view = null;
    }
    if (log && !this.#view) {
      const life = new AbortController();
      this.#view = { log, life };
      this.#log.append(log.draw(AbortSignal.any([life.signal, this.#signal])));
    }
    // Whoever jumps wants to see where to.
    if (this.#view && this.#roster.arrive()) this.#log.scrollIntoView({ block: "nearest" });
    text(this.#logNote, log ? "" : selected?.failure || "Loading the log\u2026");
    text(this.#logName, oneName(selected?.name ?? ""));
  }

  #seek(): void {
    this.#roster.search = this.#search.value.trim();
    this.#again();
  }

  #only(state: State): void {
    const { states } = this.#roster;
    if (!states.delete(state)) states.add(state);
    this.#again();
  }

  /** Ascending, descending, as they were given. */
  #sort(column: Column): void {
    const roster = this.#roster;
    const numeric = column !== "name" && column !== "state" && column !== "worker";
    if (roster.sort !== column) [roster.sort, roster.down] = [column, numeric];
    else if (roster.down === numeric) roster.down = !numeric;
    else roster.sort = null;
    this.#again();
  }

  #again(): void {
    this.#grid.scrollTop = 0;
    this.#arrange();
    this.#draw();
  }

  #clicked(event: MouseEvent): void {
    const row = (event.target as Element).closest(".sse-stream");
    const place = Number(row?.getAttribute("aria-rowindex") ?? 0) - 2;
    if (place >= 0) this.#open(place);
  }

  #open(place: number): void {
    const stream = this.#roster.streams[this.#roster.shown[place] ?? -1];
    if (!stream) return;
    this.#current = stream.name;
    this.#roster.select(stream.name);
    this.#draw();
  }

  #key(event: KeyboardEvent): void {
    if (event.target === this.#search) event.stopPropagation();
    if (event.target !== this.#grid || modified(event)) return;
    const { shown, streams } = this.#roster;
    const at = shown.findIndex((i) => streams[i]!.name === this.#current);
    const page = Math.max(1, Math.floor(this.#grid.clientHeight / ROW) - 1);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: shown.length - 1,
    };
    if (event.key === "Enter" && at >= 0) this.#open(at);
    else if (event.key in steps && shown.length > 0) {
      const place = Math.min(Math.max(steps[event.key]!, 0), shown.length - 1);
      this.#current = streams[shown[place]!]!.name;
      const top = place * ROW;
      if (top < this.#grid.scrollTop) this.#grid.scrollTop = top;
      else if (top + 2 * ROW > this.#grid.scrollTop + this.#grid.clientHeight)
        this.#grid.scrollTop = top + 2 * ROW - this.#grid.clientHeight;
      this.#draw();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
