/**
 * One stream as this page knows it: takes messages from the kernel, keeps the store, the filter and
 * the counters, asks for what is missing, acknowledges what was painted. It knows the kernel only as
 * a `Port` and views only as callbacks: neither anywidget nor the DOM.
 */

import { onAbort } from "../abort.ts";
import { Faults } from "../events/error_marks.ts";
import { type Kept, keep } from "../events/event_copy.ts";
import { type Range, Store } from "../events/store.ts";
import type { CommandParts } from "../export/command.ts";
import { EVERYTHING, type FilterState } from "../filter/filter.ts";
import { Marker } from "../filter/marker.ts";
import { Scan } from "../filter/scan.ts";
import type { Workers } from "../filter/workers.ts";
import { BUSY_MS, kernelBusy } from "./busy.ts";
import { Columns, type SyncedColumns } from "./column_paths.ts";
import { History } from "./history.ts";
import { Pins } from "./pins.ts";
import { Poll } from "./poll.ts";
import { Rates } from "./rates.ts";
import {
  buffersOf,
  decodeRows,
  type FromKernel,
  type Gap,
  type Head,
  Numbers,
  type ToKernel,
} from "./wire.ts";

export interface Port {
  send(message: ToKernel): void;
  acknowledge(n: number): void;
  writeFilter(filter: FilterState & { rev: number }): void;
  writeColumns(columns: { paths: string[]; rev: number; n: number }): void;
  writePins(rows: readonly Kept[]): void;
  hidden(): boolean;
}
export interface Settings {
  url: string;
  /** names the stream in the page */
  session?: string;
  /** "message" where a changed trait would run cells again */
  ack?: "trait" | "message";
  /** what was asked for beside the address */
  request?: CommandParts;
}
export type Command = "start" | "stop" | "retry";
/** From here on events are in view: those before were cleared away. */
export interface Cleared {
  seq: number;
  /** ms since 1970, by the kernel's clock */
  at: number;
  /** of each type, what came before */
  counts: ReadonlyMap<string, number>;
}
export interface WholeEvent {
  found: boolean;
  data: string;
}
/** What a view tells the session: when to draw, which events it holds still, and where it reads. */
export interface Watcher {
  changed(): void;
  /** A second has passed: what tells the time may say something else now. */
  beat(): void;
  pins(): Range[];
  /** whether any of it is on the screen */
  seen(): boolean;
  /** the event at the top of a view that does not follow the tail */
  reading(): number | null;
  /** Go to this event, whether it is here yet or not. */
  jump(seq: number): void;
}

export const MAX_TYPES = 10_000;
const MAX_GAPS = 1_000;
const MAX_FIRSTS = 1_000;
/** An acknowledgement costs the kernel more than a batch does: often only where much is on the way. */
const ACK_MS = 50;
const ACK_CALM_MS = 30_000;
/** Where the kernel does not say what it allows itself. */
const ALLOWED_BYTES = 2 * 1024 * 1024;
const ACK_BATCHES = 32;
const SLICE_MS = 8;
const TICK_MS = 500;
/** Once a second, at the whole second: what many streams on one page have to say is one wake-up and one frame. */
const BEAT_MS = 1_000;
export const SILENT_MS = 7_000;
/** A rate is measured between heads that came within this time. */
const RATE_MS = 2_500;
/** A heartbeat comes every 2 s. */
const PATIENCE_MS = 2_600;
/** Who only scrolls past tells the kernel nothing. */
const UNSEEN_MS = 5_000;

function isOver({ status: { state } }: Head): boolean {
  return state === "closed" || state === "failed";
}

export class Session {
  readonly store = new Store();
  readonly scan: Scan;
  readonly marker: Marker;
  readonly rates = new Rates();
  readonly history = new History();
  readonly counts = new Map<string, number>();
  readonly columns: Columns;
  readonly pins: Pins;
  readonly faults = new Faults();
  settings: Settings;
  head: Head | null = null;
  /** The address as it may be shown. */
  get url(): string {
    return this.head?.url ?? this.settings.url;
  }
  gaps: Gap[] = [];
  /** null: nothing was cleared */
  cleared: Cleared | null = null;
  filter: FilterState = EVERYTHING;
  /** event types in the order of first sight, of those that were seen to come */
  readonly firsts: { type: string; at: number }[] = [];
  /** What Python asks to be charted; "" for nothing. */
  plot = { path: "", by: "" };
  /** A filter the kernel sent that does not work here, in words. */
  invalid: string | null = null;
  /** The comm is closed: the kernel was restarted or is gone, nothing will come any more. */
  gone = false;
  /** Events a second over the last seconds; null until there is something to compare. */
  rate: number | null = null;
  /** When the last message came, and when this page began to wait for the first. */
  heardAt = Date.now();
  /** When the head came: countdowns run from here. */
  headAt = Date.now();
  /** The kernel's time when bytes, and events, were last seen to have come; null until then. */
  lastByteAt: number | null = null;
  lastEventAt: number | null = null;

  #port: Port;
  #watchers = new Set<Watcher>();
  #numbers = new Numbers();
  #poll = new Poll(PATIENCE_MS);
  #samples: [number, number][] = [];
  #tail: number | null = null;
  #rev = 0;
  #acked = 0;
  #ackedAt = 0;
  /** bytes that came since the last acknowledgement */
  #onTheWay = 0;
  /** bytes that the kernel sends at most before an acknowledgement */
  #allowed = ALLOWED_BYTES;
  #ackAt = 0;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  #work: ReturnType<typeof setTimeout> | undefined;
  #tick: ReturnType<typeof setTimeout> | undefined;
  #grewAt = 0;
  /** what the kernel was told of whether somebody looks, and when somebody did */
  #seen = true;
  #seenAt = 0;
  #command: { kind: Command; at: number; done: (head: Head) => boolean } | null = null;
  #events = new Map<number, { at: number; answer: (event: WholeEvent) => void }>();
  #nextEvent = 1;

  constructor(port: Port, settings: Settings, workers: Workers) {
    this.#port = port;
    this.settings = settings;
    this.scan = new Scan(this.store, workers, () => this.#scanOn());
    this.marker = new Marker(workers, () => this.#changed());
    this.columns = new Columns((columns) => {
      this.#port.writeColumns(columns);
      this.#changed();
    });
    this.pins = new Pins((rows) => {
      this.#port.writePins(rows);
      this.#changed();
    });
  }

  end(): void {
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#work);
    clearTimeout(this.#tick);
    this.scan.end();
    this.marker.end();
    this.#watchers.clear();
  }

  watch(watcher: Watcher, signal: AbortSignal): void {
    // Nothing is sent before a stream is displayed: its silence until now says nothing.
    if (this.#watchers.size === 0) {
      this.heardAt = Math.max(this.heardAt, Date.now());
      this.#poll.begin();
    }
    this.#watchers.add(watcher);
    if (this.#tick === undefined) this.#beatSoon();
    onAbort(signal, () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size > 0) return;
      clearTimeout(this.#tick);
      this.#tick = undefined;
    });
  }

  receive(message: FromKernel, raw: readonly DataView[]): void {
    const buffers = buffersOf(message, raw);
    this.heardAt = Date.now();
    this.gone = false;
    this.#poll.heard(message.kind !== "batch" || message.polled === true);
    if (message.kind === "batch") this.#batch(message, buffers);
    else if (message.kind === "hello") this.#hello(message);
    else if (message.kind === "rows") this.#rows(message, buffers);
    else if (message.kind === "event") this.#event(message, buffers);
    // Of a sign of life there is nothing to draw but what each second draws.
    if (!message.still) this.#scanOn();
  }

  /** The kernel's or another page's filter: the new truth. */
  filterChanged(filter: FilterState & { rev: number }): void {
    this.#rev = filter.rev;
    this.invalid = this.scan.use(filter);
    if (this.invalid === null) this.#takeFilter(filter);
    this.#scanOn();
  }

  #takeFilter(filter: FilterState): void {
    this.filter = filter;
    this.marker.use(filter);
  }

  /** What the kernel says the columns are, where `page` is this one. */
  columnsChanged(columns: SyncedColumns, page: string): void {
    this.columns.take(columns, page);
    this.#changed();
  }

  /** What is pinned, as the kernel or another page says. */
  pinsChanged(rows: readonly Kept[]): void {
    this.pins.take(rows);
    this.#changed();
  }

  /** An event that this page holds, or that is pinned, by itself. */
  event(seq: number): Kept | undefined {
    const place = this.store.find(seq);
    return place ? keep(seq, place) : this.pins.find(seq);
  }

  /** A change made on this page; returns why it is not a filter, and then changes nothing. */
  setFilter(change: Partial<FilterState>): string | null {
    const next = { ...this.filter, ...change };
    const reason = this.scan.use(next);
    if (reason !== null) return reason;
    this.#takeFilter(next);
    this.invalid = null;
    this.#port.writeFilter({ ...next, rev: this.#rev });
    this.#scanOn();
    return null;
  }

  /** The first event that is in view. */
  get from(): number {
    return this.cleared?.seq ?? 0;
  }
  /** How many events of a type came, in view or let go since. */
  countOf(type: string): number {
    return (this.counts.get(type) ?? 0) - (this.cleared?.counts.get(type) ?? 0);
  }
  /** Positions among the shown events begin here. */
  get base(): number {
    return this.store.shownBefore(this.from);
  }

  /** Empties the views of this page, up to an event; the kernel lets go of nothing. `null` undoes it. */
  clear(seq: number | null): void {
    this.cleared = seq === null ? null : { seq, at: this.now(), counts: new Map(this.counts) };
    this.#changed();
  }

  command(kind: Command): void {
    const attempt = this.head?.status.attempt;
    const done: Record<Command, (head: Head) => boolean> = {
      start: (head) => !isOver(head),
      stop: isOver,
      retry: (head) => head.status.state !== "waiting" || head.status.attempt !== attempt,
    };
    this.#command = { kind, at: Date.now(), done: done[kind] };
    this.#port.send({ kind });
    this.#changed();
  }

  /** The whole of an event of which only the first part came. */
  fetchEvent(seq: number): Promise<WholeEvent> {
    const id = this.#nextEvent++;
    const answer = new Promise<WholeEvent>((resolve) =>
      this.#events.set(id, { at: Date.now(), answer: resolve }),
    );
    this.#port.send({ kind: "event", id, seq });
    this.#changed();
    return answer;
  }

  /** What the kernel has not got round to yet, in words; "" while it answers. */
  busy(): string {
    const since = Date.now() - BUSY_MS;
    const waits = new Set<string>();
    const verb = { start: "Start", stop: "Stop", retry: "Retry" };
    if (this.#command && this.#command.at < since) waits.add(verb[this.#command.kind]);
    if (this.history.asked && this.history.asked.at < since) waits.add("earlier events");
    for (const { at } of this.#events.values()) if (at < since) waits.add("the whole event");
    if (this.columns.waiting(since)) waits.add("the columns of df");
    return kernelBusy(waits);
  }

  /** No message for so long that the kernel is busy or gone. An ended stream is silent by right. */
  silent(): boolean {
    return !this.over && Date.now() - this.heardAt > SILENT_MS;
  }

  /** The stream has ended: nothing comes before it is started again. */
  get over(): boolean {
    return this.head !== null && isOver(this.head);
  }

  /** The kernel's time now, in ms: its clock and this page's need not agree. */
  now(): number {
    return this.head ? this.head.now + (Date.now() - this.headAt) : Date.now();
  }

  /** Whether the kernel waits to hear how far this page is: heartbeats, which carry no row, are few
   * and weigh nothing, and each answer would wake the kernel and the page. */
  get #owes(): boolean {
    const behind = this.#numbers.last - this.#acked;
    return behind >= ACK_BATCHES || (behind > 0 && this.#onTheWay > 0);
  }

  /** Little is on the way: it will do to answer some time. */
  get #calm(): boolean {
    return this.#onTheWay < this.#allowed / 2 && this.#numbers.last - this.#acked < ACK_BATCHES;
  }

  /** A view painted what the store held: tell the kernel, but not at every frame. */
  painted(): void {
    if (!this.#owes) return;
    const now = Date.now();
    // Each answer makes the kernel busy, which a notebook shows: what many streams owe goes together.
    if (this.#calm && this.#acked > 0) this.#answerAt(now - (now % ACK_CALM_MS) + ACK_CALM_MS);
    else this.#answerAt(this.#ackedAt + ACK_MS);
  }

  #answerAt(at: number): void {
    const wait = at - Date.now();
    if (wait <= 0) return this.#acknowledge();
    if (this.#ackTimer !== undefined && this.#ackAt <= at) return;
    clearTimeout(this.#ackTimer);
    this.#ackAt = at;
    this.#ackTimer = setTimeout(() => this.#acknowledge(), wait);
  }

  /** To an event, wherever it is: what this page does not hold is asked for. */
  jump(seq: number): void {
    for (const watcher of this.#watchers) watcher.jump(seq);
    this.#pump();
  }

  /** A view was scrolled: what it stands at may be missing. */
  read(): void {
    this.#pump();
  }

  /** Somebody looks, or nobody does: then the kernel need not hurry. */
  sight(seen: boolean): void {
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#port.send({ kind: "sight", seen });
  }

  lost(): void {
    this.gone = true;
    this.#changed();
  }

  #batch(message: Extract<FromKernel, { kind: "batch" }>, buffers: readonly DataView[]): void {
    const holes = this.#numbers.see(message.n);
    if (holes === null) return;
    if (message.n < this.#acked) this.#acked = 0;
    // Another page said so, and this one is looked at.
    if (message.unseen && this.#seen) this.#port.send({ kind: "sight", seen: true });
    this.#countRates(message);
    this.#takeHead(message);
    for (const { byteLength } of buffers) this.#onTheWay += byteLength;
    this.#allowed = message.allowed ?? ALLOWED_BYTES;
    const { first, count } = message;
    const columns = count > 0 ? decodeRows(message, buffers) : null;
    const tail = this.#tail ?? first;
    if (holes > 0) {
      this.history.lost([tail, count > 0 ? first : message.stats.received]);
      // Counts and gaps are sent as changes: those of a lost batch come again with a hello only.
      this.#port.send({ kind: "hello" });
    }
    if (count > 0 && !columns) this.history.lost([first, first + count]);
    if (columns) this.#insert(columns);
    this.#tail = Math.max(tail, first + count);
    this.#pump();
    // No frame will be painted for a hidden page, and timers sleep there: it must not stall the stream.
    if (this.#calm) return;
    const hidden = this.#port.hidden() || this.#watchers.size === 0;
    this.#answerAt(hidden ? 0 : Date.now() + TICK_MS);
  }

  #hello(message: Extract<FromKernel, { kind: "hello" }>): void {
    this.#numbers.baseline(message.n);
    this.#seen = true;
    this.counts.clear();
    this.gaps = [];
    this.#takeHead(message);
    this.#tail ??= message.stats.received;
  }

  #rows(message: Extract<FromKernel, { kind: "rows" }>, buffers: readonly DataView[]): void {
    const columns = message.count > 0 ? decodeRows(message, buffers) : null;
    const first = columns ? message.first : message.asked[1];
    const end = columns ? message.first + message.count : message.asked[1];
    if (!this.history.answered(message.id, first, end)) return;
    if (columns) {
      this.#insert(columns);
      // Older than what was counted as it came: these seconds are known from the rows alone.
      const before = (this.rates.since ?? 0) * 1000;
      for (let i = 0; i < columns.count; i++)
        if (columns.at[i]! < before)
          this.rates.add(columns.types[columns.codes[i]!] ?? "", 1, columns.at[i]!);
    }
    this.#pump();
  }

  /** Counts are totals: what came is the difference to the totals before. */
  #countRates({ now, counts, first }: Extract<FromKernel, { kind: "batch" }>): void {
    // A page that comes late has no totals before its first hello.
    if (this.rates.since !== null || first === 0) {
      for (const [type, n] of counts) {
        if (!this.counts.has(type) && this.firsts.length < MAX_FIRSTS) this.firsts.push({ type, at: now });
        this.rates.add(type, n - (this.counts.get(type) ?? 0), now);
      }
    }
    this.rates.since ??= Math.floor(now / 1000);
  }

  #event(message: Extract<FromKernel, { kind: "event" }>, buffers: readonly DataView[]): void {
    const waiting = this.#events.get(message.id);
    this.#events.delete(message.id);
    const data = buffers[0] ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(buffers[0]) : "";
    waiting?.answer({ found: message.found && buffers.length > 0, data });
  }

  #insert(columns: Parameters<Store["insert"]>[0]): void {
    this.store.insert(columns);
    const newest = columns.at[columns.count - 1]!;
    if (!(newest < (this.lastEventAt ?? -Infinity))) this.lastEventAt = newest;
    if (!(newest < (this.lastByteAt ?? -Infinity))) this.lastByteAt = newest;
    this.store.dropBefore(this.head?.cleared_to ?? 0);
    const pins = [...this.#watchers].flatMap((watcher) => watcher.pins());
    // Nobody reads far back any more: what was fetched for it makes room for what came meanwhile.
    if (pins.length === 0) this.store.dropBefore(this.store.end - this.store.maxRows);
    this.store.evict(pins);
  }

  #takeHead(head: Head): void {
    const before = this.head?.stats;
    if (before && head.stats.bytes > before.bytes) this.lastByteAt = head.now;
    if (before && head.stats.received > before.received) this.lastEventAt = head.now;
    // Python let go of data: there is nothing to undo.
    if (this.head && head.cleared_to > this.head.cleared_to && head.cleared_to >= this.from)
      this.cleared = { seq: head.cleared_to, at: head.now, counts: new Map(this.counts) };
    this.head = head;
    this.headAt = Date.now();
    for (const [type, count] of head.counts) {
      if (this.counts.size < MAX_TYPES || this.counts.has(type)) this.counts.set(type, count);
    }
    if (head.gaps.length > 0) {
      // The kernel sends a gap again when it knows more: same moment and cause, better words.
      const same = (gap: Gap): string => `${gap.at} ${gap.cause}`;
      const known = new Map([...this.gaps, ...head.gaps].map((gap) => [same(gap), gap]));
      this.gaps = [...known.values()].sort((a, b) => a.seq - b.seq).slice(-MAX_GAPS);
    }
    this.history.raiseFloor(Math.max(head.oldest, head.cleared_to));
    this.store.dropBefore(head.cleared_to);
    if (this.#command?.done(head)) this.#command = null;
    this.#measureRate(head);
  }

  #measureRate({ now, stats }: Head): void {
    const last = this.#samples.at(-1);
    if (!last || stats.received !== last[1]) this.#grewAt = Date.now();
    this.#samples.push([now, stats.received]);
    while (this.#samples.length > 2 && now - this.#samples[0]![0] > RATE_MS) this.#samples.shift();
    const [then, before] = this.#samples[0]!;
    if (now - then >= 400) this.rate = ((stats.received - before) * 1000) / (now - then);
  }

  /** Asks for the next missing range, if this is a moment for it. */
  #pump(): void {
    if (this.gone || this.#watchers.size === 0 || !this.head || this.#tail === null) return;
    const busyBefore = this.history.asked;
    // Rows held back at the very end count as missing only once nothing new came for a while.
    const calm = Date.now() - this.#grewAt > 2 * TICK_MS;
    const upTo = calm ? Math.max(this.head.stats.received, this.#tail) : this.#tail;
    const reading = [...this.#watchers].map((watcher) => watcher.reading()).filter((seq) => seq !== null);
    // A flood that ended, or whose kernel is silent, is fast in the last that was heard of it only.
    const fast = !this.over && Date.now() - this.#grewAt <= RATE_MS;
    const rate = fast ? (this.rate ?? 0) : 0;
    const asked = this.history.next(this.store, upTo, rate, Date.now(), reading);
    if (asked && asked !== busyBefore)
      this.#port.send({ kind: "rows", id: asked.id, first: asked.range[0], stop: asked.range[1] });
  }

  #beatSoon(): void {
    const wait = this.#poll.asking ? TICK_MS : BEAT_MS - (Date.now() % BEAT_MS);
    this.#tick = setTimeout(() => this.#beat(), wait);
  }

  #beat(): void {
    this.#beatSoon();
    if (!this.gone && !this.over && this.#poll.due()) this.#port.send({ kind: this.head ? "poll" : "hello" });
    this.#pump();
    const seen = !this.#port.hidden() && [...this.#watchers].some((watcher) => watcher.seen());
    if (seen) this.#seenAt = Date.now();
    if (Date.now() - this.#seenAt >= UNSEEN_MS || seen) this.sight(seen);
    for (const watcher of this.#watchers) watcher.beat();
  }

  #scanOn(): void {
    clearTimeout(this.#work);
    if (this.scan.work(SLICE_MS)) this.#work = setTimeout(() => this.#scanOn());
    this.#changed();
  }

  #acknowledge(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    const n = this.#numbers.last;
    if (n <= this.#acked) return;
    this.#acked = n;
    this.#onTheWay = 0;
    this.#ackedAt = Date.now();
    this.#port.acknowledge(n);
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher.changed();
  }
}
