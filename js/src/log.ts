/**
 * The log of one stream: what the widget of a stream shows, and what the overview of many asks the kernel
 * for when the first stream is selected. It is built as a script that sets one name, `sseLog`, for not every
 * page may load a module; `widget.js` begins with it, and the kernel cuts it out of there.
 */
import workerSource from "./filter/matcher.worker.ts?text";
import { workersOf } from "./filter/workers.ts";
import type { MakeLog } from "./kernel/roster.ts";
import { type Port, Session, type Settings } from "./kernel/session.ts";
import { View } from "./view/view.ts";

export { View };

/** What a page holds of one stream, and says to its kernel. */
export function openSession(port: Port, settings: Settings): Session {
  return new Session(port, settings, workersOf(workerSource));
}

/** The log of one stream of many. */
export const makeLog: MakeLog = (port, settings) => {
  const session = openSession(port, settings);
  return {
    receive: (message, buffers) => session.receive(message, buffers),
    lost: () => session.lost(),
    end: () => session.end(),
    draw: (signal) => new View(session, signal).node,
    jump: (seq) => session.jump(seq),
  };
};
