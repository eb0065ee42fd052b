/**
 * How one view shows its rows, and the menu to choose it. The choices are this view's own: neither
 * the kernel nor another view hears of them. It draws no row.
 */
import { h, icon } from "../dom/dom.ts";
import { check, closing } from "../dom/menu.ts";
import { Popover } from "../dom/popover.ts";

export type TimeMode = "absolute" | "utc" | "relative" | "delta";
export interface Options {
  time: TimeMode;
  wrap: boolean;
}

/** One of several buttons; `name` where the word alone says too little. */
export type Way = [word: string, title: string, act: () => void, name?: string];

const TIMES: [TimeMode, string, string][] = [
  ["absolute", "Clock", "Local time"],
  ["utc", "UTC", "Time in UTC"],
  ["relative", "Ago", "How long ago"],
  ["delta", "Delta", "Time since the previous row"],
];
let groups = 0;

export class ViewMenu {
  readonly options: Options = { time: "absolute", wrap: false };
  readonly popover: Popover;
  #body: HTMLElement;
  #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
    const button = h(
      "button.button",
      { label: "View", title: "How rows are shown, taking away, keys" },
      icon("view"),
      h("span.button-label", "View"),
    );
    const group = `sse-time-${++groups}`;
    const time = h("div.choice", { role: "radiogroup", label: "Time" });
    for (const [mode, word, title] of TIMES) {
      const input = h("input", {
        type: "radio",
        name: group,
        value: mode,
        change: () => this.#set({ time: mode }),
      });
      input.checked = mode === this.options.time;
      time.append(h("label", { title }, input, word));
    }
    this.#body = h("div.view-menu", { role: "group", label: "View options" });
    this.row("Time", time);
    this.check("Wrap long lines", (on) => this.#set({ wrap: on }));
    this.popover = new Popover(button, this.#body);
  }

  get button(): HTMLElement {
    return this.popover.button;
  }

  row(label: string, content: HTMLElement): void {
    this.#body.append(h("div.view-row", h("span.view-label", label), content));
  }

  check(label: string, changed: (on: boolean) => void): void {
    this.#body.append(check(label, false, changed));
  }

  /** Several ways of one thing, side by side; choosing one closes the menu. */
  choices(label: string, ways: Way[]): void {
    const buttons = ways.map(([word, title, act, name]) =>
      h(
        "button",
        {
          title,
          label: name ?? word,
          click: closing(this.popover, act),
        },
        word,
      ),
    );
    this.row(label, h("div.choice", { role: "group", label: label }, ...buttons));
  }

  line(): void {
    this.#body.append(h("div.view-line"));
  }

  /** A line that does something and closes the menu. */
  action(label: string, key: string, act: () => void): void {
    const click = closing(this.popover, act);
    this.#body.append(
      h("button.view-row.view-action", { click }, label, h("kbd.key", { "aria-hidden": "true" }, key)),
    );
  }

  #set(change: Partial<Options>): void {
    Object.assign(this.options, change);
    this.#changed();
  }
}
