/**
 * One button per event type, with its count: press to see only that type, press more to add them,
 * alt-click to leave one out. They stand in the order of first sight, which never changes while all have
 * room. Many types fold into a list with a search box, so that 10,000 types are not 10,000 nodes: then the
 * row has the most frequent ones, and changes only where another became clearly more frequent.
 */
import { passesEverything } from "../../filter/filter.ts";
import { toggled } from "../../kernel/column_paths.ts";
import type { Session } from "../../kernel/session.ts";
import { colourOf } from "../chart/palette.ts";
import { attr, fit, flag, h, onResize, show, text } from "../dom/dom.ts";
import { brief, count, rate } from "../dom/format.ts";
import { Popover } from "../dom/popover.ts";

const VISIBLE = 12;
const LISTED = 200;
const NAME_CHARS = 40;
/** A folded type comes into the row where it is so much more frequent than one there. */
const MORE = 1.2;
const MORE_EVENTS = 5;
const SORT_MS = 2_000;
const FIT_MS = 500;

type Toggle = (type: string, exclude: boolean) => void;

class Chip {
  readonly node: HTMLButtonElement;
  type = "";
  #name = h("span.chip-name");
  #count = h("span.chip-count");
  #rate = h("span.chip-rate", { "aria-hidden": "true" });
  #label = "";

  constructor(toggle: Toggle) {
    this.node = h(
      "button.chip",
      { click: (event: MouseEvent) => toggle(this.type, event.altKey) },
      h("span.chip-dot", { "aria-hidden": "true" }),
      this.#name,
      " ",
      this.#count,
      this.#rate,
    );
  }

  draw(type: string, n: number, perSecond: number, pressed: boolean, excluded: boolean): void {
    if (this.type !== type || this.#name.textContent === "") {
      this.type = type;
      text(this.#name, brief(type, NAME_CHARS));
      this.#label = brief(type, 300);
      this.node.style.setProperty("--sse-colour", colourOf(type));
    }
    text(this.#count, count(n));
    const speed = perSecond > 0 ? rate(perSecond) : "";
    text(this.#rate, speed);
    attr(
      this.node,
      "title",
      `${this.#label}${speed && `, ${speed}`}\nClick: only this type. Alt-click: all but this type.`,
    );
    attr(this.node, "aria-pressed", pressed);
    flag(this.node, "data-excluded", excluded);
    attr(this.node, "aria-description", excluded ? "left out" : null);
  }
}

export class Chips {
  readonly node: HTMLElement;
  /** the list of all types */
  readonly popover: Popover;
  #session: Session;
  #row = h("div.chip-row", { role: "group", label: "Event types" });
  #more: HTMLButtonElement;
  #reset: HTMLButtonElement;
  #search: HTMLInputElement;
  #list = h("div.chip-list", { role: "group", label: "All event types" });
  #listed: Chip[] = [];
  #listNote = h("div.chip-note");
  #chips: Chip[] = [];
  #order: string[] = [];
  #known = new Set<string>();
  #counted = 0;
  /** How many chips fit into four lines; found by trying, when something about their width changed. */
  #fits = VISIBLE;
  #tried = "";
  #sortedAt = -Infinity;
  #fittedAt = 0;
  /** what the row said when it was last looked at, in characters: another width has another number */
  #chars = 0;
  #width = 0;

  constructor(session: Session, showAll: () => void, signal: AbortSignal) {
    this.#session = session;
    this.#more = h("button.chip.more", { "aria-haspopup": "true", hidden: true });
    this.#reset = h("button.link", { hidden: true, click: showAll }, "Show all");
    this.#search = h("input.input", {
      placeholder: "Find a type",
      label: "Find a type",
      input: () => this.draw(),
    });
    const menu = h("div.menu", this.#search, this.#list, this.#listNote);
    this.popover = new Popover(this.#more, menu, () => this.draw());
    this.node = h("div.chips", this.#row, menu);
    this.#row.append(this.#more, this.#reset);
    onResize(
      this.#row,
      () => {
        this.#width = this.#row.clientWidth;
        this.draw();
      },
      signal,
    );
  }

  draw(): void {
    const session = this.#session;
    const { filter, counts } = session;
    if (counts.size !== this.#counted) {
      this.#counted = counts.size;
      for (const type of counts.keys()) this.#learn(type);
    }
    const chosen = new Set([...(filter.types ?? []), ...filter.exclude_types]);
    for (const type of chosen) this.#learn(type);
    this.#sort();
    show(this.#reset, !passesEverything(filter) || session.cleared !== null);
    const digits = this.#order
      .slice(0, VISIBLE)
      .reduce((sum, type) => sum + String(session.countOf(type)).length, 0);
    const trial = `${this.#width} ${Math.min(this.#order.length, VISIBLE + 1)} ${digits} ${[...chosen].join()} ${this.#reset.hidden}`;
    const fresh = trial !== this.#tried;
    if (fresh) this.#fits = VISIBLE;
    this.#tried = trial;
    this.#drawRow(chosen);
    // Counts and rates grow too: no row is cut in half.
    const chars = this.#row.textContent!.length;
    if (fresh || (chars !== this.#chars && Date.now() - this.#fittedAt > FIT_MS)) {
      this.#fittedAt = Date.now();
      this.#chars = chars;
      while (this.#fits > 1 && this.#overflows()) {
        this.#fits--;
        this.#drawRow(chosen);
      }
    }
    if (this.popover.open) this.#drawList();
  }

  /** By count, where not all have room: seldom, and never under a pointer or a focus. */
  #sort(): void {
    const order = this.#order;
    const now = Date.now();
    if (
      order.length <= this.#fits ||
      now - this.#sortedAt < SORT_MS ||
      this.#row.matches(":hover, :focus-within")
    )
      return;
    const of = (type: string): number => this.#session.countOf(type);
    const least = Math.min(...order.slice(0, this.#fits).map(of));
    const [times, more] = this.#sortedAt < 0 ? [1, 0] : [MORE, MORE_EVENTS];
    if (!order.some((type, i) => i >= this.#fits && of(type) > least * times + more)) return;
    this.#sortedAt = now;
    this.#order.sort((a, b) => of(b) - of(a));
  }

  /** Costs a layout: asked only where something about the widths changed. */
  #overflows(): boolean {
    return this.#order.length > 1 && this.#row.scrollHeight > this.#row.clientHeight + 1;
  }

  #drawRow(chosen: ReadonlySet<string>): void {
    const folded = this.#order.slice(this.#fits);
    const visible = [
      ...this.#order.slice(0, this.#fits),
      ...folded.filter((type) => chosen.has(type)).slice(0, VISIBLE),
    ];
    this.#drawChips(visible, this.#chips, (chip) => this.#row.insertBefore(chip, this.#more));
    show(this.#more, folded.length > 0);
    const rest = this.#order.length - visible.length;
    if (folded.length > 0) text(this.#more, rest > 0 ? `+${count(rest)} more` : "All types");
  }

  #drawList(): void {
    const wanted = this.#search.value.toLowerCase();
    const found =
      wanted === "" ? this.#order : this.#order.filter((type) => type.toLowerCase().includes(wanted));
    this.#drawChips(found.slice(0, LISTED), this.#listed, (chip) => this.#list.append(chip));
    text(
      this.#listNote,
      found.length > LISTED
        ? `${count(LISTED)} of ${count(found.length)}: type to narrow`
        : found.length === 0
          ? "No such type"
          : "",
    );
  }

  #drawChips(types: readonly string[], chips: Chip[], add: (node: HTMLElement) => void): void {
    const { filter, rates } = this.#session;
    const { over } = this.#session;
    const now = this.#session.now();
    fit(chips, types.length, () => {
      const chip = new Chip((name, exclude) => this.#toggle(name, exclude));
      add(chip.node);
      return chip;
    });
    types.forEach((type, i) => {
      chips[i]!.draw(
        type,
        this.#session.countOf(type),
        over ? 0 : rates.of(type, now),
        filter.types?.includes(type) ?? false,
        filter.exclude_types.includes(type),
      );
    });
  }

  #toggle(type: string, exclude: boolean): void {
    const { types, exclude_types } = this.#session.filter;
    if (exclude || exclude_types.includes(type)) {
      this.#session.setFilter({ exclude_types: toggled(exclude_types, type) });
      return;
    }
    const next = toggled(types ?? [], type);
    this.#session.setFilter({ types: next.length > 0 ? next : null });
  }

  #learn(type: string): void {
    if (this.#known.has(type) || this.#known.size >= 10_000) return;
    this.#known.add(type);
    this.#order.push(type);
  }
}
