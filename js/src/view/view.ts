/**
 * One view of a stream: puts the parts together, draws them at most once a frame, and handles keys.
 * Pause, scroll and selection are this view's own; events and filter belong to the session. It knows
 * no wire: everything it draws it takes from the session.
 */
import type { Session } from "../session.ts";
import type { Range } from "../store.ts";
import { Chips } from "./chips.ts";
import { Detail } from "./detail.ts";
import { h } from "./dom.ts";
import { Empty } from "./empty.ts";
import { Footer } from "./footer.ts";
import { Header } from "./header.ts";
import { Lines, marks } from "./lines.ts";
import { Log } from "./log.ts";
import { Palette } from "./palette.ts";
import { Search } from "./search.ts";

/** A reader's surroundings that eviction goes around: half of what a page may hold. */
const PIN_PAUSED = 50_000;
const PIN_SCROLLED = 5_000;

export class View {
  readonly node: HTMLElement;
  #session: Session;
  #signal: AbortSignal;
  #header: Header;
  #search: Search;
  #chips: Chips;
  #log: Log;
  #empty: Empty;
  #detail: Detail;
  #footer: Footer;
  #pausedAt: number | null = null;
  #frame = 0;

  constructor(session: Session, signal: AbortSignal) {
    this.#session = session;
    this.#signal = signal;
    const palette = new Palette();
    this.#header = new Header(session, { pause: () => this.#togglePause(), command: (kind) => session.command(kind) });
    this.#search = new Search(session, signal);
    this.#chips = new Chips(session, palette, () => this.#showAll(), signal);
    this.#log = new Log(session.store, palette, { open: (seq) => this.#open(seq), jump: () => this.#jump(), moved: () => this.#soon() }, signal);
    this.#empty = new Empty(session, () => this.#showAll());
    this.#detail = new Detail(session, palette, () => this.#closeDetail(), signal);
    this.#footer = new Footer(session);
    this.#log.node.append(this.#empty.node);
    // JupyterLab runs its one-letter shortcuts unless a widget says that keys are its own.
    this.node = h(
      "div",
      { class: "sse-widget", "data-lm-suppress-shortcuts": "true" },
      this.#header.node,
      h("div", { class: "sse-tools" }, this.#search.node, this.#chips.node),
      this.#search.message,
      this.#log.node,
      this.#detail.node,
      this.#footer.node,
    );
    this.node.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.node.addEventListener("pointerdown", (event) => this.#chips.pressed(event.target as Node), { signal });
    session.watch({ changed: () => this.#soon(), pin: () => this.#pin() }, signal);
    signal.addEventListener("abort", () => {
      cancelAnimationFrame(this.#frame);
      this.node.remove();
    });
    this.#draw();
  }

  /** The filter was changed elsewhere: drafts in the search box give way. */
  overruled(): void {
    this.#search.overruled();
    this.#soon();
  }

  #soon(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
      // The frame is painted when this message arrives: only then is it true that it was shown.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        if (!this.#signal.aborted) this.#session.painted();
      };
      port2.postMessage(null);
    });
  }

  #draw(): void {
    const session = this.#session;
    // Cleared while paused: there is nothing left to hold still.
    if (this.#pausedAt !== null && (session.head?.cleared_to ?? 0) >= this.#pausedAt && session.store.rows === 0) this.#pausedAt = session.store.end;
    this.#search.draw();
    this.#chips.draw();
    this.#log.draw(new Lines(session.store, marks(session), this.#pausedAt), this.#pausedAt !== null);
    this.#empty.draw(this.#pausedAt);
    this.#header.draw(this.#pausedAt !== null, this.#empty.saysFailure);
    this.#footer.draw(this.#pausedAt);
  }

  #pin(): Range | null {
    if (this.#pausedAt !== null) return [this.#pausedAt - PIN_PAUSED, this.#pausedAt];
    return this.#log.pin(PIN_SCROLLED);
  }

  #togglePause(): void {
    this.#pausedAt = this.#pausedAt === null ? this.#session.store.end : null;
    this.#draw();
  }

  #showAll(): void {
    this.#session.setFilter({ types: null, exclude_types: [], text: "", exclude: "", since: null, until: null });
    this.overruled();
  }

  #jump(): void {
    this.#pausedAt = null;
    this.#log.follow();
    this.#draw();
    this.#log.scroller.focus({ preventScroll: true });
  }

  #open(seq: number): void {
    this.#detail.open(seq);
    // The pane takes room from the log: the row that was clicked must stay in sight.
    this.#log.reveal(seq);
    this.#soon();
  }

  #closeDetail(): void {
    this.#detail.hide();
    this.#log.scroller.focus({ preventScroll: true });
    this.#soon();
  }

  #key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const typing = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
    if (typing) event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inLog = target === this.#log.scroller;
    const act = (): boolean => {
      if (event.key === "Escape" && this.#detail.seq !== null) this.#closeDetail();
      else if (event.key === "Escape" && typing) this.#log.scroller.focus({ preventScroll: true });
      else if (typing) return false;
      else if (event.key === "/") this.#search.input.focus();
      else if (!inLog) return false;
      else if (event.key === " ") this.#togglePause();
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.#select(event.key === "ArrowDown" ? 1 : -1);
      else if (event.key === "Enter" && this.#log.selected !== null) this.#open(this.#log.selected);
      else if (event.key === "End") this.#jump();
      else return false;
      return true;
    };
    if (!act()) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #select(by: number): void {
    const seq = this.#log.move(by);
    // With the pane open, moving the selection reads through the events.
    if (seq !== null && this.#detail.seq !== null) this.#detail.open(seq);
    this.#soon();
  }
}
