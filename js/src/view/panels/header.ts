/**
 * The connection and what can be done about it: state, address, reason and hint, totals, buttons.
 * It shows the status the kernel sent and counts down by itself; it never guesses a state.
 */

import { oneLine } from "../../events/visible.ts";
import type { Command, Session } from "../../kernel/session.ts";
import { attr, h, icon, setIcon, show, text } from "../dom/dom.ts";
import { count, rate } from "../dom/format.ts";

const ICONS = {
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  play: "M4 2.5v11l9-5.5z",
  stop: "M3.5 3.5h9v9h-9z",
  clear:
    "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM3 8a5 5 0 0 1 8-4L4 11a5 5 0 0 1-1-3zm5 5a5 5 0 0 1-3-1l7-7a5 5 0 0 1-4 8z",
  text: "M2 3h12v1.5H2zM2 6.200h12v1.5H2zM2 9.400h12v1.5H2zM2 12.600h7v1.5H2z",
  retry: "M8 2.5A5.5 5.5 0 1 0 13.4 9h-1.6A4 4 0 1 1 8 4v2.2L11.6 3.300 8 .4z",
};
const WORDS = {
  connecting: "Connecting",
  open: "Open",
  quiet: "Quiet",
  waiting: "Waiting",
  closed: "Closed",
  failed: "Failed",
} as const;

export interface HeaderEvents {
  text(): void;
  pause(): void;
  clear(): void;
  command(kind: Command): void;
}

class Button {
  readonly node: HTMLButtonElement;
  #icon: SVGSVGElement;
  #label = h("span.sse-button-label");

  constructor(name: string, path: string, click: () => void) {
    this.#icon = icon(path);
    this.node = h("button.sse-button", { click }, this.#icon, this.#label);
    this.name(name, path, name);
  }
  name(name: string, path: string, title: string): void {
    text(this.#label, name);
    attr(this.node, "aria-label", name);
    attr(this.node, "title", title);
    setIcon(this.#icon, path);
  }
}

export class Header {
  readonly node: HTMLElement;
  readonly buttons: HTMLElement;
  /** Says the state, and opens the details of the connection. */
  readonly state: HTMLButtonElement;
  #session: Session;
  #word = h("span.sse-word");
  #countdown = h("span.sse-countdown", { "aria-hidden": "true" });
  #url = h("span.sse-url");
  #reason = h("span.sse-reason");
  #hint = h("span.sse-hint");
  /** What is odd while the stream runs. */
  #odd = h("span.sse-odd");
  #note: HTMLElement;
  #status: HTMLElement;
  #total = h("span.sse-total");
  #rate = h("span.sse-rate", { title: "Events a second over the last seconds" });
  #text: Button;
  #retry: Button;
  #pause: Button;
  #run: Button;
  #clear: Button;

  constructor(session: Session, events: HeaderEvents) {
    this.#session = session;
    this.#text = new Button("Text", ICONS.text, () => events.text());
    this.#text.name("Text", ICONS.text, "The text so far, joined from the events");
    this.#retry = new Button("Retry now", ICONS.retry, () => events.command("retry"));
    this.#pause = new Button("Pause", ICONS.pause, () => events.pause());
    this.#run = new Button("Stop", ICONS.stop, () => events.command(this.#session.over ? "start" : "stop"));
    this.#clear = new Button("Clear", ICONS.clear, () => events.clear());
    this.#pause.node.classList.add("sse-steady");
    this.#note = h("span.sse-note", {}, this.#reason, this.#hint, this.#odd);
    this.state = h(
      "button.sse-state",
      { title: "Details of the connection" },
      h("span.sse-dot", { "aria-hidden": "true" }),
      this.#word,
    );
    this.#status = h(
      "div",
      { role: "status", class: "sse-status" },
      h("span.sse-connection", {}, this.state, this.#countdown, this.#url),
      this.#note,
    );
    this.buttons = h(
      "span.sse-buttons",
      {},
      this.#text.node,
      this.#retry.node,
      this.#pause.node,
      this.#clear.node,
      this.#run.node,
    );
    this.node = h(
      "div.sse-header",
      {},
      this.#status,
      h("span.sse-totals", {}, this.#total, this.#rate),
      this.buttons,
    );
    this.#clear.name("Clear", ICONS.clear, "Empty this view; df keeps every event");
  }

  /** Whether there is a text to show, and whether it is shown. */
  drawText(available: boolean, open: boolean): void {
    show(this.#text.node, available);
    attr(this.#text.node, "aria-pressed", String(open));
  }

  /** `saidBelow`: the empty log shows reason and hint, larger. */
  draw(paused: boolean, saidBelow: boolean): void {
    const { head } = this.#session;
    const state = head?.status.state ?? "connecting";
    const silent = this.#session.silent();
    const lost = this.#session.gone || silent;
    attr(this.#status, "data-state", lost ? "lost" : state);
    text(this.#word, this.#session.gone ? "No kernel" : silent ? "Kernel silent" : WORDS[state]);
    const { reason: over, warns } = head?.status ?? {};
    // Why it is over stands beside the state; a warning takes a line of its own.
    const ended = state === "closed" && over && !warns && !lost ? oneLine(over) : "";
    text(
      this.#countdown,
      ended
        ? `\u2013 ${ended[0]!.toLowerCase()}${ended.slice(1).replace(/\.$/, "")}`
        : lost
          ? ""
          : this.#wait(),
    );
    attr(this.#countdown, "aria-hidden", ended ? null : "true");
    attr(this.#countdown, "title", ended || null);
    attr(this.#status, "data-warns", warns && !lost ? "true" : null);
    const url = oneLine(this.#session.url);
    text(this.#url, url);
    attr(this.#url, "title", url);
    const [reason, hint] = this.#explain();
    text(this.#reason, reason);
    text(this.#hint, hint);
    const odd = lost
      ? ""
      : warns && !reason
        ? `Warning: ${oneLine(over ?? "")}`
        : oneLine(head?.status.note ?? "");
    text(this.#odd, odd);
    show(this.#note, reason !== "" || hint !== "" || odd !== "");
    this.#note.classList.toggle("sse-said-below", saidBelow);
    const { store, from } = this.#session;
    text(this.#total, `${count(Math.max(0, Math.max(head?.stats.received ?? 0, store.end) - from))} events`);
    text(
      this.#rate,
      state === "open" && !lost && this.#session.rate !== null ? rate(this.#session.rate) : "\u2013",
    );
    show(this.#retry.node, state === "waiting" && !lost);
    attr(this.#pause.node, "data-paused", paused ? "true" : null);
    // Nothing comes that could be held back.
    this.#pause.node.disabled = this.#session.over && !paused;
    if (paused) this.#pause.name("Resume", ICONS.play, "Go on from here (space)");
    else this.#pause.name("Pause", ICONS.pause, "Hold the view still; events keep arriving (space)");
    // Somebody else captures this stream now: it is theirs to start.
    show(this.#run.node, head?.capture?.state !== "taken");
    if (this.#session.over) this.#run.name("Start", ICONS.play, "Connect again from the last event ID");
    else this.#run.name("Stop", ICONS.stop, "Close the connection and keep the log");
  }

  /** " - retry in 3 s, attempt 2", counted from when the kernel said so. */
  #wait(): string {
    const { head } = this.#session;
    if (head?.status.state !== "waiting") return "";
    const left =
      head.status.retry_in === null
        ? null
        : Math.ceil(head.status.retry_in - (Date.now() - this.#session.headAt) / 1000);
    const attempt = head.status.attempt > 0 ? `attempt ${head.status.attempt}` : "";
    const when = left === null ? "" : left > 0 ? `retry in ${count(left)} s` : "retrying";
    const said = [when, attempt].filter(Boolean).join(", ");
    return said && `\u2013 ${said}`;
  }

  #explain(): [string, string] {
    const { head, gone } = this.#session;
    if (gone)
      return [
        "Kernel restarted or gone: run the cell again to go on.",
        "What this page holds stays readable.",
      ];
    if (this.#session.silent()) {
      const seconds = Math.floor((Date.now() - this.#session.heardAt) / 1000);
      return [
        `No sign of the kernel for ${count(seconds)} s (busy or gone).`,
        "What this page holds stays readable.",
      ];
    }
    const capture = head?.capture;
    // The stream goes on; that it is not kept is what a person must know, unless it has trouble itself.
    if (capture?.error && !head?.status.error) return [oneLine(capture.error), oneLine(capture.hint ?? "")];
    return [oneLine(head?.status.error ?? ""), oneLine(head?.status.hint ?? "")];
  }
}
