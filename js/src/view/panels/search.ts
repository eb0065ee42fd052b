/**
 * The search box: plain text or a pattern, sought in the data. What is typed takes effect after a
 * breath; a pattern that is not valid is named and changes nothing. It never tests a row itself.
 */
import { onAbort } from "../../abort.ts";
import type { FilterState } from "../../filter/filter.ts";
import type { Session } from "../../kernel/session.ts";
import { attr, flag, h, icon, modified, show, text } from "../dom/dom.ts";
import { count } from "../dom/format.ts";

const BREATH_MS = 10;

const INVALID = "Not a valid pattern: ";

export interface SearchEvents {
  /** to the next or the previous of what is found */
  step(by: 1 | -1): void;
  /** which of the found ones is selected, from 1; null for none */
  place(): number | null;
}

export class Search {
  readonly node: HTMLElement;
  readonly message: HTMLElement;
  readonly input: HTMLInputElement;
  #session: Session;
  #regex: HTMLButtonElement;
  #case: HTMLButtonElement;
  #exclude: HTMLInputElement;
  #not: HTMLButtonElement;
  #excludeBox: HTMLElement;
  #excluding = false;
  #steps: HTMLElement;
  #events: SearchEvents;
  #found = h("span.found");
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reason: string | null = null;
  /** the filter the controls show, to tell a change from outside from our own */
  #shown: FilterState | null = null;
  /** what the person chose while the pattern is not valid yet */
  #draft = { regex: false, case: false };

  constructor(session: Session, events: SearchEvents, signal: AbortSignal) {
    this.#session = session;
    this.#events = events;
    const typing = { spellcheck: "false", autocomplete: "off", input: () => this.#soon() };
    this.input = h("input", {
      type: "search",
      class: "sse-input",
      placeholder: "Search data",
      label: "Search data",
      ...typing,
      search: () => this.#apply(),
    });
    this.#regex = this.#toggle(".*", "Use a regular expression", "regex");
    this.#case = this.#toggle("Aa", "Match case", "case");
    this.message = h("div.message", { hidden: true });
    this.#exclude = h("input.input", {
      placeholder: "Leave out data with\u2026",
      label: "Leave out data with",
      ...typing,
    });
    this.#not = h(
      "button.toggle",
      {
        label: "Text that must not occur",
        title: "Leave out events with another text",
        "aria-pressed": "false",
        click: () => this.#toggleExclude(),
      },
      "not",
    );
    const step = (name: string, key: string, path: string, by: 1 | -1): HTMLButtonElement =>
      h(
        "button.toggle.step",
        { label: name, title: `${name} (${key})`, click: () => events.step(by) },
        icon(path),
      );
    this.#steps = h(
      "span.steps",
      { hidden: true },
      step("Previous match", "Shift Enter", "up", -1),
      step("Next match", "Enter", "down", 1),
    );
    this.input.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Enter" || modified(event) || event.isComposing) return;
        event.preventDefault();
        this.#apply();
        if (this.input.value !== "") events.step(event.shiftKey ? -1 : 1);
      },
      { signal },
    );
    this.#excludeBox = h("div.search-box", { hidden: true }, this.#exclude);
    this.node = h(
      "div.search",
      h("div.search-box", this.input, this.#found, this.#steps, this.#not, this.#case, this.#regex),
      this.#excludeBox,
    );
    onAbort(signal, () => clearTimeout(this.#timer));
  }

  draw(): void {
    const { filter, scan } = this.#session;
    if (this.#shown !== filter) {
      const typing = this.#timer !== undefined || this.#reason !== null;
      this.#shown = filter;
      if (!typing) {
        if (this.input.value !== filter.text) this.input.value = filter.text;
        if (this.#exclude.value !== filter.exclude) this.#exclude.value = filter.exclude;
        if (filter.exclude !== "") this.#excluding = true;
        this.#draft = { regex: filter.regex, case: filter.case };
      }
    }
    attr(this.#regex, "aria-pressed", this.#draft.regex);
    attr(this.#case, "aria-pressed", this.#draft.case);
    attr(this.#not, "aria-pressed", this.#excluding);
    show(this.#excludeBox, this.#excluding);
    show(this.#steps, filter.text !== "");
    const reason = this.#reason ?? this.#session.invalid ?? scan.stopped;
    show(this.message, reason !== null);
    text(this.message, reason ?? "");
    const inExclude = this.#reason?.startsWith(`${INVALID}exclude: `) ?? false;
    flag(this.input, "aria-invalid", this.#reason !== null && !inExclude);
    flag(this.#exclude, "aria-invalid", inExclude);
    text(this.#found, filter.text === "" ? "" : this.#count());
  }

  #count(): string {
    const { filter, scan, store, base } = this.#session;
    const shown = count(store.shown - base);
    if (filter.text !== "" && scan.pending() > 0 && scan.stopped === null) return `${shown}\u2026`;
    const place = this.#events.place();
    return place === null ? `${shown} found` : `${count(place)} of ${shown}`;
  }

  /** The kernel or another page set the filter: an unfinished draft here gives way. */
  overruled(): void {
    this.#excluding = this.#session.filter.exclude !== "";
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reason = null;
    this.#shown = null;
  }

  #toggleExclude(): void {
    this.#excluding = !this.#excluding;
    this.draw();
    if (this.#excluding) return this.#exclude.focus();
    this.#exclude.value = "";
    this.#apply();
  }

  #toggle(label: string, name: string, key: "regex" | "case"): HTMLButtonElement {
    return h(
      "button",
      {
        class: "sse-toggle",
        label: name,
        title: name,
        "aria-pressed": "false",
        click: () => {
          this.#draft[key] = !this.#draft[key];
          this.#apply();
        },
      },
      label,
    );
  }

  #soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#apply(), BREATH_MS);
  }

  #apply(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const change = { text: this.input.value, exclude: this.#exclude.value, ...this.#draft };
    const { filter } = this.#session;
    const same = (Object.keys(change) as (keyof typeof change)[]).every((key) => filter[key] === change[key]);
    const reason = same ? null : this.#session.setFilter(change);
    this.#reason = reason === null ? null : INVALID + reason;
    this.draw();
  }
}
