/**
 * The search box: plain text or a pattern, sought in the data. What is typed takes effect after a
 * breath; a pattern that is not valid is named and changes nothing. It never tests a row itself.
 */
import type { FilterState } from "../filter.ts";
import type { Session } from "../session.ts";
import { attr, h, show, text } from "./dom.ts";
import { count } from "./format.ts";

const BREATH_MS = 60;

export class Search {
  readonly node: HTMLElement;
  readonly message: HTMLElement;
  readonly input: HTMLInputElement;
  #session: Session;
  #regex: HTMLButtonElement;
  #case: HTMLButtonElement;
  #found = h("span", { class: "sse-found" });
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reason: string | null = null;
  /** the filter the controls show, to tell a change from outside from our own */
  #shown: FilterState | null = null;
  /** what the person chose while the pattern is not valid yet */
  #draft = { regex: false, case: false };

  constructor(session: Session, signal: AbortSignal) {
    this.#session = session;
    this.input = h("input", {
      type: "search", class: "sse-input", placeholder: "Search data", "aria-label": "Search data", spellcheck: "false",
      autocomplete: "off", input: () => this.#soon(), search: () => this.#apply(),
    });
    this.#regex = this.#toggle(".*", "Use a regular expression", "regex");
    this.#case = this.#toggle("Aa", "Match case", "case");
    this.message = h("div", { class: "sse-message", hidden: true });
    this.node = h("div", { class: "sse-search" }, h("div", { class: "sse-search-box" }, this.input, this.#found, this.#case, this.#regex));
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  draw(): void {
    const { filter, scan, store } = this.#session;
    if (this.#shown !== filter) {
      const typing = this.#timer !== undefined || this.#reason !== null;
      this.#shown = filter;
      if (!typing) {
        if (this.input.value !== filter.text) this.input.value = filter.text;
        this.#draft = { regex: filter.regex, case: filter.case };
      }
    }
    attr(this.#regex, "aria-pressed", String(this.#draft.regex));
    attr(this.#case, "aria-pressed", String(this.#draft.case));
    const reason = this.#reason ?? this.#session.invalid ?? scan.stopped;
    show(this.message, reason !== null);
    text(this.message, reason ?? "");
    attr(this.input, "aria-invalid", this.#reason === null ? null : "true");
    const pending = filter.text === "" ? 0 : scan.pending();
    text(this.#found, filter.text === "" ? "" : pending > 0 && scan.stopped === null ? `${count(store.shown)}\u2026` : `${count(store.shown)} found`);
  }

  /** The kernel or another page set the filter: an unfinished draft here gives way. */
  overruled(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reason = null;
    this.#shown = null;
  }

  #toggle(label: string, name: string, key: "regex" | "case"): HTMLButtonElement {
    return h("button", {
      type: "button", class: "sse-toggle", "aria-label": name, title: name, "aria-pressed": "false",
      click: () => {
        this.#draft[key] = !this.#draft[key];
        this.#apply();
      },
    }, label);
  }

  #soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#apply(), BREATH_MS);
  }

  #apply(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const change = { text: this.input.value, ...this.#draft };
    const { filter } = this.#session;
    const same = filter.text === change.text && filter.regex === change.regex && filter.case === change.case;
    const reason = same ? null : this.#session.setFilter(change);
    this.#reason = reason === null ? null : `Not a valid pattern: ${reason}`;
    this.draw();
  }
}
