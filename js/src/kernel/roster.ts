/**
 * Many streams as this page knows them: takes the overview from the kernel, keeps one row a stream,
 * sorts and searches them, and holds the log of the selected stream. It knows the kernel
 * only as a `Line` and views only as callbacks.
 */
import { onAbort } from "../abort.ts";
import { BUSY_MS, kernelBusy } from "./busy.ts";
import { CaptureHistory, type FromHistory, type ToHistory } from "./capture_history.ts";
import { Poll } from "./poll.ts";
import type { Port, Settings } from "./session.ts";
import type { FromKernel, State } from "./wire.ts";

export interface Stream {
  name: string;
  url: string;
  state: State;
  rate: number;
  /** when the latest event came, ms; 0 for never */
  last: number;
  received: number;
  gaps: number;
  /** how long the oldest event waits that is not on disk yet, ms */
  lag: number;
  error: string;
  hint: string;
  note: string;
  worker: string;
  /** where a search looks, in lower case; "" where that is to be put together yet */
  words: string;
}
export interface Worker {
  name: string;
  state: string;
  streams: number;
  rate: number;
}
export interface Totals {
  streams: number;
  open: number;
  failed: number;
  received: number;
  written: number;
  pending: number;
  rate: number;
  lag: number;
  gaps: number;
}
export interface Overview {
  kind: "overview";
  to?: string;
  n: number;
  now: number;
  running: boolean;
  trouble: string;
  stats: Totals;
  names?: [string, string][];
  rows: [number, State, number, number, number, number, number, string, string, string, string][];
  workers: Worker[];
  log: [number, string, Settings] | null;
}
/** Messages of one log travel among those of the capture, with the number of the selection. */
export type FromCapture = Overview | FromHistory | (FromKernel & { log: number });
/** So far this page is; `log`: with the log of that selection. */
export interface Ack {
  n: number;
  log?: number;
}
export type ToCapture =
  | { kind: "hello" | "script" | "start" | "stop" }
  | { kind: "select"; name: string | null }
  | ({ kind: "ack" } & Ack)
  | ToHistory;
/** The log of one stream, see `log.ts`: it comes later than the rest of this page. */
export interface Log {
  receive(message: FromKernel, buffers: DataView[]): void;
  lost(): void;
  end(): void;
  /** A view of it, until the signal. */
  draw(signal: AbortSignal): HTMLElement;
  /** To an event, wherever in the files it is. */
  jump(seq: number): void;
}
export type MakeLog = (port: Port, settings: Settings) => Log;
export interface Line {
  send(message: ToCapture): void;
  acknowledge(ack: Ack): void;
  /** The log whose messages carry this number; rejects with a sentence where it cannot be shown. */
  log(number: number, settings: Settings): Promise<Log>;
}
export interface Selected {
  name: string;
  number: number;
  /** null until it is here */
  log: Log | null;
  failure: string;
}
export type Column = "name" | "state" | "rate" | "last" | "received" | "gaps" | "lag" | "worker";

/** Trouble first: sorted by state is how one finds what needs a hand. */
const ORDER: State[] = ["failed", "waiting", "connecting", "quiet", "open", "closed"];
const SILENT_MS = 12_000;
/** Changes are told every second, to a page that is not seen every 5 s. */
const PATIENCE_MS = 6_000;

/** A stream of which nothing but its name is known; all have the same fields from the start. */
function unknown(name: string, url: string): Stream {
  return {
    name,
    url,
    state: "connecting",
    rate: 0,
    last: 0,
    received: 0,
    gaps: 0,
    lag: 0,
    error: "",
    hint: "",
    note: "",
    worker: "",
    words: "",
  };
}

/** Ten thousand of them in one message: no object is made, and none is taken apart. */
function write(stream: Stream, row: Overview["rows"][number]): void {
  if (stream.error !== row[7] || stream.worker !== row[9]) stream.words = "";
  stream.state = row[1];
  stream.rate = row[2];
  stream.last = row[3];
  stream.received = row[4];
  stream.gaps = row[5];
  stream.lag = row[6];
  stream.error = row[7];
  stream.hint = row[8];
  stream.worker = row[9];
  stream.note = row[10];
}

function wordsOf(stream: Stream): string {
  stream.words ||= `${stream.name} ${stream.url} ${stream.error} ${stream.worker}`.toLowerCase();
  return stream.words;
}

export class Roster {
  streams: Stream[] = [];
  /** how many streams are in each state */
  readonly counts = new Map<State, number>();
  head: Overview | null = null;
  selected: Selected | null = null;
  gone = false;
  heardAt = Date.now();
  search = "";
  states = new Set<State>();
  sort: Column | null = null;
  down = false;
  /** What is shown, in its order: places in `streams`. */
  shown: number[] = [];

  readonly history: CaptureHistory;

  #line: Line;
  /** rises with every change of `streams` */
  #version = 0;
  #arranged = "";
  /** where to go in a log that is not here yet */
  #going: { name: string; seq: number } | null = null;
  #watchers = new Set<() => void>();
  #poll = new Poll(PATIENCE_MS);
  #asked: { what: string; at: number; done: () => boolean } | null = null;

  constructor(line: Line) {
    this.#line = line;
    this.history = new CaptureHistory(
      (message) => line.send(message),
      () => this.changed(),
      (name, seq) => this.jump(name, seq),
    );
  }

  watch(changed: () => void, signal: AbortSignal): void {
    this.#watchers.add(changed);
    if (this.#watchers.size === 1) this.#poll.begin();
    const tick = setInterval(() => {
      if (!this.gone && this.head?.running !== false && this.#poll.due()) this.#line.send({ kind: "hello" });
      changed();
    }, 1_000);
    onAbort(signal, () => {
      this.#watchers.delete(changed);
      clearInterval(tick);
    });
  }

  receive(message: FromCapture, buffers: DataView[]): void {
    this.heardAt = Date.now();
    this.gone = false;
    this.#poll.heard(message.kind !== "overview" || message.to !== undefined);
    if (this.history.receive(message)) return;
    if (message.kind !== "overview") {
      // One that comes before the log itself is not missed: the log begins by asking for all there is.
      if ("log" in message && message.log === this.selected?.number)
        this.selected.log?.receive(message, buffers);
      return;
    }
    // A batch of changes without the rows they change: ask for all.
    if (!message.names && this.head === null) return this.#line.send({ kind: "hello" });
    if (this.head && message.n > this.head.n + 1 && !message.names) this.#line.send({ kind: "hello" });
    if (message.names) this.streams = message.names.map(([name, url]) => unknown(name, url));
    for (const row of message.rows) {
      const stream = this.streams[row[0]];
      if (stream) write(stream, row);
    }
    this.#version++;
    this.counts.clear();
    for (const { state } of this.streams) this.counts.set(state, (this.counts.get(state) ?? 0) + 1);
    this.head = message;
    this.#take(message.log);
    this.#line.acknowledge({ n: message.n });
    this.changed();
  }

  #take(log: Overview["log"]): void {
    if (log?.[0] === this.selected?.number) return;
    this.selected?.log?.end();
    this.selected = null;
    if (!log) return;
    const [number, name, settings] = log;
    const selected: Selected = { name, number, log: null, failure: "" };
    this.selected = selected;
    this.#line.log(number, settings).then(
      (made) => {
        if (this.selected !== selected) return made.end();
        selected.log = made;
        this.changed();
      },
      (error: Error) => {
        selected.failure = error.message;
        this.changed();
      },
    );
  }

  select(name: string | null): void {
    const what = name === null ? "Close" : `the log of ${name}`;
    this.#asked = { what, at: Date.now(), done: () => (this.selected?.name ?? null) === name };
    this.#line.send({ kind: "select", name });
  }

  /** Shows the log of a stream where this event is. */
  jump(name: string, seq: number): void {
    this.#going = { name, seq };
    if (this.selected?.name !== name) this.select(name);
    this.changed();
  }

  /** Its log has a view by now, perhaps: true where it went there. */
  arrive(): boolean {
    const { selected } = this;
    if (!this.#going || !selected?.log || selected.name !== this.#going.name) return false;
    selected.log.jump(this.#going.seq);
    this.#going = null;
    return true;
  }

  command(kind: "start" | "stop"): void {
    const what = kind === "start" ? "Start" : "Stop";
    this.#asked = { what, at: Date.now(), done: () => this.head?.running === (kind === "start") };
    this.#line.send({ kind });
  }

  /** What the kernel has not got round to yet, as the log of one stream says it. */
  busy(): string {
    if (this.#asked?.done()) this.#asked = null;
    const since = Date.now() - BUSY_MS;
    const asked = this.#asked && this.#asked.at < since ? [this.#asked.what] : [];
    return kernelBusy(new Set([...asked, ...this.history.waits(since)]));
  }

  lost(): void {
    this.gone = true;
    this.selected?.log?.lost();
    this.changed();
  }

  silent(): boolean {
    return this.head?.running === true && Date.now() - this.heardAt > SILENT_MS;
  }

  now(): number {
    return this.head ? this.head.now + Date.now() - this.heardAt : Date.now();
  }

  end(): void {
    this.selected?.log?.end();
    this.selected = null;
    this.#watchers.clear();
  }

  changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Puts the rows that match into their order; nothing where no row has changed since, nor what is asked. */
  arrange(): void {
    const { streams, states, sort, down } = this;
    const sought = this.search.toLowerCase();
    const asked = `${this.#version} ${[...states]} ${sort} ${down} ${sought}`;
    if (asked === this.#arranged) return;
    this.#arranged = asked;
    this.shown = [];
    streams.forEach((stream, i) => {
      if (states.size > 0 && !states.has(stream.state)) return;
      if (sought && !wordsOf(stream).includes(sought)) return;
      this.shown.push(i);
    });
    if (sort === null) return;
    // What is compared is looked up once a row, not once a comparison.
    const values = streams.map((stream) => (sort === "state" ? ORDER.indexOf(stream.state) : stream[sort]));
    const sign = down ? -1 : 1;
    this.shown.sort((a, b) => {
      const [x, y] = [values[a]!, values[b]!];
      return (x < y ? -sign : x > y ? sign : 0) || a - b;
    });
  }
}
