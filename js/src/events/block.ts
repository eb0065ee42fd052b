/**
 * A run of consecutive events in columns, as they came over the wire: bytes and offsets, no object
 * and no string per event. Rows are decoded when somebody draws or searches them, never before.
 * It knows nothing of the order of blocks, of filters' meaning, or of the page.
 */

export type Codes = Uint16Array | Uint32Array;

/** The six columns of a ROWS message, aligned, and the names the type codes stand for. */
export interface Columns {
  first: number;
  count: number;
  types: string[];
  data: Uint8Array;
  dataOffsets: Uint32Array;
  ids: Uint8Array;
  idOffsets: Uint32Array;
  codes: Codes;
  at: Float64Array;
  /** row -> whole size in bytes, for rows of which only the first 64 KiB came */
  cut: Map<number, number>;
}

/** Small blocks are joined up to here: one array each for a quiet stream would cost 1 KB an event. */
export const JOIN_ROWS = 1024;
export const JOIN_BYTES = 256 * 1024;

// Without ignoreBOM a row that begins with U+FEFF would lose it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** What a row costs beside its text: offsets, code, time, hit. */
const ROW_BYTES = 24;

function grown<T extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(old: T, need: number): T {
  if (old.length >= need) return old;
  const Kind = old.constructor as new (n: number) => T;
  const fresh = new Kind(Math.max(need, old.length * 2));
  fresh.set(old);
  return fresh;
}

/** The first index whose value is not below `value`. */
export function lowerBound(sorted: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (sorted[mid]! < value) low = mid + 1;
    else high = mid;
  }
  return low;
}

export class Block {
  readonly first: number;
  /** rows [lo, hi) are still held; lo rises by eviction, hi by joining */
  lo = 0;
  hi: number;
  /** hits among [lo, scanned), ascending, for the filter numbered `filter`; unused without a filter */
  hits: number[] = [];
  scanned = 0;
  filter = -1;

  #types: string[];
  #codeOf: Map<string, number> | null = null;
  #data: Uint8Array;
  #dataOffsets: Uint32Array;
  #ids: Uint8Array;
  #idOffsets: Uint32Array;
  #codes: Codes;
  #at: Float64Array;
  #cut: Map<number, number>;
  #text: string | null = null;

  constructor(columns: Columns) {
    this.first = columns.first;
    this.hi = columns.count;
    this.#types = columns.types;
    this.#data = columns.data;
    this.#dataOffsets = columns.dataOffsets;
    this.#ids = columns.ids;
    this.#idOffsets = columns.idOffsets;
    this.#codes = columns.codes;
    this.#at = columns.at;
    this.#cut = columns.cut;
  }

  get start(): number {
    return this.first + this.lo;
  }
  get end(): number {
    return this.first + this.hi;
  }
  get rows(): number {
    return this.hi - this.lo;
  }
  /** What this block keeps in memory; evicted rows at its head count until the block goes. */
  get bytes(): number {
    return this.#data.length + this.#ids.length + this.hi * ROW_BYTES;
  }
  get types(): readonly string[] {
    return this.#types;
  }

  code(row: number): number {
    return this.#codes[row]!;
  }
  type(row: number): string {
    return this.#types[this.#codes[row]!] ?? "";
  }
  at(row: number): number {
    return this.#at[row]!;
  }
  id(row: number): string {
    return decoder.decode(this.#ids.subarray(this.#idOffsets[row]!, this.#idOffsets[row + 1]!));
  }
  data(row: number): string {
    return decoder.decode(this.#data.subarray(this.#dataOffsets[row]!, this.#dataOffsets[row + 1]!));
  }
  /** The first `bytes` of a row: what a line in the log can show. A character cut in half is dropped. */
  head(row: number, bytes: number): string {
    const from = this.#dataOffsets[row]!;
    const to = this.#dataOffsets[row + 1]!;
    if (to - from <= bytes) return this.data(row);
    return decoder.decode(this.#data.subarray(from, from + bytes)).replace(/\uFFFD{1,3}$/, "");
  }
  /** Bytes of the event's data, the part that stayed in the kernel included. */
  size(row: number): number {
    return this.#cut.get(row) ?? this.#dataOffsets[row + 1]! - this.#dataOffsets[row]!;
  }
  isCut(row: number): boolean {
    return this.#cut.has(row);
  }

  /**
   * Like `data`, for a scan over all rows: where the whole blob is ASCII, one decode serves every
   * row (bytes and characters agree), five times as quick as a decode a row.
   */
  scanText(row: number): string {
    const size = this.#dataOffsets[this.hi]!;
    this.#text ??= decoder.decode(this.#data.subarray(0, size));
    if (this.#text.length !== size) return this.data(row);
    return this.#text.slice(this.#dataOffsets[row]!, this.#dataOffsets[row + 1]!);
  }
  /** The blob as text doubles the block's memory: it goes when the scan is over. */
  endScan(): void {
    this.#text = null;
  }

  /** The text of rows [from, hi) for a worker; copies, for the arrays here stay in use. */
  copyForScan(from: number): { data: Uint8Array; offsets: Uint32Array } {
    const base = this.#dataOffsets[from]!;
    const offsets = this.#dataOffsets.slice(from, this.hi + 1);
    for (let i = 0; i < offsets.length; i++) offsets[i]! -= base;
    return { data: this.#data.slice(base, this.#dataOffsets[this.hi]!), offsets };
  }

  dropBefore(row: number): void {
    this.lo = Math.min(Math.max(this.lo, row), this.hi);
    for (const old of this.#cut.keys()) if (old < this.lo) this.#cut.delete(old);
    const kept = lowerBound(this.hits, this.lo);
    if (kept > 0) this.hits.splice(0, kept);
  }

  /** Can the next run simply be written behind this one? */
  takes(next: Columns): boolean {
    return (
      next.first === this.end &&
      this.hi + next.count <= JOIN_ROWS &&
      this.#dataOffsets[this.hi]! + next.data.length <= JOIN_BYTES
    );
  }

  append(next: Columns): void {
    const rows = this.hi;
    const bytes = this.#dataOffsets[rows]!;
    const idBytes = this.#idOffsets[rows]!;
    this.#data = grown(this.#data, bytes + next.data.length);
    this.#data.set(next.data, bytes);
    this.#ids = grown(this.#ids, idBytes + next.ids.length);
    this.#ids.set(next.ids, idBytes);
    this.#dataOffsets = grown(this.#dataOffsets, rows + next.count + 1);
    this.#idOffsets = grown(this.#idOffsets, rows + next.count + 1);
    this.#codes = grown(this.#codes, rows + next.count);
    this.#at = grown(this.#at, rows + next.count);
    const codes = next.types.map((name) => this.#addType(name));
    if (this.#types.length > 0xffff && this.#codes instanceof Uint16Array)
      this.#codes = Uint32Array.from(this.#codes);
    for (let i = 0; i < next.count; i++) {
      this.#dataOffsets[rows + i + 1] = bytes + next.dataOffsets[i + 1]!;
      this.#idOffsets[rows + i + 1] = idBytes + next.idOffsets[i + 1]!;
      this.#codes[rows + i] = codes[next.codes[i]!] ?? 0;
      this.#at[rows + i] = next.at[i]!;
    }
    for (const [row, size] of next.cut) this.#cut.set(rows + row, size);
    this.hi = rows + next.count;
    this.#text = null;
  }

  #addType(name: string): number {
    this.#codeOf ??= new Map(this.#types.map((type, code) => [type, code]));
    let code = this.#codeOf.get(name);
    if (code === undefined) {
      code = this.#types.length;
      this.#types = [...this.#types, name];
      this.#codeOf.set(name, code);
    }
    return code;
  }
}

/** Rows [from, to) of a run as a run of their own; the bytes are shared, not copied. */
export function part(columns: Columns, from: number, to: number): Columns {
  if (from === 0 && to === columns.count) return columns;
  const rebase = (offsets: Uint32Array): Uint32Array =>
    offsets.slice(from, to + 1).map((n) => n - offsets[from]!);
  const cut = new Map<number, number>();
  for (const [row, size] of columns.cut) if (row >= from && row < to) cut.set(row - from, size);
  return {
    first: columns.first + from,
    count: to - from,
    types: columns.types,
    data: columns.data.subarray(columns.dataOffsets[from]!, columns.dataOffsets[to]!),
    dataOffsets: rebase(columns.dataOffsets),
    ids: columns.ids.subarray(columns.idOffsets[from]!, columns.idOffsets[to]!),
    idOffsets: rebase(columns.idOffsets),
    codes: columns.codes.slice(from, to),
    at: columns.at.slice(from, to),
    cut,
  };
}
