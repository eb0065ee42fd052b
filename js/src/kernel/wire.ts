/**
 * Reads what the kernel sends: checks and aligns the columns of a batch, and finds holes in the
 * batch numbers. It keeps no events, asks for nothing and knows neither anywidget nor the page's
 * state; a message it cannot read is reported as `null`, never half read.
 */
import type { Codes, Columns } from "../events/block.ts";

export type State = "connecting" | "open" | "quiet" | "waiting" | "closed" | "failed";

export interface Stats {
  received: number;
  held: number;
  evicted: number;
  cleared: number;
  duplicates: number;
  oversize: number;
  comments: number;
  ignored: number;
  bytes: number;
  connects: number;
  not_sent: number;
}

export interface Status {
  state: State;
  attempt: number;
  retry_in: number | null;
  since: number;
  /** When the request of this attempt went out. */
  sent_at?: number | null;
  error: string | null;
  hint: string | null;
  /** What is odd while the stream runs; it is no error. */
  note: string | null;
  /** Why it is over, in a sentence; null while it runs. */
  reason?: string | null;
  /** Whether it may have ended before it was meant to. */
  warns?: boolean;
}

export interface Gap {
  seq: number;
  at: number;
  cause: string;
  text: string;
}

/** How the capture goes: what is written, and why it does not write. */
export interface Capture {
  to: string;
  state: "writing" | "waiting" | "taken" | "failed" | "closed";
  written: number;
  waiting: number;
  not_kept: number;
  error: string | null;
  hint: string | null;
  notes: string[];
}

export interface Head {
  now: number;
  stats: Stats;
  oldest: number;
  cleared_to: number;
  status: Status;
  /** The address, where it is another one than the settings say: it is asked for on every attempt. */
  url?: string | null;
  last_event_id: string;
  reconnection_time: number | null;
  counts: [string, number][];
  gaps: Gap[];
  /** null where the stream is not captured */
  capture?: Capture | null;
}

export interface Rows {
  first: number;
  count: number;
  types?: string[];
  cut?: [number, number][];
  wide?: boolean;
}

/** Buffers as texts, where the page had asked for them so: data and ids themselves, the others base64. */
export interface Packed {
  packed?: string[];
}

/** No more than a sign of life, where it is `still`. */
export type FromKernel = Packed & { still?: boolean } & (
    | ({ kind: "batch"; n: number; allowed?: number; polled?: boolean; unseen?: boolean } & Head & Rows)
    | ({ kind: "hello"; to: string; n: number } & Head)
    | ({ kind: "rows"; to: string; id: number; asked: [number, number] } & Rows)
    | {
        kind: "event";
        to: string;
        id: number;
        seq: number;
        found: boolean;
        type: string;
        last_event_id: string;
      }
  );

/** The files of the page, by name, for one that cannot reach the model that has them. */
export interface FilesOfPage {
  kind: "files";
  files: Record<string, string>;
}

export type ToKernel =
  | { kind: "hello" | "poll"; packed?: boolean }
  | { kind: "files" }
  | { kind: "rows"; id: number; first: number; stop: number }
  | { kind: "event"; id: number; seq: number }
  | { kind: "ack"; n: number }
  | { kind: "sight"; seen: boolean }
  | { kind: "start" | "stop" | "retry" };

/** The buffers of a message, however they came. */
export function buffersOf({ packed }: Packed, buffers: readonly DataView[]): readonly DataView[] {
  if (!packed) return buffers;
  return packed.map((text, i) => {
    const isText = i === 0 || i === 2;
    const bytes = isText
      ? new TextEncoder().encode(text)
      : Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    return new DataView(bytes.buffer);
  });
}

/** A view into the message is unaligned and keeps the whole message alive: copy. */
function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer);
}

function ascending(offsets: Uint32Array, total: number): boolean {
  let last = 0;
  for (const offset of offsets) {
    if (offset < last) return false;
    last = offset;
  }
  return offsets[0] === 0 && last === total;
}

/** The columns of a message with rows; null where sizes do not agree with each other. */
export function decodeRows(content: Rows, buffers: readonly DataView[]): Columns | null {
  const { first, count } = content;
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count <= 0 || buffers.length < 6)
    return null;
  const raw = buffers.slice(0, 6).map(bytesOf);
  const [data, offsetBytes, ids, idOffsetBytes, codeBytes, atBytes] = raw as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const width = content.wide ? 4 : 2;
  if (offsetBytes.length !== 4 * (count + 1) || idOffsetBytes.length !== 4 * (count + 1)) return null;
  if (codeBytes.length !== width * count || atBytes.length !== 8 * count) return null;
  const dataOffsets = new Uint32Array(offsetBytes.buffer);
  const idOffsets = new Uint32Array(idOffsetBytes.buffer);
  if (!ascending(dataOffsets, data.length) || !ascending(idOffsets, ids.length)) return null;
  const codes: Codes = content.wide ? new Uint32Array(codeBytes.buffer) : new Uint16Array(codeBytes.buffer);
  return {
    first,
    count,
    data,
    dataOffsets,
    ids,
    idOffsets,
    codes,
    types: content.types ?? [],
    at: new Float64Array(atBytes.buffer),
    cut: new Map(content.cut ?? []),
  };
}

/** Watches the batch numbers: 1, 2, 3, ... without a hole, or something was lost on the way. */
export class Numbers {
  #last: number | null = null;

  /** An answer to hello says how far the kernel was; only a page that saw no batch may start there. */
  baseline(n: number): void {
    this.#last ??= n;
  }

  /** How many batches were lost before this one; null for a batch that is not new. */
  see(n: number): number | null {
    const last = this.#last;
    if (last !== null && n === last) return null;
    this.#last = n;
    // A number that went back is another channel's beginning (the kernel made a new one): no hole.
    return last === null || n < last ? 0 : n - last - 1;
  }

  get last(): number {
    return this.#last ?? 0;
  }
}
