/**
 * The virtualised log: as many row nodes as fit on the screen, whatever is held. It follows the tail
 * until the person scrolls up, then keeps what is under the cursor where it is while rows come and
 * go above and below. It decides nothing about filters or pauses: it is given lines.
 */
import type { Store } from "../store.ts";
import { h, show, text } from "./dom.ts";
import { count } from "./format.ts";
import type { Line, Lines } from "./lines.ts";
import type { Palette } from "./palette.ts";
import { Row } from "./row.ts";

export const ROW_HEIGHT = 24;
const OVERSCAN = 4;

export interface LogEvents {
  open(seq: number): void;
  jump(): void;
  moved(): void;
}

export class Log {
  readonly node: HTMLElement;
  readonly scroller: HTMLElement;
  following = true;
  selected: number | null = null;

  #store: Store;
  #palette: Palette;
  #events: LogEvents;
  #list = h("div", { role: "list", class: "sse-list" });
  #space = h("div", { class: "sse-space" }, this.#list);
  #jump: HTMLButtonElement;
  #rows: Row[] = [];
  #lines: Lines | null = null;
  /** What is held still while not following: the line at the top edge, and how far it is scrolled. */
  #anchor: { seq: number; offset: number } | null = null;
  /** seq after the newest line when the person left the tail */
  #leftAt = 0;
  #expected = 0;
  #height = 0;

  constructor(store: Store, palette: Palette, events: LogEvents, signal: AbortSignal) {
    this.#store = store;
    this.#palette = palette;
    this.#events = events;
    this.scroller = h("div", { role: "log", "aria-live": "off", "aria-label": "Events", tabindex: "0", class: "sse-log" }, this.#space);
    this.#jump = h("button", { type: "button", class: "sse-jump", hidden: true, click: () => events.jump() });
    this.node = h("div", { class: "sse-log-frame" }, this.scroller, this.#jump);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true, signal });
    this.scroller.addEventListener("wheel", (event) => event.deltaY < 0 && this.scroller.scrollTop > 0 && this.#leave(), { passive: true, signal });
    this.scroller.addEventListener("click", (event) => this.#clicked(event), { signal });
    const sizes = new ResizeObserver(() => {
      this.#height = this.scroller.clientHeight;
      events.moved();
    });
    sizes.observe(this.scroller);
    signal.addEventListener("abort", () => sizes.disconnect());
  }

  /** The seqs a reader may be looking at, with some room around them; null while following. */
  pin(room: number): readonly [number, number] | null {
    if (this.following || !this.#anchor) return null;
    return [this.#anchor.seq - room, this.#anchor.seq + room];
  }

  follow(): void {
    this.following = true;
    this.#anchor = null;
  }

  draw(lines: Lines, paused: boolean): void {
    this.#lines = lines;
    const height = this.#height || this.scroller.clientHeight;
    const whole = lines.count * ROW_HEIGHT;
    if (this.#space.style.height !== `${whole}px`) this.#space.style.height = `${whole}px`;
    let top = this.scroller.scrollTop;
    const bottom = Math.max(0, whole - height);
    if (this.following) top = bottom;
    else if (this.#anchor) top = Math.min(bottom, lines.indexOf(this.#anchor.seq) * ROW_HEIGHT + this.#anchor.offset);
    if (Math.abs(top - this.scroller.scrollTop) >= 1) {
      this.scroller.scrollTop = top;
    }
    this.#expected = this.scroller.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - OVERSCAN);
    const last = Math.min(lines.count, Math.ceil((top + height) / ROW_HEIGHT) + OVERSCAN);
    this.#fill(first, last, lines);
    this.#drawJump(paused);
  }

  /** Moves the selection by lines (marks are passed over) and brings it into view. */
  move(by: number): number | null {
    const lines = this.#lines;
    if (!lines || lines.count === 0) return null;
    const step = Math.sign(by) || 1;
    let at = this.selected === null ? (step < 0 ? lines.count : Math.floor(this.scroller.scrollTop / ROW_HEIGHT) - 1) : lines.indexOf(this.selected);
    at = Math.min(lines.count - 1, Math.max(0, at + by));
    while (lines.line(at).mark && at + step >= 0 && at + step < lines.count) at += step;
    const line = lines.line(at);
    if (line.mark) return this.selected;
    this.selected = line.seq;
    this.#reveal(at);
    return line.seq;
  }

  reveal(seq: number): void {
    if (this.#lines) this.#reveal(this.#lines.indexOf(seq));
  }

  #reveal(line: number): void {
    const top = line * ROW_HEIGHT;
    const height = this.scroller.clientHeight;
    const now = this.scroller.scrollTop;
    if (top < now) this.scroller.scrollTop = top;
    // Two lines of room below: the row must not hide under the button that jumps to the tail.
    else if (top + 3 * ROW_HEIGHT > now + height) this.scroller.scrollTop = top + 3 * ROW_HEIGHT - height;
    this.#leave();
    this.#events.moved();
  }

  /** The person left the tail: from here on nothing under the cursor moves by itself. */
  #leave(): void {
    if (this.following) {
      this.following = false;
      const last = this.#lines && this.#lines.count > 0 ? this.#lines.line(this.#lines.count - 1) : null;
      this.#leftAt = last ? last.seq + (last.mark ? 0 : 1) : 0;
    }
    this.#setAnchor();
  }

  #setAnchor(): void {
    const top = this.scroller.scrollTop;
    const index = Math.floor(top / ROW_HEIGHT);
    if (!this.#lines || index >= this.#lines.count) return;
    let at = index;
    // A mark is no fixed point (holes are filled): hold on to the next event below it.
    while (at + 1 < this.#lines.count && this.#lines.line(at).mark) at++;
    this.#anchor = { seq: this.#lines.line(at).seq, offset: top - at * ROW_HEIGHT };
  }

  #scrolled(): void {
    const top = this.scroller.scrollTop;
    if (Math.abs(top - this.#expected) < 1) return;
    this.#expected = top;
    if (top + this.scroller.clientHeight >= this.scroller.scrollHeight - 4) this.follow();
    else this.#leave();
    this.#events.moved();
  }

  #clicked(event: MouseEvent): void {
    // Marking text with the mouse is not a click on the row.
    if (document.getSelection()?.type === "Range") return;
    const node = (event.target as Element).closest(".sse-row");
    const row = this.#rows.find((candidate) => candidate.node === node);
    if (!row || row.seq < 0) return;
    this.selected = row.seq;
    this.#events.open(row.seq);
  }

  #drawJump(paused: boolean): void {
    show(this.#jump, !this.following);
    if (this.following) return;
    const fresh = this.#store.shown - this.#store.shownBefore(this.#leftAt);
    text(this.#jump, `Jump to latest (+${count(fresh)})`);
    this.#jump.title = paused ? "Resume and go to the newest event" : "Go to the newest event and follow";
  }

  /** Lines [first, last) into nodes in their order, moving the nodes that show the same line already. */
  #fill(first: number, last: number, lines: Lines): void {
    const wanted: Line[] = [];
    for (let i = first; i < last; i++) wanted.push(lines.line(i));
    while (this.#rows.length > wanted.length) this.#rows.pop()!.node.remove();
    this.#rotate(wanted);
    while (this.#rows.length < wanted.length) {
      const row = new Row(this.#palette);
      this.#rows.push(row);
      this.#list.append(row.node);
    }
    wanted.forEach((line, i) => {
      const row = this.#rows[i]!;
      row.write(line, line.mark ? null : this.#store.find(line.seq));
      row.place(first + i, lines.count);
      row.select(!line.mark && line.seq === this.selected);
    });
    const shift = `translateY(${first * ROW_HEIGHT}px)`;
    if (this.#list.style.transform !== shift) this.#list.style.transform = shift;
  }

  #rotate(wanted: readonly Line[]): void {
    const keys = this.#rows.map((row) => row.key);
    const gone = wanted[0] ? keys.indexOf(wanted[0].key) : -1;
    if (gone > 0) {
      const moved = this.#rows.splice(0, gone);
      this.#list.append(...moved.map((row) => row.node));
      this.#rows.push(...moved);
      return;
    }
    if (gone === 0 || !keys[0]) return;
    const fresh = wanted.findIndex((line) => line.key === keys[0]);
    if (fresh > 0 && fresh < this.#rows.length) {
      const moved = this.#rows.splice(this.#rows.length - fresh, fresh);
      this.#list.prepend(...moved.map((row) => row.node));
      this.#rows.unshift(...moved);
    }
  }
}
