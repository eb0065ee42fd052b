/**
 * What stands in the log while it has no row: what is being waited for, why nothing is shown, and
 * the way out. It never covers a row.
 */

import { oneLine } from "../../events/visible.ts";
import type { Accounts } from "../../kernel/balance.ts";
import type { Session } from "../../kernel/session.ts";
import { h, show, text } from "../dom/dom.ts";
import { many } from "../dom/format.ts";

export class Empty {
  readonly node: HTMLElement;
  /** What the header would say (a failure, a note) is shown here, so the header need not repeat them. */
  saysReason = false;
  #session: Session;
  #title = h("div.empty-title");
  #more = h("div.empty-more");
  #all: HTMLButtonElement;

  constructor(session: Session, showAll: () => void) {
    this.#session = session;
    this.#all = h("button.button", { click: showAll }, "Show all events");
    this.node = h("div.empty", { hidden: true }, this.#title, this.#more, this.#all);
  }

  draw({ shown, filtered, paused, cleared }: Accounts): void {
    const { head, scan } = this.#session;
    const filteredAway = filtered > cleared && scan.pending() === 0;
    show(this.node, shown === 0 && (filtered === cleared || filteredAway));
    show(this.#all, filteredAway || cleared > 0);
    this.saysReason = false;
    if (this.node.hidden) return;
    if (filteredAway)
      return this.#say(
        "No event matches the filter",
        `${many(filtered - cleared, "event is", "events are")} hidden by it.`,
      );
    if (paused > 0) return this.#say("Paused", `${many(paused, "event")} arrived since. Resume shows them.`);
    const status = head?.status;
    if (cleared > 0 && status?.state !== "failed")
      return this.#say(
        "Cleared",
        `${many(cleared, "event is", "events are")} out of view; df has them still.`,
      );
    this.saysReason = status?.state === "failed" && !this.#session.gone;
    if (status?.state === "failed")
      return this.#say(oneLine(status.error ?? "The stream failed"), oneLine(status.hint));
    if (status?.state === "closed") {
      this.saysReason = status.warns === true && !this.#session.gone;
      return this.#say("The stream is closed", `${oneLine(status.reason)} Start connects again.`.trim());
    }
    if ((head?.stats.received ?? 0) > 0)
      return this.#say("No event on this page", "New events appear here as they come.");
    // Bytes that make no event, a server that does not answer: more telling than the address.
    const note = oneLine(status?.note);
    this.saysReason = note !== "" && !status?.error && !this.#session.gone && !this.#session.silent();
    this.#say("Waiting for the first event\u2026", note || oneLine(this.#session.url));
  }

  #say(title: string, more: string): void {
    text(this.#title, title);
    text(this.#more, more);
  }
}
