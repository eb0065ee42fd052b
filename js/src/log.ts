/**
 * The log of one stream of many: a script of its own, which the overview asks the kernel for when the
 * first stream is selected. A capture that nobody looks into carries none of it. It exports nothing, for
 * not every page may load a module: whoever runs it says with `give` where its one function goes.
 */
import workerSource from "./filter/matcher.worker.ts?text";
import type { MakeLog } from "./kernel/roster.ts";
import { Session } from "./kernel/session.ts";
import { View } from "./view/view.ts";
import { workersOf } from "./filter/workers.ts";

declare const give: (make: MakeLog) => void;

give((port, settings) => {
  const session = new Session(port, settings, workersOf(workerSource));
  return {
    receive: (message, buffers) => session.receive(message, buffers),
    lost: () => session.lost(),
    end: () => session.end(),
    draw: (signal) => new View(session, signal).node,
  };
});
