/**
 * The virtualised log: as many row nodes as fit on the screen, whatever is held. It follows the tail
 * until the person scrolls up, then keeps what is under the cursor where it is while rows come and
 * go above and below. It decides nothing about filters or pauses: it is given lines.
 */

import { sourceOf } from "../../events/event_copy.ts";
import type { Store } from "../../events/store.ts";
import { tabbed } from "../../export/export.ts";
import { Payload } from "../../json/paths.ts";
import type { Session } from "../../kernel/session.ts";
import { fit, flag, focusOn, h, hear, onResize, ours, show, text } from "../dom/dom.ts";
import { ago, count, delta, moment, offsetOf } from "../dom/format.ts";
import { type Cell, plainOf } from "../panels/cellmenu.ts";
import type { Options } from "../panels/options.ts";
import { DATA, type Grid, HEADING_HEIGHT } from "./grid.ts";
import { Heading, type HeadingEvents } from "./heading.ts";
import { Heights, ROW_HEIGHT } from "./heights.ts";
import type { Line, LogLines } from "./lines.ts";
import { Pinned } from "./pinned.ts";
import { type Manner, Row } from "./row.ts";

/** Rows drawn out of sight, where a person scrolls: the next turn of the wheel finds them. */
const OVERSCAN = 4 * ROW_HEIGHT;
/** Wrapped rows are measured this far above and below, so that what scrolls into sight is known. */
const OVERSCAN_WRAPPED = 600;
const MEASURINGS = 4;
/** Selected rows stay in the page wherever it is scrolled to, up to so many. */
const MAX_SELECTED = 2_000;
const MORE_PX = 18;
/** To ask costs as much as ten rows. */
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export interface LogEvents extends HeadingEvents {
  /** the details of an event; `reveal`: its row must stay in sight */
  open(seq: number, reveal: boolean): void;
  unpin(seq: number): void;
  jump(): void;
  /** the menu of one cell */
  cellMenu(cell: Cell, at: Element): void;
  moved(): void;
}

export class Log {
  readonly node: HTMLElement;
  readonly scroller: HTMLElement;
  /** Unless something is pressed or selected: then the view stands still, and follows when that is over. */
  #following = true;
  selected: number | null = null;

  #session: Session;
  #store: Store;
  #options: Options;
  #grid: Grid;
  #heading: Heading;
  #tracks = "";
  #heights = new Heights();
  /** what the measured heights hold for: the filter, the width, the rows let go */
  #measured = "";
  #events: LogEvents;
  #list = h("div.list", { role: "list" });
  // Between the press and the click no other row may come under the pointer.
  #space = h("div.space", { pointerdown: () => (this.#pressed = true) }, this.#list);
  #jump: HTMLButtonElement;
  #rows: Row[] = [];
  /** Under the heading, wherever the rows are scrolled to: they take their room. */
  #pins = h("div.pinned", { role: "list", label: "Pinned rows", hidden: true });
  #pinned: Pinned[] = [];
  #lines: LogLines | null = null;
  /** What is held still while not following: the line at the top edge, and how far it is scrolled. */
  #anchor: { seq: number; offset: number } | null = null;
  /** seq after the newest line when the view began to stand still */
  #leftAt = 0;
  #pressed = false;
  /** Rows may be selected, as `selectionchange` said: to ask the browser has the page laid out. */
  #marked = false;
  /** which cell of the selected row keys have chosen */
  #cell = -1;
  /** at the end of the cell under the pointer */
  #more: HTMLButtonElement;
  #pointed: [x: number, y: number] = [0, 0];
  #expected = 0;
  /** where it was drawn last: while nobody scrolls, no row is drawn that is not seen */
  #calmAt = -1;
  /** where the tail begins, while the browser has yet to lay out what was written */
  #due: number | null = null;
  /** As the observer says, and until then a guess: to ask the page is a layout of all that was written, and
   * a host may lay nothing out that is out of sight. */
  #width = 700;
  #height = 340;

  constructor(session: Session, options: Options, grid: Grid, events: LogEvents, signal: AbortSignal) {
    this.#session = session;
    this.#store = session.store;
    this.#options = options;
    this.#grid = grid;
    this.#heading = new Heading(grid, events);
    this.#events = events;
    this.scroller = h(
      "div.log",
      {
        role: "log",
        "aria-live": "off",
        label: "Events",
        tabindex: "0",
        scroll: () => this.#scrolled(),
        pointermove: (event: PointerEvent) => this.#point(event),
        contextmenu: (event: MouseEvent) => this.#context(event),
        copy: (event: ClipboardEvent) => this.#copied(event),
        click: (event: MouseEvent) => this.#clicked(event),
      },
      this.#heading.node,
      this.#pins,
      this.#space,
    );
    this.#more = h("button.cell-more", {
      hidden: true,
      tabindex: "-1",
      label: "Menu of this cell",
      // Under the pointer no other row may come.
      pointerenter: () => (this.#pressed = true),
      pointerleave: () => {
        this.#pressed = false;
        show(this.#more, false);
      },
      click: () => this.#menuAt(...this.#pointed),
    });
    this.#jump = h("button.jump", { hidden: true, click: () => events.jump() });
    this.node = h(
      "div.log-frame",
      { pointerleave: () => show(this.#more, false) },
      this.scroller,
      this.#heading.add,
      this.#more,
      this.#jump,
    );
    this.scroller.addEventListener(
      "wheel",
      (event) => event.deltaY < 0 && this.scroller.scrollTop > 0 && this.#leave(),
      { passive: true, signal },
    );
    for (const over of ["pointerup", "pointercancel"] as const)
      hear(over, () => (this.#pressed = false), signal);
    hear("selectionchange", () => (this.#marked = true), signal);
    onResize(
      this.scroller,
      () => {
        this.#resized();
        events.moved();
      },
      signal,
    );
    // Told after the layout of a frame: to scroll any sooner is a layout more, for each log of a page.
    onResize(this.#space, () => this.#due !== null && this.#scrollOn(this.#due), signal);
  }

  focus(): void {
    focusOn(this.scroller);
  }

  /** The seqs a reader may be looking at, with some room around them; null while following. */
  around(room: number): readonly [number, number] | null {
    if (!this.#anchor) return null;
    return [this.#anchor.seq - room, this.#anchor.seq + room];
  }

  follow(): void {
    this.#selected()?.removeAllRanges();
    this.#following = true;
    this.#anchor = null;
  }

  /** Text of rows that a person has selected. */
  #selected(): Selection | null {
    const root = this.node.getRootNode() as Document | (ShadowRoot & { getSelection?(): Selection | null });
    const found = root.getSelection?.() ?? document.getSelection();
    // In this order: to ask for its type is to have the page laid out.
    return found && this.#list.contains(found.anchorNode) && found.type === "Range" ? found : null;
  }

  /** True where the view must stand still although it follows the tail. */
  #holds(selected: Selection | null): boolean {
    if (!this.#following) return false;
    const holds = this.#pressed || selected !== null;
    if (!holds) this.#anchor = null;
    else if (!this.#anchor) this.#stand();
    return this.#anchor !== null;
  }

  /** The lines from one end of the selection to the other: they stay in the page. */
  #between({ anchorNode, focusNode }: Selection, lines: LogLines): [first: number, last: number] | null {
    const ends = this.#rows
      .filter(({ seq, node }) => seq >= 0 && (node.contains(anchorNode) || node.contains(focusNode)))
      .map(({ seq }) => lines.indexOf(seq));
    const [first, last] = [Math.min(...ends), Math.max(...ends)];
    return ends.length > 0 && last - first < MAX_SELECTED ? [first, last] : null;
  }

  /** Rows are copied as lines of a table; a part of one cell as it is. */
  #copied(event: ClipboardEvent): void {
    const range = this.#selected()?.getRangeAt(0);
    if (!range) return;
    const rows = this.#rows.filter(({ node }) => range.intersectsNode(node));
    // A selection may end before the first character of a row.
    if (rows.length > 1 && range.endOffset === 0 && !rows.at(-1)!.node.contains(range.startContainer))
      rows.pop();
    const parts = rows.map((row) => {
      const part = rows.length > 1 ? null : range;
      return row.cells(part, row.source?.block.data(row.source.row) ?? "");
    });
    if (parts.length < 2 && (parts[0]?.length ?? 0) < 2) return;
    event.clipboardData?.setData("text/plain", parts.map(tabbed).join("\n"));
    event.preventDefault();
  }

  draw(lines: LogLines, paused: boolean): void {
    const selected = this.#marked ? this.#selected() : null;
    this.#marked = selected !== null;
    // Where it stands still since, is told by the lines before these.
    const following = !lines.still && this.#following && !this.#holds(selected);
    this.#lines = lines;
    const wrap = this.#options.wrap && !lines.still;
    this.#layOut();
    this.#drawPinned(lines.still);
    const height = this.#room();
    this.#forget(wrap);
    flag(this.scroller, "data-wrap", wrap);
    const kept = selected && this.#between(selected, lines);
    let top = 0;
    let calm = false;
    const before = this.#space.style.height;
    for (let i = 0; i < MEASURINGS; i++) {
      const whole = lines.count * ROW_HEIGHT + this.#heights.total;
      if (this.#space.style.height !== `${whole}px`) this.#space.style.height = `${whole}px`;
      const bottom = Math.max(0, whole - height);
      // Asking where it is scrolled to costs a layout: not while the tail is followed, nor where nothing but
      // the person scrolls, which is told.
      calm = lines.still && this.#space.style.height === before && this.#due === null;
      if (following) top = bottom;
      else if (calm) top = this.#expected;
      else if (this.#anchor && !lines.still)
        top = Math.min(bottom, this.#top(lines.indexOf(this.#anchor.seq)) + this.#anchor.offset);
      else top = this.scroller.scrollTop;
      const over = wrap ? OVERSCAN_WRAPPED : following || (calm && top === this.#calmAt) ? 0 : OVERSCAN;
      const first = Math.min(this.#lineAt(Math.max(0, top - over)), kept?.[0] ?? Infinity);
      const last = Math.max(
        Math.min(lines.count, this.#lineAt(top + height + over) + 1),
        (kept?.[1] ?? -1) + 1,
      );
      this.#fill(first, last, lines);
      if (!wrap || !this.#measure()) break;
    }
    this.#calmAt = top;
    if (!following && !calm) this.#scrollOn(Math.abs(top - this.scroller.scrollTop) >= 1 ? top : null);
    else if (this.#space.style.height !== before) this.#due = top;
    else if (this.#due === null && top !== this.#expected) this.#scrollOn(top);
    this.#drawJump(paused, selected !== null);
    // What was written just now needed wider columns.
    if (this.#grid.layout(this.#width).template !== this.#tracks) this.#events.moved();
  }

  /** Scrolls there, or leaves it where it is. */
  #scrollOn(top: number | null): void {
    this.#due = null;
    if (top !== null) this.scroller.scrollTop = top;
    this.#expected = this.scroller.scrollTop;
  }

  /** The height the rows have: the heading and what is pinned stand before them. */
  #room(): number {
    return this.#height - HEADING_HEIGHT - this.#pinned.length * ROW_HEIGHT;
  }

  /** The columns as they are now. */
  #layOut(): void {
    const grid = this.#grid;
    const { time } = this.#options;
    const local = time === "absolute";
    grid.time = {
      name: `time${time === "utc" ? " UTC" : local ? ` ${offsetOf(this.#session.now())}` : ""}`,
      title: local ? `Local time, ${ZONE}` : "",
    };
    const { template, least } = grid.layout(this.#width);
    this.#heading.draw();
    if (this.#tracks === template) return;
    this.#tracks = template;
    this.scroller.style.setProperty("--sse-tracks", template);
    this.scroller.style.setProperty("--sse-least", least);
  }

  /** Measured heights go where they are no longer true; the row at the top edge holds its place. */
  #forget(wrap: boolean): void {
    const { filter, evicted } = this.#store;
    const now = `${wrap} ${filter} ${this.#tracks} ${this.#width} ${this.#following ? "" : evicted}`;
    if (now !== this.#measured) this.#heights.clear();
    this.#measured = now;
    this.#heights.dropBefore(this.#store.first);
  }

  /** True where a row turned out to be of another height than was thought. */
  #measure(): boolean {
    let news = false;
    for (const row of this.#rows)
      if (row.seq >= 0 && this.#heights.set(row.seq, row.node.offsetHeight)) news = true;
    return news;
  }

  /** Where a line begins, in px. */
  #top(line: number): number {
    const lines = this.#lines;
    if (!lines || line >= lines.count) return line * ROW_HEIGHT + this.#heights.total;
    if (this.#heights.total === 0) return line * ROW_HEIGHT;
    return line * ROW_HEIGHT + this.#heights.before(lines.line(line).seq);
  }
  #heightOf({ mark, seq }: Line): number {
    return mark ? ROW_HEIGHT : this.#heights.of(seq);
  }

  /** The line at a height in px. */
  #lineAt(px: number): number {
    if (this.#heights.total === 0) return Math.floor(px / ROW_HEIGHT);
    let low = 0;
    let high = this.#lines?.count ?? 0;
    while (low < high) {
      const mid = (low + high + 1) >>> 1;
      if (this.#top(mid) <= px) low = mid;
      else high = mid - 1;
    }
    return low;
  }

  /** Moves the selection by lines (marks are passed over) and brings it into view. */
  move(by: number): number | null {
    const lines = this.#lines;
    if (!lines || lines.count === 0) return null;
    const step = Math.sign(by) || 1;
    let at =
      this.selected === null
        ? step < 0
          ? lines.count
          : this.#lineAt(this.scroller.scrollTop) - 1
        : lines.indexOf(this.selected);
    at = Math.min(lines.count - 1, Math.max(0, at + by));
    while (lines.line(at).mark && at + step >= 0 && at + step < lines.count) at += step;
    // At the ends a mark has no event behind it: the nearest one on this side of it.
    while (lines.line(at).mark && at - step >= 0 && at - step < lines.count) at -= step;
    const line = lines.line(at);
    if (line.mark) return this.selected;
    this.selected = line.seq;
    this.#reveal(at);
    return line.seq;
  }

  /** The next shown event from the selection on, round and round. */
  turn(by: 1 | -1): number | null {
    const lines = this.#lines;
    if (!lines || lines.count === 0) return null;
    const from = this.selected;
    const seq = this.move(by);
    if (seq !== from || from === null) return seq;
    return this.move(by > 0 ? -Infinity : Infinity);
  }

  /** A screenful up or down: with a selection it goes along, else only the view. */
  page(by: 1 | -1): number | null {
    const rows = Math.max(1, Math.floor(this.#room() / ROW_HEIGHT) - 2);
    if (this.selected !== null) return this.move(by * rows);
    this.#scrollTo(this.scroller.scrollTop + by * rows * ROW_HEIGHT);
    return null;
  }

  /** To the oldest row. */
  home(): number | null {
    if (this.selected !== null) return this.move(-Infinity);
    this.#scrollTo(0);
    return null;
  }

  /** At once, not when the scroll event comes: a frame in between would go back to the tail. */
  #scrollTo(top: number): void {
    this.scroller.scrollTop = top;
    this.#scrolled();
  }

  /** The view stands at this event from here on, also where it is not here yet. */
  goTo(seq: number): void {
    this.#leave();
    this.selected = seq;
    this.#anchor = { seq, offset: 0 };
  }

  reveal(seq: number): void {
    // Called by who has just taken room from the log: what was measured before holds no longer.
    this.#height = this.scroller.clientHeight;
    if (this.#lines) this.#reveal(this.#lines.indexOf(seq));
  }

  #reveal(line: number): void {
    const lines = this.#lines;
    if (!lines || line >= lines.count) return;
    const top = this.#top(line);
    const height = this.#room();
    const now = this.scroller.scrollTop;
    // Two lines of room below: the row must not hide under the button that jumps to the tail.
    const room = Math.min(height, this.#heightOf(lines.line(line)) + 2 * ROW_HEIGHT);
    if (top < now) this.scroller.scrollTop = top;
    else if (top + room > now + height) this.scroller.scrollTop = top + room - height;
    // This was no person's scrolling: where it ends at the tail, the row that was chosen stays all the same.
    this.#expected = this.scroller.scrollTop;
    this.#leave();
    this.#events.moved();
  }

  /** The person left the tail: from here on nothing under the cursor moves by itself. */
  #leave(): void {
    if (!this.#following) return this.#setAnchor();
    this.#following = false;
    this.#stand();
  }

  #stand(): void {
    const lines = this.#lines;
    const last = lines && lines.count > 0 ? lines.line(lines.count - 1) : null;
    this.#leftAt = last ? last.seq + (last.mark ? 0 : 1) : 0;
    this.#setAnchor();
  }

  #setAnchor(): void {
    const top = this.scroller.scrollTop;
    const index = this.#lineAt(top);
    if (!this.#lines || index >= this.#lines.count) return;
    let at = index;
    // A mark is no fixed point (holes are filled): hold on to the next event below it.
    while (at + 1 < this.#lines.count && this.#lines.line(at).mark) at++;
    this.#anchor = { seq: this.#lines.line(at).seq, offset: top - this.#top(at) };
  }

  /** A log that grew is scrolled by the browser, to its end perhaps: nobody asked to follow. */
  #resized(): void {
    this.#width = this.scroller.clientWidth;
    this.#height = this.scroller.clientHeight;
    this.#expected = this.scroller.scrollTop;
  }

  #scrolled(): void {
    const top = this.scroller.scrollTop;
    if (this.scroller.clientHeight !== this.#height) return this.#resized();
    if (Math.abs(top - this.#expected) < 1) return;
    this.#expected = top;
    if (top + this.scroller.clientHeight >= this.scroller.scrollHeight - 4) this.follow();
    else this.#leave();
    this.#events.moved();
  }

  #clicked(event: MouseEvent): void {
    // Marking text with the mouse is not a click on the row.
    if (this.#selected()) return;
    const node = (event.target as Element).closest(".sse-row");
    const row = node && this.#rowOf(node);
    if (!row) return;
    this.selected = row.seq;
    this.#events.open(row.seq, this.#rows.includes(row));
  }

  #drawJump(paused: boolean, selected: boolean): void {
    show(this.#jump, this.#lines?.still !== true && (!this.#following || selected));
    if (this.#jump.hidden) return;
    const fresh = this.#store.shown - this.#store.shownBefore(this.#leftAt);
    text(this.#jump, `Jump to latest${fresh > 0 ? ` (+${count(fresh)})` : ""}`);
    this.#jump.title = paused ? "Resume and go to the newest event" : "Go to the newest event and follow";
  }

  /** Lines [first, last) into nodes in their order; a node that shows a line stays where it is. */
  #fill(first: number, last: number, lines: LogLines): void {
    const wanted: Line[] = [];
    for (let i = first; i < last; i++) wanted.push(lines.line(i));
    this.#place(wanted);
    const manner = this.#manner(this.#options.wrap && !lines.still);
    wanted.forEach((line, i) => {
      const row = this.#rows[i]!;
      row.write(
        line,
        line.mark ? null : (line.place ?? this.#store.find(line.seq)),
        manner,
        this.#session.marker,
      );
      row.place(first + i, lines.count);
      row.select(!line.mark && line.seq === this.selected, this.#cell);
    });
    this.#writeTimes(first, lines);
    const shift = `translateY(${this.#top(first)}px)`;
    if (this.#list.style.transform !== shift) this.#list.style.transform = shift;
  }

  #manner(wrap: boolean): Manner {
    const utc = this.#options.time === "utc";
    const now = this.#session.now();
    return {
      wrap,
      grid: this.#grid,
      faults: this.#session.faults,
      clock: (ms) => moment(ms, now, utc),
    };
  }

  /** `still`: what is shown is no log, so that no row of a log stands over it. */
  #drawPinned(still: boolean): void {
    const rows = still ? [] : this.#session.pins.rows;
    const more = rows.length - this.#pinned.length;
    // The rows below stay where they are on the screen.
    if (this.#anchor) this.#anchor.offset += more * ROW_HEIGHT;
    fit(this.#pinned, rows.length, () => {
      const { open, unpin } = this.#events;
      const pinned = new Pinned(
        (seq) => open(seq, false),
        (seq) => {
          unpin(seq);
          this.focus();
        },
      );
      this.#pins.append(pinned.node);
      return pinned;
    });
    show(this.#pins, rows.length > 0);
    const manner = this.#manner(false);
    const now = this.#session.now();
    rows.forEach((event, i) => {
      const { row } = this.#pinned[i]!;
      row.write(
        { key: `pinned ${event.seq}`, seq: event.seq, mark: null },
        sourceOf(event),
        manner,
        this.#session.marker,
      );
      row.select(event.seq === this.selected, -1);
      row.time(this.#options.time === "relative" ? ago(now - event.at) : manner.clock(event.at), this.#grid);
      this.#pinned[i]!.say(event.seq);
    });
  }

  /** To the cell on the left or right in the selected row. */
  cross(by: 1 | -1): void {
    const last = this.#grid.columns.length - 1;
    this.#cell = Math.max(0, Math.min(last, this.#cell < 0 ? (by > 0 ? 0 : last) : this.#cell + by));
  }

  /** The menu of the cell that keys have chosen. */
  menu(): boolean {
    const row = this.#rows.find(({ seq }) => seq === this.selected);
    const { columns } = this.#grid;
    const cell = row?.node.children[Math.max(0, Math.min(this.#cell, columns.length - 1))];
    return row !== undefined && row.seq >= 0 && cell !== undefined && this.#menuOf(row, cell);
  }

  #rowOf(node: Element): Row | undefined {
    const rows = [...this.#rows, ...this.#pinned.map(({ row }) => row)];
    return rows.find((row) => row.seq >= 0 && row.node.contains(node));
  }

  /** True where the cell has a menu. */
  #menuOf(row: Row, cell: Element): boolean {
    const column = this.#grid.columns[[...row.node.children].indexOf(cell)];
    if (column === undefined || !row.source) return false;
    const { block, row: at } = row.source;
    const type = block.type(at);
    const data = block.data(at);
    const own = column === DATA ? data : (cell.textContent ?? "");
    const payload = column[0] === "\u0000" ? null : new Payload(data, block.isCut(at));
    const value = payload?.at(column) ?? null;
    if (payload && !value) return false;
    const words = payload && value ? payload.text(value, data.length) : own;
    const plain = payload ? plainOf(payload, value) : undefined;
    this.#events.cellMenu({ column, seq: row.seq, at: block.at(at), type, words, plain }, cell);
    return true;
  }

  /** The menu of the cell in which this is; false where there is none. */
  #menuAround(node: Element | null): boolean {
    const cell = node?.closest(".sse-row > *");
    const row = cell && this.#rowOf(cell);
    return row ? this.#menuOf(row, cell!) : false;
  }

  #menuAt(x: number, y: number): void {
    const root = this.node.getRootNode() as Document | ShadowRoot;
    this.#menuAround(root.elementFromPoint(x, y));
  }

  /** A place for the menu at the end of the cell under the pointer; nothing while text is being marked. */
  #point(event: PointerEvent): void {
    const cell = (event.target as Element).closest(".sse-row:not(.sse-mark) > *");
    show(this.#more, cell !== null && event.buttons === 0 && cell.textContent !== "");
    if (!cell || this.#more.hidden) return;
    this.#pointed = [event.clientX, event.clientY];
    const [box, frame] = [cell.getBoundingClientRect(), this.node.getBoundingClientRect()];
    const right = Math.min(box.right, frame.left + this.scroller.clientWidth - MORE_PX);
    this.#more.style.left = `${right - frame.left - 1}px`;
    this.#more.style.top = `${box.top - frame.top + 3}px`;
  }

  #context(event: MouseEvent): void {
    // The browser's own menu where text is selected, or Shift asks for it.
    if (event.shiftKey || this.#selected()) return;
    if (this.#menuAround(event.target as Element) || (event.target === this.scroller && this.menu()))
      ours(event);
  }

  #writeTimes(first: number, lines: LogLines): void {
    const { time } = this.#options;
    const now = this.#session.now();
    let before = time === "delta" ? this.#timeBefore(first, lines) : Number.NaN;
    for (const row of this.#rows) {
      if (row.seq < 0) continue;
      const words =
        time === "relative"
          ? ago(now - row.at)
          : time === "delta"
            ? delta(row.at - before)
            : moment(row.at, now, time === "utc");
      row.time(words, this.#grid);
      before = row.at;
    }
  }

  /** When the event above a line came: marks between them do not count. */
  #timeBefore(line: number, lines: LogLines): number {
    let at = line - 1;
    while (at >= 0 && lines.line(at).mark) at--;
    const place = at >= 0 ? this.#store.find(lines.line(at).seq) : null;
    return place ? place.block.at(place.row) : Number.NaN;
  }

  /** A node for each line. What is selected must not be taken out of the page, not even for a moment. */
  #place(wanted: readonly Line[]): void {
    const known = new Map(this.#rows.map((row) => [row.key, row]));
    const kept = wanted.map(({ key }) => {
      const row = known.get(key);
      known.delete(key);
      return row;
    });
    const stays = new Set(kept);
    const spare = this.#rows.filter((row) => !stays.has(row));
    // Where nothing stays, nothing need be moved either.
    if (spare.length < this.#rows.length) for (const row of spare) row.node.remove();
    const free = spare.values();
    this.#rows = kept.map((row) => row ?? (free.next().value as Row | undefined) ?? new Row());
    for (const row of free) row.node.remove();
    let at = this.#list.firstChild;
    for (const { node } of this.#rows) {
      if (node === at) at = at.nextSibling;
      else this.#list.insertBefore(node, at);
    }
  }
}
