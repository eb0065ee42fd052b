/**
 * The widget of a capture: one roster a model, the view of many streams, and the log of the selected one,
 * which speaks through the same model with the number of the selection in every message. `widget.ts`, `loader.ts`
 * and this file are the only ones that know anywidget.
 */
import type { AnyModel } from "@anywidget/types";
import { onAbort } from "./abort.ts";
import { attempt, carriesNumbers, lifetime, pageId, put, SECOND_HELLO_MS } from "./kernel/host.ts";
import { type Ack, type FromCapture, type MakeLog, Roster, type ToCapture } from "./kernel/roster.ts";
import { run } from "./kernel/scripts.ts";
import type { ToKernel } from "./kernel/wire.ts";
import { Overview } from "./view/panels/overview.ts";

type Model = AnyModel<{ _settings: { to: string; ack?: "trait" | "message" }; _ack: object }>;
interface Lifetime {
  model: Model;
  signal?: AbortSignal;
}

/** What draws a log, for the page that asked. */
interface Script {
  kind: "script";
  to: string;
  source: string;
}

/** By the objects that stand for a model: anywidget's wrappers differ, `_settings` is the same in all. */
const rosters = new WeakMap<object, Roster>();

function begin(model: Model, signal: AbortSignal): Roster {
  const page = pageId();
  let greeted = false;
  let script: Promise<MakeLog> | undefined;
  let here = false;
  let came: (source: string) => void = () => {};
  const send = (message: ToCapture | (ToKernel & { log: number })): void =>
    attempt(() => model.send({ ...message, page }));
  const save = (name: "_ack", value: object): void =>
    attempt(() => {
      model.set(name, value);
      model.save_changes();
    });
  // Not before the kernel answered: a state update that a busy kernel holds would hold back all others.
  const acknowledge = (ack: Ack): void => {
    if (!greeted) return;
    if (model.get("_settings").ack === "message") send({ kind: "ack", ...ack });
    else save("_ack", { page, ...ack });
  };
  const roster = new Roster({
    send,
    acknowledge,
    async log(number, settings) {
      script ??= new Promise<string>((come) => (came = come)).then((source) => run<MakeLog>(source));
      // Each time until it came: an answer may be lost, and a second one changes nothing.
      if (!here) send({ kind: "script" });
      const make = await script;
      // Filter, columns and pinned rows are of this log alone: they end with the selection.
      const log = make(
        {
          send: (message) => send({ ...message, log: number }),
          acknowledge: (n) => acknowledge({ n, log: number }),
          writeFilter: () => {},
          writeColumns: () => {},
          writePins: () => {},
          hidden: () => document.hidden,
        },
        settings,
      );
      send({ kind: "hello", log: number, packed: carriesNumbers() });
      return log;
    },
  });
  const heard = (content: FromCapture | Script, buffers: DataView[]): void => {
    if ("to" in content && content.to !== page) return;
    greeted ||= "to" in content;
    if (content.kind === "script") {
      here = true;
      came(content.source);
    } else roster.receive(content, buffers);
  };
  const lost = (): void => roster.lost();
  rosters.set(model, roster).set(model.get("_settings"), roster);
  model.on("msg:custom", heard);
  model.on("comm_live_update", lost);
  model.on("comm:close", lost);
  send({ kind: "hello" });
  const again = setTimeout(() => send({ kind: "hello" }), SECOND_HELLO_MS);
  onAbort(signal, () => {
    clearTimeout(again);
    model.off("msg:custom", heard);
    model.off("comm_live_update", lost);
    model.off("comm:close", lost);
    roster.end();
  });
  return roster;
}

export default {
  initialize({ model, signal }: Lifetime): () => void {
    const life = lifetime(signal);
    begin(model, life.signal);
    return life.end;
  },

  render({ model, el, signal }: Lifetime & { el: HTMLElement }): () => void {
    const life = lifetime(signal);
    const roster = rosters.get(model) ?? rosters.get(model.get("_settings")) ?? begin(model, life.signal);
    put(new Overview(roster, model.get("_settings").to, life.signal).node, el, life.signal);
    return life.end;
  },
};
