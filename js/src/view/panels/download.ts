/**
 * Saves what a view shows as a file, made in the page in short slices: the log goes on meanwhile. An
 * event of which only the beginning is here is asked for from the kernel; what can't be had whole is
 * counted and said.
 */
import { onAbort } from "../../abort.ts";
import { keep } from "../../events/event_copy.ts";
import type { Entry } from "../../events/latest.ts";
import { FORMATS, type Format, Writer } from "../../export/export.ts";
import type { Session } from "../../kernel/session.ts";
import { h } from "../dom/dom.ts";
import { bytes, count, many } from "../dom/format.ts";
import type { Notice } from "./notice.ts";

const SLICE_MS = 10;
/** Rows between two looks at the clock. */
const ROWS = 64;
const QUIET_MS = 1_000;
/** Strings this long are put away into a Blob, which need not be in the page's memory. */
const PART_CHARS = 2 ** 20;

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

export class Download {
  #session: Session;
  #notice: Notice;
  #signal: AbortSignal;
  #stop: AbortController | null = null;

  constructor(session: Session, notice: Notice, signal: AbortSignal) {
    this.#session = session;
    this.#notice = notice;
    this.#signal = signal;
  }

  /**
   * `stop`: where a paused view ends, else null; `rows`: what is shown in the place of the log; `paths`: the
   * columns of a table.
   */
  async save(
    format: Format,
    stop: number | null,
    rows: readonly Entry[] | null,
    paths: readonly string[],
  ): Promise<void> {
    this.#stop?.abort();
    const own = new AbortController();
    this.#stop = own;
    const { store, base, from } = this.#session;
    const began = performance.now();
    const end = stop ?? store.end;
    const filter = store.filter;
    const total = rows?.length ?? store.shownBefore(end) - base;
    const writer = new Writer(format, paths);
    const parts: Blob[] = [];
    let [words, next, written, cut] = [writer.head(), from, 0, 0];
    const tell = (what: string): void => {
      if (performance.now() - began > QUIET_MS)
        this.#notice.progress(what, written / Math.max(1, total), () => own.abort());
    };
    for (let slice = performance.now(); ; ) {
      if (own.signal.aborted || this.#signal.aborted) return this.#over(own, "Nothing was saved.");
      if (store.filter !== filter) return this.#over(own, "Nothing was saved: the filter changed.");
      const seq = (rows ? rows[written]?.seq : store.seqAt(store.shownBefore(next))) ?? end;
      if (seq >= end) break;
      const source = rows ? { block: rows[written]!, row: 0 } : store.find(seq)!;
      const event = keep(seq, source);
      if (event.cut) {
        const whole = await this.#whole(seq, own.signal, () => tell("Waiting for the kernel: a long event"));
        if (whole === null) cut++;
        else event.data = whole;
      }
      words += writer.write(event);
      next = seq + 1;
      written++;
      if (words.length > PART_CHARS) {
        parts.push(new Blob([words]));
        words = "";
      }
      if (written % ROWS !== 0 || performance.now() - slice < SLICE_MS) continue;
      tell(`Saving ${count(written)} of ${count(total)} events`);
      await pause();
      slice = performance.now();
    }
    const file = new Blob([...parts, words], { type: FORMATS[format].mime });
    this.#give(file, format);
    const short =
      cut > 0
        ? ` ${count(cut)} of them only with their first 64 KiB: the kernel no longer holds the rest.`
        : "";
    this.#over(own, `Saved ${many(written, "event")} (${bytes(file.size)}).${short}`);
  }

  /** The whole data of an event; null where it can't be had. */
  async #whole(seq: number, stopped: AbortSignal, waiting: () => void): Promise<string | null> {
    const timer = setInterval(waiting, 250);
    const cancelled = new Promise<null>((resolve) => onAbort(stopped, () => resolve(null)));
    const whole = await Promise.race([this.#session.fetchEvent(seq), cancelled]);
    clearInterval(timer);
    return whole?.found ? whole.data : null;
  }

  #over(own: AbortController, words: string): void {
    if (this.#stop !== own) return;
    this.#stop = null;
    if (!this.#signal.aborted) this.#notice.say(words);
  }

  #give(file: Blob, format: Format): void {
    const url = URL.createObjectURL(file);
    const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
    h("a", { href: url, download: `events-${stamp}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
}
