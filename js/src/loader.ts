/**
 * What a widget brings where a kernel sends the page's files once: it takes them from the model that has them,
 * once a page, and hands over to the script among them. The kernel writes before it which script that is.
 */
import type { AnyModel } from "@anywidget/types";
import { onAbort } from "./abort.ts";
import { attempt, lifetime } from "./kernel/host.ts";
import { imported } from "./kernel/scripts.ts";
import type { FilesOfPage, ToKernel } from "./kernel/wire.ts";

/** Written by the kernel: the widget's script, and a key that differs where any file does. */
declare const sse: { script: string; key: string };

type Files = FilesOfPage["files"];
interface Traits {
  _page_files: string;
}
interface Given {
  model: AnyModel<Traits>;
  signal?: AbortSignal;
}
interface Widget {
  initialize(given: Given): unknown;
  render(given: Given & { el: HTMLElement }): unknown;
}

/** By key and script, for all widgets of this page. */
const KEPT = Symbol.for("sse-widget files");
type Kept = Map<string, Promise<Widget>>;
const global = globalThis as { [KEPT]?: Kept };
global[KEPT] ??= new Map();
const kept = global[KEPT];

const REFERENCE = "IPY_MODEL_";
/** A page that is loaded anew makes its models in any order. */
const LOOK_MS = 50;
const LOOKS = 10;
/** Where this host has no model of another widget, or lost it, the kernel is asked. */
const ASK_MS = 1_000;

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

async function fromModel(model: Given["model"]): Promise<Files | undefined> {
  const id = model.get("_page_files").slice(REFERENCE.length);
  for (let n = 0; n < LOOKS; n++) {
    try {
      return ((await model.widget_manager.get_model(id)) as unknown as AnyModel<{ files: Files }>).get(
        "files",
      );
    } catch (error) {
      if (n === 0) console.debug("sse-widget: not here yet", error);
    }
    await pause(LOOK_MS);
  }
  return undefined;
}

function fromKernel({ model, signal }: Given): Promise<Files> {
  return new Promise((come) => {
    const heard = (content: FilesOfPage | { kind: never }): void => {
      if (content.kind !== "files") return;
      end();
      come(content.files);
    };
    const ask = (): void => attempt(() => model.send({ kind: "files" } satisfies ToKernel));
    const asking = setInterval(ask, ASK_MS);
    const end = (): void => {
      clearInterval(asking);
      model.off("msg:custom", heard);
    };
    model.on("msg:custom", heard);
    onAbort(signal, end);
    ask();
  });
}

function dress(css: string): void {
  if (document.querySelector(`style[data-sse-widget="${sse.key}"]`)) return;
  const style = document.createElement("style");
  style.dataset.sseWidget = sse.key;
  style.textContent = css;
  document.head.append(style);
}

async function widget(given: Given): Promise<Widget> {
  const name = `${sse.key} ${sse.script}`;
  const known = kept.get(name);
  if (known) return known;
  const files = (await fromModel(given.model)) ?? (await fromKernel(given));
  dress(files["widget.css"] ?? "");
  const loading =
    kept.get(name) ?? imported<{ default: Widget }>(files[sse.script] ?? "").then((module) => module.default);
  kept.set(name, loading);
  loading.catch(() => kept.delete(name));
  return loading;
}

export default {
  // Nothing is awaited: anywidget rejects every later message of a widget that takes over 2 s to begin.
  initialize({ model, signal }: Given): () => void {
    const life = lifetime(signal);
    const given = { model, signal: life.signal };
    widget(given).then((it) => life.signal.aborted || it.initialize(given), console.error);
    return life.end;
  },

  render({ model, el, signal }: Given & { el: HTMLElement }): () => void {
    const life = lifetime(signal);
    const given = { model, el, signal: life.signal };
    widget(given).then(
      (it) => life.signal.aborted || it.render(given),
      (error) => el.replaceChildren(`The log could not be loaded: ${error}`),
    );
    return life.end;
  },
};
