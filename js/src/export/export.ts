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
  csv: { mime: "text/csv", what: "A table, as RFC 4180 has it" },
  sse: { mime: "text/event-stream", what: "An event stream, to be replayed" },
};

/** ISO 8601 in UTC; null where the time is not known. */
export function iso(at: number): string | null {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

export function asJson({ seq, at, type, id, data }: Row): string {
  return JSON.stringify({ seq, received_at: iso(at), type, last_event_id: id, data });
}

/** One line for a spreadsheet or a chat: the columns of the log, tabs between them. */
export function asLine({ at, type, id, data }: Row): string {
  return [iso(at) ?? "", type, id, data].map((cell) => cell.replace(/[\t\r\n]+/g, " ")).join("\t");
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** Turns events into the text of a file, in order; one writer a file, for .sse looks back one event. */
export class Writer {
  #format: Format;
  #id = "";

  constructor(format: Format) {
    this.#format = format;
  }

  head(): string {
    return this.#format === "csv" ? "seq,received_at,type,last_event_id,data\r\n" : "";
  }

  write(row: Row): string {
    if (this.#format === "ndjson") return `${asJson(row)}\n`;
    if (this.#format === "csv")
      return `${[String(row.seq), iso(row.at) ?? "", row.type, row.id, row.data].map(quoted).join(",")}\r\n`;
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
