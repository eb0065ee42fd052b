/**
 * What is known about the connection, under its state, on demand: a table of facts that grows old
 * while one looks at it. It shows what the kernel said; it never guesses.
 */

import { oneLine, oneName } from "../../events/visible.ts";
import type { Session } from "../../kernel/session.ts";
import type { Capture, Stats } from "../../kernel/wire.ts";
import { h, show, text } from "../dom/dom.ts";
import { ago, bytes, count, fullTime } from "../dom/format.ts";
import { Popover } from "../dom/popover.ts";

const MEANING = {
  connecting: "Connecting: no answer yet",
  open: "Open: bytes are coming",
  quiet: "Quiet: connected, no byte for 30 s",
  waiting: "Waiting before the next attempt",
  closed: "Closed: the connection was ended",
  failed: "Failed: it will not be tried again",
} as const;
const FACTS = [
  "State",
  "Address",
  "Since",
  "Attempt",
  "Connections",
  "Last byte",
  "Last event",
  "Last event ID",
  "Server\u2019s retry",
  "Read",
  "Capture",
  "Found there",
  "Reason",
  "Note",
] as const;
type Fact = (typeof FACTS)[number];

const CAPTURE = {
  writing: "",
  waiting: ", the disk refuses",
  taken: ", taken over by another stream",
  failed: ", it failed",
  closed: ", closed",
} as const;

/** "captures/trades, 1,200 written, 3 waiting" */
function captured({ to, state, written, waiting, not_kept }: Capture): string {
  const more = [
    waiting > 0 ? `, ${count(waiting)} waiting` : "",
    not_kept > 0 ? `, ${count(not_kept)} let go` : "",
  ].join("");
  return `${to}, ${count(written)} written${more}${CAPTURE[state]}`;
}

export class Connection {
  readonly popover: Popover;
  #session: Session;
  #rows = new Map<Fact, [HTMLElement, HTMLElement]>();

  constructor(session: Session, button: HTMLButtonElement) {
    this.#session = session;
    const list = h("dl.sse-facts");
    for (const fact of FACTS) {
      const pair: [HTMLElement, HTMLElement] = [h("dt", {}, fact), h("dd", {})];
      this.#rows.set(fact, pair);
      list.append(...pair);
    }
    const node = h(
      "div.sse-connection-menu",
      { tabindex: "0", role: "group", "aria-label": "Connection details" },
      list,
    );
    this.popover = new Popover(button, node, () => {
      this.draw();
      node.focus({ preventScroll: true });
    });
  }

  draw(): void {
    if (!this.popover.open) return;
    const session = this.#session;
    const { head, lastByteAt, lastEventAt } = session;
    const since = (at: number | null): string =>
      at === null ? "" : `${ago(session.now() - at)}, ${fullTime(at)}`;
    const facts: Record<Fact, string> = {
      State: head ? MEANING[head.status.state] : "Nothing heard from the kernel yet",
      Address: session.url,
      Since: head ? since(head.status.since) : "",
      Attempt: head && head.status.attempt > 0 ? count(head.status.attempt) : "",
      Connections: head ? count(head.stats.connects) : "",
      "Last byte": since(lastByteAt),
      "Last event": since(lastEventAt),
      "Last event ID": head ? oneName(head.last_event_id) || "none" : "",
      "Server\u2019s retry": head?.reconnection_time == null ? "" : `${count(head.reconnection_time)} ms`,
      Read: head ? read(head.stats) : "",
      Capture: head?.capture ? captured(head.capture) : "",
      "Found there": head?.capture?.notes.join("; ") ?? "",
      Reason: [head?.status.error || head?.status.reason || "", head?.status.hint ?? ""]
        .filter(Boolean)
        .join(" "),
      Note: head?.status.note ?? "",
    };
    for (const [fact, [name, value]] of this.#rows) {
      text(value, oneLine(facts[fact]));
      show(name, facts[fact] !== "");
      show(value, facts[fact] !== "");
    }
  }
}

function read({ bytes: size, comments, ignored }: Stats): string {
  const said = [bytes(size), `${count(comments)} ${comments === 1 ? "comment" : "comments"}`];
  if (ignored > 0) said.push(`${count(ignored)} ${ignored === 1 ? "line" : "lines"} of unknown fields`);
  return said.join(", ");
}
