/**
 * Events as lines of a file: ndjson, csv, or an event stream that parses back to the same events, as
 * the kernel's `save` writes them; and one event as text for the clipboard. Pure: it reads no store
 * and writes no file.
 */
import { isContainer } from "../json/jsonscan.ts";
import { Payload } from "../json/paths.ts";

export interface Row {
  seq: number;
  /** ms since 1970 */
  at: number;
  type: string;
  id: string;
  data: string;
}
export type Format = "ndjson" | "csv" | "sse";
export const FORMATS: Record<Format, { mime: string; what: string }> = {
  ndjson: { mime: "application/x-ndjson", what: "One JSON object a line" },
  csv: {
    mime: "text/csv",
    what: "A table; formulas get an apostrophe",
  },
  sse: { mime: "text/event-stream", what: "An event stream" },
};

/**
 * ISO 8601 in UTC, to the millisecond, or to the microsecond where `at` has them or it is asked for; null
 * where the time is not known.
 */
export function iso(at: number, micros = false): string | null {
  const whole = Math.round(at * 1000);
  const time = new Date(Math.floor(whole / 1000));
  if (Number.isNaN(time.getTime())) return null;
  const rest = ((whole % 1000) + 1000) % 1000;
  const text = time.toISOString();
  return micros || rest > 0 ? `${text.slice(0, -1)}${String(rest).padStart(3, "0")}Z` : text;
}

export function asJson({ seq, at, type, id, data }: Row): string {
  return JSON.stringify({ seq, received_at: iso(at), type, last_event_id: id, data });
}

/** One line for a spreadsheet or a chat: the columns of the log, tabs between them. */
export function asLine({ at, type, id, data }: Row): string {
  return tabbed([iso(at) ?? "", type, id, data]);
}

/** Cells as a line of a table. */
export function tabbed(cells: readonly string[]): string {
  return cells.map((cell) => harmless(cell).replace(/[\t\r\n]+/g, " ")).join("\t");
}

/** Text that a spreadsheet would run begins with an apostrophe, as OWASP advises; Python's `export` does the same. */
function harmless(cell: string): string {
  return /^[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/.test(cell) ? `'${cell}` : cell;
}

function quoted(cell: string): string {
  return `"${harmless(cell).replaceAll('"', '""')}"`;
}

/** The value at a path as a cell: a number as it was written, nothing where there is none. */
function cellOf(payload: Payload, path: string): string {
  const value = payload.at(path);
  if (!value) return "";
  const words = payload.text(value, Number.POSITIVE_INFINITY);
  if (value.shape === "string" || isContainer(value)) return quoted(words);
  return words === "null" ? "" : words;
}

const NAMES = ["seq", "received_at", "type", "last_event_id", "data"];

/** Turns events into the text of a file, in order; one writer a file, for .sse looks back one event. */
export class Writer {
  #format: Format;
  #paths: readonly string[];
  #id = "";

  /** `paths`: what is a column of a table beside our own. */
  constructor(format: Format, paths: readonly string[] = []) {
    this.#format = format;
    this.#paths = paths;
  }

  head(): string {
    if (this.#format !== "csv") return "";
    const names = [...NAMES];
    for (let path of this.#paths) {
      while (names.includes(path)) path = `data.${path}`;
      names.push(path);
    }
    return `${names.map(quoted).join()}\n`;
  }

  write(row: Row): string {
    if (this.#format === "ndjson") return `${asJson(row)}\n`;
    return this.#format === "csv" ? this.#csv(row) : this.#sse(row);
  }

  #csv({ seq, at, type, id, data }: Row): string {
    const payload = new Payload(this.#paths.length > 0 ? data : "");
    const own = [iso(at, true) ?? "", type, id, data].map(quoted);
    return `${[seq, ...own, ...this.#paths.map((path) => cellOf(payload, path))].join()}\n`;
  }

  #sse({ at, type, id, data }: Row): string {
    const time = iso(at);
    let out = time === null ? "" : `: received_at=${time}\n`;
    // A stream keeps its last id until another comes: only a change needs a line.
    if (id !== this.#id) out += `id: ${id}\n`;
    this.#id = id;
    if (type !== "message") out += `event: ${type}\n`;
    for (const line of data.split(/\r\n|\r|\n/)) out += `data: ${line}\n`;
    return `${out}\n`;
  }
}
