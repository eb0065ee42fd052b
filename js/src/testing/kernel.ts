/**
 * For tests only: makes ROWS messages as the kernel does, with buffers at odd places, and columns
 * for the store. It decodes nothing.
 */
import type { Columns } from "../events/block.ts";
import { decodeRows, type Rows } from "../kernel/wire.ts";

export interface Made {
  type?: string;
  id?: string;
  data?: string;
  at?: number;
}

const encoder = new TextEncoder();

function column(texts: string[]): [Uint8Array, Uint32Array] {
  const parts = texts.map((text) => encoder.encode(text));
  const offsets = new Uint32Array(parts.length + 1);
  parts.forEach((part, i) => (offsets[i + 1] = offsets[i]! + part.length));
  const blob = new Uint8Array(offsets[parts.length]!);
  parts.forEach((part, i) => blob.set(part, offsets[i]));
  return [blob, offsets];
}

function unaligned(array: ArrayBufferView): DataView {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const message = new Uint8Array(bytes.length + 4);
  message.set(bytes, 3);
  return new DataView(message.buffer, 3, bytes.length);
}

export function message(first: number, events: Made[], wide = false): { content: Rows; buffers: DataView[] } {
  const types = [...new Set(events.map((event) => event.type ?? "message"))];
  const codes = events.map((event) => types.indexOf(event.type ?? "message"));
  const [data, offsets] = column(events.map((event) => event.data ?? ""));
  const [ids, idOffsets] = column(events.map((event) => event.id ?? ""));
  const at = Float64Array.from(events, (event) => event.at ?? 0);
  const content: Rows = { first, count: events.length, types, cut: [], ...(wide ? { wide } : {}) };
  const code = wide ? Uint32Array.from(codes) : Uint16Array.from(codes);
  return { content, buffers: [data, offsets, ids, idOffsets, code, at].map(unaligned) };
}

export function columns(first: number, events: Made[]): Columns {
  const { content, buffers } = message(first, events);
  const made = decodeRows(content, buffers);
  if (!made) throw new Error("the test made columns that do not decode");
  return made;
}

/** Events whose data is their own seq. */
export function run(first: number, count: number, type: (seq: number) => string = () => "message"): Columns {
  return columns(
    first,
    Array.from({ length: count }, (_, i) => ({
      type: type(first + i),
      data: `event ${first + i}`,
      id: String(first + i),
      at: first + i,
    })),
  );
}

/** A small generator with a seed, so that a failing case can be run again. */
export function random(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}
