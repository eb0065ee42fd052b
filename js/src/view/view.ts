/**
 * One view of a stream: puts the parts together, draws them at most once a frame, and handles keys.
 * Pause, scroll and selection are this view's own; events and filter belong to the session. It knows
 * no wire: everything it draws it takes from the session.
 */

import { onAbort } from "../abort.ts";
import type { Range } from "../events/store.ts";
import { asCurl, asPython, PLAIN, secretHint } from "../export/command.ts";
import { FORMATS, type Format } from "../export/export.ts";
import { UNFILTERED } from "../filter/filter.ts";
import { account } from "../kernel/balance.ts";
import { MAX_PINS } from "../kernel/pins.ts";
import type { Session } from "../kernel/session.ts";
import { Chart } from "./chart/chart.ts";
import { copyText } from "./detail/copy.ts";
import { Detail } from "./detail/detail.ts";
import { TextPane } from "./detail/textpane.ts";
import { attr, h, hear, modified, ours } from "./dom/dom.ts";
import { count } from "./dom/format.ts";
import { Menu } from "./dom/menu.ts";
import { Grid } from "./log/grid.ts";
import { Lines, marks } from "./log/lines.ts";
import { Log } from "./log/log.ts";
import { Announcer } from "./panels/announcer.ts";
import { CellMenu } from "./panels/cellmenu.ts";
import { Chips } from "./panels/chips.ts";
import { Chooser } from "./panels/column_chooser.ts";
import { Conditions } from "./panels/conditions.ts";
import { Connection } from "./panels/connection.ts";
import { Download } from "./panels/download.ts";
import { Empty } from "./panels/empty.ts";
import { Footer } from "./panels/footer.ts";
import { Header } from "./panels/header.ts";
import { Help } from "./panels/help.ts";
import { LatestPanel } from "./panels/latest.ts";
import { Notice } from "./panels/notice.ts";
import { ViewMenu, type Way } from "./panels/options.ts";
import { Search } from "./panels/search.ts";
import { hideSnapshot } from "./panels/snapshot.ts";

const NO_COPY = "The browser did not let this page copy.";
/** A reader's surroundings that eviction goes around: half of what a page may hold. */
const PIN_PAUSED = 50_000;
const PIN_SCROLLED = 5_000;
/** A table whose cells change all the time is read no sooner for being painted more often. */
const LATEST_MS = 40;

export class View {
  readonly node: HTMLElement;
  #session: Session;
  #signal: AbortSignal;
  /** One for all frames: each is work for the browser's garbage collector. */
  #frames = new MessageChannel();
  #header: Header;
  #search: Search;
  #chips: Chips;
  #log: Log;
  #empty: Empty;
  #detail: Detail;
  #footer: Footer;
  #text: TextPane;
  #menu: ViewMenu;
  #cellMenu = new Menu();
  #cells: CellMenu;
  #latest: LatestPanel;
  #conditions: Conditions;
  #chooser: Chooser;
  #help = new Help();
  #announcer: Announcer;
  #notice: Notice;
  #chart: Chart;
  #connection: Connection;
  #download: Download;
  /** the copy that the notebook has of the log */
  #hidden = false;
  #pausedAt: number | null = null;
  #frame = 0;
  /** Whether any of it is on the screen. A notebook has more streams than a screen. */
  #inSight = true;
  /** when the latest frame was drawn, and the timer of one that waits until that is long enough ago */
  #drawnAt = 0;
  #later = 0;
  /** in which it was drawn last while out of sight */
  #minute = 0;
  /** since the latest beat */
  #drawn = false;

  constructor(session: Session, signal: AbortSignal) {
    this.#session = session;
    this.#signal = signal;
    this.#header = new Header(session, {
      text: () => this.#toggleText(),
      pause: () => this.#togglePause(),
      clear: () => this.#clear(),
      command: (kind) => session.command(kind),
    });
    this.#menu = new ViewMenu(() => this.#soon());
    this.#chart = new Chart(
      session,
      () => this.#menu.options.time === "utc",
      () => this.#soon(),
      signal,
    );
    const grid = new Grid(session.columns);
    this.#latest = new LatestPanel(
      session,
      grid,
      () => this.#soon(),
      () => this.#toLog(),
    );
    const latest = this.#latest;
    this.#cells = new CellMenu(session, this.#cellMenu, {
      copy: (words) => void this.#copyText(words, "Copied."),
      chart: (path) => this.#chart.plot(path, null),
      latest: (path) => this.#toLatest(path),
      pin: (seq) => this.#pin(seq),
      changed: () => this.#soon(),
    });
    this.#chooser = new Chooser(
      session,
      grid,
      this.#cellMenu,
      this.#cells,
      {
        moved: () => this.#soon(),
        chart: (path) => this.#chart.plot(path, null),
        latest: (path) => this.#toLatest(path),
        get sort() {
          return latest.by === null ? null : (path: string, down: boolean) => latest.sort(path, down);
        },
      },
      signal,
    );
    this.#menu.action("Columns\u2026", "", () => this.#chooser.open(null, this.#menu.button));
    this.#menu.action("Latest of each key\u2026", "", () => this.#toLatest(""));
    this.#menu.action("Text\u2026", "", () => this.#toggleText());
    this.#menu.check("Rate chart", (on) => {
      this.#chart.toggleRate(on);
      this.#soon();
    });
    this.#announcer = new Announcer(session);
    this.#conditions = new Conditions(session);
    this.#notice = new Notice(signal);
    this.#download = new Download(session, this.#notice, signal);
    this.#menu.line();
    this.#menu.choices(
      "Save shown",
      (Object.keys(FORMATS) as Format[]).map((format) => [
        `.${format}`,
        FORMATS[format].what,
        () =>
          void this.#download.save(format, this.#pausedAt, latest.rows, grid.lead ?? session.columns.paths),
      ]),
    );
    const copied = (what: string, of: string, make: typeof asCurl): Way => [
      what,
      `Copy as ${what}: ${of} that resumes at the last event ID`,
      () => void this.#copyAs(what, make),
      `Copy as ${what}`,
    ];
    this.#menu.choices("Copy as", [
      copied("cURL", "a command", asCurl),
      copied("Python", "a cell", asPython),
    ]);
    this.#menu.line();
    this.#menu.action("Keys", "?", () => this.#help.toggle(true));
    this.#header.buttons.prepend(this.#menu.button);
    this.#connection = new Connection(session, this.#header.state);
    this.#search = new Search(
      session,
      { step: (by) => this.#select(this.#log.turn(by)), place: () => this.#place() },
      signal,
    );
    this.#chips = new Chips(session, () => this.#showAll(), signal);
    this.#log = new Log(
      session,
      this.#menu.options,
      grid,
      {
        open: (seq, reveal) => this.#open(seq, reveal),
        unpin: (seq) => this.#pin(seq),
        jump: () => this.#jump(),
        moved: () => {
          session.read();
          this.#soon();
        },
        columnMenu: (path, button) => this.#chooser.open(path, button),
        cellMenu: (cell, at) => this.#cells.open(cell, at, this.#log.scroller),
      },
      signal,
    );
    this.#empty = new Empty(session, () => this.#showAll());
    this.#detail = new Detail(session, this.#cells, () => this.#closeDetail(), signal);
    this.#footer = new Footer(session);
    this.#text = new TextPane(
      session,
      () => this.#toggleText(),
      () => this.#soon(),
    );
    this.#log.node.append(this.#empty.node);
    // JupyterLab runs its one-letter shortcuts unless a widget says that keys are its own.
    this.node = h(
      "div.widget",
      { "data-lm-suppress-shortcuts": "true", keydown: (event: KeyboardEvent) => this.#key(event) },
      this.#header.node,
      this.#menu.popover.node,
      this.#chooser.popover.node,
      this.#cellMenu.popover.node,
      this.#connection.popover.node,
      h("div.tools", this.#search.node, this.#conditions.node, this.#chips.node),
      this.#search.message,
      this.#chart.node,
      this.#latest.node,
      h("div.body", this.#text.node, this.#log.node),
      this.#detail.node,
      this.#footer.node,
      this.#announcer.node,
      this.#notice.node,
      this.#help.node,
    );
    // Before the host's own listener, which captures at the document: with a modifier a key is the host's.
    hear(
      "keydown",
      (event) => {
        if (!event.composedPath().includes(this.node)) return;
        attr(this.node, "data-lm-suppress-shortcuts", modified(event) ? null : "true");
      },
      signal,
    );
    // A press anywhere else closes what is open, as menus do; the widget itself may be in a shadow root.
    hear(
      "pointerdown",
      (event) => {
        const target = (event.composedPath()[0] ?? document) as Node;
        for (const { popover } of [this.#chips, this.#menu, this.#connection, this.#chooser, this.#cellMenu])
          popover.pressed(target);
      },
      signal,
    );
    session.watch(
      {
        changed: () => this.#came(),
        beat: () => this.#beat(),
        pins: () => this.#pins(),
        seen: () => this.#inSight,
        reading: () => this.#log.around(0)?.[0] ?? null,
        jump: (seq) => {
          this.#log.goTo(seq);
          this.#soon();
        },
      },
      signal,
    );
    onAbort(signal, () => {
      cancelAnimationFrame(this.#frame);
      clearTimeout(this.#later);
      this.#frames.port1.close();
      this.node.remove();
    });
    this.#frames.port1.onmessage = () => session.painted();
    this.#draw();
    this.plot();
    this.#observeSight();
  }

  #observeSight(): void {
    const observer = new IntersectionObserver(
      (entries) => {
        const { isIntersecting } = entries.at(-1)!;
        if (isIntersecting && !this.#inSight) {
          this.#drawNow();
          this.#session.sight(true);
        }
        this.#inSight = isIntersecting;
      },
      // What is about to be scrolled into sight is drawn before it is there.
      { rootMargin: "200px", scrollMargin: "200px" },
    );
    observer.observe(this.node);
    onAbort(this.#signal, () => observer.disconnect());
  }

  /** Python asked for a chart, or for none. */
  plot(): void {
    const { path, by } = this.#session.plot;
    this.#chart.plot(path || null, by || null);
    this.#soon();
  }

  /** The filter was changed elsewhere: drafts in the search box give way. */
  overruled(): void {
    this.#search.overruled();
    this.#soon();
  }

  /** Out of sight: what is read out, which is seldom new; and once a minute the rest, for who searches the
   * page. All such views draw in the same second. */
  #drawUnseen(): void {
    const now = Math.floor(Date.now() / 60_000);
    if (this.#minute !== now) {
      this.#minute = now;
      this.#draw();
    } else {
      this.#header.draw(this.#pausedAt !== null, this.#empty.saysReason);
      this.#announcer.draw();
      this.#hidden ||= hideSnapshot(this.#session, this.#signal);
    }
    this.#session.painted();
  }

  /** A second has passed, in which it may have been drawn for something else. */
  #beat(): void {
    const drawn = this.#drawn;
    this.#drawn = false;
    if (!this.#inSight) this.#drawUnseen();
    // The time of a chart goes on by itself. At once, for mostly there is nothing new, and a frame would be for nothing.
    else if (!drawn || !this.#chart.node.hidden) this.#draw();
  }

  /** Draws with the next frame; out of sight not for this. */
  #soon(): void {
    if (!this.#inSight) {
      this.#session.painted();
      return;
    }
    this.#drawn = true;
    this.#drawNow();
  }

  /** The kernel said something, as it does all the time. */
  #came(): void {
    const wait = this.#latest.by === null ? 0 : this.#drawnAt + LATEST_MS - performance.now();
    if (wait <= 0) this.#soon();
    else this.#later ||= setTimeout(() => this.#soon(), wait);
  }

  #drawNow(): void {
    this.#frame ||= requestAnimationFrame(() => {
      clearTimeout(this.#later);
      this.#frame = this.#later = 0;
      this.#drawnAt = performance.now();
      this.#draw();
      // The frame is painted when this message arrives: only then is it true that it was shown.
      this.#frames.port2.postMessage(null);
    });
  }

  #draw(): void {
    const session = this.#session;
    // Cleared while paused: there is nothing left to hold still.
    if (
      this.#pausedAt !== null &&
      (session.head?.cleared_to ?? 0) >= this.#pausedAt &&
      session.store.rows === 0
    )
      this.#pausedAt = session.store.end;
    this.#search.draw();
    this.#chips.draw();
    this.#conditions.draw();
    const sums = account(session, this.#pausedAt);
    this.#empty.draw(sums);
    this.#header.draw(this.#pausedAt !== null, this.#empty.saysReason);
    this.#header.drawTotals();
    this.#chart.draw();
    this.#detail.draw();
    this.#connection.draw();
    this.#chooser.draw();
    this.#footer.draw(sums, this.#pausedAt !== null);
    this.#announcer.draw();
    this.#hidden ||= hideSnapshot(this.#session, this.#signal);
    this.#text.draw();
    this.#header.drawText(this.#text.source !== null || this.#text.open, this.#text.open);
    // The last, for scrolling lays the page out: all that was written until now, at once.
    const { by } = this.#latest;
    const lines =
      by === null
        ? new Lines(session.store, marks(session), session.from, this.#pausedAt)
        : this.#latest.lines(by, this.#pausedAt);
    this.#log.draw(lines, this.#pausedAt !== null);
  }

  #pins(): Range[] {
    const scrolled = this.#log.around(this.#session.store.room(PIN_SCROLLED));
    const paused: Range[] = this.#pausedAt === null ? [] : [[this.#pausedAt - PIN_PAUSED, this.#pausedAt]];
    return scrolled ? [...paused, scrolled] : paused;
  }

  #togglePause(): void {
    if (this.#pausedAt === null && this.#session.over) return;
    this.#pausedAt = this.#pausedAt === null ? this.#session.store.end : null;
    this.#draw();
  }

  #clear(): void {
    const session = this.#session;
    const before = session.cleared?.seq ?? null;
    session.clear(this.#pausedAt ?? Math.max(session.store.end, session.head?.stats.received ?? 0));
    this.#log.follow();
    this.#notice.say("Cleared the view; df still has every event.", () => session.clear(before));
    this.#draw();
  }

  #toggleText(): void {
    this.#text.toggle(!this.#text.open);
    if (!this.#text.open) this.#log.focus();
    this.#soon();
  }

  #showAll(): void {
    this.#session.clear(null);
    this.#session.setFilter(UNFILTERED);
    this.overruled();
  }

  #jump(): void {
    this.#pausedAt = null;
    this.#log.follow();
    this.#draw();
    this.#log.focus();
  }

  #toLatest(path: string): void {
    this.#latest.open(path);
    this.#log.scroller.scrollTop = 0;
  }

  #toLog(): void {
    this.#latest.open(null);
    this.#log.follow();
    this.#log.focus();
  }

  #open(seq: number, reveal: boolean): void {
    this.#detail.open(seq);
    // The pane takes room from the log: the row that was clicked must stay in sight.
    if (reveal) this.#log.reveal(seq);
    this.#soon();
  }

  #pin(seq: number): void {
    const event = this.#session.event(seq);
    if (event && !this.#session.pins.toggle(event))
      this.#notice.say(`${MAX_PINS} rows are pinned: unpin one to pin another.`);
  }

  #closeDetail(): void {
    this.#detail.hide();
    this.#log.focus();
    this.#soon();
  }

  #key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const typing =
      target instanceof HTMLTextAreaElement ||
      (target instanceof HTMLInputElement && /^(?:text|search)$/.test(target.type));
    if (typing) event.stopPropagation();
    if (modified(event)) return;
    if (
      !(typing
        ? this.#keyTyping(event)
        : this.#keyAnywhere(event) || (target === this.#log.scroller && this.#keyInLog(event)))
    )
      return;
    ours(event);
  }

  /** Each of these says whether the key was its own; what is not goes on to the host. */
  #keyTyping(event: KeyboardEvent): boolean {
    if (event.key !== "Escape") return false;
    if (this.#detail.seq !== null) this.#closeDetail();
    else this.#log.focus();
    return true;
  }

  #keyAnywhere({ key }: KeyboardEvent): boolean {
    if (key === "Escape" && this.#detail.seq !== null) this.#closeDetail();
    else if (key === "/") this.#search.input.focus();
    else if (key === "?") this.#help.toggle(true);
    else if (key === "f") this.#jump();
    else return false;
    return true;
  }

  #keyInLog({ key }: KeyboardEvent): boolean {
    const log = this.#log;
    const { selected } = log;
    const by = /(?:Down|Right)$/.test(key) ? 1 : -1;
    if (key === " ") this.#togglePause();
    else if (/^Arrow(?:Down|Up)$/.test(key)) this.#select(log.move(by));
    else if (/^Page(?:Down|Up)$/.test(key)) this.#select(log.page(by));
    else if (key === "Home") this.#select(log.home());
    else if (key === "End") this.#jump();
    else if (key === "m") return log.menu();
    else if (selected === null) return false;
    else if (/^Arrow/.test(key)) {
      log.cross(by);
      this.#soon();
    } else if (key === "c") void this.#copy(selected);
    else if (key === "p") this.#pin(selected);
    else if (key === "Enter") this.#open(selected, true);
    else return false;
    return true;
  }

  /** Which of the shown events is selected, from 1. */
  #place(): number | null {
    const { store, base } = this.#session;
    const seq = this.#log.selected;
    if (seq === null) return null;
    const at = store.shownBefore(seq);
    return store.seqAt(at) === seq && at >= base ? at + 1 - base : null;
  }

  async #copyAs(what: string, make: typeof asCurl): Promise<void> {
    const { settings, head, url } = this.#session;
    if (!/^https?:/i.test(url))
      return this.#notice.say(
        url.startsWith("replay:")
          ? "A recording has no address to ask elsewhere."
          : "The address is known with the first answer.",
      );
    const request = settings.request ?? PLAIN;
    if (!(await copyText(make(url, head?.last_event_id ?? "", request), this.node)))
      return this.#notice.say(NO_COPY);
    const secret = secretHint(url, request);
    const add = request.unknown.length > 0 ? ` Add what ${request.unknown.join(" and ")} gives.` : "";
    this.#notice.say(`Copied as ${what}.${secret && ` ${secret}`}${add}`);
  }

  async #copy(seq: number): Promise<void> {
    const event = this.#session.event(seq);
    if (!event) return;
    const part = event.cut ? "the beginning of " : "";
    await this.#copyText(event.data, `Copied ${part}the data of #${count(seq)}.`);
  }

  async #copyText(words: string, said: string): Promise<void> {
    this.#notice.say((await copyText(words, this.node)) ? said : NO_COPY);
  }

  #select(seq: number | null): void {
    // With the pane open, moving the selection reads through the events.
    if (seq !== null && this.#detail.seq !== null) this.#detail.open(seq);
    this.#soon();
  }
}
