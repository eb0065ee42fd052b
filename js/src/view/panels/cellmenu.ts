/**
 * What can be done with one cell (filter to its value, leave it out, copy, chart, pin it as a column, mark, pin its row), and with a
 * column: a condition on it. It asks the session; how a condition is tested is conditions.ts's business.
 */
import { type Condition, OPERATORS, type Plain } from "../../filter/conditions.ts";
import type { FilterState } from "../../filter/filter.ts";
import { isContainer, type Value } from "../../json/jsonscan.ts";
import { type Payload, parsed } from "../../json/paths.ts";
import type { Session } from "../../kernel/session.ts";
import { h, text } from "../dom/dom.ts";
import { brief, cutAt } from "../dom/format.ts";
import type { Item, Menu } from "../dom/menu.ts";
import { TIME, TYPE } from "../log/grid.ts";

const EQUALS = /^(==|in)$/;
const NAME_CHARS = 60;
const VALUE_CHARS = 24;
/** A longer text is no value to compare with. */
const PLAIN_CHARS = 1_000;

/** A cell of a row: under one of our columns, or under a path. */
export interface Cell {
  column: string;
  seq: number;
  at: number;
  type: string;
  /** what is copied */
  words: string;
  /** at a path: the value, where it can be compared with; else undefined */
  plain?: Plain | undefined;
}

export interface CellActions {
  copy(words: string): void;
  chart(path: string): void;
  latest(path: string): void;
  /** pins a row, or takes it away */
  pin(seq: number): void;
  changed(): void;
}

/** A value that can be compared with; undefined for objects, lists and long texts. */
export function plainOf(payload: Payload, value: Value | null): Plain | undefined {
  if (!value || isContainer(value)) return undefined;
  const words = payload.text(value, PLAIN_CHARS + 1);
  if (words.length > PLAIN_CHARS) return undefined;
  return value.shape === "string" ? words : plainIn(words);
}

/** What a person writes: a number, true, false, null, a text in quotes, or else a text. */
function plainIn(words: string): Plain {
  const value = parsed(words);
  return value === undefined || (typeof value === "object" && value !== null) ? words : (value as Plain);
}

/** A condition in words, as the menu, the filter and the tips say it. */
export function say([path, op, value]: Condition): string {
  const one = (plain: Plain): string => cutAt(String(plain), VALUE_CHARS);
  const name = brief(path, NAME_CHARS);
  if (op === "exists") return value === true ? `${name} exists` : `no ${name}`;
  return `${name} ${op === "==" ? "=" : op === "!=" ? "\u2260" : op} ${brief([value].flat().map(one).join(", "), NAME_CHARS)}`;
}

export class CellMenu {
  #session: Session;
  #menu: Menu;
  #actions: CellActions;

  constructor(session: Session, menu: Menu, actions: CellActions) {
    this.#session = session;
    this.#menu = menu;
    this.#actions = actions;
  }

  open(cell: Cell, at: Element, focus: HTMLElement): void {
    const { column, seq, words } = cell;
    const path = column[0] === "\u0000" ? null : column;
    const title = path ?? column.slice(1);
    this.#menu.open(
      at,
      focus,
      `${brief(title, VALUE_CHARS)}: ${brief(words, VALUE_CHARS)}`,
      `Cell ${brief(title, NAME_CHARS)}`,
      [
        ...(path === null ? this.#own(cell) : this.#field(path, cell)),
        null,
        [`Copy ${path === null ? title : "value"}`, () => this.#actions.copy(words)],
        [this.#session.pins.find(seq) ? "Unpin row" : "Pin row", () => this.#actions.pin(seq)],
      ],
    );
  }

  #own({ column, type, at }: Cell): Item[] {
    const { exclude_types } = this.#session.filter;
    if (column === TIME)
      return [
        ["From here on", () => this.#set({ since: at })],
        ["Until here", () => this.#set({ until: at + 0.001 })],
      ];
    if (column !== TYPE) return [];
    return [
      ["Filter to this type", () => this.#set({ types: [type] })],
      ["Exclude this type", () => this.#set({ exclude_types: [...new Set([...exclude_types, type])] })],
      this.#mark("types", type),
    ];
  }

  #field(path: string, { plain }: Cell): Item[] {
    const { columns } = this.#session;
    const items: Item[] =
      plain === undefined
        ? [["Only where it exists", () => this.add([path, "exists", true])]]
        : [
            ["Filter to this value", () => this.add([path, "==", plain])],
            ["Exclude this value", () => this.add([path, "!=", plain])],
          ];
    const shown = columns.has(path);
    return [
      ...items,
      null,
      ["Chart over time", () => this.#actions.chart(path), !Number.isFinite(Number(plain || "-"))],
      ["One row for each value", () => this.#actions.latest(path)],
      [shown ? "Unpin column" : "Pin as column", () => columns.toggle(path)],
      this.#mark("paths", path),
    ];
  }

  #mark(what: "types" | "paths", name: string): Item {
    const { faults } = this.#session;
    const marked = faults[what].has(name);
    return [
      marked ? "No error" : "Mark as error",
      () => {
        faults.toggle(what, name);
        this.#actions.changed();
      },
    ];
  }

  /** One more condition; two that a path equals something would let nothing through. */
  add(condition: Condition): string | null {
    const [path, op] = condition;
    const where = this.#session.filter.where.filter(
      (other) =>
        !(other[0] === path && EQUALS.test(op) && EQUALS.test(other[1])) && say(other) !== say(condition),
    );
    return this.#set({ where: [...where, condition] });
  }

  #set(change: Partial<FilterState>): string | null {
    return this.#session.setFilter(change);
  }

  /** A condition on a column, to be written. */
  form(path: string): HTMLElement {
    const op = h(
      "select.paths",
      { label: "Operator", change: () => (value.hidden = op.value === "exists") },
      ...OPERATORS.map((name) => h("option", name)),
    );
    const value = h("input.input", {
      placeholder: "value",
      label: "Value",
      keydown: (event: KeyboardEvent) => event.key === "Enter" && add(),
    });
    const why = h("div.message", { role: "alert" });
    const add = (): void => {
      const words = value.value.trim();
      const wanted =
        op.value === "exists"
          ? true
          : op.value === "in"
            ? words.split(",").map((word) => plainIn(word.trim()))
            : op.value === "contains"
              ? words
              : plainIn(words);
      const reason = this.add([path, op.value, wanted]);
      text(why, reason ?? "");
      if (reason === null) this.#menu.popover.toggle(false);
    };
    return h("div", h("div.view-row.condition", op, value, h("button.small", { click: add }, "Filter")), why);
  }
}
