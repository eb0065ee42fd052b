/**
 * The latest of each key in the place of the log: one row a key, sorted. It keeps what latest.ts reads in
 * step with the filter, and says in a bar what is seen; the log draws the rows.
 */
import { type Entry, Latest } from "../../events/latest.ts";
import { Payload } from "../../json/paths.ts";
import type { Session } from "../../kernel/session.ts";
import { h, show, text } from "../dom/dom.ts";
import { brief, count, many } from "../dom/format.ts";
import type { Grid } from "../log/grid.ts";
import type { Line, LogLines } from "../log/lines.ts";
import { newestPaths, PathSelect } from "./pathselect.ts";

const WORK_MS = 8;
const SORT_MS = 250;
/** Where no columns are chosen it shows so many of the paths it finds. */
const COLUMNS = 8;
const VALUE_CHARS = 100;
const collator = new Intl.Collator("en", { numeric: true });

export class LatestPanel {
  readonly node: HTMLElement;
  /** null: the log is shown */
  by: string | null = null;
  #session: Session;
  #grid: Grid;
  #more: () => void;
  #pick: PathSelect;
  #note = h("span.text-note");
  #latest = new Latest("");
  /** what was read: for another filter it begins anew */
  #read = "";
  #sort: [path: string, down: boolean] = ["", false];
  #sorted: Entry[] = [];
  #sortedAt = 0;
  /** how many keys there were then, and had been let go; empty: it is to be sorted */
  #keys = "";

  constructor(session: Session, grid: Grid, more: () => void, closed: () => void) {
    this.#session = session;
    this.#grid = grid;
    this.#more = more;
    this.#pick = new PathSelect(session, "One row for each", "by ", "choose a path", (path) =>
      this.open(path),
    );
    this.node = h(
      "div.text-head.latest",
      { role: "group", label: "Latest", hidden: true },
      h("span.detail-title", "Latest"),
      this.#pick.node,
      this.#note,
      h("span.fill"),
      h("button.small", { click: closed }, "Back to the log"),
    );
  }

  /** One row for each value at a path; "": at one that looks like a name. null: the log again. */
  open(path: string | null): void {
    this.by = path === "" ? this.by || this.#guess() : path;
    this.#read = "";
    show(this.node, path !== null);
    if (this.by === null) this.#grid.lead = null;
    else this.#pick.offer(this.by);
    this.#more();
  }

  /** What is shown in the place of the log, in its order; null where the log is. */
  get rows(): readonly Entry[] | null {
    return this.by === null ? null : this.#sorted;
  }

  sort(path: string, down: boolean): void {
    this.#sort = [path, down];
    this.#keys = "";
  }

  #guess(): string {
    const words = newestPaths(this.#session).filter(({ shape }) => shape === "string");
    return (words.find(({ path }) => this.#session.columns.has(path)) ?? words[0])?.path ?? "";
  }

  /** What the log draws; `stop`: where a paused view ends. */
  lines(by: string, stop: number | null): LogLines {
    const { columns, store, from, cleared } = this.#session;
    const read = `${by} ${columns.version} ${store.filter} ${cleared?.seq} ${store.rows > 0}`;
    if (read !== this.#read) {
      this.#read = read;
      const paths =
        columns.paths.length > 0
          ? columns.paths
          : newestPaths(this.#session)
              .slice(0, COLUMNS)
              .map(({ path }) => path);
      this.#grid.lead = [...new Set([by, ...paths])].filter(Boolean);
      this.#latest = new Latest(by);
      this.sort(by, false);
    }
    const latest = this.#latest;
    if (by !== "" && latest.work(store, from, stop ?? store.end, WORK_MS)) this.#more();
    const { size } = latest.entries;
    const [path, down] = this.#sort;
    const now = performance.now();
    // By its key each row keeps its place, until there are others.
    const keys = `${size} ${latest.left}`;
    if (keys !== this.#keys || (path !== by && now - this.#sortedAt > SORT_MS)) {
      this.#keys = keys;
      this.#sortedAt = now;
      this.#sorted = this.#order([...latest.entries.values()]);
    }
    text(
      this.#note,
      `${many(size, "key")}${latest.left > 0 ? ` (${count(latest.left)} older ones let go)` : ""}${path === by && !down ? "" : `, ${down ? "descending" : "ascending"} by ${brief(path, VALUE_CHARS)}`}`,
    );
    const sorted = this.#sorted;
    return {
      count: sorted.length,
      still: true,
      line: (i): Line => {
        const block = sorted[i]!;
        return { key: `=${block.key}`, seq: block.seq, mark: null, place: { block, row: 0 } };
      },
      indexOf: (seq) =>
        Math.max(
          0,
          sorted.findIndex((entry) => entry.seq === seq),
        ),
    };
  }

  #order(entries: Entry[]): Entry[] {
    const [path, down] = this.#sort;
    const word = (entry: Entry): string => {
      if (path === this.by) return entry.key;
      const payload = new Payload(entry.data());
      const value = payload.at(path);
      return value ? payload.text(value, VALUE_CHARS) : "";
    };
    const sign = down ? -1 : 1;
    return entries
      .map((entry) => [entry, word(entry)] as const)
      .sort(([, a], [, b]) => sign * (Number(a) - Number(b) || collator.compare(a, b)))
      .map(([entry]) => entry);
  }
}
