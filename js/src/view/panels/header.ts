/**
 * The connection and what can be done about it: state, address, reason and hint, totals, buttons.
 * It shows the status the kernel sent and counts down by itself; it never guesses a state.
 */

import { oneLine } from "../../events/visible.ts";
import type { Command, Session } from "../../kernel/session.ts";
import { attr, flag, h, icon, show, text } from "../dom/dom.ts";
import { capital, count, rate } from "../dom/format.ts";

export interface HeaderEvents {
  text(): void;
  pause(): void;
  clear(): void;
  command(kind: Command): void;
}

class Button {
  readonly node: HTMLButtonElement;
  #icon = icon();
  #label = h("span.button-label");

  constructor(click: () => void) {
    this.node = h("button.button", { click }, this.#icon, this.#label);
  }
  say(name: string, icon: string, title = name): this {
    text(this.#label, name);
    attr(this.node, "aria-label", name);
    attr(this.node, "title", title);
    attr(this.#icon, "data-icon", icon);
    return this;
  }
}

export class Header {
  readonly node: HTMLElement;
  readonly buttons: HTMLElement;
  /** Says the state, and opens the details of the connection. */
  readonly state: HTMLButtonElement;
  #session: Session;
  #word = h("span.word");
  #countdown = h("span.countdown", { "aria-hidden": "true" });
  #url = h("span.url");
  #reason = h("span.reason");
  #hint = h("span.hint");
  /** What is odd while the stream runs. */
  #odd = h("span.odd");
  #note: HTMLElement;
  #status: HTMLElement;
  #total = h("span.total");
  #rate = h("span.rate", { title: "Events a second over the last seconds" });
  #text: Button;
  #retry: Button;
  #pause: Button;
  #run: Button;
  #clear: Button;

  constructor(session: Session, events: HeaderEvents) {
    this.#session = session;
    this.#text = new Button(() => events.text()).say(
      "Text",
      "text",
      "The text so far, joined from the events",
    );
    this.#retry = new Button(() => events.command("retry")).say("Retry now", "retry");
    this.#pause = new Button(() => events.pause());
    this.#run = new Button(() => events.command(session.over ? "start" : "stop"));
    this.#clear = new Button(() => events.clear()).say(
      "Clear",
      "clear",
      "Empty this view; df keeps every event",
    );
    this.#pause.node.classList.add("sse-steady");
    this.#note = h("span.note", this.#reason, this.#hint, this.#odd);
    this.state = h(
      "button.state",
      { title: "Details of the connection" },
      h("span.dot", { "aria-hidden": "true" }),
      this.#word,
    );
    this.#status = h(
      "div",
      { role: "status", class: "sse-status" },
      h("span.connection", this.state, this.#countdown, this.#url),
      this.#note,
    );
    this.buttons = h(
      "span.buttons",
      this.#text.node,
      this.#retry.node,
      this.#pause.node,
      this.#clear.node,
      this.#run.node,
    );
    this.node = h("div.header", this.#status, h("span.totals", this.#total, this.#rate), this.buttons);
  }

  /** Whether there is a text to show, and whether it is shown. */
  drawText(available: boolean, open: boolean): void {
    show(this.#text.node, available);
    attr(this.#text.node, "aria-pressed", open);
  }

  drawTotals(): void {
    const { head, store, from, gone, rate: speed } = this.#session;
    text(this.#total, `${count(Math.max(0, Math.max(head?.stats.received ?? 0, store.end) - from))} events`);
    const runs = head !== null && !gone && !this.#session.silent();
    text(this.#rate, runs && head.status.state === "open" && speed !== null ? rate(speed) : "\u2013");
  }

  /** `saidBelow`: the empty log shows reason and hint, larger. */
  draw(paused: boolean, saidBelow: boolean): void {
    const { head } = this.#session;
    const state = head?.status.state ?? "connecting";
    const silent = this.#session.silent();
    const lost = this.#session.gone || silent;
    attr(this.#status, "data-state", lost ? "lost" : state);
    text(this.#word, this.#session.gone ? "No kernel" : silent ? "Kernel silent" : capital(state));
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
    flag(this.#status, "data-warns", warns && !lost);
    const url = oneLine(this.#session.url);
    text(this.#url, url);
    attr(this.#url, "title", url);
    const [reason, hint] = this.#explain();
    text(this.#reason, reason);
    text(this.#hint, hint);
    const odd = lost ? "" : warns && !reason ? `Warning: ${oneLine(over)}` : oneLine(head?.status.note);
    text(this.#odd, odd);
    show(this.#note, reason !== "" || hint !== "" || odd !== "");
    this.#note.classList.toggle("sse-said-below", saidBelow);
    show(this.#retry.node, state === "waiting" && !lost);
    flag(this.#pause.node, "data-paused", paused);
    // Nothing comes that could be held back.
    this.#pause.node.disabled = this.#session.over && !paused;
    if (paused) this.#pause.say("Resume", "play", "Go on from here (space)");
    else this.#pause.say("Pause", "pause", "Hold the view still; events keep arriving (space)");
    // Somebody else captures this stream now: it is theirs to start.
    show(this.#run.node, head?.capture?.state !== "taken");
    if (this.#session.over) this.#run.say("Start", "play", "Connect again from the last event ID");
    else this.#run.say("Stop", "stop", "Close the connection and keep the log");
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
    const { head, gone, heardAt } = this.#session;
    if (gone || this.#session.silent())
      return [
        gone
          ? "Kernel restarted or gone: run the cell again to go on."
          : `No sign of the kernel for ${count(Math.floor((Date.now() - heardAt) / 1000))} s (busy or gone).`,
        "What this page holds stays readable.",
      ];
    const capture = head?.capture;
    // The stream goes on; that it is not kept is what a person must know, unless it has trouble itself.
    if (capture?.error && !head?.status.error) return [oneLine(capture.error), oneLine(capture.hint)];
    return [oneLine(head?.status.error), oneLine(head?.status.hint)];
  }
}
