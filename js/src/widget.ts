/**
 * The widget of one stream: it makes one session for each model, carries messages and the synced traits to and
 * from it, and puts views into the page. This file, `capture.ts` and `loader.ts` are the only ones that know anywidget.
 * `initialize` does nothing slow, for anywidget rejects every later message of a widget that takes over 2 s.
 */

import type { AnyModel } from "@anywidget/types";
import { onAbort } from "./abort.ts";
import type { Kept } from "./events/event_copy.ts";
import type { FilterState } from "./filter/filter.ts";
import type { SyncedColumns } from "./kernel/column_paths.ts";
import { attempt, carriesNumbers, lifetime, pageId, put, SECOND_HELLO_MS } from "./kernel/host.ts";
import type { Port, Session, Settings } from "./kernel/session.ts";
import type { FromKernel } from "./kernel/wire.ts";
import { openSession, View } from "./log.ts";

type SyncedFilter = FilterState & { rev: number; by: string };
interface Traits {
  _settings: Settings;
  _filter: SyncedFilter;
  _columns: SyncedColumns;
  _pins: { rows: readonly Kept[]; by: string };
  _plot: { path: string; by: string; rev: number };
  _ack: { page: string; n: number };
}
type Model = AnyModel<Traits>;
interface Lifetime {
  model: Model;
  signal?: AbortSignal;
}
interface Entry {
  session: Session;
  views: Set<View>;
}

/**
 * Sessions by the objects that stand for a model. anywidget hands `initialize` and `render`
 * different wrappers of one model, but both give out the very same `_settings` object.
 */
const entries = new WeakMap<object, Entry>();

// biome-ignore lint/suspicious/noExplicitAny: a handler is given what the host sends under its name.
type Handler = (...sent: any[]) => void;

function begin(model: Model, signal: AbortSignal): Entry {
  const page = pageId();
  let greeted = false;
  const save = <Name extends keyof Traits>(name: Name, value: Traits[Name]): void =>
    attempt(() => {
      model.set(name, value);
      model.save_changes();
    });
  const port: Port = {
    send: (message) => attempt(() => model.send({ ...message, page })),
    // A state update is held back by ipywidgets until the one before it was answered. One that was sent
    // to a busy kernel would hold back the filter too: none goes before the kernel has said hello.
    acknowledge: (n) => {
      if (!greeted) return;
      if (session.settings.ack === "message") port.send({ kind: "ack", n });
      else save("_ack", { page, n });
    },
    writeFilter: (filter) => save("_filter", { ...filter, by: page }),
    writeColumns: (columns) => save("_columns", { ...columns, by: page }),
    writePins: (rows) => save("_pins", { rows, by: page }),
    hidden: () => document.hidden,
  };
  const settings = model.get("_settings") ?? { url: "" };
  const session = openSession(port, settings);
  const entry: Entry = { session, views: new Set() };
  const remember = (): void => {
    entries.set(model, entry);
    const key: unknown = model.get("_settings");
    if (key !== null && typeof key === "object") entries.set(key, entry);
  };
  const onMessage = (content: FromKernel, buffers: DataView[]): void => {
    if ("to" in content && content.to !== page) return;
    greeted ||= content.kind === "hello";
    // A state update may have put another object in the place of `_settings`.
    remember();
    session.receive(content, buffers);
  };
  const onSettings = (): void => {
    session.settings = model.get("_settings") ?? session.settings;
    remember();
  };
  const onFilter = (): void => {
    const filter = model.get("_filter");
    if (!filter || filter.by === page) return;
    session.filterChanged(filter);
    for (const view of entry.views) view.overruled();
  };
  const onColumns = (): void => {
    const columns = model.get("_columns");
    if (columns && columns.by === "") session.columnsChanged(columns, page);
  };
  const onPins = (): void => {
    const pins = model.get("_pins");
    if (pins && pins.by !== page) session.pinsChanged(pins.rows);
  };
  const onPlot = (): void => {
    session.plot = model.get("_plot") ?? session.plot;
    for (const view of entry.views) view.plot();
  };
  const onLost = (): void => session.lost();
  remember();
  for (const apply of [onFilter, onColumns, onPins, onPlot]) apply();
  const handlers: [string, Handler][] = [
    ["msg:custom", onMessage],
    ["change:_filter", onFilter],
    ["change:_columns", onColumns],
    ["change:_pins", onPins],
    ["change:_plot", onPlot],
    ["change:_settings", onSettings],
    ["comm_live_update", onLost],
    ["comm:close", onLost],
  ];
  for (const [name, handler] of handlers) model.on(name, handler);
  const greet = (): void => port.send({ kind: "hello", packed: carriesNumbers() });
  greet();
  const again = setTimeout(greet, SECOND_HELLO_MS);
  onAbort(signal, () => {
    clearTimeout(again);
    for (const [name, handler] of handlers) model.off(name, handler);
    session.end();
  });
  return entry;
}

function entryOf(model: Model): Entry | undefined {
  return entries.get(model) ?? entries.get(model.get("_settings"));
}

export default {
  initialize({ model, signal }: Lifetime): () => void {
    const life = lifetime(signal);
    begin(model, life.signal);
    return life.end;
  },

  render({ model, el, signal }: Lifetime & { el: HTMLElement }): () => void {
    const life = lifetime(signal);
    const entry = entryOf(model) ?? begin(model, life.signal);
    const view = new View(entry.session, life.signal);
    entry.views.add(view);
    onAbort(life.signal, () => entry.views.delete(view));
    put(view.node, el, life.signal);
    return life.end;
  },
};
