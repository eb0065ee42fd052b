/**
 * Events as lines of a file: ndjson, csv, or an event stream that parses back to the same events, as
 * the kernel's `save` writes them; and one event as text for the clipboard. Pure: it reads no store
 * and writes no file.
 */
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
    what: "A table; what a spreadsheet would run as a formula begins with an apostrophe",
  },
  sse: { mime: "text/event-stream", what: "An event stream, to be replayed" },
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
  return `"${cell.replaceAll('"', '""')}"`;
}

/** Turns events into the text of a file, in order; one writer a file, for .sse looks back one event. */
export class Writer {
  #format: Format;
  #id = "";

  constructor(format: Format) {
    this.#format = format;
  }

  head(): string {
    return this.#format === "csv" ? '"seq","received_at","type","last_event_id","data"\n' : "";
  }

  write(row: Row): string {
    if (this.#format === "ndjson") return `${asJson(row)}\n`;
    if (this.#format === "csv")
      return `${[String(row.seq), ...[iso(row.at, true) ?? "", ...[row.type, row.id, row.data].map(harmless)].map(quoted)].join(",")}\n`;
    return this.#sse(row);
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
