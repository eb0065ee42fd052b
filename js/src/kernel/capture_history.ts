/**
 * What is on disk of a capture, as this page knows it: how many events came in each step of time, and what a
 * search in the files has found so far. A search goes on as long as the page asks for the next part of it. It
 * knows the kernel only as `send`, and draws nothing.
 */

/** Events in steps of equal length, from `start` on; both in seconds. */
export interface Timeline {
  start: number;
  step: number;
  rows: number[];
}
/** An event that a search found, its data cut short. */
export interface Match {
  stream: string;
  seq: number;
  /** ms since 1970 */
  at: number;
  type: string;
  data: string;
}
export interface Found {
  kind: "found";
  rows: [string, number, number, string, string][];
  /** of so many events so many were looked at */
  searched: number;
  events: number;
  /** all that is newer was looked at, ms since 1970 */
  since: number | null;
  done: boolean;
}
export type FromHistory = { to: string; id: number } & (
  | ({ kind: "timeline" } & Timeline)
  | { kind: "seek"; name: string | null; seq: number | null }
  | Found
  | { kind: "past-failed"; error: string }
);

/** `find` with the id of a search that goes on asks for the next part of it. */
export type ToHistory =
  | { kind: "timeline"; id: number; name: string | null }
  | { kind: "seek"; id: number; name: string | null; at: number }
  | { kind: "find"; id: number; name: string | null; text: string; regex: boolean }
  | { kind: "find-end"; id: number };

/** So many matches, then the person is asked whether to go on. */
const MATCHES = 200;
/** An answer that never came is asked for again. */
const GIVE_UP_MS = 20_000;
const KINDS = new Set(["timeline", "seek", "found", "past-failed"]);

type Asked = { id: number; at: number; what: string; message: ToHistory };

export class CaptureHistory {
  timeline: Timeline | null = null;
  matches: Match[] = [];
  /** null where nothing was searched for */
  found: Found | null = null;
  /** "more": so many were found that it waits for a word of the person */
  searching: "no" | "yes" | "more" = "no";
  failure = "";
  /** no event came at the time that was sought, or later */
  nothing = false;

  #send: (message: ToHistory) => void;
  #changed: () => void;
  #go: (name: string, seq: number) => void;
  #nextId = 1;
  #asked = new Map<"timeline" | "seek" | "find", Asked>();
  #shown = 0;

  constructor(
    send: (message: ToHistory) => void,
    changed: () => void,
    go: (name: string, seq: number) => void,
  ) {
    this.#send = send;
    this.#changed = changed;
    this.#go = go;
  }

  /** How events came, of this stream or of all. */
  askTimeline(name: string | null): void {
    this.#ask("the history", { kind: "timeline", id: this.#nextId++, name });
  }

  /** To the first event at a time or later, in ms. */
  seek(name: string | null, at: number): void {
    this.nothing = false;
    this.#ask("the jump", { kind: "seek", id: this.#nextId++, name, at });
  }

  find(text: string, name: string | null, regex: boolean): void {
    this.cancel();
    this.matches = [];
    this.found = null;
    this.failure = "";
    this.#shown = MATCHES;
    if (text === "") return this.#changed();
    this.searching = "yes";
    this.#ask("the search", { kind: "find", id: this.#nextId++, name, text, regex });
    this.#changed();
  }

  more(): void {
    this.#shown = this.matches.length + MATCHES;
    this.searching = "yes";
    this.#on();
  }

  cancel(): void {
    const asked = this.#asked.get("find");
    if (asked && this.searching !== "no") this.#send({ kind: "find-end", id: asked.id });
    this.#asked.delete("find");
    this.searching = "no";
    this.#changed();
  }

  /** What was asked before this time, in ms since 1970, and the kernel has not got round to yet. */
  waits(since: number): string[] {
    return [...this.#asked]
      .filter(([kind, { at }]) => at < since && at > 0 && (kind !== "find" || this.searching === "yes"))
      .map(([, { what }]) => what);
  }

  /** A second has passed: what was never answered is asked for again. */
  beat(): void {
    for (const asked of this.#asked.values())
      if (asked.at > 0 && Date.now() - asked.at > GIVE_UP_MS) {
        asked.at = Date.now();
        this.#send(asked.message);
      }
  }

  /** True where the message was one of these. */
  receive(message: { kind: string }): boolean {
    if (!KINDS.has(message.kind)) return false;
    const told = message as FromHistory;
    const [kind, asked] = [...this.#asked].find(([, { id }]) => id === told.id) ?? [];
    if (!kind || !asked) return true;
    asked.at = 0;
    if (kind !== "find") this.#asked.delete(kind);
    if (told.kind === "timeline") this.timeline = told;
    else if (told.kind === "seek") {
      this.nothing = told.seq === null;
      if (told.seq !== null && told.name !== null) this.#go(told.name, told.seq);
    } else if (told.kind === "found") this.#take(told);
    else {
      this.failure = told.error;
      if (kind === "find") this.searching = "no";
    }
    this.#changed();
    return true;
  }

  #take(found: Found): void {
    this.found = found;
    for (const [stream, seq, at, type, data] of found.rows)
      this.matches.push({ stream, seq, at, type, data });
    if (found.done) {
      this.searching = "no";
      this.#asked.delete("find");
    } else if (this.matches.length >= this.#shown) this.searching = "more";
    else this.#on();
  }

  /** The next part of the search. */
  #on(): void {
    const asked = this.#asked.get("find");
    if (!asked) return;
    asked.at = Date.now();
    this.#send(asked.message);
  }

  #ask(what: string, message: Exclude<ToHistory, { kind: "find-end" }>): void {
    this.#asked.set(message.kind, { id: message.id, at: Date.now(), what, message });
    this.#send(message);
  }
}
