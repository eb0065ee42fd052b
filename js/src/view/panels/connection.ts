/**
 * What is known about the connection, under its state, on demand: a table of facts that grows old
 * while one looks at it. It shows what the kernel said; it never guesses.
 */

import { oneLine, oneName } from "../../events/visible.ts";
import type { Session } from "../../kernel/session.ts";
import type { Capture, Head, Stats } from "../../kernel/wire.ts";
import { focusOn, h, show, text } from "../dom/dom.ts";
import { ago, bytes, count, fullTime, many } from "../dom/format.ts";
import { Popover } from "../dom/popover.ts";

const MEANING = {
  connecting: "Connecting: no answer yet",
  open: "Open: bytes are coming",
  quiet: "Quiet: connected, no byte for 30 s",
  waiting: "Waiting before the next attempt",
  closed: "Closed: the connection was ended",
  failed: "Failed: it will not be tried again",
} as const;
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
  #list = h("dl.facts");
  /** the name and the words of each fact */
  #rows = new Map<string, [HTMLElement, HTMLElement]>();

  constructor(session: Session, button: HTMLButtonElement) {
    this.#session = session;
    const node = h(
      "div.connection-menu",
      { tabindex: "0", role: "group", label: "Connection details" },
      this.#list,
    );
    this.popover = new Popover(button, node, () => {
      this.draw();
      focusOn(node);
    });
  }

  draw(): void {
    if (!this.popover.open) return;
    const session = this.#session;
    const { head, lastByteAt, lastEventAt } = session;
    const { status, stats, capture, reconnection_time: retry } = head ?? ({} as Partial<Head>);
    const since = (at: number | null | undefined): string =>
      at == null ? "" : `${ago(session.now() - at)}, ${fullTime(at)}`;
    const facts: Record<string, string> = {
      State: status ? MEANING[status.state] : "Nothing heard from the kernel yet",
      Address: session.url,
      Since: since(status?.since),
      Attempt: status?.attempt ? count(status.attempt) : "",
      Connections: stats ? count(stats.connects) : "",
      "Last byte": since(lastByteAt),
      "Last event": since(lastEventAt),
      "Last event ID": head ? oneName(head.last_event_id) || "none" : "",
      "Server\u2019s retry": retry == null ? "" : `${count(retry)} ms`,
      Read: stats ? read(stats) : "",
      Capture: capture ? captured(capture) : "",
      "Found there": capture?.notes.join("; ") ?? "",
      Reason: [status?.error || status?.reason, status?.hint].filter(Boolean).join(" "),
      Note: status?.note ?? "",
    };
    for (const [fact, said] of Object.entries(facts)) {
      const known = this.#rows.get(fact);
      const [name, value] = known ?? [h("dt", fact), h("dd")];
      if (!known) {
        this.#rows.set(fact, [name, value]);
        this.#list.append(name, value);
      }
      text(value, oneLine(said));
      show(name, said !== "");
      show(value, said !== "");
    }
  }
}

function read({ bytes: size, comments, ignored }: Stats): string {
  const said = [bytes(size), many(comments, "comment")];
  if (ignored > 0) said.push(`${many(ignored, "line")} of unknown fields`);
  return said.join(", ");
}
